"""MongoDB servers that answer garbage over the wire protocol as MongoDB publishes it (OP_QUERY, OP_REPLY, OP_MSG)."""

from __future__ import annotations

import contextlib
import itertools
import socket
import struct
import threading
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest

from tests.conformance.actions import flow_of
from tests.flows.support import run_text, step

Document = Mapping[str, Any]
HELLO = {
    "helloOk": True,
    "isWritablePrimary": True,
    "ismaster": True,
    "maxBsonObjectSize": 16777216,
    "maxMessageSizeBytes": 48000000,
    "maxWriteBatchSize": 100000,
    "minWireVersion": 0,
    "maxWireVersion": 17,
    "readOnly": False,
    "ok": 1.0,
}


def _exactly(connection: socket.socket, size: int) -> bytes:
    data = b""
    while len(data) < size:
        piece = connection.recv(size - len(data))
        if not piece:
            raise OSError("closed")
        data += piece
    return data


def _messages(connection: socket.socket) -> Iterator[tuple[int, int, bytes]]:
    """Request id, opcode and body of each message (MongoDB wire protocol, standard message header)."""
    while True:
        length, request, _, opcode = struct.unpack("<iiii", _exactly(connection, 16))
        yield request, opcode, _exactly(connection, length - 16)


def _reply(request: int, opcode: int, body: bytes) -> bytes:
    """An OP_REPLY to an OP_QUERY, an OP_MSG (one section of kind 0) to an OP_MSG."""
    if opcode == 2004:
        head = struct.pack("<iqii", 8, 0, 0, 1)
        return struct.pack("<iiii", 16 + len(head) + len(body), 1, request, 1) + head + body
    return struct.pack("<iiii", 16 + 5 + len(body), 1, request, 2013) + struct.pack("<iB", 0, 0) + body


@contextlib.contextmanager
def served(answer: Callable[[str, Document], Document | bytes]) -> Iterator[int]:
    """A server that answers `hello` as it should and everything else as told."""
    import bson

    def talk(connection: socket.socket) -> None:
        with contextlib.suppress(OSError, struct.error), connection:
            for request, opcode, body in _messages(connection):
                start = body.index(b"\0", 4) + 9 if opcode == 2004 else 5
                size = struct.unpack("<i", body[start : start + 4])[0]
                command = bson.decode(body[start : start + size])
                name = next(iter(command))
                found = HELLO if name in ("hello", "isMaster", "ismaster") else answer(name, command)
                raw = found if isinstance(found, bytes) else bson.encode(found)
                connection.sendall(_reply(request, opcode, raw))

    listener = socket.create_server(("127.0.0.1", 0))

    def accept() -> None:
        with contextlib.suppress(OSError):
            while True:
                threading.Thread(target=talk, args=(listener.accept()[0],), daemon=True).start()

    thread = threading.Thread(target=accept, daemon=True)
    thread.start()
    try:
        yield listener.getsockname()[1]
    finally:
        listener.shutdown(socket.SHUT_RDWR)
        listener.close()
        thread.join()


def _batch(name: str, documents: list[Document], cursor: int = 0) -> Document:
    return {"ok": 1.0, "cursor": {"id": cursor, "ns": "d.c", name: documents}}


def _endless(name: str, command: Document) -> Document:
    return _batch("nextBatch" if name == "getMore" else "firstBatch", [{"n": 1}] * 500, 7)


def _heavy(name: str, command: Document) -> Document:
    return _batch("nextBatch" if name == "getMore" else "firstBatch", [{"n": "x" * 9_000_000}], 7)


def _nested(name: str, command: Document) -> Document:
    inner: Document = {}
    for _ in range(150):
        inner = {"a": inner}
    return _batch("firstBatch", [inner])


EVIL: dict[str, tuple[Callable[[str, Document], Document | bytes], str]] = {
    "no batch": (lambda name, command: {"ok": 1.0, "cursor": {"id": 0}}, "the driver cannot read the answer"),
    "cursor of text": (lambda name, command: {"ok": 1.0, "cursor": "x"}, ""),
    "empty": (lambda name, command: {}, ""),
    "garbage": (lambda name, command: b"\x0a\x00\x00\x00garbag", ""),
    "error": (lambda name, command: {"ok": 0.0, "errmsg": "go away", "code": 13}, "go away"),
    "endless": (_endless, "more than 10000 documents"),
    "heavy": (_heavy, "more than 32 MiB"),
    "nested": (_nested, "nested deeper than 100 levels"),
}


@pytest.mark.parametrize("operation", ["find", "aggregate"])
@pytest.mark.parametrize("name", sorted(EVIL))
def test_an_answer_that_makes_no_sense_is_an_error_of_the_server(tmp_path: Path, name: str, operation: str) -> None:
    answer, told = EVIL[name]
    with served(answer) as port:
        run = run_text(
            tmp_path,
            flow_of(
                f"{{id: a, action: mongodb, timeout: 20s, wait: none, config: {{operation: {operation}, collection: c,"
                f" {'pipeline: [], ' if operation == 'aggregate' else ''}"
                f'url: "mongodb://127.0.0.1:{port}/d"}}, assert: [count == 1]}}'
            ),
        )
    found = step(run, "a")
    assert found.verdict == "error", found.message
    assert found.exchanges[0].error_type in ("server", "connection"), found.message
    assert told in found.message
    assert f"127.0.0.1:{port}" in found.message


def test_bytes_that_are_no_message_are_an_error_of_the_server(tmp_path: Path) -> None:
    import bson

    sizes = itertools.cycle([b"\xff\xff\xff\x7f", b"\x00\x00\x00\x80", b"\x04\x00\x00\x00"])

    def answer(name: str, command: Document) -> bytes:
        return next(sizes) + bson.encode({"a": 1})[4:]

    with served(answer) as port:
        url = f"mongodb://127.0.0.1:{port}/d"
        steps = [
            f"{{id: s{n}, action: mongodb.count, on_error: continue, config: {{collection: c, url: '{url}'}},"
            " assert: [count == 1]}"
            for n in range(3)
        ]
        run = run_text(tmp_path, flow_of(*steps))
    kinds = {found.exchanges[0].error_type for found in run.flows[0].steps}
    assert kinds <= {"server", "connection"}, [found.message for found in run.flows[0].steps]
