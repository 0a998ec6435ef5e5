"""HTTP/2 (RFC 9113) on the h2 library: one connection for each server, shared by everything that asks it."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from typing import TYPE_CHECKING, Any

from flows.clients.awaiting import awaiting
from flows.clients.errors import ClientError, reason
from flows.clients.http1 import Answer, TooLarge, request_bytes
from flows.clients.http2_frames import Farewell, Frames
from flows.clients.http_address import headers_of, place_of
from flows.clients.http_dial import LIMIT, MAX_BODY, Dialled, Target, dial, explained
from testmesh.kernel.errors import MissingExtra

if TYPE_CHECKING:
    from collections.abc import Sequence

    from flows.clients.http import HttpRequest

ALPN = ("h2", "http/1.1")
WINDOW = 2**20
TRIES = 3
MOST_CONNECTIONS = 64
PING_SECONDS = 1.0
MAX_INFORMATIONAL = 20
_IDEMPOTENT = frozenset({"GET", "HEAD", "OPTIONS", "PUT", "DELETE", "TRACE"})
_NOT_IN_HTTP2 = frozenset({"host", "connection", "keep-alive", "proxy-connection", "transfer-encoding", "upgrade"})


class Unprocessed(Exception):
    """The server has not looked at the request: it may be sent again whatever it is."""


class NotSent(Exception):
    """The connection took no further requests before this one's turn came."""


class ClosedEarly(Exception):
    """A connection that had served before ended without a word about the request."""


class Http2Pool:
    """Connections to servers that speak HTTP/2."""

    def __init__(self) -> None:
        self._open: dict[Target, Http2Connection] = {}
        self._opening: dict[Target, asyncio.Lock] = {}
        self._plain: set[Target] = set()
        self._leaving: list[Http2Connection] = []

    async def send(self, request: HttpRequest, target: Target) -> Answer | Dialled | None:
        """The answer; a connection, or None, when the server agreed on HTTP/1.1 only.

        Args:
            request: what to send.
            target: where.

        Raises:
            ClientError: unreachable, broken off, not HTTP/2, too large.
        """
        head = _head(request, target)
        refused = 0
        for _ in range(MOST_CONNECTIONS):
            connection = await self._connection(target)
            if not isinstance(connection, Http2Connection):
                return connection
            try:
                with explained(target):
                    return await connection.ask(head, request.body)
            except NotSent:
                continue
            except Unprocessed:
                refused += 1
                if refused == TRIES:
                    break
            except ClosedEarly:
                if request.method not in _IDEMPOTENT:
                    raise ClientError(f"{target}: the server closed the connection without an answer") from None
        why = f"refused the request {refused} times" if refused else "ends every connection before the request is sent"
        raise ClientError(f"{target}: the server {why}", "server")

    async def _connection(self, target: Target) -> Http2Connection | Dialled | None:
        async with self._opening.setdefault(target, asyncio.Lock()):
            if target in self._plain:
                return None
            found = self._open.get(target)
            if found is not None and await found.alive():
                return found
            if found is not None:
                self._leaving = [one for one in self._leaving if one.busy] + [found]
            dialled = await dial(target, ALPN, tunnel=True)
            if target.tls is not None and dialled.protocol != "h2":
                self._plain.add(target)
                return dialled
            self._open[target] = connection = Http2Connection(dialled, target)
            return connection

    async def aclose(self) -> None:
        """Closes every connection."""
        for connection in (*self._open.values(), *self._leaving):
            await connection.aclose()
        self._open.clear()


class _Stream:
    """One request while it is answered."""

    def __init__(self, number: int) -> None:
        self.number = number
        self.status = 0
        self.headers: list[tuple[str, str]] = []
        self.parts: list[bytes] = []
        self.size = 0
        self.informational = 0
        self.done: asyncio.Future[Answer] = asyncio.get_running_loop().create_future()

    def fail(self, error: Exception) -> None:
        """Ends it without an answer.

        Args:
            error: why.
        """
        if not self.done.done():
            self.done.set_exception(error)

    def finish(self) -> None:
        """Ends it with what came."""
        if not self.done.done():
            self.done.set_result(Answer(self.status, tuple(self.headers), b"".join(self.parts), True))


class Http2Connection:
    """One connection, and the streams on it.

    Args:
        dialled: after ALPN, or by prior knowledge.
        target: for messages.

    Raises:
        MissingExtra: the library is not installed.
    """

    def __init__(self, dialled: Dialled, target: Target) -> None:
        self._reader, self._writer = dialled
        self._target = target
        self._frames = Frames()
        self._streams: dict[int, _Stream] = {}
        self._changed = asyncio.Event()
        self._answered = False
        self._greeted = False
        self._quiet = False
        self._farewell: Farewell | None = None
        self._over = False
        try:
            self._h2 = _library_connection()
        except MissingExtra:
            self._writer.transport.abort()
            raise
        self._flush()
        self._reading = asyncio.create_task(self._read())

    @property
    def usable(self) -> bool:
        """It takes further requests."""
        return not self._over and self._farewell is None and not self._reader.at_eof()

    async def alive(self) -> bool:
        """Whether the server still says something, where the last request was given up in silence."""
        if self._quiet and self.usable:
            with suppress(TimeoutError):
                async with asyncio.timeout(PING_SECONDS):
                    while self._quiet and self.usable:
                        await self._news()
        return self.usable and not self._quiet

    @property
    def busy(self) -> bool:
        """Something on it still waits for an answer."""
        return bool(self._streams) and not self._over

    async def ask(self, head: Sequence[tuple[bytes, bytes]], body: bytes) -> Answer:
        """One request and its answer.

        Args:
            head: pseudo headers and headers.
            body: bytes.

        Raises:
            Unprocessed: the server has not looked at it.
            ClosedEarly: the connection ended meanwhile.
            ClientError: it broke off, or breaks the protocol.
            TooLarge: the body is.
        """
        awaiting(self._target)
        await self._slot()
        number = self._h2.get_next_available_stream_id()
        stream = self._streams[number] = _Stream(number)
        try:
            self._h2.send_headers(number, list(head), end_stream=not body)
            self._flush()
            if body:
                await self._send(stream, body)
            return await stream.done
        finally:
            if self._streams.pop(number, None) is not None and not self._over:
                self._abandon(stream)
            self._changed.set()

    async def _slot(self) -> None:
        """Waits until the server allows one more stream; until it has said how many, one goes ahead."""
        while self.usable and len(self._streams) >= self._most():
            await self._news()
        if not self.usable:
            raise NotSent

    def _most(self) -> int:
        return int(self._h2.remote_settings.max_concurrent_streams) if self._greeted else 1

    async def _send(self, stream: _Stream, body: bytes) -> None:
        """The body, as far as the server's windows allow: before it has said how large they are, nothing."""
        place = 0
        while place < len(body) and not stream.done.done():
            room = min(self._h2.local_flow_control_window(stream.number), self._h2.max_outbound_frame_size)
            if room <= 0 or not self._greeted:
                await self._news()
                continue
            piece = body[place : place + room]
            place += len(piece)
            self._h2.send_data(stream.number, piece, end_stream=place >= len(body))
            self._flush()
            await self._writer.drain()

    async def _news(self) -> None:
        """Waits until something arrived, or a stream ended."""
        self._changed.clear()
        await self._changed.wait()

    def _abandon(self, stream: _Stream) -> None:
        """Nobody waits for the answer any more (cancelled, or timed out): the server is asked for a sign of life."""
        from h2.errors import ErrorCodes
        from h2.exceptions import ProtocolError

        if stream.done.done() and not stream.done.cancelled() and stream.done.exception() is None:
            return
        try:
            self._h2.reset_stream(stream.number, ErrorCodes.CANCEL)
        except ProtocolError:
            return  # the stream has ended on its own
        self._quiet = True
        self._h2.ping(b"testmesh")
        self._flush()

    def _flush(self) -> None:
        data = self._h2.data_to_send()
        if data and not self._writer.is_closing():
            self._writer.write(data)

    async def _read(self) -> None:
        from h2.exceptions import H2Error

        problem = ClientError(f"{self._target}: the server closed the connection")
        try:
            while data := await self._reader.read(LIMIT):
                self._feed(data)
                self._flush()
                await self._writer.drain()
            problem = problem if self._greeted else ClientError(f"{problem.message} and spoke no HTTP/2")
        except (H2Error, UnicodeDecodeError, ValueError) as error:
            self._flush()
            problem = ClientError(f"{self._target}: the answer is not valid HTTP/2: {reason(error)}")
        except OSError as error:
            problem = ClientError(f"{self._target}: {reason(error)} while waiting for the answer")
        except ClientError as error:
            problem = error
        finally:
            self._end(problem)

    def _end(self, problem: ClientError) -> None:
        self._over = True
        if self._farewell is not None and self._farewell.code:
            problem = ClientError(f"{self._target}: the server ended the connection ({self._farewell})", "server")
        early = self._answered and self._farewell is None
        for stream in self._streams.values():
            stream.fail(ClosedEarly() if early and not stream.status else problem)
        self._changed.set()
        self._writer.transport.abort()

    def _feed(self, data: bytes) -> None:
        self._quiet = False
        known, farewells = self._frames.split(data, str(self._target))
        for event in self._h2.receive_data(known):
            handle = _EVENTS.get(type(event).__name__)
            if handle is not None:
                handle(self, event)
        for farewell in farewells:
            self._farewell = farewell
            for number, stream in self._streams.items():
                if number > farewell.last:
                    stream.fail(Unprocessed())
        self._changed.set()

    def _on_settings(self, event: Any) -> None:
        self._greeted = True

    def _on_headers(self, event: Any) -> None:
        stream = self._streams.get(event.stream_id)
        if stream is None:
            return
        for name, value in event.headers:
            if name == b":status":
                stream.status = int(value)
            elif not name.startswith(b":"):
                stream.headers.append((name.decode("latin-1"), value.decode("latin-1")))

    def _on_informational(self, event: Any) -> None:
        stream = self._streams.get(event.stream_id)
        if stream is not None:
            stream.informational += 1
            if stream.informational > MAX_INFORMATIONAL:
                stream.fail(ClientError(f"{self._target}: more than {MAX_INFORMATIONAL} informational responses"))

    def _on_data(self, event: Any) -> None:
        self._h2.acknowledge_received_data(event.flow_controlled_length, event.stream_id)
        stream = self._streams.get(event.stream_id)
        if stream is None or stream.done.done():
            return
        stream.parts.append(event.data)
        stream.size += len(event.data)
        if stream.size > MAX_BODY:
            stream.fail(TooLarge())

    def _on_end(self, event: Any) -> None:
        stream = self._streams.get(event.stream_id)
        if stream is not None:
            self._answered = True
            stream.finish()

    def _on_reset(self, event: Any) -> None:
        from h2.errors import ErrorCodes

        stream = self._streams.get(event.stream_id)
        if stream is not None and event.error_code == ErrorCodes.REFUSED_STREAM:
            stream.fail(Unprocessed())
        elif stream is not None:
            name = getattr(event.error_code, "name", str(event.error_code))
            stream.fail(ClientError(f"{self._target}: the server reset the stream ({name})", "server"))

    async def aclose(self) -> None:
        """Lets go of it."""
        self._reading.cancel()
        await asyncio.wait([self._reading])


_EVENTS = {
    "RemoteSettingsChanged": Http2Connection._on_settings,
    "ResponseReceived": Http2Connection._on_headers,
    "InformationalResponseReceived": Http2Connection._on_informational,
    "DataReceived": Http2Connection._on_data,
    "StreamEnded": Http2Connection._on_end,
    "StreamReset": Http2Connection._on_reset,
}


def _library_connection() -> Any:
    try:
        from h2.config import H2Configuration
        from h2.connection import H2Connection
        from h2.settings import SettingCodes, Settings
    except ImportError as error:
        raise MissingExtra("h2", "http2") from error
    connection = H2Connection(H2Configuration(client_side=True, header_encoding=None))
    wanted = {
        SettingCodes.ENABLE_PUSH: 0,
        SettingCodes.INITIAL_WINDOW_SIZE: WINDOW,
        SettingCodes.MAX_HEADER_LIST_SIZE: connection.DEFAULT_MAX_HEADER_LIST_SIZE,
    }
    connection.local_settings = Settings(client=True, initial_values=wanted)
    connection.initiate_connection()
    connection.increment_flow_control_window(WINDOW)
    return connection


def _head(request: HttpRequest, target: Target) -> list[tuple[bytes, bytes]]:
    """Pseudo headers and headers, refused where HTTP/1.1 would refuse them too."""
    path = place_of(request.url).path
    given = headers_of(request, target._replace(proxy=None))
    sizeless = [pair for pair in given if pair[0].lower() != "content-length"]
    with explained(target):
        request_bytes(request.method, path, sizeless, b"")
    authority = next((value for name, value in given if name.lower() == "host"), target.authority)
    pseudo = {
        ":method": request.method,
        ":scheme": "http" if target.tls is None else "https",
        ":authority": authority,
        ":path": path,
    }
    kept = [(name.lower(), value.strip()) for name, value in given if name.lower() not in _NOT_IN_HTTP2]
    return [(name.encode("latin-1"), value.encode("latin-1")) for name, value in (*pseudo.items(), *kept)]
