"""A message to a Kafka topic."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from flows.actions import Action, Call, Result, Touch
from flows.clients.kafka_login import SaslConfig
from flows.clients.schema_registry import RegistryConfig
from flows.clients.tls import TLS_DOC, tls_problems
from flows.language.catalogue import ActionSpec, Alias, Deprecated, Duration, option
from flows.language.shapes import BOOLEAN, NUMBER, STRING, record
from flows.language.values import as_text


@dataclass(frozen=True, slots=True)
class ProducerConfig:
    """Settings of a Kafka producer."""

    brokers: str | tuple[str, ...] | None = option(None, "`host:port`, several with commas or as a list.")
    topic: str = option(doc="Topic.")
    key: object = option(None, "Message key.")
    value: object = option(None, "Text as it is, anything else as JSON; null is a tombstone.", also=("payload",))
    headers: Mapping[str, object] | None = option(None, "Message headers.")
    sasl: SaslConfig | None = option(None, "How to log in.", record=SaslConfig)
    tls: object = option(None, TLS_DOC)
    partition: int | None = option(None, "Its number; by default the key, else the broker's library, decides.")
    schema_registry: RegistryConfig | None = option(
        None, "Write the value in its format.", record=RegistryConfig, short="url"
    )
    timeout: Duration | None = option(None, "Limit for the acknowledgement.")


def touches(config: Mapping[str, object]) -> Iterable[Touch]:
    """The topic.

    Args:
        config: as written.
    """
    topic = config.get("topic")
    if isinstance(topic, str):
        sent = config.get("value") if config.get("value") is not None else config.get("payload")
        yield Touch("topic", topic, kind="kafka", mode="write", sends=sent)


async def run(config: ProducerConfig, call: Call) -> Result:
    """Publishes and waits for the broker's acknowledgement.

    Args:
        config: rendered.
        call: connections and trace context.
    """
    from flows.clients.kafka import settings
    from flows.clients.kafka_producer import Outgoing, Producer
    from flows.clients.tls import tls_of

    where = settings(config.brokers or (), config.sasl, tls_of(config.tls, call.files))
    producer = call.clients.shared(("kafka-producer", where), lambda: Producer(where))
    headers = [(name, as_text(value).encode()) for name, value in (config.headers or {}).items()]
    if not any(name.lower() == "traceparent" for name, _ in headers):
        headers.append(("traceparent", call.traceparent.encode()))
    value = await _value(config, call)
    key = None if config.key is None else as_text(config.key).encode()
    sent = Outgoing(config.topic, value, key, headers, config.partition)
    partition, offset = await producer.send(sent)
    return {"ok": True, "topic": config.topic, "partition": partition, "offset": offset}


async def _value(config: ProducerConfig, call: Call) -> bytes | None:
    if config.value is None:
        return None
    if config.schema_registry is None:
        return as_text(config.value).encode()
    from flows.clients.registered import encoded, registry

    found = registry(config.schema_registry, call.clients, call.files)
    return await encoded(config.value, config.topic, config.schema_registry, found, call.files)


def _problems(config: Mapping[str, object]) -> Iterable[tuple[str, str]]:
    yield from tls_problems(config)
    partition = config.get("partition")
    if isinstance(partition, int) and partition < 0:
        yield "partition", "partitions are numbered from 0"


ACTION: Action[ProducerConfig] = Action(
    spec=ActionSpec(
        name="kafka_producer",
        summary="Publishes a message to a Kafka topic and waits for the acknowledgement.",
        config=ProducerConfig,
        family="messaging",
        result=record(ok=BOOLEAN, topic=STRING, partition=NUMBER, offset=NUMBER),
        aliases=(Alias("kafka_publish"), Alias("kafka_produce"), Alias("kafka.produce"), Alias("kafka.publish")),
        deprecated=(Deprecated("group_id", "no group is joined"),),
        connection=("brokers",),
        implied=("KAFKA_BROKERS",),
        check=_problems,
    ),
    touches=touches,
    run=run,
)
