"""Channels of event descriptions with the payloads they carry, in both versions of AsyncAPI."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from graph.facts import SourceFile
from graph.values import ANYTHING, Fact, Location, Shape
from scanners.idioms import avro
from scanners.idioms.json_schema import Document
from scanners.idioms.openapi import line_of, problem
from testmesh.guard.yaml import MapNode

HEAD = re.compile(rb"""(?m)^[ \t]*+\{?[ \t]*+["']?asyncapi["']?\s*+:\s*["']?[123]\.""")
_BROKERS = {
    "amqp": "rabbitmq",
    "amqps": "rabbitmq",
    "amqp1": "rabbitmq",
    "kafka-secure": "kafka",
    "secure-mqtt": "mqtt",
    "mqtt5": "mqtt",
    "wss": "websocket",
    "ws": "websocket",
    "rediss": "redis",
    "https": "http",
    "googlepubsub": "pubsub",
    "stomps": "stomp",
}
_MOST = 2_000


def channels(source: SourceFile, root: MapNode, document: Document) -> Iterator[Fact]:
    """What the described application publishes and subscribes to.

    Args:
        source: the file.
        root: its document, for lines.
        document: the same, for references.
    """
    reading = _Reading(source, root, document)
    listed = document.root.get("channels")
    if listed is not None and not isinstance(listed, Mapping):
        line = line_of(root, ("channels",))
        yield problem(source, line, ("spec/invalid", "'channels' is no mapping of channels by name"))
    third = str(document.root.get("asyncapi", "")).startswith("3")
    for number, fact in enumerate(reading.third() if third else reading.second()):
        if number == _MOST:
            yield problem(source, 1, ("spec/too-many", f"more than {_MOST:,} operations; the rest is not read"))
            return
        yield fact


@dataclass(frozen=True, slots=True)
class _Reading:
    source: SourceFile
    root: MapNode
    document: Document

    def second(self) -> Iterator[Fact]:
        """Version 2 says what others may do: they publish what this application receives."""
        for name, item in self.document.resolve(self.document.root.get("channels")).items():
            channel = self.document.resolve(item)
            for key, op in (("publish", "subscribe"), ("subscribe", "publish")):
                operation = self.document.resolve(channel.get(key))
                if operation:
                    shape = self._message(operation.get("message"))
                    about = (str(name), channel, operation)
                    yield self._fact(about, (op, shape), ("channels", str(name), key))

    def third(self) -> Iterator[Fact]:
        """Version 3 says what the application does."""
        for name, item in self.document.resolve(self.document.root.get("operations")).items():
            operation = self.document.resolve(item)
            op = {"send": "publish", "receive": "subscribe"}.get(str(operation.get("action")), "")
            reference = operation.get("channel")
            channel = self.document.resolve(reference)
            if not op or not channel:
                continue
            chosen = operation.get("messages")
            messages = self.document.resolve(channel.get("messages"))
            listed = chosen if isinstance(chosen, list) and chosen else list(messages.values())
            address = channel.get("address")
            spoken = address if isinstance(address, str) else _last(reference)
            about = (spoken, channel, {"operationId": str(name), **operation})
            yield self._fact(about, (op, self._messages(listed)), ("operations", str(name)))
            reply = self.document.resolve(operation.get("reply"))
            answer = self.document.resolve(reply.get("channel"))
            if answer and isinstance(answer.get("address"), str):
                chosen = reply.get("messages")
                every = list(self.document.resolve(answer.get("messages")).values())
                answered = chosen if isinstance(chosen, list) and chosen else every
                back = "subscribe" if op == "publish" else "publish"
                about = (str(answer["address"]), answer, {"operationId": f"{name}.reply"})
                yield self._fact(about, (back, self._messages(answered)), ("operations", str(name), "reply"))

    def _fact(
        self,
        about: tuple[str, Mapping[str, object], Mapping[str, object]],
        what: tuple[str, Shape],
        path: tuple[str, ...],
    ) -> Fact:
        name, channel, operation = about
        op, shape = what
        bindings = {**self.document.resolve(channel.get("bindings")), **self._traits(operation)}
        topic, exchange = self._named(name, bindings)
        pointer = "#/" + "/".join(p.replace("~", "~0").replace("/", "~1") for p in path)
        fields: dict[str, object] = {
            "broker": self._broker(channel, bindings),
            "topic": topic,
            "op": op,
            "pointer": pointer,
            "operation_id": str(operation.get("operationId", "")),
        }
        fields |= {"shape": shape} if shape != ANYTHING else {}
        fields |= {"exchange": exchange} if exchange else {}
        return Fact("channel", fields, Location(self.source.path, line_of(self.root, path)))

    def _traits(self, operation: Mapping[str, object]) -> Mapping[str, object]:
        return self.document.resolve(operation.get("bindings"))

    def _broker(self, channel: Mapping[str, object], bindings: Mapping[str, object]) -> str:
        """What the bindings say, else the one protocol of the channel's servers."""
        spoken = [str(b).lower() for b in bindings if not str(b).startswith("x-")]
        if len(spoken) != 1:
            servers = self.document.resolve(self.document.root.get("servers"))
            chosen = channel.get("servers")
            listed: list[object] = list(servers.values())
            if isinstance(chosen, list) and chosen:
                listed = [servers.get(c) if isinstance(c, str) else c for c in chosen]
            found = {str(self.document.resolve(s).get("protocol", "")).lower() for s in listed}
            spoken = [f for f in found if f]
        return _BROKERS.get(spoken[0], spoken[0]) if len(spoken) == 1 else ""

    def _named(self, name: str, bindings: Mapping[str, object]) -> tuple[str, str]:
        """Topic and exchange: bindings may give the broker's own names."""
        kafka = self.document.resolve(bindings.get("kafka"))
        if isinstance(kafka.get("topic"), str):
            return str(kafka["topic"]), ""
        amqp = self.document.resolve(bindings.get("amqp"))
        queue, exchange = (self.document.resolve(amqp.get(k)).get("name") for k in ("queue", "exchange"))
        if amqp.get("is") == "queue" and isinstance(queue, str) and queue:
            return queue, ""
        for key in ("sns", "sqs", "jms", "ibmmq", "solace"):
            given = self.document.resolve(bindings.get(key))
            inner = self.document.resolve(given.get("queue")).get("name") or given.get("name")
            if isinstance(inner, str) and inner:
                return inner, ""
        return name, exchange if isinstance(exchange, str) else ""

    def _messages(self, listed: list[object]) -> Shape:
        return self._message({"oneOf": listed}) if len(listed) != 1 else self._message(listed[0])

    def _message(self, node: object) -> Shape:
        message = self.document.resolve(node)
        choices = message.get("oneOf")
        if isinstance(choices, list):
            shapes = [self._message(c) for c in choices[:50]]
            return self.document.either(shapes) if len(shapes) > 1 else shapes[0] if shapes else ANYTHING
        payload = message.get("payload")
        resolved = self.document.resolve(payload)
        form = str(resolved.get("schemaFormat") or message.get("schemaFormat") or "")
        schema = resolved.get("schema") if "schemaFormat" in resolved else payload
        if "avro" in form or self.document.resolve(schema).get("type") == "record":
            return avro.shape(self.document.resolve(schema))
        return self.document.shape(schema)


def _last(reference: object) -> str:
    pointer = reference.get("$ref") if isinstance(reference, Mapping) else None
    return pointer.rpartition("/")[2].replace("~1", "/") if isinstance(pointer, str) else ""
