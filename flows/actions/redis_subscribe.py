"""Messages of a Redis channel, from the start of the flow on."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from flows.actions import Action, Call, MessageLog, Result, Touch
from flows.language.catalogue import ActionSpec, Duration, always, option
from flows.language.expressions import Expression
from flows.language.shapes import ANYTHING, NUMBER, OBJECT, messages, record

if TYPE_CHECKING:
    from flows.clients.redis import Subscription


@dataclass(frozen=True, slots=True)
class SubscribeConfig:
    """Settings of a subscription."""

    url: str | None = option(None, "`redis://[user:password@]host:port/db`.", also=("connection",))
    host: str | None = option(None, "Instead of `url`.")
    port: int = option(6379, "With `host`.")
    db: int = option(0, "With `host`.")
    password: str | None = option(None, "With `host`.")
    channel: str = option(doc="Channel, or a pattern with `*`.", also=("topic",))
    match: Expression | None = option(None, "Which messages count.", also=("filter",), scope="message")
    count: int = option(1, "How many messages make a candidate.")
    timeout: Duration = option(10.0, "How long to wait.")
    expect: str | None = option(None, "`none`: fail when a message arrives.", choices=("none",))


def touches(config: Mapping[str, object]) -> Iterable[Touch]:
    """The channel.

    Args:
        config: as written.
    """
    channel = config.get("channel") or config.get("topic")
    if isinstance(channel, str):
        yield Touch("topic", channel, kind="redis")


@dataclass(frozen=True, slots=True)
class _ChannelLog:
    subscription: Subscription

    async def get(self, index: int) -> Result:
        """The message at that place."""
        from flows.clients.messages import message

        channel, payload = await self.subscription.at(index)
        return message(payload, topic=channel)


async def follow(config: SubscribeConfig, call: Call) -> MessageLog:
    """Subscribes once per flow execution; Redis keeps nothing, so this happens when the flow starts.

    Args:
        config: rendered.
        call: connections.
    """
    from flows.clients.redis import RedisAddress, Subscription, server_of

    named = RedisAddress(config.host or "localhost", config.port, config.db, password=config.password or "")
    server = server_of(config.url, named)
    pattern = "*" in config.channel
    key = ("redis-subscribe", server, config.channel)
    found = await call.flow_clients.opened(key, lambda: Subscription(server, config.channel, pattern).open())
    return _ChannelLog(found)


def _problems(config: Mapping[str, object]) -> Iterable[tuple[str, str]]:
    if config.get("expect") is not None and config.get("count") is not None:
        yield "count", "'expect: none' and 'count' exclude each other"


ACTION: Action[SubscribeConfig] = Action(
    spec=ActionSpec(
        name="redis_subscribe",
        summary="Waits for messages of a Redis channel; none since the start of the flow is missed.",
        config=SubscribeConfig,
        family="messaging",
        result=record(messages=messages(), count=NUMBER, value=ANYTHING, key=ANYTHING, headers=OBJECT),
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
