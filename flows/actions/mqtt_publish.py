"""A message to an MQTT topic."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from flows.actions import Action, Call, Result, Touch
from flows.clients.servers import MQTT, ServerConfig
from flows.language.catalogue import ActionSpec, Alias, Duration, option
from flows.language.shapes import BOOLEAN, NUMBER, STRING, record
from flows.language.values import as_text


@dataclass(frozen=True, slots=True)
class PublishConfig(ServerConfig):
    """Settings of an MQTT publish."""

    url: str | None = option(None, "`mqtt://[user:password@]host[:port]`, or `mqtts://`.", also=("connection",))
    topic: str = option(doc="Where to.")
    value: object = option(None, "Text as it is, anything else as JSON.", also=("payload", "message"))
    qos: int = option(1, "0, 1 or 2.")
    retain: bool = option(False, "The server keeps it for later subscribers; without a value it forgets the kept one.")
    headers: Mapping[str, object] | None = option(None, "User properties (MQTT 5).")
    properties: Mapping[str, object] | None = option(
        None, "`content_type`, `response_topic`, `correlation_data`, `message_expiry` (MQTT 5)."
    )
    version: object = option(None, "`5` or `3.1.1`; by default the newest the server speaks.")
    timeout: Duration | None = option(None, "Limit for the acknowledgement.")


def touches(config: Mapping[str, object]) -> Iterable[Touch]:
    """The topic.

    Args:
        config: as written.
    """
    topic = config.get("topic")
    if isinstance(topic, str):
        sent = next((config[key] for key in ("value", "payload", "message") if config.get(key) is not None), None)
        yield Touch("topic", topic, kind="mqtt", mode="write", sends=sent)


async def run(config: PublishConfig, call: Call) -> Result:
    """Publishes; the server has taken the message when this returns.

    Args:
        config: rendered.
        call: connections and trace context.
    """
    from flows.clients.errors import ClientError
    from flows.clients.mqtt import MqttPublisher, level_of
    from flows.clients.mqtt_packets import Message, Properties, named_properties
    from flows.clients.mqtt_topics import with_header
    from flows.clients.servers import server

    where, level = server(config, MQTT, call.files), level_of(config.version)
    publisher = call.clients.shared(("mqtt", where, level), lambda: MqttPublisher(where, level))
    user = tuple((name, as_text(value)) for name, value in (config.headers or {}).items())
    try:
        properties = Properties(named_properties((config.properties or {}).items()), user)
    except ValueError as error:
        raise ClientError(str(error), "config") from error
    payload = b"" if config.value is None else as_text(config.value).encode()
    message = Message(config.topic, payload, config.qos, config.retain, properties)
    newest = bool(config.headers or config.properties)
    await publisher.publish(with_header(message, "traceparent", call.traceparent), newest=newest)
    return {"ok": True, "topic": config.topic, "qos": config.qos}


def _problems(config: Mapping[str, object]) -> Iterable[tuple[str, str]]:
    from flows.clients.mqtt import mqtt_problems

    yield from mqtt_problems(config)
    topic = config.get("topic")
    if isinstance(topic, str) and "${" not in topic and "{{" not in topic and ("#" in topic or "+" in topic):
        yield "topic", "wildcards ('+', '#') are for subscribing; a message goes to one topic"


ACTION: Action[PublishConfig] = Action(
    spec=ActionSpec(
        name="mqtt_publish",
        summary="Publishes a message to an MQTT topic and waits for the acknowledgement.",
        config=PublishConfig,
        family="messaging",
        result=record(ok=BOOLEAN, topic=STRING, qos=NUMBER),
        aliases=(Alias("mqtt.publish"), Alias("mqtt_producer")),
        connection=("url", "host"),
        implied=("MQTT_URL", "MQTT_BROKER"),
        check=_problems,
    ),
    touches=touches,
    run=run,
)
