"""MQTT 3.1.1 and 5 on the wire (OASIS standards): packets as bytes and back, without any I/O."""

from __future__ import annotations

import struct
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import NamedTuple

CONNECT, CONNACK, PUBLISH, PUBACK, PUBREC, PUBREL, PUBCOMP = 1, 2, 3, 4, 5, 6, 7
SUBSCRIBE, SUBACK, PINGREQ, PINGRESP, DISCONNECT = 8, 9, 12, 13, 14
MAX_PACKET = 64 * 1024 * 1024
LEVELS = {"3.1.1": 4, "5": 5}
_LIMIT_PROPERTY = b"\x27" + struct.pack("!I", MAX_PACKET)
BYTE, SHORT, LONG, VARIABLE, TEXT, BINARY, PAIR = "byte", "short", "long", "variable", "text", "binary", "pair"
USER_PROPERTY = 0x26
PROPERTIES: Mapping[int, tuple[str, str]] = {
    0x01: (BYTE, "payload_format"),
    0x02: (LONG, "message_expiry"),
    0x03: (TEXT, "content_type"),
    0x08: (TEXT, "response_topic"),
    0x09: (BINARY, "correlation_data"),
    0x0B: (VARIABLE, "subscription_identifier"),
    0x11: (LONG, "session_expiry"),
    0x12: (TEXT, "assigned_client_identifier"),
    0x13: (SHORT, "server_keep_alive"),
    0x15: (TEXT, "authentication_method"),
    0x16: (BINARY, "authentication_data"),
    0x1A: (TEXT, "response_information"),
    0x1C: (TEXT, "server_reference"),
    0x1F: (TEXT, "reason"),
    0x21: (SHORT, "receive_maximum"),
    0x22: (SHORT, "topic_alias_maximum"),
    0x23: (SHORT, "topic_alias"),
    0x24: (BYTE, "maximum_qos"),
    0x25: (BYTE, "retain_available"),
    USER_PROPERTY: (PAIR, "user"),
    0x27: (LONG, "maximum_packet_size"),
    0x28: (BYTE, "wildcards_available"),
    0x29: (BYTE, "subscription_identifiers_available"),
    0x2A: (BYTE, "shared_subscriptions_available"),
}
_NUMBERS = {name: number for number, (_, name) in PROPERTIES.items()}
REASONS: Mapping[int, str] = {
    0x80: "unspecified error",
    0x81: "malformed packet",
    0x82: "protocol error",
    0x83: "implementation specific error",
    0x84: "unsupported protocol version",
    0x85: "client identifier not valid",
    0x86: "the login was refused (bad user name or password)",
    0x87: "not authorized",
    0x88: "server unavailable",
    0x89: "server busy",
    0x8A: "banned",
    0x8B: "server shutting down",
    0x8D: "keep alive timeout",
    0x8E: "session taken over",
    0x8F: "topic filter invalid",
    0x90: "topic name invalid",
    0x93: "receive maximum exceeded",
    0x95: "packet too large",
    0x96: "message rate too high",
    0x97: "quota exceeded",
    0x99: "payload format invalid",
    0x9A: "retain not supported",
    0x9B: "QoS not supported",
    0x9C: "use another server",
    0x9D: "server moved",
    0x9E: "shared subscriptions not supported",
    0x9F: "connection rate exceeded",
    0xA1: "subscription identifiers not supported",
    0xA2: "wildcard subscriptions not supported",
}
OLD_REASONS: Mapping[int, str] = {
    1: "unsupported protocol version",
    2: "client identifier not valid",
    3: "server unavailable",
    4: "the login was refused (bad user name or password)",
    5: "not authorized",
}


@dataclass(frozen=True, slots=True)
class Properties:
    """Properties of an MQTT 5 packet.

    Args:
        named: number or text by name.
        user: pairs in order.
    """

    named: Mapping[str, int | str | bytes] = field(default_factory=dict)
    user: tuple[tuple[str, str], ...] = ()


class Message(NamedTuple):
    """A published message.

    Args:
        topic: its name.
        payload: bytes.
        qos: 0, 1 or 2.
        retain: kept by the server; of a received one: it was kept from before the subscription.
        properties: MQTT 5.
        identifier: of the packet, 0 with QoS 0.
    """

    topic: str
    payload: bytes
    qos: int = 1
    retain: bool = False
    properties: Properties = Properties()
    identifier: int = 0


class Login(NamedTuple):
    """What CONNECT says.

    Args:
        client: identifier.
        username: empty = none.
        password: empty = none.
        keep_alive: seconds.
    """

    client: str
    username: str = ""
    password: str = ""
    keep_alive: int = 30


def variable(number: int) -> bytes:
    """A variable byte integer.

    Args:
        number: below 268,435,456.
    """
    found = bytearray()
    while True:
        number, low = divmod(number, 128)
        found.append(low | (0x80 if number else 0))
        if not number:
            return bytes(found)


def packet(kind: int, flags: int, body: bytes) -> bytes:
    """A packet with its fixed header.

    Args:
        kind: packet type.
        flags: lower four bits of the first byte.
        body: everything after the fixed header.
    """
    return bytes([kind << 4 | flags]) + variable(len(body)) + body


def _text(value: str) -> bytes:
    data = value.encode()
    if len(data) > 65535:
        raise ValueError(f"a text of {len(data)} bytes is longer than MQTT takes (65535)")
    return struct.pack("!H", len(data)) + data


def _properties(given: Properties) -> bytes:
    found = bytearray()
    for name, value in given.named.items():
        number = _NUMBERS[name]
        kind = PROPERTIES[number][0]
        found.append(number)
        if isinstance(value, int):
            found += struct.pack({BYTE: "!B", SHORT: "!H"}.get(kind, "!I"), value)
        elif isinstance(value, bytes):
            found += struct.pack("!H", len(value)) + value
        else:
            found += _text(value)
    for name, value in given.user:
        found += bytes([USER_PROPERTY]) + _text(name) + _text(value)
    return variable(len(found)) + bytes(found)


def connect(level: int, login: Login) -> bytes:
    """CONNECT with a clean session.

    Args:
        level: 4 = 3.1.1, 5.
        login: who.
    """
    flags = 0x02 | (0x80 if login.username else 0) | (0x40 if login.password else 0)
    body = _text("MQTT") + bytes([level, flags]) + struct.pack("!H", login.keep_alive)
    if level >= 5:
        body += variable(len(_LIMIT_PROPERTY)) + _LIMIT_PROPERTY
    body += _text(login.client)
    body += _text(login.username) if login.username else b""
    body += _text(login.password) if login.password else b""
    return packet(CONNECT, 0, body)


def publish(level: int, message: Message) -> bytes:
    """PUBLISH.

    Args:
        level: 4 or 5.
        message: with its identifier unless QoS 0.
    """
    body = _text(message.topic)
    body += struct.pack("!H", message.identifier) if message.qos else b""
    body += _properties(message.properties) if level >= 5 else b""
    return packet(PUBLISH, message.qos << 1 | int(message.retain), body + message.payload)


def acknowledge(kind: int, identifier: int) -> bytes:
    """PUBACK, PUBREC, PUBREL or PUBCOMP: success.

    Args:
        kind: packet type.
        identifier: of the PUBLISH.
    """
    return packet(kind, 2 if kind == PUBREL else 0, struct.pack("!H", identifier))


def subscribe(level: int, identifier: int, wanted: str, qos: int, *, retained: bool) -> bytes:
    """SUBSCRIBE to one topic filter.

    Args:
        level: 4 or 5.
        identifier: of the packet.
        wanted: topic filter.
        qos: at most.
        retained: also what the server keeps from before (MQTT 5; 3.1.1 always sends it).
    """
    options = qos | (0 if retained or level < 5 else 0x20)
    body = struct.pack("!H", identifier) + (b"\x00" if level >= 5 else b"") + _text(wanted) + bytes([options])
    return packet(SUBSCRIBE, 2, body)


def named_properties(given: Iterable[tuple[str, object]]) -> Mapping[str, int | str | bytes]:
    """Properties of a PUBLISH from a step's settings; only those that MQTT 5 knows there.

    Args:
        given: name and value.

    Raises:
        ValueError: an unknown name or a value of the wrong type.
    """
    known = {"payload_format", "message_expiry", "content_type", "response_topic", "correlation_data"}
    found: dict[str, int | str | bytes] = {}
    for name, value in given:
        if name not in known:
            raise ValueError(f"no property of a message: '{name}' ({', '.join(sorted(known))})")
        number = PROPERTIES[_NUMBERS[name]][0] in (BYTE, LONG)
        if number is not (isinstance(value, int) and not isinstance(value, bool)):
            raise ValueError(f"property {name} is a {'number' if number else 'text'}")
        if isinstance(value, int):
            found[name] = value
        else:
            found[name] = str(value).encode() if name == "correlation_data" else str(value)
    return found
