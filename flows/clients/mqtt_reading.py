"""What an MQTT server says, read from the bodies of its packets (3.1.1 and 5)."""

from __future__ import annotations

import struct
from collections.abc import Mapping
from typing import NamedTuple

from flows.clients.mqtt_packets import (
    BINARY,
    BYTE,
    LONG,
    OLD_REASONS,
    PAIR,
    PROPERTIES,
    REASONS,
    SHORT,
    TEXT,
    VARIABLE,
    Message,
    Properties,
)


class Malformed(ValueError):
    """The bytes are not MQTT."""


class _Bytes:
    """Takes values off the front of a packet's body."""

    def __init__(self, data: bytes) -> None:
        self._data = data
        self._at = 0

    def take(self, count: int) -> bytes:
        """That many bytes."""
        found = self._data[self._at : self._at + count]
        if len(found) != count:
            raise Malformed("a packet ends too early")
        self._at += count
        return found

    def number(self, kind: str) -> int:
        """A number of that kind."""
        if kind == VARIABLE:
            return self._variable()
        form = {BYTE: "!B", SHORT: "!H", LONG: "!I"}[kind]
        return int(struct.unpack(form, self.take(struct.calcsize(form)))[0])

    def _variable(self) -> int:
        found = shift = 0
        while True:
            byte = self.number(BYTE)
            found |= (byte & 0x7F) << shift
            shift += 7
            if not byte & 0x80:
                return found
            if shift > 21:
                raise Malformed("a length of more than four bytes")

    def binary(self) -> bytes:
        """Bytes with their length in front."""
        return self.take(self.number(SHORT))

    def text(self) -> str:
        """UTF-8 with its length in front."""
        try:
            return self.binary().decode()
        except UnicodeDecodeError as error:
            raise Malformed("a text is not UTF-8") from error

    def properties(self) -> Properties:
        """MQTT 5 properties."""
        end = self._variable() + self._at
        named: dict[str, int | str | bytes] = {}
        user: list[tuple[str, str]] = []
        while self._at < end:
            kind, name = PROPERTIES.get(self.number(BYTE), ("", ""))
            if not kind:
                raise Malformed("an unknown property")
            if kind == PAIR:
                user.append((self.text(), self.text()))
            elif kind == TEXT:
                named[name] = self.text()
            else:
                named[name] = self.binary() if kind == BINARY else self.number(kind)
        return Properties(named, tuple(user))

    @property
    def rest(self) -> bytes:
        """Everything left."""
        return self._data[self._at :]


class Acknowledged(NamedTuple):
    """What the server says about something we sent.

    Args:
        identifier: of the packet it answers; 0 for CONNACK and DISCONNECT.
        problem: empty when it consents.
        code: as sent.
        properties: MQTT 5.
    """

    identifier: int
    problem: str
    code: int = 0
    properties: Properties = Properties()


def connack(body: bytes) -> Acknowledged:
    """The answer to CONNECT, of either version.

    Args:
        body: after the fixed header.
    """
    data = _Bytes(body)
    data.number(BYTE)
    code = data.number(BYTE)
    properties = data.properties() if data.rest else Properties()
    return Acknowledged(0, _problem(code, properties, {**REASONS, **OLD_REASONS}), code, properties)


def acknowledged(body: bytes) -> Acknowledged:
    """PUBACK, PUBREC, PUBREL, PUBCOMP.

    Args:
        body: after the fixed header.
    """
    data = _Bytes(body)
    identifier = data.number(SHORT)
    code = data.number(BYTE) if data.rest else 0
    properties = data.properties() if data.rest else Properties()
    return Acknowledged(identifier, _problem(code, properties, REASONS), code, properties)


def suback(level: int, body: bytes) -> Acknowledged:
    """The answer to a SUBSCRIBE with one filter.

    Args:
        level: 4 or 5.
        body: after the fixed header.
    """
    data = _Bytes(body)
    identifier = data.number(SHORT)
    properties = data.properties() if level >= 5 else Properties()
    code = data.number(BYTE)
    reasons = REASONS if level >= 5 else {0x80: "the subscription was refused"}
    return Acknowledged(identifier, _problem(code, properties, reasons), code, properties)


def disconnected(body: bytes) -> Acknowledged:
    """Why an MQTT 5 server ends the connection.

    Args:
        body: after the fixed header.
    """
    data = _Bytes(body)
    code = data.number(BYTE) if data.rest else 0
    properties = data.properties() if data.rest else Properties()
    return Acknowledged(0, _problem(code, properties, REASONS) or "closed by the server", code, properties)


def published(level: int, flags: int, body: bytes) -> Message:
    """A PUBLISH packet.

    Args:
        level: 4 or 5.
        flags: of the fixed header.
        body: after it.
    """
    data = _Bytes(body)
    qos = flags >> 1 & 3
    topic = data.text()
    identifier = data.number(SHORT) if qos else 0
    properties = data.properties() if level >= 5 else Properties()
    return Message(topic, data.rest, qos, bool(flags & 1), properties, identifier)


def _problem(code: int, properties: Properties, reasons: Mapping[int, str]) -> str:
    text = reasons.get(code, f"code {code}" if code >= 0x80 else "")
    said = properties.named.get("reason")
    return f"{text} ({said})" if text and isinstance(said, str) and said else text
