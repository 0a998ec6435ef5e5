"""Messages of a Redis channel or stream, from the start of the flow on."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import cast

from flows.actions import Action, Call, MessageLog, Touch
from flows.clients.servers import REDIS, ConsumerConfig, server_problems
from flows.language.catalogue import ActionSpec, Alias, always, option
from flows.language.shapes import consumed


@dataclass(frozen=True, slots=True)
class SubscribeConfig(ConsumerConfig):
    """Settings of a subscription."""

    url: str | None = option(None, "`redis://[user:password@]host[:port][/db]`, or `rediss://`.", also=("connection",))
    db: int | None = option(None, "Instead of the database of `url`.")
    channel: str | None = option(None, "Channel, or a pattern with `*`.", also=("topic",))
    pattern: str | None = option(None, "Every channel whose name fits, as Redis writes patterns (`*`, `?`, `[ab]`).")
    stream: str | None = option(None, "Read this stream instead; `value` is the map of an entry's fields.")


def touches(config: Mapping[str, object]) -> Iterable[Touch]:
    """The channel or stream.

    Args:
        config: as written.
    """
    named = config.get("channel") or config.get("topic") or config.get("pattern") or config.get("stream")
    if isinstance(named, str):
        yield Touch("topic", named, kind="redis")


async def follow(config: SubscribeConfig, call: Call) -> MessageLog:
    """Subscribes, or takes the stream's position, once per flow execution.

    Args:
        config: rendered.
        call: connections.
    """
    from flows.clients.redis import redis_server
    from flows.clients.redis_streams import Position, StreamLog, Subscription
    from flows.clients.servers import greeted

    where = redis_server(config, config.db, call.files)
    own = () if config.from_ == "start_of_flow" else call.path
    if config.stream:
        stream, position = config.stream, cast("Position", config.from_)
        key = ("redis-stream", where, stream, position, own)
        return await call.flow_clients.opened(key, lambda: greeted(where, StreamLog(where, stream, position).open()))
    channel = config.channel or config.pattern or ""
    pattern = config.pattern is not None or "*" in channel
    wanted = ("redis-subscribe", where, channel, pattern, own)
    return await call.flow_clients.opened(
        wanted, lambda: greeted(where, Subscription(where, channel, pattern=pattern).open())
    )


def _problems(config: Mapping[str, object]) -> Iterable[tuple[str, str]]:
    yield from server_problems(config, REDIS)
    named = [key for key in ("channel", "topic", "pattern", "stream") if config.get(key)]
    if len(named) != 1:
        yield named[1] if named else "config", "redis_subscribe needs one of 'channel', 'pattern', 'stream'"
    if config.get("from") == "beginning" and not config.get("stream"):
        yield "from", "a channel keeps no messages: 'from: beginning' needs 'stream'"


ACTION: Action[SubscribeConfig] = Action(
    spec=ActionSpec(
        name="redis_subscribe",
        summary="Waits for messages of a Redis channel or stream; none since the start of the flow is missed.",
        config=SubscribeConfig,
        family="messaging",
        result=consumed(),
        aliases=(
            Alias("redis.subscribe"),
            Alias("redis.consume"),
            Alias("redis_consume"),
            Alias("redis_consumer"),
            Alias("redis_stream"),
            Alias("redis.stream"),
            Alias("redis_stream_consume"),
        ),
        checks_itself=True,
        connection=("url", "host"),
        implied=("REDIS_URL",),
        reads=always,
        windowed=True,
        check=_problems,
    ),
    touches=touches,
    follow=follow,
)
