"""Kafka through librdkafka: positions are taken when a flow starts and partitions assigned, so no group is joined."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Literal
from uuid import uuid4

from flows.clients.errors import ClientError, reason
from flows.clients.messages import message, readable
from testmesh.kernel.errors import MissingExtra

Position = Literal["start_of_flow", "beginning", "end"]
METADATA_SECONDS = 5.0
DELIVERY_SECONDS = 15.0
POLL_SECONDS = 0.02
NEW_TOPIC_SECONDS = 0.05
MAX_MESSAGES = 100_000


@dataclass(frozen=True, slots=True)
class KafkaSettings:
    """How to reach a cluster.

    Args:
        brokers: bootstrap addresses, ``host:port`` each.
        security: further librdkafka settings (SASL, TLS).
    """

    brokers: tuple[str, ...]
    security: tuple[tuple[str, str], ...] = ()

    def __str__(self) -> str:
        return f"kafka {','.join(self.brokers)}"

    def librdkafka(self) -> dict[str, Any]:
        """The settings as librdkafka reads them; it must not write to the terminal."""
        common = {
            "bootstrap.servers": ",".join(self.brokers),
            "log_level": 0,
            "socket.connection.setup.timeout.ms": 5000,
            "reconnect.backoff.ms": 50,
            "reconnect.backoff.max.ms": 1000,
        }
        return {**common, **dict(self.security)}


def settings(brokers: str | Sequence[str], sasl: Mapping[str, object] | None, tls: object) -> KafkaSettings:
    """The settings a step names.

    Args:
        brokers: ``a:9092,b:9092`` or a list.
        sasl: ``{mechanism, username, password}``.
        tls: True, or ``{ca, cert, key, verify}`` with file names.
    """
    found = brokers.split(",") if isinstance(brokers, str) else list(brokers)
    security: dict[str, str] = {}
    if sasl:
        security |= {
            "sasl.mechanism": str(sasl.get("mechanism", "PLAIN")),
            "sasl.username": str(sasl.get("username", "")),
            "sasl.password": str(sasl.get("password", "")),
        }
    if isinstance(tls, Mapping):
        names = {"ca": "ssl.ca.location", "cert": "ssl.certificate.location", "key": "ssl.key.location"}
        security |= {option: str(tls[name]) for name, option in names.items() if tls.get(name)}
        if tls.get("verify") is False:
            security["enable.ssl.certificate.verification"] = "false"
    kind = ("SASL_" if sasl else "") + ("SSL" if tls else "PLAINTEXT")
    if kind != "PLAINTEXT":
        security["security.protocol"] = kind
    return KafkaSettings(tuple(part.strip() for part in found if part.strip()), tuple(sorted(security.items())))


def library() -> Any:
    """The confluent_kafka module.

    Raises:
        MissingExtra: it is not installed.
    """
    try:
        import confluent_kafka
    except ImportError as error:
        raise MissingExtra("confluent_kafka", "kafka") from error
    return confluent_kafka


async def reachable(where: KafkaSettings) -> None:
    """Fails at once when no broker's port is open; librdkafka itself would keep trying.

    Args:
        where: the cluster.

    Raises:
        ClientError: none is.
    """
    problem = "no broker is named"
    for broker in where.brokers:
        host, _, port = broker.rpartition(":")
        try:
            async with asyncio.timeout(METADATA_SECONDS):
                _, writer = await asyncio.open_connection(host.strip("[]") or broker, int(port))
        except TimeoutError:
            problem = "connection timed out"
        except (OSError, ValueError, OverflowError) as error:
            problem = reason(error)
        else:
            writer.transport.abort()
            return
    raise ClientError(f"{where}: {problem}")


class Producer:
    """A producer shared by the steps of a run.

    Args:
        where: the cluster.
    """

    def __init__(self, where: KafkaSettings) -> None:
        self._where = where
        self._producer = library().Producer(
            {**where.librdkafka(), "linger.ms": 0, "message.timeout.ms": int(DELIVERY_SECONDS * 1000)}
        )

    async def send(
        self, topic: str, value: bytes | None, key: bytes | None, headers: Sequence[tuple[str, bytes]]
    ) -> tuple[int, int]:
        """Publishes a message and waits for the broker's acknowledgement: partition and offset.

        Args:
            topic: its name.
            value: bytes; None = a tombstone.
            key: bytes or None.
            headers: in order.
        """
        await reachable(self._where)
        kafka = library()
        found: list[tuple[Any, Any]] = []
        try:
            self._producer.produce(
                topic, value=value, key=key, headers=list(headers), on_delivery=lambda *pair: found.append(pair)
            )
        except (kafka.KafkaException, BufferError, ValueError, TypeError) as error:
            raise ClientError(f"{self._where}: {reason(error)}", "config") from error
        given_up = threading.Event()
        try:
            await asyncio.to_thread(self._wait, found, given_up)
        finally:
            given_up.set()
        refused, sent = found[0]
        if refused is not None:
            raise ClientError(f"{self._where}: topic {topic}: {refused.str()}", _kind(refused))
        return sent.partition(), sent.offset()

    def _wait(self, found: list[tuple[Any, Any]], given_up: threading.Event) -> None:
        while not found and not given_up.is_set():
            self._producer.poll(POLL_SECONDS)

    async def aclose(self) -> None:
        """Drops what was given up; everything else was acknowledged already."""
        self._producer.purge()


def _kind(error: Any) -> Literal["connection", "server"]:
    kafka = library()
    lost = (kafka.KafkaError._TRANSPORT, kafka.KafkaError._ALL_BROKERS_DOWN, kafka.KafkaError._MSG_TIMED_OUT)
    return "connection" if error.code() in lost else "server"


class TopicLog:
    """Every message of a topic from a position on, read by a thread of its own.

    Args:
        where: the cluster.
        topic: its name.
        position: where to begin.
    """

    def __init__(self, where: KafkaSettings, topic: str, position: Position) -> None:
        self._where = where
        self._topic = topic
        self._position = position
        self._messages: list[dict[str, object]] = []
        self._news = asyncio.Event()
        self._failed: ClientError | None = None
        self._stop = threading.Event()
        self._loop = asyncio.get_running_loop()
        self._thread: threading.Thread | None = None
        self._consumer: Any = None

    async def open(self) -> TopicLog:
        """Takes the position and begins to read.

        Raises:
            ClientError: unreachable.
        """
        await reachable(self._where)
        self._consumer = await asyncio.to_thread(self._connected)
        self._thread = threading.Thread(target=self._receive, name=f"kafka {self._topic}", daemon=True)
        self._thread.start()
        return self

    async def get(self, index: int) -> dict[str, object]:
        """The message at that place, waiting for it to come.

        Args:
            index: 0-based, in order of arrival.
        """
        while len(self._messages) <= index:
            if self._failed is not None:
                raise self._failed
            self._news.clear()
            await self._news.wait()
        return self._messages[index]

    async def aclose(self) -> None:
        """Ends the thread and the consumer."""
        self._stop.set()
        if self._thread is not None:
            await asyncio.to_thread(self._thread.join)

    def _connected(self) -> Any:
        kafka = library()
        consumer = kafka.Consumer(
            {
                **self._where.librdkafka(),
                "group.id": f"testmesh-{uuid4().hex}",
                "enable.auto.commit": False,
                "enable.auto.offset.store": False,
                "fetch.wait.max.ms": 15,
                "fetch.error.backoff.ms": 20,
                "allow.auto.create.topics": False,
                "error_cb": self._on_error,
            }
        )
        try:
            self._assign(consumer, self._partitions(consumer), known=True)
        except kafka.KafkaException as error:
            consumer.close()
            raise ClientError(f"{self._where}: topic {self._topic}: {error.args[0].str()}", "connection") from error
        return consumer

    def _partitions(self, consumer: Any) -> list[int]:
        found = consumer.list_topics(self._topic, timeout=METADATA_SECONDS).topics.get(self._topic)
        return [] if found is None or found.error is not None else sorted(found.partitions)

    def _assign(self, consumer: Any, partitions: list[int], *, known: bool) -> None:
        """Assigns partitions; those of a topic that did not exist yet are read from their beginning."""
        kafka = library()
        if not partitions:
            return
        places = []
        for partition in partitions:
            place = kafka.TopicPartition(self._topic, partition, kafka.OFFSET_BEGINNING)
            if known and self._position != "beginning":
                _, place.offset = consumer.get_watermark_offsets(place, timeout=METADATA_SECONDS, cached=False)
            places.append(place)
        consumer.assign(places)

    def _receive(self) -> None:
        kafka = library()
        consumer = self._consumer
        try:
            while not self._stop.is_set() and not consumer.assignment():
                self._assign(consumer, self._partitions(consumer), known=False)
                if not consumer.assignment():
                    self._stop.wait(NEW_TOPIC_SECONDS)
            while not self._stop.is_set():
                found = consumer.poll(POLL_SECONDS)
                if found is not None and found.error() is None:
                    self._tell(_shown(found))
        except kafka.KafkaException as error:
            self._fail(ClientError(f"{self._where}: topic {self._topic}: {error.args[0].str()}", _kind(error.args[0])))
        finally:
            consumer.close()

    def _tell(self, found: dict[str, object]) -> None:
        if len(self._messages) >= MAX_MESSAGES:
            self._stop.set()
            self._fail(ClientError(f"topic {self._topic}: more than {MAX_MESSAGES} messages", "server"))
            return
        self._messages.append(found)
        self._wake()

    def _fail(self, error: ClientError) -> None:
        self._failed = error
        self._wake()

    def _on_error(self, error: Any) -> None:
        if error.code() == library().KafkaError._ALL_BROKERS_DOWN and not self._stop.is_set():
            self._fail(ClientError(f"{self._where}: {error.str()}", "connection"))

    def _wake(self) -> None:
        if not self._loop.is_closed():
            self._loop.call_soon_threadsafe(self._news.set)


def _shown(found: Any) -> dict[str, object]:
    headers = {name: readable(value) or "" for name, value in found.headers() or []}
    kind, milliseconds = found.timestamp()
    stamp = None
    if kind:
        stamp = datetime.fromtimestamp(milliseconds / 1000, UTC).isoformat(timespec="milliseconds")
        stamp = stamp.replace("+00:00", "Z")
    place = (found.partition(), found.offset(), stamp)
    return message(found.value(), key=readable(found.key()), headers=headers, topic=found.topic(), place=place)
