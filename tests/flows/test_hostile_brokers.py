"""Brokers that say too much: every answer that would eat the machine, or never end, is an error that names them."""

from __future__ import annotations

import socket
from pathlib import Path

import pytest

from tests.conformance.actions import flow_of
from tests.flows.support import raw_server, run_text, step

_START = bytes.fromhex("0100000000000f000a000a0009000000000000000000ce")
CASES = {
    "redis: an endless list": ("redis", "url: 'redis://{}', key: k", [b"*1000000000\r\n"]),
    "redis: a text of 100 GB": ("redis", "url: 'redis://{}', key: k", [b"$100000000000\r\n"]),
    "redis: lists in lists": ("redis", "url: 'redis://{}', key: k", [b"*1\r\n" * 2000]),
    "redis: a line that does not end": ("redis", "url: 'redis://{}', key: k", [b"+" + b"x" * 200_000]),
    "redis: pushes that are no messages": (
        "redis_subscribe",
        "url: 'redis://{}', channel: c",
        [b"*1\r\n:1\r\n", b"?\r\n"],
    ),
    "nats: a message of 1 GB": (
        "nats_subscribe",
        "url: 'nats://{}', subject: s",
        [b'INFO {"headers": true}\r\n', b"PONG\r\n", b"MSG s 1 1000000000\r\n"],
    ),
    "nats: a negative size": (
        "nats_subscribe",
        "url: 'nats://{}', subject: s",
        [b"INFO {}\r\n", b"PONG\r\n", b"HMSG s 1 -5 -9\r\n"],
    ),
    "nats: INFO that is no JSON": ("nats_publish", "url: 'nats://{}', subject: s, value: v", [b"INFO {{{{\r\n"]),
    "nats: a line that does not end": (
        "nats_publish",
        "url: 'nats://{}', subject: s, value: v",
        [b"INFO " + b"x" * 200_000],
    ),
    "mqtt: a packet of 256 MB": (
        "mqtt_subscribe",
        "url: 'mqtt://{}', topic: t",
        [b"\x20\x03\x00\x00\x00", b"\x30\xff\xff\xff\x7f"],
    ),
    "mqtt: a length without end": (
        "mqtt_publish",
        "url: 'mqtt://{}', topic: t, value: v",
        [b"\x20\xff\xff\xff\xff\xff"],
    ),
    "mqtt: an unknown property": (
        "mqtt_publish",
        "url: 'mqtt://{}', topic: t, value: v",
        [b"\x20\x05\x00\x00\x02\x77\x01"],
    ),
    "rabbitmq: a frame of 4 GB": (
        "rabbitmq_publish",
        "url: 'amqp://{}', queue: q, value: v",
        [b"\x01\x00\x00\xff\xff\xff\xff"],
    ),
    "rabbitmq: a method nobody knows": (
        "rabbitmq_publish",
        "url: 'amqp://{}', queue: q, value: v",
        [b"\x01\x00\x00\x00\x00\x00\x04\x7f\xff\x7f\xff\xce"],
    ),
    "rabbitmq: a table cut off": ("rabbitmq_consume", "url: 'amqp://{}', exchange: e", [_START]),
}


@pytest.mark.parametrize("name", sorted(CASES))
def test_what_a_broker_may_not_say_is_its_error(tmp_path: Path, name: str) -> None:
    action, config, answers = CASES[name]

    def says(connection: socket.socket) -> None:
        connection.settimeout(2)
        try:
            for answer in answers:
                connection.sendall(answer)
            while connection.recv(65536):
                continue
        except OSError:
            return

    with raw_server(says) as port:
        config = config.format(f"127.0.0.1:{port}")
        run = run_text(tmp_path, flow_of(f"{{id: a, action: {action}, timeout: 1s, config: {{{config}}}}}"))
    found = step(run, "a")
    assert found.exchanges[0].error_type in ("connection", "server", "timeout"), found.message
    assert found.verdict in ("error", "failed")
    if found.verdict == "error":
        assert f"127.0.0.1:{port}" in found.message
