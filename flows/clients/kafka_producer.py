"""Publishing to Kafka: every message waits for the broker's acknowledgement, and a refusal says why."""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Sequence
from typing import Any, NamedTuple

from flows.clients.awaiting import awaiting
from flows.clients.errors import ClientError, reason
from flows.clients.kafka import (
    LARGEST_MESSAGE,
    METADATA_SECONDS,
    KafkaSettings,
    Problems,
    advertised,
    kind,
    library,
    metadata,
    reachable,
)
from flows.clients.threads import in_thread

DELIVERY_SECONDS = 15.0
POLL_SECONDS = 0.02
NEW_TOPIC_SECONDS = 0.05
MOVED_SECONDS = 0.05
UNKNOWN = "whether it is stored cannot be known"


class Outgoing(NamedTuple):
    """A message to publish.

    Args:
        topic: its name.
        value: bytes; None = a tombstone.
        key: bytes or None.
        headers: in order.
        partition: its number; None = by its key.
    """

    topic: str
    value: bytes | None
    key: bytes | None
    headers: Sequence[tuple[str, bytes]]
    partition: int | None = None


class Producer:
    """A producer shared by the steps of a run.

    Args:
        where: the cluster.
    """

    def __init__(self, where: KafkaSettings) -> None:
        self._where = where
        self._problems = Problems(where)
        own = {
            "linger.ms": 0,
            "message.timeout.ms": int(DELIVERY_SECONDS * 1000),
            "message.max.bytes": LARGEST_MESSAGE,
            # What is sent again after a lost answer may be stored twice; numbering messages costs 500 ms at the start.
            "message.send.max.retries": 0,
            "allow.auto.create.topics": True,
        }
        try:
            self._producer = library().Producer({**where.librdkafka(self._problems), **own})
        except library().KafkaException as error:
            raise ClientError(f"{where}: {error.args[0].str()}", "config") from error
        self._topics: set[str] = set()

    async def send(self, outgoing: Outgoing) -> tuple[int, int]:
        """Publishes a message and waits for the broker's acknowledgement: partition and offset.

        Args:
            outgoing: the message.

        Raises:
            ClientError: unreachable, refused, no such topic or partition, too large.
        """
        topic, value = outgoing.topic, outgoing.value
        await reachable(self._where)
        self._problems.refused = self._problems.down = None
        if topic not in self._topics:
            await self._known(topic)
            self._topics.add(topic)
        awaiting(self._where, "no acknowledgement")
        deadline = time.monotonic() + DELIVERY_SECONDS
        while True:
            refused, sent = await self._answer(outgoing)
            if refused is None:
                return sent.partition(), sent.offset()
            if refused.code() not in _not_stored() or time.monotonic() > deadline:
                break
            await asyncio.sleep(MOVED_SECONDS)
        self._topics.discard(topic)
        size = f" ({len(value or b'')} bytes)" if refused.code() == library().KafkaError.MSG_SIZE_TOO_LARGE else ""
        raise ClientError(f"{self._where}: topic {topic}: {_plain(refused)}{size}", kind(refused))

    async def _answer(self, outgoing: Outgoing) -> tuple[Any, Any]:
        """What became of a message that was sent once: an error or None, and the message."""
        kafka, topic = library(), outgoing.topic
        found: list[tuple[Any, Any]] = []
        try:
            self._producer.produce(
                topic,
                value=outgoing.value,
                key=outgoing.key,
                headers=list(outgoing.headers),
                partition=-1 if outgoing.partition is None else outgoing.partition,
                on_delivery=lambda *pair: found.append(pair),
            )
        except kafka.KafkaException as error:
            raise ClientError(f"{self._where}: topic {topic}: {error.args[0].str()}", "config") from error
        except (BufferError, ValueError, TypeError) as error:
            raise ClientError(f"{self._where}: topic {topic}: {reason(error)}", "config") from error
        await in_thread(f"kafka {topic}", lambda given_up: self._wait(found, given_up))
        return found[0]

    async def _known(self, topic: str) -> None:
        """Waits until the topic exists; asking creates it where the broker does that."""
        found = await in_thread(f"kafka {topic}", lambda given_up: self._existing(topic, given_up))
        await advertised(self._where, found, topic)

    def _existing(self, topic: str, given_up: threading.Event) -> Any:
        codes = library().KafkaError
        deadline = time.monotonic() + METADATA_SECONDS
        while True:
            found = metadata(self._producer, self._where, topic, self._problems, given_up)
            error = found.topics[topic].error if topic in found.topics else None
            if error is None or given_up.is_set():
                return found
            missing = error.code() in (codes.UNKNOWN_TOPIC_OR_PART, codes.LEADER_NOT_AVAILABLE)
            if not missing or time.monotonic() > deadline:
                said = "it does not exist, and the broker does not create it" if missing else _plain(error)
                raise ClientError(f"{self._where}: topic {topic}: {said}", "server")
            given_up.wait(NEW_TOPIC_SECONDS)

    def _wait(self, found: list[tuple[Any, Any]], given_up: threading.Event) -> None:
        problem: ClientError | None = None
        while not found and not given_up.is_set():
            self._producer.poll(POLL_SECONDS)
            seen = self._problems.refused or self._problems.down
            if problem is None and seen is not None and not found:
                problem = seen
                self._producer.purge()
        refused = found[0][0] if found else None
        if problem is not None and refused is not None:
            if problem.type == "config" or refused.code() == library().KafkaError._PURGE_QUEUE:
                raise problem
            raise ClientError(f"{problem.message}; {UNKNOWN}", problem.type)

    async def aclose(self) -> None:
        """Drops what was given up; everything else was acknowledged already."""
        self._producer.purge()


def _not_stored() -> frozenset[int]:
    """Refusals of a broker that stored nothing, and of a cluster that is between two leaders: sending again is safe."""
    codes = library().KafkaError
    return frozenset(
        [
            codes.NOT_LEADER_FOR_PARTITION,
            codes.LEADER_NOT_AVAILABLE,
            codes.FENCED_LEADER_EPOCH,
            codes.UNKNOWN_TOPIC_OR_PART,
            codes.NOT_ENOUGH_REPLICAS,
        ]
    )


def _plain(error: Any) -> str:
    codes = library().KafkaError
    if error.code() in (codes._TRANSPORT, codes._TIMED_OUT, codes._MSG_TIMED_OUT):
        return f"no broker acknowledged the message; {UNKNOWN}"
    return str(error.str()).removeprefix("Broker: ").removeprefix("Local: ")
