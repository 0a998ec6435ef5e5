"""A message to a Redis channel, or an entry of a stream."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from flows.actions import Action, Call, Result, Touch
from flows.clients.servers import REDIS, ServerConfig, server_problems
from flows.language.catalogue import ActionSpec, Alias, Duration, option
from flows.language.shapes import BOOLEAN, NUMBER, STRING, maybe, record
from flows.language.values import as_text


@dataclass(frozen=True, slots=True)
class PublishConfig(ServerConfig):
    """Settings of a publish."""

    url: str | None = option(None, "`redis://[user:password@]host[:port][/db]`, or `rediss://`.", also=("connection",))
    db: int | None = option(None, "Instead of the database of `url`.")
    channel: str | None = option(None, "Where to.", also=("topic",))
    stream: str | None = option(None, "Add to this stream instead.")
    message: object = option(
        doc="Text; a map or list is sent as JSON. To a stream a map gives the fields, else the field is `value`.",
        also=("value", "payload"),
    )
    maxlen: int | None = option(None, "Trim the stream to about that many entries.")
    timeout: Duration | None = option(None, "Limit for the command.")


def touches(config: Mapping[str, object]) -> Iterable[Touch]:
    """The channel or stream.

    Args:
        config: as written.
    """
    named = config.get("channel") or config.get("topic") or config.get("stream")
    if isinstance(named, str):
        sent = next((config[key] for key in ("message", "value", "payload") if key in config), None)
        yield Touch("topic", named, kind="redis", mode="write", sends=sent)


async def run(config: PublishConfig, call: Call) -> Result:
    """Publishes, or adds to the stream.

    Args:
        config: rendered.
        call: connections.
    """
    from flows.clients.errors import ClientError
    from flows.clients.redis import RedisError, RedisPool, redis_server

    where = redis_server(config, config.db, call.files)
    pool = call.clients.shared(("redis", where), lambda: RedisPool(where))
    words = _entry(config) if config.stream else ["PUBLISH", config.channel or "", as_text(config.message)]
    try:
        reply = await pool.command(*words)
    except RedisError as error:
        raise ClientError(f"{where}: {words[0]}: {error}", "server") from error
    if config.stream:
        return {"ok": True, "count": 1, "offset": reply.decode() if isinstance(reply, bytes) else str(reply)}
    return {"ok": True, "count": reply if isinstance(reply, int) else 0, "offset": None}


def _entry(config: PublishConfig) -> list[str | int]:
    fields = config.message if isinstance(config.message, Mapping) and config.message else {"value": config.message}
    words: list[str | int] = ["XADD", config.stream or ""]
    if config.maxlen is not None:
        words += ["MAXLEN", "~", config.maxlen]
    words.append("*")
    for name, value in fields.items():
        words += [str(name), as_text(value)]
    return words


def _problems(config: Mapping[str, object]) -> Iterable[tuple[str, str]]:
    yield from server_problems(config, REDIS)
    channel = config.get("channel") or config.get("topic")
    if not channel and not config.get("stream"):
        yield "config", "redis_publish needs 'channel' or 'stream'"
    elif channel and config.get("stream"):
        yield "stream", "'channel' and 'stream' exclude each other"


ACTION: Action[PublishConfig] = Action(
    spec=ActionSpec(
        name="redis_publish",
        summary="Publishes a message to a Redis channel, or adds it to a stream.",
        config=PublishConfig,
        family="redis",
        result=record(ok=BOOLEAN, count=NUMBER, offset=maybe(STRING)),
        aliases=(Alias("redis.publish"), Alias("redis_producer"), Alias("redis_stream_publish")),
        connection=("url", "host"),
        implied=("REDIS_URL",),
        check=_problems,
    ),
    touches=touches,
    run=run,
)
