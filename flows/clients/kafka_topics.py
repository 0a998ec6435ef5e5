"""Reading Kafka: positions are taken when a flow starts and partitions assigned, so no group is joined."""

from __future__ import annotations

import asyncio
import contextlib
import threading
import time
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any, Literal
from uuid import uuid4

from flows.clients.awaiting import awaiting
from flows.clients.errors import ClientError
from flows.clients.inbox import Inbox
from flows.clients.kafka import (
    METADATA_SECONDS,
    KafkaSettings,
    Problems,
    advertised,
    kind,
    library,
    metadata,
    reachable,
)
from flows.clients.messages import message, readable
from flows.clients.threads import in_thread

Position = Literal["start_of_flow", "beginning", "end"]
POLL_SECONDS = 0.02
NEW_TOPIC_SECONDS = 0.02
NEW_PARTITION_SECONDS = 2.0
LEADER_SECONDS = 0.5
CLOSE_SECONDS = 2.0


class TopicLog:
    """Every message of a topic from a position on, read by a thread of its own.

    Args:
        where: the cluster.
        topic: its name.
        position: where to begin.
        bytes_too: keep values and keys as bytes beside the messages.
    """

    def __init__(self, where: KafkaSettings, topic: str, position: Position, *, bytes_too: bool = False) -> None:
        self._where = where
        self._topic = topic
        self._position = position
        self._inbox = Inbox(f"{where}: topic {topic}")
        self._problems = Problems(where)
        self._bytes_too = bytes_too
        self._payloads: list[tuple[bytes | None, bytes | None]] = []
        self._assigned: set[int] = set()
        self._stop = threading.Event()
        self._loop = asyncio.get_running_loop()
        self._thread: threading.Thread | None = None
        self._hurry = threading.Event()
        self._looked = asyncio.Event()

    async def open(self) -> TopicLog:
        """Takes the position and begins to read.

        Raises:
            ClientError: unreachable, refused.
        """
        await reachable(self._where)
        consumer, found = await in_thread(f"kafka {self._topic}", self._connected)
        try:
            await advertised(self._where, found, self._topic)
            await in_thread(f"kafka {self._topic}", lambda given_up: self._positioned(consumer, found, given_up))
        except BaseException:
            threading.Thread(target=consumer.close, name="kafka close", daemon=True).start()
            raise
        self._thread = threading.Thread(
            target=self._receive, args=(consumer,), name=f"kafka {self._topic}", daemon=True
        )
        self._thread.start()
        return self

    async def get(self, index: int) -> dict[str, object]:
        """The message at that place, waiting for it to come.

        Args:
            index: 0-based, in order of arrival.
        """
        while True:
            try:
                return await self._inbox.get(index)
            except ClientError:
                if not self._inbox.interrupted:
                    raise
                await reachable(self._where)
                awaiting("", "")  # it answers again: from here on only messages are waited for
                self._inbox.resume()

    async def alive(self) -> None:
        """Waits until the server has answered."""
        awaiting(self._where, f"no answer from who leads topic {self._topic}")
        self._looked.clear()
        self._hurry.set()
        await self._looked.wait()

    def payload(self, index: int) -> tuple[bytes | None, bytes | None]:
        """Value and key of a message that was got, as bytes.

        Args:
            index: 0-based.
        """
        return self._payloads[index]

    async def aclose(self) -> None:
        """Ends the thread and the consumer; one that does not end in time ends with the process."""
        self._stop.set()
        thread = self._thread
        if thread is not None:
            await in_thread("kafka close", lambda given_up: thread.join(CLOSE_SECONDS))

    def _connected(self, given_up: threading.Event) -> tuple[Any, Any]:
        kafka = library()
        own = {
            "group.id": f"testmesh-{uuid4().hex}",
            "enable.auto.commit": False,
            "enable.auto.offset.store": False,
            "auto.offset.reset": "earliest",
            "fetch.wait.max.ms": 15,
            "fetch.error.backoff.ms": 20,
        }
        try:
            consumer = kafka.Consumer({**self._where.librdkafka(self._problems), **own})
        except kafka.KafkaException as error:
            raise ClientError(f"{self._where}: {error.args[0].str()}", "config") from error
        try:
            found = metadata(consumer, self._where, self._topic, self._problems, given_up)
        except BaseException:
            consumer.close()
            raise
        if given_up.is_set():
            consumer.close()
        return consumer, found

    def _positioned(self, consumer: Any, found: Any, given_up: threading.Event) -> None:
        kafka = library()
        try:
            self._assign(consumer, self._partitions(found), known=True, given_up=given_up)
        except kafka.KafkaException as error:
            text = f"{self._where}: topic {self._topic}: {error.args[0].str()}"
            raise ClientError(text, kind(error.args[0])) from error

    def _partitions(self, found: Any) -> list[int]:
        """Numbers of the topic's partitions; none when it does not exist."""
        topic, codes = found.topics.get(self._topic), library().KafkaError
        if topic is None:
            return []
        if topic.error is not None:
            if topic.error.code() in (codes.UNKNOWN_TOPIC_OR_PART, codes.LEADER_NOT_AVAILABLE):
                return []
            text = str(topic.error.str()).removeprefix("Broker: ")
            raise ClientError(f"{self._where}: topic {self._topic}: {text}", "server")
        return sorted(topic.partitions)

    def _assign(self, consumer: Any, partitions: list[int], *, known: bool, given_up: threading.Event) -> None:
        """Assigns partitions; those that did not exist yet are read from their beginning."""
        kafka = library()
        places = []
        for partition in partitions:
            if partition in self._assigned or given_up.is_set():
                continue
            place = kafka.TopicPartition(self._topic, partition, kafka.OFFSET_BEGINNING)
            if known and self._position != "beginning":
                _, place.offset = consumer.get_watermark_offsets(place, timeout=METADATA_SECONDS, cached=False)
            places.append(place)
            self._assigned.add(partition)
        if places:
            consumer.incremental_assign(places)

    def _receive(self, consumer: Any) -> None:
        kafka = library()
        look_again = 0.0
        try:
            while not self._stop.is_set():
                if time.monotonic() >= look_again or self._hurry.is_set():
                    asked = self._hurry.is_set()
                    if self._look(consumer, leaders=asked) and asked:
                        self._hurry.clear()
                        self._tell(lambda looked: looked.set(), self._looked)
                    pause = NEW_PARTITION_SECONDS if self._assigned else NEW_TOPIC_SECONDS
                    look_again = time.monotonic() + pause
                self._arrived(consumer.poll(POLL_SECONDS))
        except kafka.KafkaException as error:
            text = f"{self._where}: topic {self._topic}: {error.args[0].str()}"
            self._tell(self._inbox.fail, ClientError(text, kind(error.args[0])))
        except ClientError as error:
            self._tell(self._inbox.fail, error)
        finally:
            consumer.close()

    def _look(self, consumer: Any, *, leaders: bool) -> bool:
        """Takes partitions that came since; a broker that is away for a moment is asked again.

        Args:
            consumer: librdkafka's.
            leaders: ask who leads each partition too: any broker knows the topics, only that one has the messages.

        Returns:
            Whether there is nothing new, and everyone who was asked has answered.
        """
        kafka = library()
        try:
            found = consumer.list_topics(self._topic, timeout=1)
        except kafka.KafkaException:
            return False
        known = set(self._assigned)
        self._assign(consumer, self._partitions(found), known=False, given_up=self._stop)
        try:
            for partition in sorted(known) if leaders else ():
                consumer.get_watermark_offsets(kafka.TopicPartition(self._topic, partition), LEADER_SECONDS)
        except kafka.KafkaException:
            return False
        return known == self._assigned

    def _arrived(self, found: Any) -> None:
        if self._problems.refused is not None:
            raise self._problems.refused
        if self._problems.down is not None:
            problem, self._problems.down = self._problems.down, None
            self._tell(self._inbox.interrupt, problem)
        if found is None:
            return
        if found.error() is None:
            self._tell(self._keep, found)
        elif not found.error().retriable() and kind(found.error()) == "server":
            raise library().KafkaException(found.error())

    def _keep(self, found: Any) -> None:
        self._inbox.resume()
        if self._bytes_too:
            self._payloads.append((found.value(), found.key()))
        self._inbox.put(shown(found), len(found.value() or b""))

    def _tell(self, what: Callable[[Any], None], value: object) -> None:
        with contextlib.suppress(RuntimeError):
            self._loop.call_soon_threadsafe(what, value)


def shown(found: Any) -> dict[str, object]:
    """A message as flows see it.

    Args:
        found: librdkafka's.
    """
    headers: dict[str, str] = {}
    for name, value in found.headers() or []:
        text = readable(value) or ""
        headers[name] = f"{headers[name]}, {text}" if name in headers else text
    known, milliseconds = found.timestamp()
    stamp = None
    if known:
        stamp = datetime.fromtimestamp(milliseconds / 1000, UTC).isoformat(timespec="milliseconds")
        stamp = stamp.replace("+00:00", "Z")
    place = (found.partition(), found.offset(), stamp)
    return message(found.value(), key=readable(found.key()), headers=headers, topic=found.topic(), place=place)
