"""Messages of a RabbitMQ exchange, queue or stream, from the start of the flow on."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, cast

from flows.actions import Action, Call, MessageLog, Touch
from flows.clients.servers import RABBITMQ, ConsumerConfig, server_problems
from flows.language.catalogue import ActionSpec, Alias, always, option
from flows.language.shapes import BOOLEAN, OBJECT, consumed

if TYPE_CHECKING:
    from flows.clients.servers import Server


@dataclass(frozen=True, slots=True)
class ConsumeConfig(ConsumerConfig):
    """Settings of a RabbitMQ consumer."""

    url: str | None = option(None, "`amqp://[user:password@]host[:port][/vhost]`, or `amqps://`.", also=("connection",))
    vhost: str | None = option(None, "Instead of the virtual host of `url`.", also=("virtual_host",))
    exchange: str | None = option(None, "See what this exchange sends, through a queue of our own.")
    routing_key: str | None = option(None, "Binding key; by default everything.", also=("key", "topic"))
    binding: Mapping[str, object] | None = option(
        None, "Binding arguments of a headers exchange.", also=("arguments", "headers")
    )
    exchange_type: str | None = option(
        None, "Declare the exchange when it does not exist.", choices=("topic", "direct", "fanout", "headers")
    )
    durable: bool = option(True, "Of an exchange that is declared.")
    queue: str | None = option(None, "Look at this queue: its messages are held until the flow ends.")
    ack: bool = option(False, "Take the messages that were read away from the queue; else all go back.")
    stream: str | None = option(None, "Read this stream.")


def touches(config: Mapping[str, object]) -> Iterable[Touch]:
    """The routing key when it has no wildcards, else the exchange, queue or stream.

    Args:
        config: as written.
    """
    named = (config.get(key) for key in ("routing_key", "key", "topic", "exchange", "queue", "stream"))
    name = next((name for name in named if isinstance(name, str) and name and not set("*#") & set(name)), None)
    if name is not None:
        yield Touch("topic", name, kind="rabbitmq")


async def follow(config: ConsumeConfig, call: Call) -> MessageLog:
    """Binds a queue, or begins to hold one, once per flow execution.

    Args:
        config: rendered.
        call: connections.
    """
    from flows.clients.servers import server, with_path

    where = with_path(server(config, RABBITMQ, call.files), config.vhost)
    own = () if config.from_ == "start_of_flow" else call.path
    if config.queue or config.stream:
        return await _held(config, call, where, own)
    return await _bound(config, call, where, own)


async def _bound(config: ConsumeConfig, call: Call, where: Server, own: tuple[str, ...]) -> MessageLog:
    from flows.clients.rabbitmq import Absent, Binding, ExchangeLog, NoExchange, Turn
    from flows.clients.servers import greeted
    from flows.language.values import as_text

    binding = Binding(
        config.exchange or "",
        config.routing_key,
        tuple(sorted((config.binding or {}).items())),
        config.exchange_type or "",
        config.durable,
    )
    key = ("rabbitmq-exchange", where, replace(binding, arguments=()), as_text(dict(binding.arguments)), own)
    absent = call.flow_clients.shared(("rabbitmq-absent", key), Absent)
    turn = call.flow_clients.shared(("rabbitmq-turn", where), Turn)
    async with turn.lock:
        if absent.error is not None:
            raise absent.error
        try:
            return await call.flow_clients.opened(key, lambda: greeted(where, ExchangeLog(where, binding).open()))
        except NoExchange as error:
            absent.error = error
            raise


async def _held(config: ConsumeConfig, call: Call, where: Server, own: tuple[str, ...]) -> MessageLog:
    from flows.clients.rabbitmq import Position
    from flows.clients.rabbitmq_queues import QueueLog, StreamLog
    from flows.clients.servers import greeted

    position = cast("Position", config.from_)
    if config.stream:
        stream, key = config.stream, ("rabbitmq-stream", where, config.stream, position, own)
        return await call.flow_clients.opened(key, lambda: greeted(where, StreamLog(where, stream, position).open()))
    queue = config.queue or ""
    held = await call.flow_clients.opened(
        ("rabbitmq-queue", where, queue), lambda: greeted(where, QueueLog(where, queue).open())
    )
    return held.view(position, ack=config.ack)


def _problems(config: Mapping[str, object]) -> Iterable[tuple[str, str]]:
    yield from server_problems(config, RABBITMQ)
    named = [key for key in ("exchange", "queue", "stream") if config.get(key)]
    if len(named) != 1:
        yield "config" if not named else named[1], "rabbitmq_consume needs one of 'exchange', 'queue', 'stream'"
    if config.get("from") == "beginning" and named == ["exchange"]:
        yield "from", "an exchange keeps no messages: 'from: beginning' needs 'queue' or 'stream'"
    if config.get("ack") is True and named != ["queue"]:
        yield "ack", "'ack' is for 'queue'"


ACTION: Action[ConsumeConfig] = Action(
    spec=ActionSpec(
        name="rabbitmq_consume",
        summary="Waits for messages of a RabbitMQ exchange, queue or stream; none since the flow's start is missed.",
        config=ConsumeConfig,
        family="messaging",
        result=consumed(properties=OBJECT, redelivered=BOOLEAN),
        aliases=(
            Alias("rabbitmq.consume"),
            Alias("rabbitmq_consumer"),
            Alias("rabbitmq_subscribe"),
            Alias("rabbitmq.subscribe"),
            Alias("amqp_consume"),
            Alias("amqp.consume"),
        ),
        checks_itself=True,
        connection=("url", "host"),
        implied=("RABBITMQ_URL", "AMQP_URL"),
        reads=always,
        windowed=True,
        check=_problems,
    ),
    touches=touches,
    follow=follow,
)
