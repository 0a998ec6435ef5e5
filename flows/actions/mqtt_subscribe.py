"""Messages of an MQTT topic, from the start of the flow on."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from flows.actions import Action, Call, MessageLog, Touch
from flows.clients.servers import MQTT, ConsumerConfig
from flows.language.catalogue import ActionSpec, Alias, always, option
from flows.language.shapes import BOOLEAN, NUMBER, OBJECT, consumed


@dataclass(frozen=True, slots=True)
class SubscribeConfig(ConsumerConfig):
    """Settings of an MQTT subscription."""

    url: str | None = option(None, "`mqtt://[user:password@]host[:port]`, or `mqtts://`.", also=("connection",))
    topic: str = option(doc="Topic, also with `+` and `#`.")
    qos: int = option(1, "0, 1 or 2: at most.")
    retained: bool = option(False, "Also the message that the server kept from before the flow.")
    from_: str = option("start_of_flow", "Where reading begins.", choices=("start_of_flow", "end"))
    version: object = option(None, "`5` or `3.1.1`; by default the newest the server speaks.")


def touches(config: Mapping[str, object]) -> Iterable[Touch]:
    """The topic.

    Args:
        config: as written.
    """
    topic = config.get("topic")
    if isinstance(topic, str):
        yield Touch("topic", topic, kind="mqtt")


async def follow(config: SubscribeConfig, call: Call) -> MessageLog:
    """Subscribes once per flow execution; MQTT keeps no history, so this happens when the flow starts.

    Args:
        config: rendered.
        call: connections.
    """
    from flows.clients.mqtt import level_of
    from flows.clients.mqtt_topics import TopicLog, Wanted
    from flows.clients.servers import greeted, server

    where = server(config, MQTT, call.files)
    wanted = Wanted(config.topic, config.qos, config.retained, level_of(config.version))
    key = ("mqtt-subscribe", where, wanted, () if config.from_ == "start_of_flow" else call.path)
    return await call.flow_clients.opened(key, lambda: greeted(where, TopicLog(where, wanted).open()))


def _problems(config: Mapping[str, object]) -> Iterable[tuple[str, str]]:
    from flows.clients.mqtt import mqtt_problems

    yield from mqtt_problems(config)


ACTION: Action[SubscribeConfig] = Action(
    spec=ActionSpec(
        name="mqtt_subscribe",
        summary="Waits for messages of an MQTT topic; none since the start of the flow is missed.",
        config=SubscribeConfig,
        family="messaging",
        result=consumed(qos=NUMBER, retained=BOOLEAN, properties=OBJECT),
        aliases=(Alias("mqtt_consume"), Alias("mqtt_consumer"), Alias("mqtt.subscribe"), Alias("mqtt.consume")),
        checks_itself=True,
        connection=("url", "host"),
        implied=("MQTT_URL", "MQTT_BROKER"),
        reads=always,
        windowed=True,
        check=_problems,
    ),
    touches=touches,
    follow=follow,
)
