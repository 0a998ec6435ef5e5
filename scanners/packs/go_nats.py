"""NATS in Go: core subjects, requests, JetStream (both APIs) and NATS Streaming."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from graph.values import ANYTHING, Fact, Lit, Shape, Value
from scanners.idioms.code import CallSite
from scanners.idioms.expressions import concat
from scanners.idioms.go import bare
from scanners.idioms.go_messages import consumed, items, of_package, part, payload, published
from scanners.idioms.go_scopes import parameters
from scanners.idioms.go_shapes import type_shape
from scanners.idioms.go_values import members

if TYPE_CHECKING:
    from tree_sitter import Node

    from scanners.idioms.go import GoCode

_MODULES = ("github.com/nats-io/",)
_SENDS = frozenset("Publish PublishAsync PublishRequest Request RequestWithContext".split())  # noqa: SIM905
_LISTENS = {
    "Subscribe": 1,
    "QueueSubscribe": 2,
    "ChanSubscribe": -1,
    "SubscribeSync": -1,
    "QueueSubscribeSync": -1,
    "PullSubscribe": -1,
    "ChanQueueSubscribe": -1,
    "QueueSubscribeSyncWithChan": -1,
}
_FILTERS = ("FilterSubject", "FilterSubjects", "Subject")


class Nats:
    """NATS client libraries."""

    name: str = "go_nats"
    version: int = 1
    language: tuple[str, ...] = ("go",)
    markers: tuple[bytes, ...] = (b"nats-io/",)

    def facts(self, parsed: GoCode) -> Iterator[Fact]:
        """Messages sent and subscriptions.

        Args:
            parsed: a Go file.
        """
        for site in parsed.calls:
            if site.receiver is None or not site.args or not _is_client(parsed, site):
                continue
            if site.method in _SENDS and len(site.args) > 1:
                if not parsed.text(site.args[0]).endswith(".Reply"):
                    yield _sent(parsed, site)
            elif site.method in ("PublishMsg", "RequestMsg", "PublishMsgAsync"):
                yield from _message(parsed, site)
            elif site.method == "AddEndpoint" and len(site.args) > 1:
                yield from _served(parsed, site)
            elif site.method in _LISTENS:
                yield _subscribed(parsed, site)
        yield from _consumers(parsed)


def _is_client(code: GoCode, site: CallSite) -> bool:
    made = code.made_by(site.receiver, site.scope) if site.receiver is not None else ""
    return of_package(code, made, _MODULES) and code.dotted(site.receiver) not in code.imports


def _context(code: GoCode, node: Node) -> bool:
    text = code.text(node)
    return text.endswith(("ctx", "Ctx")) or "ontext" in text


def _sent(code: GoCode, site: CallSite) -> Fact:
    args = site.args[1:] if _context(code, site.args[0]) else site.args
    subject = code.value(args[0], site.scope)
    shape = payload(code, args[1], site.scope) if len(args) > 1 else ANYTHING
    return published(code, "nats", site, (subject, shape))


def _message(code: GoCode, site: CallSite) -> Iterator[Fact]:
    node = next((a for a in site.args if not _context(code, a)), None)
    subject = part(code, node, site.scope, "Subject")
    if subject is not None:
        shape = payload(code, part(code, node, site.scope, "Data"), site.scope)
        yield published(code, "nats", site, (code.value(subject, site.scope), shape))


def _subscribed(code: GoCode, site: CallSite) -> Fact:
    at = _LISTENS[site.method]
    given = site.args[at] if 0 < at < len(site.args) else None
    fact = consumed(code, "nats", site, (code.value(site.args[0], site.scope), given))
    typed = _decoded_by_library(code, given)
    return Fact("consume", {**fact.fields, "shape": typed}, fact.at) if typed is not None else fact


def _decoded_by_library(code: GoCode, node: Node | None) -> Shape | None:
    """An encoded connection hands the handler its own type: ``func(order *Order)``."""
    closure = bare(node)
    if closure is None or closure.type != "func_literal":
        return None
    kinds = [kind for _, kind in parameters(code, closure)]
    shape = type_shape(code, kinds[-1]) if kinds else ANYTHING
    return shape if shape.named and not shape.named.endswith((".Msg", ".MsgHandler")) else None


def _served(code: GoCode, site: CallSite) -> Iterator[Fact]:
    """NATS micro services: ``svc.AddGroup("orders").AddEndpoint("create", handler)`` listens to ``orders.create``."""
    prefix: list[Value] = []
    node = bare(site.receiver) if site.receiver is not None else None
    dotted = code.dotted(node)
    made = code.made_of(dotted, site.scope) if dotted else code.site(node) if node is not None else None
    if made is not None and made.method == "AddGroup" and made.args:
        prefix = [code.value(made.args[0], made.scope), Lit(".")]
    own = next((code.site(a) for a in site.args[2:] if ".WithEndpointSubject(" in code.text(a)), None)
    name = code.value(own.args[0] if own is not None and own.args else site.args[0], site.scope)
    yield consumed(code, "nats", site, (concat([*prefix, name]), site.args[1]))


def _consumers(code: GoCode) -> Iterator[Fact]:
    """``jetstream.ConsumerConfig{FilterSubject: "orders.created"}`` and the Consume call it is for."""
    for node in code.literals:
        kind = code.annotation(node.child_by_field_name("type"))
        if not kind.startswith(_MODULES) or not kind.endswith(("ConsumerConfig", "EndpointConfig")):
            continue
        scope = code.scope_at(node.start_byte)
        pairs = dict(members(code, node))
        subjects: list[Value] = []
        for name in _FILTERS:
            for item in items(code, pairs.get(name), scope):
                subjects.append(code.value(item, scope))
        listening = next(
            (s for s in code.calls if s.method in ("Consume", "Messages", "Fetch") and s.scope is scope), None
        )
        given = (
            bare(listening.args[0])
            if listening is not None and listening.method == "Consume" and listening.args
            else None
        )
        site = CallSite(node, "", None, "", (), {}, scope)
        for subject in subjects:
            if subject != Lit(""):
                yield consumed(code, "nats", site, (subject, given))


PACK = Nats()
