"""What a flow reads from MQTT: topics as they are published from the start of the flow on."""

from __future__ import annotations

from dataclasses import dataclass, replace

from flows.clients import mqtt_packets as wire
from flows.clients.inbox import InboxLog
from flows.clients.messages import message, readable
from flows.clients.mqtt import MqttConnection
from flows.clients.servers import Server


@dataclass(frozen=True, slots=True)
class Wanted:
    """What a subscribing step reads.

    Args:
        topic: filter, wildcards included.
        qos: at most.
        retained: also what the server kept from before.
        level: protocol level; 0 = the newest the server speaks.
    """

    topic: str
    qos: int = 1
    retained: bool = False
    level: int = 0


class TopicLog(InboxLog[MqttConnection]):
    """Everything published to a topic filter since the subscription; MQTT keeps at most one message per topic.

    Args:
        where: the server.
        wanted: what to read.
    """

    def __init__(self, where: Server, wanted: Wanted) -> None:
        self._wanted = wanted
        super().__init__(f"{where}: topic {wanted.topic}", MqttConnection(where, wanted.level, self._take, self._lost))

    async def _start(self) -> None:
        await self._connection.open()
        await self._connection.subscribe(self._wanted.topic, self._wanted.qos, retained=self._wanted.retained)

    async def alive(self) -> None:
        """Waits until the server has answered."""
        await self._connection.ping()

    def _take(self, found: wire.Message) -> None:
        if not found.retain or self._wanted.retained:
            self._inbox.put(shown(found), len(found.payload))


def shown(found: wire.Message) -> dict[str, object]:
    """A message as flows see it; user properties are its headers.

    Args:
        found: as delivered.
    """
    seen = message(found.payload, headers=dict(found.properties.user), topic=found.topic)
    properties = {
        name: readable(value) if isinstance(value, bytes) else value
        for name, value in found.properties.named.items()
        if name not in ("subscription_identifier", "topic_alias")
    }
    return {**seen, "qos": found.qos, "retained": found.retain, "properties": properties}


def with_header(found: wire.Message, name: str, value: str) -> wire.Message:
    """The message with a user property more, unless it has that one already.

    Args:
        found: the message.
        name: of the property.
        value: its text.
    """
    if any(known.lower() == name for known, _ in found.properties.user):
        return found
    return found._replace(properties=replace(found.properties, user=(*found.properties.user, (name, value))))
