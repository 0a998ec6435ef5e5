"""Redis commands."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from flows.actions import Action, Call, Result, Touch
from flows.clients.errors import ClientError
from flows.language.catalogue import ActionSpec, Alias, Duration, option
from flows.language.expressions.functions import seconds
from flows.language.reads import redis_reads
from flows.language.shapes import ANYTHING, BOOLEAN, NUMBER, maybe, record
from flows.language.values import as_text

if TYPE_CHECKING:
    from flows.clients.redis import RedisAddress, Reply

_COMMANDS = (
    "get",
    "set",
    "del",
    "exists",
    "expire",
    "ttl",
    "incr",
    "incrby",
    "decr",
    "keys",
    "type",
    "hget",
    "hset",
    "hdel",
    "hgetall",
    "hexists",
    "hlen",
    "hincrby",
    "lrange",
    "lpush",
    "rpush",
    "lpop",
    "rpop",
    "llen",
    "sadd",
    "srem",
    "smembers",
    "sismember",
    "scard",
    "zadd",
    "zrange",
    "zscore",
    "zcard",
    "xadd",
    "xrange",
    "xlen",
    "mget",
    "mset",
    "getdel",
    "persist",
    "flushdb",
    "ping",
)


@dataclass(frozen=True, slots=True)
class RedisConfig:
    """Settings of a Redis command."""

    url: str | None = option(None, "`redis://[user:password@]host:port/db`.", also=("connection",))
    host: str | None = option(None, "Instead of `url`.")
    port: int = option(6379, "With `host`.")
    db: int = option(0, "With `host`.")
    password: str | None = option(None, "With `host`.")
    command: str = option("GET", "Any command.")
    args: tuple[object, ...] | None = option(None, "Everything after the command.")
    key: str | None = option(None, "The key, without `args`.")
    field: str | None = option(None, "Of a hash.")
    value: object = option(None, "What to write; a map or list is written as JSON.")
    ttl: object = option(None, "Expiry: seconds as a number, or a duration such as `500ms`.")
    timeout: Duration | None = option(None, "Limit for the command.")


def touches(config: Mapping[str, object]) -> Iterable[Touch]:
    """The key a command works on.

    Args:
        config: as written.
    """
    args = config.get("args")
    key = config.get("key") or (args[0] if isinstance(args, list | tuple) and args else None)
    if isinstance(key, str):
        mode = "read" if redis_reads(config.get("command") or "GET") else "write"
        yield Touch("dataset", key, kind="redis", mode=mode, sends=config.get("value"))


def where(config: RedisConfig) -> RedisAddress:
    """The server a config names.

    Args:
        config: rendered.
    """
    from flows.clients.redis import RedisAddress, address

    if config.url:
        found = address(config.url)
        return replace(found, password=config.password) if config.password and not found.password else found
    return RedisAddress(config.host or "localhost", config.port, config.db, password=config.password or "")


async def run(config: RedisConfig, call: Call) -> Result:
    """Sends the command.

    Args:
        config: rendered.
        call: connections.
    """
    from flows.clients.redis import RedisError, RedisPool

    server = where(config)
    connection = call.clients.shared(("redis", server), lambda: RedisPool(server))
    words = _words(config)
    try:
        reply = await connection.command(*words)
    except RedisError as error:
        raise ClientError(f"{server}: {config.command}: {error}", "server") from error
    return _result(config.command.strip().upper(), reply)


def _words(config: RedisConfig) -> list[str | bytes | int | float]:
    command = config.command.strip().upper()
    if config.args is not None:
        return [command, *(as_text(item) for item in config.args)]
    words: list[str | bytes | int | float] = [command]
    for part in (config.key, config.field):
        if part is not None:
            words.append(part)
    if config.value is not None:
        several = command in ("DEL", "LPUSH", "RPUSH", "SADD", "SREM", "MGET", "LRANGE", "EXISTS")
        values = config.value if several and isinstance(config.value, list | tuple) else [config.value]
        words += [as_text(item) for item in values]
    if command == "LRANGE" and len(words) == 2:
        words += [0, -1]
    if config.ttl is not None:
        milliseconds = _milliseconds(config.ttl)
        words += [max(1, milliseconds // 1000)] if command == "EXPIRE" else ["PX", milliseconds]
    return words


def _milliseconds(ttl: object) -> int:
    found = ttl if isinstance(ttl, int | float) and not isinstance(ttl, bool) else seconds(as_text(ttl))
    if found is None or found <= 0:
        raise ClientError(f"ttl: must be seconds or a duration such as 500ms, not {as_text(ttl)}", "config")
    return round(found * 1000)


def _result(command: str, reply: Reply) -> Result:
    value = shown(reply, hash_reply=command == "HGETALL")
    number = value if isinstance(value, int) else None
    many = len(value) if isinstance(value, list | dict) else None
    return {
        "value": value,
        "exists": bool(number) if command in ("EXISTS", "HEXISTS", "SISMEMBER") else _exists(value, command),
        "ok": True,
        "ttl": number if command in ("TTL", "PTTL") else None,
        "deleted": number if command in ("DEL", "UNLINK", "HDEL", "SREM") else None,
        "count": many if many is not None else number,
    }


def _exists(value: object, command: str) -> bool:
    if command in ("TTL", "PTTL"):
        return value != -2
    return value is not None and value not in ([], {})


def shown(reply: Reply, *, hash_reply: bool = False) -> object:
    """A reply as flows see it: text, numbers, lists, a map for a hash.

    Args:
        reply: as the server gave it.
        hash_reply: names and values alternate.
    """
    import base64

    if isinstance(reply, bytes):
        try:
            return reply.decode()
        except UnicodeDecodeError:
            return base64.b64encode(reply).decode()
    if isinstance(reply, list):
        items = [shown(item) for item in reply]
        if hash_reply:
            return {as_text(name): value for name, value in zip(items[::2], items[1::2], strict=False)}
        return items
    return reply if isinstance(reply, int | str) or reply is None else str(reply)


ACTION: Action[RedisConfig] = Action(
    spec=ActionSpec(
        name="redis",
        summary="Sends one Redis command; a read waits until its assertions hold.",
        config=RedisConfig,
        family="redis",
        result=record(
            value=ANYTHING,
            exists=BOOLEAN,
            ok=BOOLEAN,
            ttl=maybe(NUMBER),
            deleted=maybe(NUMBER),
            count=maybe(NUMBER),
        ),
        aliases=tuple(Alias(f"redis.{name}", {"command": name.upper()}) for name in _COMMANDS),
        connection=("url", "host"),
        implied=("REDIS_URL",),
        reads=lambda config: redis_reads(config.get("command") or "GET"),
    ),
    touches=touches,
    run=run,
)
