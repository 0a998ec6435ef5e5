"""redis-py (and valkey-py): keys read and written, streams and channels as topics."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from graph.values import Fact, Lit, Location, Shape, Unknown, Value
from scanners.idioms.code import CallSite
from scanners.idioms.python_reads import Payload, reads
from scanners.idioms.redis import ALL_KEYS, LISTENS, MODES, SENDS, STREAM_READS
from scanners.idioms.sql_text import is_migration

if TYPE_CHECKING:
    from tree_sitter import Node

    from scanners.idioms.python import PyCode

_MAKERS = ("Redis", "StrictRedis", "RedisCluster", "Valkey", "from_url", "Sentinel", "master_for")
_GIVES = ("get_client", "client", "connect", "get_connection", "connection", "get_cache", "create_pool")
_NAMES = ("redis", "r", "cache", "rdb", "valkey", "_redis", "pipe", "pipeline", "kv")


class RedisPy:
    """The redis-py client library."""

    name: str = "redis_py"
    version: int = 1
    language: tuple[str, ...] = ("python",)
    markers: tuple[bytes, ...] = (b"redis", b"valkey", b"Redis")

    def facts(self, parsed: PyCode) -> Iterator[Fact]:
        """Keys, streams and channels.

        Args:
            parsed: a Python file.
        """
        for site in () if is_migration(parsed.path, parsed.data) else parsed.calls:
            command = site.method.lower()
            if site.receiver is None or not _is_client(parsed, site):
                continue
            if command in SENDS and site.args:
                yield _published(parsed, site)
            elif command in LISTENS or command in STREAM_READS:
                yield from _consumed(parsed, site)
            elif command in MODES:
                yield from _accessed(parsed, site, command)


def _is_client(code: PyCode, site: CallSite) -> bool:
    if site.receiver is None:
        return False
    made_by = code.made_by(site.receiver, site.scope)
    head, _, last = made_by.rpartition(".")
    if head and ("redis" in head or "valkey" in head) and (last in _MAKERS or last in ("pipeline", "pubsub")):
        return True
    if made_by and not made_by.endswith(("redis", "pipeline", "pubsub", "Redis")):
        named = "redis" in last.lower() or "valkey" in last.lower()
        return named or (last in _GIVES and ("redis" in made_by.lower() or "valkey" in made_by.lower()))
    written = code.text(site.receiver).rsplit(".", 1)[-1].lower().removesuffix("()")
    return written in _NAMES or "redis" in written or "valkey" in written or written in ("pubsub",)


def _accessed(code: PyCode, site: CallSite, command: str) -> Iterator[Fact]:
    keys = site.args if command in ALL_KEYS else site.args[:1]
    keys = keys or tuple(site.named[n] for n in ("name", "key") if n in site.named)
    for node in keys:
        key = code.value(node.named_children[0] if node.type == "list_splat" else node, site.scope)
        if isinstance(key, Unknown) or (isinstance(key, Lit) and not isinstance(key.value, str)):
            continue
        for mode in MODES[command]:
            fields = {"store_kind": "redis", "dataset": key, "mode": mode, "symbol": site.scope.name}
            yield Fact("access", fields, Location(code.path, site.line))


def _published(code: PyCode, site: CallSite) -> Fact:
    topic = code.value(site.args[SENDS[site.method.lower()]], site.scope)
    fields: dict[str, object] = {"broker": "redis", "topic": topic, "symbol": site.scope.name}
    shape = code.shape(site.arg(1, "fields", "message"), site.scope)
    if shape.fields or shape.named or shape.item is not None:
        fields["shape"] = shape
    return Fact("publish", fields, Location(code.path, site.line))


def _consumed(code: PyCode, site: CallSite) -> Iterator[Fact]:
    shape = _read_fields(code, site)
    for topic in _sources(code, site):
        if isinstance(topic, Unknown):
            continue
        fields: dict[str, object] = {"broker": "redis", "topic": topic, "symbol": site.scope.name}
        if shape is not None:
            fields["shape"] = shape
        yield Fact("consume", fields, Location(code.path, site.line))


def _sources(code: PyCode, site: CallSite) -> Iterator[Value]:
    if site.method.lower() in LISTENS:
        for node in site.args:
            yield code.value(node, site.scope)
        return
    position = 0 if site.method.lower() == "xread" else 2
    streams = site.arg(position, "streams")
    if streams is None:
        return
    pairs = [c for c in streams.named_children if c.type == "pair"]
    for pair in pairs:
        yield code.value(pair.child_by_field_name("key"), site.scope)
    if not pairs:
        yield from _named_streams(code, streams, site)


def _named_streams(code: PyCode, streams: Node, site: CallSite) -> Iterator[Value]:
    """Streams given as a name bound to a dictionary in this file."""
    names = {outer.qualify(code.dotted(streams)) for outer in site.scope.outward()} if code.dotted(streams) else set()
    for assign in code.assigns:
        if assign.value is not None and assign.scope.qualify(assign.target) in names:
            for pair in assign.value.named_children:
                if pair.type == "pair":
                    yield code.value(pair.child_by_field_name("key"), assign.scope)


def _read_fields(code: PyCode, site: CallSite) -> Shape | None:
    """Fields read from the entries: variables unpacked from the read, or a decoded message's data."""
    entries = [a.target for a in code.assigns if a.scope is site.scope and a.how == "for" and "," not in a.target]

    def is_source(node: Node) -> bool:
        inner = code.site(node) if node.type == "call" else None
        if inner is not None and inner.method == "loads":
            return "data" in code.text(node) or any(e in code.text(node) for e in entries)
        return False

    names = tuple(n for n in ("fields", "data", "entry", "payload", "values") if _unpacked(code, site, n))
    return reads(code, site.scope, Payload(is_source, ("loads",), dict.fromkeys(names, ()))).all()


def _unpacked(code: PyCode, site: CallSite, name: str) -> bool:
    text = code.text(site.scope.node)
    return any(mark in text for mark in (f", {name} in ", f", {name}) in ", f", {name} ="))


PACK = RedisPy()
