"""Redis from Node: the redis and ioredis packages; keys read and written, streams and channels as topics."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from graph.values import ANYTHING, Fact, Location, Unknown, Value
from scanners.idioms.code import CallSite
from scanners.idioms.javascript import option
from scanners.idioms.redis import ALL_KEYS, LISTENS, MODES, SENDS, STREAM_READS

if TYPE_CHECKING:
    from tree_sitter import Node

    from scanners.idioms.javascript import JsCode

_MAKERS = (
    "redis.createClient",
    "redis.createCluster",
    "ioredis",
    "ioredis.Redis",
    "ioredis.Cluster",
    "redis",
    "iovalkey",
)


class NodeRedis:
    """Node clients of Redis."""

    name: str = "ioredis"
    version: int = 1
    language: tuple[str, ...] = ("javascript", "typescript")
    markers: tuple[bytes, ...] = (b"redis", b"Redis", b"valkey")

    def facts(self, parsed: JsCode) -> Iterator[Fact]:
        """Keys, streams and channels.

        Args:
            parsed: a JavaScript or TypeScript file.
        """
        for site in parsed.calls:
            command = site.method.lower()
            if site.receiver is None or not site.args or not _is_client(parsed, site.receiver, site):
                continue
            if command in SENDS:
                yield _published(parsed, site)
            elif command in LISTENS or command in STREAM_READS:
                yield from _consumed(parsed, site, command)
            elif command in MODES:
                yield from _accessed(parsed, site, command)


def _is_client(code: JsCode, node: Node, site: CallSite) -> bool:
    made_by = code.made_by(node, site.scope)
    if made_by:
        return made_by in _MAKERS or made_by.rsplit(".", 1)[0] in _MAKERS or "RedisClient" in made_by
    last = code.dotted(node).rsplit(".", 1)[-1].lower()
    return "redis" in last or "valkey" in last


def _accessed(code: JsCode, site: CallSite, command: str) -> Iterator[Fact]:
    keys = [a for a in site.args if a.type not in ("arrow_function", "function_expression")]
    for node in keys if command in ALL_KEYS else keys[:1]:
        key = code.value(node, site.scope)
        if isinstance(key, Unknown):
            continue
        for mode in MODES[command]:
            fields = {"store_kind": "redis", "dataset": key, "mode": mode, "symbol": site.scope.name}
            yield Fact("access", fields, Location(code.path, site.line))


def _published(code: JsCode, site: CallSite) -> Fact:
    fields: dict[str, object] = {
        "broker": "redis",
        "topic": code.value(site.args[0], site.scope),
        "symbol": site.scope.name,
    }
    body = site.arg(2 if site.method.lower() == "xadd" else 1)
    shape = code.shape(body, site.scope) if body is not None else ANYTHING
    if shape.type == "object":
        fields["shape"] = shape
    return Fact("publish", fields, Location(code.path, site.line))


def _consumed(code: JsCode, site: CallSite, command: str) -> Iterator[Fact]:
    for topic in _topics(code, site, command):
        if not isinstance(topic, Unknown):
            fields = {"broker": "redis", "topic": topic, "symbol": site.scope.name}
            yield Fact("consume", fields, Location(code.path, site.line))


def _topics(code: JsCode, site: CallSite, command: str) -> Iterator[Value]:
    if command in LISTENS:
        listed = site.args[0].named_children if site.args[0].type == "array" else site.args[:1]
        yield from (code.value(n, site.scope) for n in listed)
        return
    words = [code.string(a).upper() for a in site.args]
    if "STREAMS" in words:
        rest = site.args[words.index("STREAMS") + 1 :]
        yield from (code.value(n, site.scope) for n in rest[: max(1, len(rest) // 2)])
        return
    for arg in site.args:
        for item in arg.named_children if arg.type == "array" else [arg]:
            key = option(code, item, "key")
            if key is not None:
                yield code.value(key, site.scope)


PACK = NodeRedis()
