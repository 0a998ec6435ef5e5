"""Redis commands."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from flows.actions import Action, Call, Result, Touch
from flows.clients.servers import REDIS, ServerConfig, server_problems
from flows.language.catalogue import ActionSpec, Alias, Duration, option
from flows.language.reads import redis_reads
from flows.language.shapes import ANYTHING, BOOLEAN, NUMBER, maybe, record


@dataclass(frozen=True, slots=True)
class RedisConfig(ServerConfig):
    """Settings of a Redis command."""

    url: str | None = option(None, "`redis://[user:password@]host[:port][/db]`, or `rediss://`.", also=("connection",))
    db: int | None = option(None, "Instead of the database of `url`.")
    command: str = option("GET", 'Any command that is one step; also a whole line (`SET greeting "two words"`).')
    args: tuple[object, ...] | None = option(None, "Everything after the command.")
    key: str | None = option(None, "The key, without `args`.")
    field: str | None = option(None, "Of a hash.")
    value: object = option(None, "What to write: text as it is, a map or list as JSON; for HSET and XADD the fields.")
    start: object = option(None, "First index, or stream id, of a range (`LRANGE`, `ZRANGE`, `XRANGE`, ...).")
    stop: object = option(None, "Last index, or stream id, of a range.", also=("end",))
    ttl: object = option(None, "Expiry: seconds as a number, or a duration such as `500ms`.")
    timeout: Duration | None = option(None, "Limit for the command.")


def touches(config: Mapping[str, object]) -> Iterable[Touch]:
    """The key a command works on.

    Args:
        config: as written.
    """
    from flows.clients.redis_commands import key_of

    args = config.get("args")
    key = config.get("key")
    if key is None:
        key = key_of(str(config.get("command") or "GET"), args if isinstance(args, list | tuple) else ())
    if isinstance(key, str):
        yield Touch("dataset", key, kind="redis", mode="read" if _reads(config) else "write", sends=config.get("value"))


def _reads(config: Mapping[str, object]) -> bool:
    return redis_reads(config.get("command") or "GET", config.get("args"))


async def run(config: RedisConfig, call: Call) -> Result:
    """Sends the command.

    Args:
        config: rendered.
        call: connections.
    """
    from flows.clients.errors import ClientError
    from flows.clients.redis import RedisError, RedisPool, redis_server
    from flows.clients.redis_commands import Given, result, words

    where = redis_server(config, config.db, call.files)
    pool = call.clients.shared(("redis", where), lambda: RedisPool(where))
    span = (config.start, config.stop)
    sent = words(Given(config.command, config.args, config.key, config.field, config.value, config.ttl, span))
    try:
        reply = await pool.command(*sent)
    except RedisError as error:
        raise ClientError(f"{where}: {config.command}: {error}", "server") from error
    return result(sent, reply)


def _problems(config: Mapping[str, object]) -> Iterable[tuple[str, str]]:
    from flows.clients.redis_commands import RANGES, instead, lacking

    yield from server_problems(config, REDIS)
    problem = instead(config.get("command"))
    if problem:
        yield "command", problem
    missing = lacking(config)
    if missing:
        yield "config", missing
    command, beside = config.get("command", "GET"), ["key", "field", "value", "ttl", "start", "stop", "end"]
    for name in beside if config.get("args") is not None else ():
        if config.get(name) is not None:
            yield name, f"'args' is everything after the command, so '{name}' beside it would not be sent"
    if isinstance(command, str) and "{" not in command and command.strip().upper() not in RANGES:
        for name in ("start", "stop", "end"):
            if config.get(name) is not None:
                yield name, f"'{name}' is for ranges ({', '.join(sorted(RANGES))}); write 'args'"


def _names() -> tuple[Alias, ...]:
    from flows.clients.redis_commands import COMMANDS

    return tuple(Alias(f"redis.{name}", {"command": name.upper()}) for name in COMMANDS)


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
        aliases=_names(),
        connection=("url", "host"),
        implied=("REDIS_URL",),
        reads=_reads,
        check=_problems,
    ),
    touches=touches,
    run=run,
)
