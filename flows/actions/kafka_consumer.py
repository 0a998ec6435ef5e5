"""Messages of a Kafka topic, from the start of the flow on."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import cast

from flows.actions import Action, Call, MessageLog, Touch
from flows.clients.kafka_login import SaslConfig
from flows.clients.schema_registry import RegistryConfig
from flows.clients.tls import TLS_DOC, tls_problems
from flows.language.catalogue import ActionSpec, Alias, Deprecated, Duration, always, option
from flows.language.expressions import Expression
from flows.language.shapes import ANYTHING, consumed


@dataclass(frozen=True, slots=True)
class ConsumerConfig:
    """Settings of a Kafka consumer."""

    brokers: str | tuple[str, ...] | None = option(None, "`host:port`, several with commas or as a list.")
    topic: str = option(doc="Topic.")
    match: Expression | None = option(
        None, "Which messages count, over one message.", also=("filter",), scope="message"
    )
    count: int = option(1, "How many messages make a candidate.")
    timeout: Duration = option(10.0, "How long to wait.")
    from_: str = option("start_of_flow", "Where reading begins.", choices=("start_of_flow", "beginning", "end"))
    expect: str | None = option(None, "`none`: fail when a message arrives.", choices=("none",))
    sasl: SaslConfig | None = option(None, "How to log in.", record=SaslConfig)
    tls: object = option(None, TLS_DOC)
    schema_registry: RegistryConfig | None = option(
        None, "Values are in its format.", record=RegistryConfig, short="url"
    )


def touches(config: Mapping[str, object]) -> Iterable[Touch]:
    """The topic.

    Args:
        config: as written.
    """
    topic = config.get("topic")
    if isinstance(topic, str):
        yield Touch("topic", topic, kind="kafka")


async def follow(config: ConsumerConfig, call: Call) -> MessageLog:
    """Takes the position once per flow execution and topic.

    Args:
        config: rendered.
        call: connections.
    """
    from flows.clients.kafka import settings
    from flows.clients.kafka_topics import Position, TopicLog
    from flows.clients.tls import tls_of

    where = settings(config.brokers or (), config.sasl, tls_of(config.tls, call.files))
    own = () if config.from_ == "start_of_flow" else call.path
    decodes = config.schema_registry is not None
    key = ("kafka", where, config.topic, config.from_, own, decodes)
    position = cast("Position", config.from_)
    topic = TopicLog(where, config.topic, position, bytes_too=decodes)
    log = await call.flow_clients.opened(key, topic.open)
    if config.schema_registry is None:
        return log
    from flows.clients.registered import DecodedLog, registry

    return DecodedLog(log, registry(config.schema_registry, call.clients, call.files))


def _problems(config: Mapping[str, object]) -> Iterable[tuple[str, str]]:
    yield from tls_problems(config)


def _beginning(value: object) -> Mapping[str, object]:
    return {"from": "beginning"} if value in (True, "earliest") else {}


ACTION: Action[ConsumerConfig] = Action(
    spec=ActionSpec(
        name="kafka_consumer",
        summary="Waits for messages of a Kafka topic; none since the start of the flow is missed.",
        config=ConsumerConfig,
        family="messaging",
        result=consumed(schema_id=ANYTHING, decode_error=ANYTHING),
        aliases=(Alias("kafka_consume"), Alias("kafka.consume"), Alias("kafka_subscribe"), Alias("kafka.subscribe")),
        deprecated=(
            Deprecated("from_beginning", "from: beginning", _beginning),
            Deprecated("auto_offset_reset", "from: beginning", _beginning),
            Deprecated("group_id", "no group is joined"),
        ),
        checks_itself=True,
        connection=("brokers",),
        implied=("KAFKA_BROKERS",),
        reads=always,
        windowed=True,
        check=_problems,
    ),
    touches=touches,
    follow=follow,
)
