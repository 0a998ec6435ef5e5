"""Redis from Go: go-redis and redigo: keys read and written, channels and streams as topics."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from graph.values import Fact, Lit, Location, Unknown, Value
from scanners.idioms.code import CallSite, Scope
from scanners.idioms.go import bare
from scanners.idioms.go_messages import consumed, items, part, payload, published, uses
from scanners.idioms.redis import ALL_KEYS, MODES

if TYPE_CHECKING:
    from tree_sitter import Node

    from scanners.idioms.go import GoCode

_CLIENTS = (
    "github.com/go-redis/redis",
    "github.com/redis/go-redis",
    "gopkg.in/redis",
    "github.com/valkey-io/",
    "github.com/redis/rueidis",
)
_REDIGO = ("github.com/gomodule/redigo", "github.com/garyburd/redigo")
_EXTRA = {
    "setargs": ("write",),
    "scan": (),
    "keys": (),
    "setxx": ("write",),
    "hsetnx": ("write",),
    "expirenx": ("write",),
    "zrangewithscores": ("read",),
    "zrevrangewithscores": ("read",),
    "zrangebyscorewithscores": ("read",),
    "zaddnx": ("write",),
    "zaddargs": ("write",),
    "getset": ("read", "write"),
    "lpos": ("read",),
    "sscan": ("read",),
    "hscan": ("read",),
}


class Redis:
    """Redis client libraries of Go."""

    name: str = "go_redis"
    version: int = 1
    language: tuple[str, ...] = ("go",)
    markers: tuple[bytes, ...] = (b"redis",)

    def facts(self, parsed: GoCode) -> Iterator[Fact]:
        """Keys, streams and channels.

        Args:
            parsed: a Go file.
        """
        if uses(parsed, *_CLIENTS):
            for site in parsed.calls:
                if site.receiver is not None and site.args and _is_client(parsed, site):
                    yield from _command(parsed, site)
        if uses(parsed, *_REDIGO):
            for site in parsed.calls:
                if site.method in ("Do", "Send", "DoContext") and site.args:
                    yield from _done(parsed, site)
                elif site.method in ("Subscribe", "PSubscribe") and site.receiver is not None:
                    for arg in site.args:
                        yield from _channel(parsed, site, arg)


def _is_client(code: GoCode, site: CallSite) -> bool:
    made = code.made_by(site.receiver, site.scope) if site.receiver is not None else ""
    if made:
        return made.startswith(_CLIENTS)
    head = code.dotted(site.receiver).partition(".")[0]
    return bool(head) and head not in code.imports and site.method[:1].isupper()


def _command(code: GoCode, site: CallSite) -> Iterator[Fact]:
    args = site.args[1:] if _context(code, site) else site.args
    name = site.method.lower()
    if name in ("publish", "spublish") and len(args) > 1:
        yield published(code, "redis", site, (code.value(args[0], site.scope), payload(code, args[1], site.scope)))
    elif name in ("subscribe", "psubscribe", "ssubscribe"):
        for arg in args:
            for item in items(code, arg, site.scope):
                yield from _channel(code, site, item)
    elif name in ("xadd", "xread", "xreadgroup"):
        yield from _stream(code, site, args)
    elif name in MODES or name in _EXTRA:
        modes = MODES.get(name) or _EXTRA[name]
        keys = args if name in ALL_KEYS else args[:1]
        yield from _accessed(code, site, keys, modes)


def _context(code: GoCode, site: CallSite) -> bool:
    first = bare(site.args[0])
    text = code.text(first)
    return "ctx" in text.lower() or "ontext" in text or "ontext" in code.made_by(site.args[0], site.scope)


def _accessed(code: GoCode, site: CallSite, keys: Sequence[Node], modes: tuple[str, ...]) -> Iterator[Fact]:
    for node in keys:
        for item in items(code, node.named_children[0] if node.type == "variadic_argument" else node, site.scope):
            key = code.value(item, site.scope)
            if isinstance(key, Unknown) or (isinstance(key, Lit) and not isinstance(key.value, str)):
                continue
            for mode in modes:
                fields = {"store_kind": "redis", "dataset": key, "mode": mode, "symbol": site.scope.name}
                yield Fact("access", fields, Location(code.path, site.line))


def _channel(code: GoCode, site: CallSite, node: Node) -> Iterator[Fact]:
    topic = code.value(node, site.scope)
    if not isinstance(topic, Unknown):
        yield consumed(code, "redis", site, (topic, None))


def _stream(code: GoCode, site: CallSite, args: Sequence[Node]) -> Iterator[Fact]:
    options = args[0] if args else None
    if site.method == "XAdd":
        stream = part(code, options, site.scope, "Stream")
        if stream is not None:
            shape = payload(code, part(code, options, site.scope, "Values"), site.scope)
            yield published(code, "redis", site, (code.value(stream, site.scope), shape))
        return
    for topic in _streams(code, options, site.scope):
        if topic not in (Lit(">"), Lit("$"), Lit("0")) and not isinstance(topic, Unknown):
            yield consumed(code, "redis", site, (topic, None))


def _streams(code: GoCode, options: Node | None, scope: Scope) -> Iterator[Value]:
    listed = part(code, options, scope, "Streams")
    for item in items(code, listed, scope):
        yield code.value(item, scope)


def _done(code: GoCode, site: CallSite) -> Iterator[Fact]:
    """redigo: ``conn.Do("HSET", key, field, value)``."""
    args = site.args[1:] if site.method == "DoContext" else site.args
    name = code.string(args[0]).lower() if args else ""
    if name == "publish" and len(args) > 2:
        yield published(code, "redis", site, (code.value(args[1], site.scope), payload(code, args[2], site.scope)))
    elif name in MODES and len(args) > 1:
        keys = args[1:] if name in ALL_KEYS else args[1:2]
        yield from _accessed(code, site, keys, MODES[name])


PACK = Redis()
