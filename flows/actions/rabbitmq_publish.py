"""A message to a RabbitMQ exchange or queue."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from flows.actions import Action, Call, Result, Touch
from flows.clients.servers import RABBITMQ, ServerConfig, server_problems
from flows.language.catalogue import ActionSpec, Alias, Duration, option
from flows.language.shapes import BOOLEAN, STRING, record
from flows.language.values import as_text


@dataclass(frozen=True, slots=True)
class PublishConfig(ServerConfig):
    """Settings of a RabbitMQ publish."""

    url: str | None = option(None, "`amqp://[user:password@]host[:port][/vhost]`, or `amqps://`.", also=("connection",))
    vhost: str | None = option(None, "Instead of the virtual host of `url`.", also=("virtual_host",))
    exchange: str | None = option(None, "Where to; without one straight to a queue.")
    routing_key: str | None = option(None, "Of the exchange.", also=("key", "topic"))
    queue: str | None = option(None, "Straight to this queue.")
    value: object = option(None, "Text as it is, anything else as JSON.", also=("payload", "message", "body"))
    headers: Mapping[str, object] | None = option(None, "Message headers.")
    properties: Mapping[str, object] | None = option(
        None, "`content_type`, `correlation_id`, `reply_to`, `message_id`, `type`, `expiration`, `priority`, ..."
    )
    mandatory: bool = option(True, "It is an error when no queue gets the message.")
    timeout: Duration | None = option(None, "Limit for the broker's confirmation.")


def touches(config: Mapping[str, object]) -> Iterable[Touch]:
    """The routing key, else the queue or exchange: the name by which the graph knows the topic.

    Args:
        config: as written.
    """
    sent = next((config[key] for key in ("value", "payload", "message", "body") if config.get(key) is not None), None)
    named = (config.get(key) for key in ("routing_key", "key", "topic", "queue", "exchange"))
    name = next((name for name in named if isinstance(name, str) and name), None)
    if name is not None:
        yield Touch("topic", name, kind="rabbitmq", mode="write", sends=sent)


async def run(config: PublishConfig, call: Call) -> Result:
    """Publishes; the broker has confirmed the message when this returns.

    Args:
        config: rendered.
        call: connections and trace context.
    """
    from flows.clients.rabbitmq import RabbitPublisher, Target, properties_of
    from flows.clients.servers import server, with_path

    where = with_path(server(config, RABBITMQ, call.files), config.vhost)
    publisher = call.clients.shared(("rabbitmq", where), lambda: RabbitPublisher(where))
    exchange = config.exchange or ""
    target = Target(exchange, config.routing_key or config.queue or "", config.mandatory)
    headers = dict(config.headers or {})
    if not any(name.lower() == "traceparent" for name in headers):
        headers["traceparent"] = call.traceparent
    structured = config.value is not None and not isinstance(config.value, str)
    properties = properties_of(headers, config.properties or {}, json=structured)
    body = b"" if config.value is None else as_text(config.value).encode()
    await publisher.publish(target, properties, body)
    return {"ok": True, "topic": exchange or target.routing_key, "key": target.routing_key}


def _problems(config: Mapping[str, object]) -> Iterable[tuple[str, str]]:
    from flows.clients.rabbitmq import PROPERTIES
    from flows.language.closest import closest

    yield from server_problems(config, RABBITMQ)
    given = config.get("properties")
    for name in given if isinstance(given, Mapping) else ():
        if name not in PROPERTIES:
            near = closest(str(name), PROPERTIES)
            known = f"did you mean '{near}'?" if near else f"there are {', '.join(PROPERTIES)}"
            yield "properties", f"no property of a message: '{name}'; {known}"
    key = next((name for name in ("routing_key", "key", "topic") if config.get(name) is not None), None)
    if not any(config.get(name) for name in ("exchange", "queue")) and key is None:
        yield "config", "rabbitmq_publish needs 'exchange' (with 'routing_key') or 'queue'"
    if config.get("queue") is not None and config.get("exchange"):
        yield "queue", "'queue' is for messages without 'exchange'; with one the routing_key decides"
    if config.get("queue") is not None and key is not None:
        yield key, "'queue' is the routing key of a message without 'exchange'"


ACTION: Action[PublishConfig] = Action(
    spec=ActionSpec(
        name="rabbitmq_publish",
        summary="Publishes a message to a RabbitMQ exchange or queue and waits for the confirmation.",
        config=PublishConfig,
        family="messaging",
        result=record(ok=BOOLEAN, topic=STRING, key=STRING),
        aliases=(
            Alias("rabbitmq.publish"),
            Alias("rabbitmq_producer"),
            Alias("amqp_publish"),
            Alias("amqp.publish"),
        ),
        connection=("url", "host"),
        implied=("RABBITMQ_URL", "AMQP_URL"),
        check=_problems,
    ),
    touches=touches,
    run=run,
)
