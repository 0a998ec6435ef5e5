"""An HTTP/2 server that misbehaves on purpose, frame by frame, on the h2 library."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from h2.config import H2Configuration
from h2.connection import H2Connection
from h2.events import DataReceived, RequestReceived, StreamEnded, StreamReset
from h2.settings import Settings

from tests.servers.web import tcp_server

GOAWAY = b"\x00\x00\x08\x07\x00\x00\x00\x00\x00"


def goaway(last: int, code: int = 0) -> bytes:
    """A GOAWAY frame; the server goes on with streams up to `last`."""
    return GOAWAY + last.to_bytes(4, "big") + code.to_bytes(4, "big")


@dataclass
class Session:
    """One connection.

    Args:
        number: 0-based, in order of connecting.
        h2: its state.
        writer: of the socket.
        asked: headers of each request by stream.
        given_up: streams that the client reset.
    """

    number: int
    h2: H2Connection
    writer: asyncio.StreamWriter
    asked: dict[int, dict[str, str]] = field(default_factory=dict)
    given_up: list[int] = field(default_factory=list)

    def answer(self, stream: int, body: bytes = b"{}", *headers: tuple[str, str]) -> None:
        """A complete answer."""
        self.h2.send_headers(stream, [(":status", "200"), ("content-type", "application/json"), *headers])
        self.h2.send_data(stream, body, end_stream=True)
        self.flush()

    def flush(self) -> None:
        """Sends what is waiting."""
        self.writer.write(self.h2.data_to_send())


OnRequest = Callable[[Session, int], Any]


@contextmanager
def http2_server(on_request: OnRequest, settings: dict[Any, int] | None = None, context: Any = None) -> Iterator[int]:
    """Serves HTTP/2 by prior knowledge (with a context over TLS); gives its port.

    Args:
        on_request: called with the session and the stream when a request is complete.
        settings: sent with the preface.
        context: `ssl.SSLContext` or None.
    """
    count = 0

    async def handle(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal count
        h2 = H2Connection(H2Configuration(client_side=False, header_encoding="utf-8"))
        session = Session(count, h2, writer)
        count += 1
        h2.local_settings = Settings(client=False, initial_values=settings or {})
        h2.initiate_connection()
        session.flush()
        while data := await reader.read(65536):
            for event in h2.receive_data(data):
                if isinstance(event, RequestReceived):
                    session.asked[event.stream_id] = {str(name): str(value) for name, value in event.headers}
                elif isinstance(event, StreamEnded):
                    on_request(session, event.stream_id)
                elif isinstance(event, StreamReset):
                    session.given_up.append(event.stream_id)
                elif isinstance(event, DataReceived):
                    h2.acknowledge_received_data(event.flow_controlled_length, event.stream_id)
            session.flush()
            await writer.drain()

    with tcp_server(handle, context) as port:
        yield port
