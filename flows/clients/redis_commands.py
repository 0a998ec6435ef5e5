"""Redis commands as steps write them: which there are, how their words are put together, what their replies mean."""

from __future__ import annotations

import base64
import shlex
from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, NamedTuple

from flows.clients.errors import ClientError
from flows.language.expressions.functions import seconds
from flows.language.values import as_text

if TYPE_CHECKING:
    from flows.clients.redis import Reply

_KNOWN = """
append bitcount bitop bitpos blpop brpop copy dbsize decr decrby del dump echo eval evalsha exists expire expireat
expiretime flushall flushdb geoadd geodist geohash geopos geosearch get getbit getdel getex getrange getset hdel hexists
hexpire hget hgetall hgetdel hincrby hincrbyfloat hkeys hlen hmget hmset hpersist hrandfield hscan hset hsetnx hstrlen
httl hvals incr incrby incrbyfloat info keys lcs lindex linsert llen lmove lmpop lpop lpos lpush lpushx lrange lrem lset
ltrim memory mget mset msetnx object persist pexpire pexpireat pfadd pfcount pfmerge ping psetex pttl pubsub
randomkey rename renamenx rpop rpoplpush rpush rpushx sadd scan scard sdiff sdiffstore set setbit setex setnx setrange
sinter sintercard sinterstore sismember smembers smismember smove sort sort_ro spop srandmember srem sscan strlen sunion
sunionstore time touch ttl type unlink wait xack xadd xautoclaim xclaim xdel xgroup xinfo xlen xpending xrange xread
xreadgroup xrevrange xtrim zadd zcard zcount zdiff zdiffstore zincrby zinter zintercard zinterstore zlexcount zmscore
zpopmax zpopmin zrandmember zrange zrangebylex zrangebyscore zrangestore zrank zrem zremrangebylex zremrangebyrank
zremrangebyscore zrevrange zrevrangebyscore zrevrank zscan zscore zunion zunionstore
"""
COMMANDS = tuple(_KNOWN.split())
_INSTEAD = {
    **dict.fromkeys(("SUBSCRIBE", "PSUBSCRIBE", "SSUBSCRIBE"), "use the action redis_subscribe"),
    **dict.fromkeys(("MULTI", "EXEC", "DISCARD", "WATCH", "UNWATCH"), "steps share connections; use EVAL"),
    **dict.fromkeys(("AUTH", "HELLO"), "use 'username' and 'password'"),
    **dict.fromkeys(("UNSUBSCRIBE", "PUNSUBSCRIBE", "SUNSUBSCRIBE", "QUIT", "RESET"), "steps share connections"),
    **dict.fromkeys(("ASKING", "READONLY", "READWRITE"), "redirects are followed"),
    **dict.fromkeys(("MONITOR", "SYNC", "PSYNC"), "it never ends"),
    "SELECT": "use 'db'",
}
_TAKING_LISTS = """
DEL UNLINK EXISTS TOUCH LPUSH RPUSH LPUSHX RPUSHX SADD SREM SMISMEMBER MGET HMGET HDEL ZADD ZREM ZMSCORE LRANGE ZRANGE
GETRANGE XDEL XACK PFADD GEOADD LTRIM ZCOUNT ZRANGEBYSCORE
"""
_SEVERAL = frozenset(_TAKING_LISTS.split())
_WITHOUT_KEYS = """
PING ECHO INFO DBSIZE KEYS SCAN CONFIG FLUSHDB FLUSHALL RANDOMKEY TIME PUBSUB COMMAND CLIENT CLUSTER WAIT
"""
_KEYLESS = frozenset(_WITHOUT_KEYS.split())
_SECOND = frozenset({"XINFO", "XGROUP", "OBJECT", "MEMORY", "BITOP"})
_SCRIPTS = frozenset({"EVAL", "EVALSHA", "EVAL_RO", "EVALSHA_RO", "FCALL", "FCALL_RO"})
_PAIRS = frozenset(["HSET", "HMSET", "MSET", "MSETNX", "XADD"])
Word = str | bytes | int | float
_WHOLE: Mapping[str, tuple[Word, Word]] = {
    "LRANGE": (0, -1),
    "ZRANGE": (0, -1),
    "ZREVRANGE": (0, -1),
    "XRANGE": ("-", "+"),
    "XREVRANGE": ("+", "-"),
}
RANGES = frozenset(["LRANGE", "LTRIM", "GETRANGE", "ZRANGE", "ZREVRANGE", "ZREMRANGEBYRANK", "XRANGE", "XREVRANGE"])
_CONDITIONAL = """
SETNX MSETNX HSETNX RENAMENX EXPIRE EXPIREAT PEXPIRE PEXPIREAT PERSIST COPY SMOVE LPUSHX RPUSHX
"""
_UNDONE = frozenset(_CONDITIONAL.split())
_SECONDS = frozenset({"EXPIRE", "SETEX", "HEXPIRE"})
_MILLISECONDS = frozenset({"PEXPIRE", "PSETEX"})
_NUMBERED = frozenset({"EXISTS", "HEXISTS", "SISMEMBER"})
_DELETING = frozenset(["DEL", "UNLINK", "HDEL", "SREM", "ZREM", "XDEL", "LREM"])
_MAPS = frozenset({"HGETALL", "CONFIG GET", "XINFO STREAM", "MEMORY STATS"})


class Given(NamedTuple):
    """A step's command.

    Args:
        command: any, also of two words, or a whole line.
        args: everything after it, or None.
        key: without `args`.
        field: of a hash.
        value: what to write.
        ttl: seconds, or a duration.
        span: first and last index, score or id of a range.
    """

    command: str
    args: Sequence[object] | None = None
    key: str | None = None
    field: str | None = None
    value: object = None
    ttl: object = None
    span: tuple[object, object] = (None, None)


def key_of(command: str, args: Sequence[object]) -> object:
    """The first key among a command's words; None when it has none.

    Args:
        command: as written.
        args: everything after it.
    """
    name, *more = command_line(command)
    rest: list[object] = [*more, *args]
    if name in _KEYLESS:
        return None
    if name in _SECOND:
        rest = rest[1:]
    elif name in _SCRIPTS:
        rest = rest[2:] if len(rest) > 1 and str(rest[1]) != "0" else []
    elif name in ("XREAD", "XREADGROUP"):
        spoken = [str(word).upper() for word in rest]
        rest = rest[spoken.index("STREAMS") + 1 :] if "STREAMS" in spoken else []
    return rest[0] if rest else None


def command_line(command: str) -> list[str]:
    """A command's words: its name in capitals, what follows as written, in quotes as redis-cli reads them.

    Args:
        command: ``GET``, ``XINFO STREAM`` or ``SET greeting "two words"``; an open quote is a letter like others.
    """
    try:
        found = shlex.split(command)
    except ValueError:
        found = command.split()
    return [found[0].upper(), *found[1:]] if found else [""]


def lacking(config: Mapping[str, object]) -> str:
    """What a step's config must say beside its command and does not; empty when nothing is missing.

    Args:
        config: as written.
    """
    name = str(config.get("command") or "GET").strip().upper()
    given = ["args", "key", *(["value"] if name in _PAIRS | _SEVERAL else [])]
    elsewhere = name in _KEYLESS | _SECOND | _SCRIPTS | {"XREAD", "XREADGROUP"}
    if name.lower() not in COMMANDS or elsewhere or any(config.get(key) is not None for key in given):
        return ""
    return f"{name} needs a 'key', or everything after it in 'args'"


def instead(command: object) -> str:
    """Why a command is no step, and what is; empty when it is one.

    Args:
        command: as written.
    """
    name = command.strip().upper().split(" ")[0] if isinstance(command, str) else ""
    return f"{name} is no step of its own: {_INSTEAD[name]}" if name in _INSTEAD else ""


def words(given: Given) -> list[Word]:
    """The words to send.

    Args:
        given: the step's command.

    Raises:
        ClientError: of type ``config`` when it cannot be put together.
    """
    problem = instead(given.command)
    if problem:
        raise ClientError(problem, "config")
    found: list[Word] = [*command_line(given.command)]
    command = str(found[0])
    if given.args is not None:
        return [*found, *(as_text(item) for item in given.args)]
    found += [part for part in (given.key, given.field) if part is not None]
    if command == "XADD" and isinstance(given.value, Mapping):
        found.append("*")
    expiry = [] if given.ttl is None else _expiry(command, given.ttl)
    if command in ("SETEX", "PSETEX"):
        return [*found, *expiry, *_values(command, given)]
    return [*found, *_values(command, given), *expiry]


def _values(command: str, given: Given) -> Iterator[Word]:
    value = given.value
    if given.span != (None, None):
        for end, default in zip(given.span, _WHOLE.get(command, (0, -1)), strict=True):
            yield default if end is None else as_text(end)
    elif value is None:
        yield from _WHOLE.get(command, ())
    elif command in _PAIRS and isinstance(value, Mapping) and given.field is None:
        for name, item in value.items():
            yield from (str(name), as_text(item))
    elif command in _SEVERAL and isinstance(value, list | tuple):
        yield from (as_text(item) for item in value)
    else:
        yield as_text(value)


def _expiry(command: str, ttl: object) -> list[Word]:
    found = ttl if isinstance(ttl, int | float) and not isinstance(ttl, bool) else seconds(as_text(ttl))
    if found is None or found <= 0:
        raise ClientError(f"ttl: must be seconds or a duration such as 500ms, not {as_text(ttl)}", "config")
    milliseconds = round(found * 1000)
    if command in _SECONDS:
        return [max(1, milliseconds // 1000)]
    return [milliseconds] if command in _MILLISECONDS else ["PX", milliseconds]


def result(sent: Sequence[Word], reply: Reply) -> dict[str, object]:
    """A reply as the step's result (FLOWS §5).

    Args:
        sent: the words.
        reply: as the server gave it.
    """
    command = str(sent[0])
    value = _value(sent, reply)
    number = value if isinstance(value, int) else None
    many = len(value) if isinstance(value, list | dict) else None
    return {
        "value": value,
        "exists": bool(number) if command in _NUMBERED else _exists(value, command),
        "ok": _done(sent, value),
        "ttl": number if command in ("TTL", "PTTL") else None,
        "deleted": number if command in _DELETING else None,
        "count": many if many is not None else number,
    }


def _done(sent: Sequence[Word], value: object) -> bool:
    """False when a write with a condition was not made: ``SET k v NX`` of a key that is there, EXPIRE of none."""
    command = str(sent[0])
    if command == "SET":
        return value is not None or "GET" in (str(word).upper() for word in sent[3:])
    return not (command in _UNDONE and value == 0)


def _exists(value: object, command: str) -> bool:
    if command in ("TTL", "PTTL"):
        return value != -2
    return value is not None and value not in ([], {})


def _value(sent: Sequence[Word], reply: Reply) -> object:
    command = str(sent[0])
    two = f"{command} {str(sent[1]).upper()}" if len(sent) > 1 else command
    value = shown(reply)
    if not isinstance(value, list):
        return value
    if command in _MAPS or two in _MAPS:
        return {as_text(name): item for name, item in zip(value[::2], value[1::2], strict=False)}
    if command in ("XRANGE", "XREVRANGE"):
        return _entries(value)
    if command in ("XREAD", "XREADGROUP"):
        return {as_text(stream[0]): _entries(stream[1]) for stream in value if isinstance(stream, list)}
    return value


def _entries(value: object) -> object:
    """Entries of a stream as maps of id and fields."""
    if not isinstance(value, list) or not all(isinstance(entry, list) and len(entry) == 2 for entry in value):
        return value
    return [
        {"id": entry[0], "fields": dict(zip(entry[1][::2], entry[1][1::2], strict=False))}
        for entry in value
        if isinstance(entry[1], list)
    ]


def shown(reply: Reply) -> object:
    """A reply as flows see it: text, numbers, lists.

    Args:
        reply: as the server gave it.
    """
    if isinstance(reply, bytes):
        try:
            return reply.decode()
        except UnicodeDecodeError:
            return base64.b64encode(reply).decode()
    if isinstance(reply, list):
        return [shown(item) for item in reply]
    return reply if isinstance(reply, int | str) or reply is None else str(reply)
