"""Redis from .NET: StackExchange.Redis commands, the distributed cache, channels and streams."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import TYPE_CHECKING

from graph.values import ANYTHING, Fact, Location, Value
from scanners.idioms.code import CallSite
from scanners.idioms.cs_messages import handled, sent

if TYPE_CHECKING:
    from scanners.idioms.cs_code import CsCode

_COMMAND = re.compile(r"^(String|Hash|List|Set|SortedSet|Key|HyperLogLog|Geo|Stream)([A-Z]\w*?)(Async)?$")
_READS = re.compile(
    r"^(Get(?!Set|Delete)|Exists|Length|Members|Contains|Range|Score|Rank|Values|Keys|TimeToLive|Type|Random|Scan|Read"
    r"|Count|Position|Radius|Distance|Combine$|Intersect|Info|Pending|GroupInfo|ConsumerInfo|Entries|GetAll)"
)
_BOTH = re.compile(r"^(Increment|Decrement|GetSet|GetDelete|LeftPop|RightPop|Pop|Move)")
_KNOWN = re.compile(r"^(Get|Set|Add|Remove|Delete|Exists|Expire|Increment|Decrement|Append|LeftP|RightP|Range|Members)")
_TYPES = ("IDatabase", "IDatabaseAsync", "ITransaction", "IBatch", "IRedisDatabase")
_CACHES = ("IDistributedCache", "RedisCache")
_CACHE_READS = re.compile(r"^(Get|GetString|Refresh|TryGetValue|GetRecord|GetOrCreate|GetOrSet)(Async)?$")
_CACHE_WRITES = re.compile(r"^(Set|SetString|Remove|SetRecord|GetOrCreate|GetOrSet)(Async)?$")
_CHANNELS = {"Publish": "publish", "PublishAsync": "publish", "Subscribe": "consume", "SubscribeAsync": "consume"}


class RedisDotnet:
    """StackExchange.Redis and IDistributedCache."""

    name: str = "redis_dotnet"
    version: int = 1
    language: tuple[str, ...] = ("csharp",)
    markers: tuple[bytes, ...] = (b"Redis", b"IDistributedCache", b"IDatabase", b"ISubscriber")

    def facts(self, parsed: CsCode) -> Iterator[Fact]:
        """Keys read and written, channels and streams.

        Args:
            parsed: a C# file.
        """
        for site in parsed.calls:
            if site.receiver is None or not (site.args or site.named):
                continue
            yield from _command(parsed, site)
            yield from _cached(parsed, site)
            yield from _channel(parsed, site)


def _made_by(code: CsCode, site: CallSite) -> str:
    return code.made_by(site.receiver, site.scope).rpartition(".")[2] if site.receiver is not None else ""


def _command(code: CsCode, site: CallSite) -> Iterator[Fact]:
    match = _COMMAND.match(site.method)
    made_by = _made_by(code, site)
    if match is None or (made_by and made_by not in _TYPES and made_by != "GetDatabase"):
        return
    if not made_by and (b"StackExchange.Redis" not in code.data or not _KNOWN.match(match[2])):
        return
    rest = match[2]
    if match[1] == "Stream" and rest in ("Add", "Read", "ReadGroup"):
        yield _message(code, site, "publish" if rest == "Add" else "consume")
        return
    key = code.value(site.arg(0, "key"), site.scope)
    both = _BOTH.match(rest)
    modes = ("read", "write") if both else ("read",) if _READS.match(rest) else ("write",)
    for mode in modes:
        yield _access(code, site, key, mode)


def _access(code: CsCode, site: CallSite, key: Value, mode: str) -> Fact:
    fields = {"store_kind": "redis", "dataset": key, "mode": mode, "symbol": site.scope.name}
    return Fact("access", fields, Location(code.path, site.line))


def _cached(code: CsCode, site: CallSite) -> Iterator[Fact]:
    if _made_by(code, site) not in _CACHES:
        return
    key = code.value(site.arg(0, "key"), site.scope)
    for pattern, mode in ((_CACHE_READS, "read"), (_CACHE_WRITES, "write")):
        if pattern.match(site.method):
            yield _access(code, site, key, mode)


def _channel(code: CsCode, site: CallSite) -> Iterator[Fact]:
    if site.method in _CHANNELS and _made_by(code, site) in ("ISubscriber", "GetSubscriber"):
        yield _message(code, site, _CHANNELS[site.method])


def _message(code: CsCode, site: CallSite, kind: str) -> Fact:
    topic = code.value(site.arg(0, "channel", "key"), site.scope)
    fields: dict[str, object] = {"broker": "redis", "topic": topic, "symbol": site.scope.name}
    if kind == "publish":
        shape = sent(code, site.args[-1], site) if len(site.args) > 1 else ANYTHING
        if shape != ANYTHING:
            fields["shape"] = shape
    else:
        read = handled(code, (site.node.start_byte, site.scope.node.end_byte))
        if read is not None:
            fields["shape"] = read
    return Fact(kind, fields, Location(code.path, site.line))


PACK = RedisDotnet()
