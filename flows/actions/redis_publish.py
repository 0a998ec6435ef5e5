"""A message to a Redis channel."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from flows.actions import Action, Call, Result, Touch
from flows.language.catalogue import ActionSpec, Duration, option
from flows.language.shapes import BOOLEAN, NUMBER, record
from flows.language.values import as_text


@dataclass(frozen=True, slots=True)
class PublishConfig:
    """Settings of a publish."""

    url: str | None = option(None, "`redis://[user:password@]host:port/db`.", also=("connection",))
    host: str | None = option(None, "Instead of `url`.")
    port: int = option(6379, "With `host`.")
    db: int = option(0, "With `host`.")
    password: str | None = option(None, "With `host`.")
    channel: str = option(doc="Where to.", also=("topic",))
    message: object = option(doc="Text; a map or list is sent as JSON.", also=("value", "payload"))
    timeout: Duration | None = option(None, "Limit for the command.")


def touches(config: Mapping[str, object]) -> Iterable[Touch]:
    """The channel.

    Args:
        config: as written.
    """
    channel = config.get("channel") or config.get("topic")
    if isinstance(channel, str):
        sent = next((config[key] for key in ("message", "value", "payload") if key in config), None)
        yield Touch("topic", channel, kind="redis", mode="write", sends=sent)


async def run(config: PublishConfig, call: Call) -> Result:
    """Publishes.

    Args:
        config: rendered.
        call: connections.
    """
    from flows.clients.errors import ClientError
    from flows.clients.redis import RedisAddress, RedisError, RedisPool, server_of

    named = RedisAddress(config.host or "localhost", config.port, config.db, password=config.password or "")
    server = server_of(config.url, named)
    connection = call.clients.shared(("redis", server), lambda: RedisPool(server))
    try:
        receivers = await connection.command("PUBLISH", config.channel, as_text(config.message))
    except RedisError as error:
        raise ClientError(f"{server}: PUBLISH: {error}", "server") from error
    return {"ok": True, "count": receivers if isinstance(receivers, int) else 0}


ACTION: Action[PublishConfig] = Action(
    spec=ActionSpec(
        name="redis_publish",
        summary="Publishes a message to a Redis channel.",
        config=PublishConfig,
        family="redis",
        result=record(ok=BOOLEAN, count=NUMBER),
        connection=("url", "host"),
        implied=("REDIS_URL",),
    ),
    touches=touches,
    run=run,
)
