"""Channels bound to topics by configuration: Spring Cloud Stream, MicroProfile reactive messaging, Micronaut Kafka."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from graph.values import ANYTHING, Config, Fact, Lit, Name, Shape, Unknown, Value
from scanners.idioms.code import CallSite, Scope
from scanners.idioms.java import Mark, Member, items
from scanners.idioms.java_http import made_of
from scanners.idioms.java_messages import handler_shape, topic_values
from scanners.idioms.java_shapes import of_type, one_of_stream
from scanners.idioms.java_web import around, known

if TYPE_CHECKING:
    from tree_sitter import Node

    from scanners.idioms.java import JavaCode

_KNOWN = {"Sink.INPUT": "input", "Source.OUTPUT": "output", "Processor.INPUT": "input", "Processor.OUTPUT": "output"}
_FUNCTIONS = {"Consumer": ("in",), "Supplier": ("out",), "Function": ("in", "out"), "BiConsumer": ("in",)}
_MICRONAUT = "io.micronaut.configuration.kafka.annotation"


class SpringStream:
    """Channels whose topics stand in configuration."""

    name: str = "spring_stream"
    version: int = 1
    language: tuple[str, ...] = ("java",)
    markers: tuple[bytes, ...] = (
        b"cloud.stream",
        b"java.util.function.",
        b"StreamBridge",
        b"reactive.messaging",
        b"micronaut.configuration.kafka",
    )

    def facts(self, parsed: JavaCode) -> Iterator[Fact]:
        """Messages sent and subscriptions.

        Args:
            parsed: a Java file.
        """
        yield from _functions(parsed)
        yield from _legacy(parsed)
        yield from _reactive(parsed)
        yield from _micronaut(parsed)
        for site in parsed.calls:
            if site.method == "send" and site.receiver is not None and site.args:
                yield from _bridge(parsed, site) if _is_bridge(parsed, site) else _channel_send(parsed, site)


def destination(binding: str, *, sure: bool = True) -> Value:
    """The topic of a Spring Cloud Stream binding: its configured destination, else the binding's own name.

    Args:
        binding: its name.
        sure: it is a binding whether configured or not.
    """
    return Config(f"spring.cloud.stream.bindings.{binding}.destination", Lit(binding) if sure else None)


def _functions(code: JavaCode) -> Iterator[Fact]:
    """``@Bean Consumer<Order> placed()`` is the binding ``placed-in-0``, when configuration says so."""
    for mark in code.marks.get("Bean", ()):
        node = mark.scope.node
        declared = node.child_by_field_name("type") if node.type == "method_declaration" else None
        ways = _FUNCTIONS.get(code.type_text(declared).rsplit(".", 1)[-1], ())
        given = [code.string(n) for n in items(mark.arg("value", "name"))]
        name = (given[0] if given else "") or mark.scope.name.split("/")[0].rsplit(".", 1)[-1]
        types = code.type_args(declared)
        for way in ways:
            shape = of_type(code, types[-1 if way == "out" else 0]) if types else ANYTHING
            shape = one_of_stream(code, types[-1 if way == "out" else 0] if types else None, shape)
            topic = destination(f"{name}-{way}-0", sure=False)
            kind = "publish" if way == "out" else "consume"
            yield _fact(code, kind, mark.node, (topic, mark.scope.name, shape), only="configured")


def _fact(code: JavaCode, kind: str, node: Node, about: tuple[Value, str, Shape | None], **more: str) -> Fact:
    topic, symbol, shape = about
    fields: dict[str, object] = {"broker": "", "topic": topic, "symbol": symbol}
    fields |= {name: text for name, text in more.items() if text}
    if known(shape):
        fields["shape"] = shape
    return Fact(kind, fields, code.at(node))


def _is_bridge(code: JavaCode, site: CallSite) -> bool:
    return made_of(code, site.receiver, site.scope, ("StreamBridge", "StreamOperations"))


def _bridge(code: JavaCode, site: CallSite) -> Iterator[Fact]:
    for name in topic_values(code, site.args[0], site.scope):
        topic = _of_name(name)
        shape = code.shape(site.args[1] if len(site.args) == 2 else site.args[-1], site.scope)
        yield _fact(code, "publish", site.node, (topic, site.scope.name, shape))


def _channel_send(code: JavaCode, site: CallSite) -> Iterator[Fact]:
    """``source.output().send(message)``, or a channel that is injected under its binding's name."""
    asked = code.site(site.receiver) if site.receiver is not None else None
    shape = code.shape(site.args[0], site.scope)
    if asked is not None and asked.method == "output" and asked.receiver is not None:
        if made_of(code, asked.receiver, asked.scope, ("Source", "Processor")):
            yield _fact(code, "publish", site.node, (destination("output"), site.scope.name, shape))
    elif asked is None and site.receiver is not None and made_of(code, site.receiver, site.scope, ("MessageChannel",)):
        name = code.dotted(site.receiver).rsplit(".", 1)[-1]
        topic = destination(name, sure=False)
        yield _fact(code, "publish", site.node, (topic, site.scope.name, shape), only="configured")


def _of_name(name: Value) -> Value:
    """The destination of a binding whose name is known here; a name from elsewhere stands for itself."""
    if isinstance(name, Lit) and isinstance(name.value, str):
        return destination(name.value)
    return name


def _channel(code: JavaCode, node: Node | None, scope: Scope) -> Value:
    text = code.text(node) if node is not None else ""
    if text in _KNOWN:
        return destination(_KNOWN[text])
    plain = code.string(node)
    member = code.members.get(f"{scope.owner}.{text}") or code.members.get(text)
    if not plain and member is not None and member.value is not None:
        plain = code.string(member.value)
    return destination(plain) if plain else Unknown("a channel named elsewhere")


def _legacy(code: JavaCode) -> Iterator[Fact]:
    """``@Input``/``@Output`` channels where they are declared, ``@StreamListener`` where its name is written."""
    for name, kind in (("Input", "consume"), ("Output", "publish")):
        for mark in code.marks.get(name, ()):
            if mark.scope.sort == "method" and not mark.member and "cloud.stream" in mark.full:
                node = mark.arg("value")
                own = Lit(mark.scope.name.rsplit(".", 1)[-1])
                topic = _channel(code, node, around(mark.scope)) if node is not None else destination(str(own.value))
                yield _fact(code, kind, mark.node, (topic, mark.scope.name, None))
    for mark in code.marks.get("StreamListener", ()):
        topic = _channel(code, mark.arg("value", "target"), around(mark.scope))
        if not isinstance(topic, Unknown):
            shape = handler_shape(code, mark.scope) if mark.scope.sort == "method" else None
            yield _fact(code, "consume", mark.node, (topic, mark.scope.name, shape))
    for mark in code.marks.get("SendTo", ()):
        if any(m.name == "StreamListener" for m in code.on.get(mark.scope.name, ())):
            topic = _channel(code, mark.arg("value"), around(mark.scope))
            shape = of_type(code, mark.scope.node.child_by_field_name("type"))
            if not isinstance(topic, Unknown):
                yield _fact(code, "publish", mark.node, (topic, mark.scope.name, shape))


def _reactive(code: JavaCode) -> Iterator[Fact]:
    for name, kind, way in (("Incoming", "consume", "incoming"), ("Outgoing", "publish", "outgoing")):
        for mark in code.marks.get(name, ()):
            if mark.scope.sort == "method" and not mark.member:
                about = (mark.node, mark.scope.name, _shape_of(code, mark, way))
                yield _wired(code, mark, (kind, way), about)
    for mark in code.marks.get("Channel", ()):
        if not mark.member:
            continue
        held = code.members.get(f"{mark.scope.name}.{mark.member}") or _param(code, mark)
        declared = held.type if held is not None else None
        emits = "Emitter" in code.type_text(declared)
        types = code.type_args(declared)
        shape = of_type(code, types[-1]) if types else ANYTHING
        if not emits:
            yield _wired(code, mark, ("consume", "incoming"), (mark.node, mark.scope.name, shape))
            continue
        for node, scope in _sends(code, mark) or [(mark.node, mark.scope)]:
            yield _wired(code, mark, ("publish", "outgoing"), (node, scope.name, shape))


def _param(code: JavaCode, mark: Mark) -> Member | None:
    return next((p for p in code.params.get(mark.scope.name, ()) if p.name == mark.member), None)


def _shape_of(code: JavaCode, mark: Mark, way: str) -> Shape:
    if way == "incoming":
        params = code.params.get(mark.scope.name, ())
        return one_of_stream(code, params[0].type if params else None, handler_shape(code, mark.scope))
    declared = mark.scope.node.child_by_field_name("type")
    return one_of_stream(code, declared, of_type(code, declared))


def _wired(code: JavaCode, mark: Mark, how: tuple[str, str], about: tuple[Node, str, Shape]) -> Fact:
    """A channel of reactive messaging; one without a connector stays inside the process, so its key must be set."""
    kind, way = how
    node, symbol, shape = about
    given = mark.arg("value")
    name = code.value(given, around(mark.scope)) if given is not None else Unknown("a channel without a name")
    if isinstance(name, Name):
        member = code.members.get(name.name.removeprefix("this."))
        name = code.value(member.value, member.scope) if member is not None and member.value is not None else name
    if not isinstance(name, Lit):
        return _fact(code, kind, node, (name, symbol, shape))
    key = f"mp.messaging.{way}.{name.value}"
    topic = Config(f"{key}.topic", Config(f"{key}.address", Lit(name.value)))
    return _fact(code, kind, node, (topic, symbol, shape), only=f"{key}.connector")


def _sends(code: JavaCode, mark: Mark) -> list[tuple[Node, Scope]]:
    """Where an emitter that is given by name sends, by call or method reference."""
    names = {mark.member}
    names |= {a.target.removeprefix("this.") for a in code.assigns if code.dotted(a.value) in names}
    found: list[tuple[Node, Scope]] = []
    for site in code.calls:
        on = code.dotted(site.receiver).removeprefix("this.") if site.receiver is not None else ""
        if on in names and site.method.startswith("send"):
            found.append((site.node, site.scope))
    for node, scope in code.references:
        parts = node.named_children
        if len(parts) > 1 and code.dotted(parts[0]).removeprefix("this.") in names:
            found += [(node, scope)] if code.text(parts[-1]).startswith("send") else []
    return found


def _micronaut(code: JavaCode) -> Iterator[Fact]:
    for mark in code.marks.get("Topic", ()):
        if not mark.full.startswith(_MICRONAUT) or mark.scope.sort != "method":
            continue
        owner = around(mark.scope)
        sends = any(m.name == "KafkaClient" for m in code.on.get(owner.name, ()))
        for node in items(mark.arg("value")):
            for topic in topic_values(code, node, owner):
                about = (topic, mark.scope.name, handler_shape(code, mark.scope))
                yield _fact(code, "publish" if sends else "consume", mark.node, about, broker="kafka")


PACK = SpringStream()
