"""A mock of a neighbouring service: a small HTTP/1.1 server that answers as a flow says and remembers every request."""

from __future__ import annotations

import asyncio
import contextlib
import json
import time
from collections.abc import Iterable, Mapping, Sequence
from hashlib import sha256
from typing import NamedTuple
from urllib.parse import parse_qsl, urlsplit

from flows.clients.errors import ClientError, reason
from flows.clients.http1 import Malformed, TooLarge
from flows.clients.http_request import parsed_body
from flows.clients.mock_match import PathTemplate, Wanted, differences, same_method
from flows.clients.mock_wire import Received, RequestWire, response_bytes

MAX_KEPT_BYTES = 16 * 1024 * 1024
MAX_BODY_KEPT = 1024 * 1024
MAX_KEPT = 10_000
MAX_CONNECTIONS = 1000
_LINGER_SECONDS = 1.0
_LINGER_BYTES = 32 * 1024 * 1024
_FORM = "application/x-www-form-urlencoded"


class Reply(NamedTuple):
    """What an endpoint answers.

    Args:
        status: number.
        headers: with a content type where there is a body.
        body: bytes.
        delay: seconds before it is sent.
    """

    status: int = 200
    headers: tuple[tuple[str, str], ...] = ()
    body: bytes = b""
    delay: float = 0.0


class Endpoint(NamedTuple):
    """What a mock server answers to.

    Args:
        method: upper case, or ``ANY``.
        path: template.
        wanted: further conditions, or None.
        replies: one after the other, the last repeats; at least one.
    """

    method: str
    path: PathTemplate
    wanted: Wanted | None
    replies: Sequence[Reply]

    @property
    def name(self) -> str:
        """As people call it."""
        return f"{self.method} {self.path.text}"

    @property
    def conditions(self) -> int:
        """How many things beside method and path it asks for."""
        wanted = self.wanted
        if wanted is None:
            return 0
        return len(wanted.headers or {}) + len(wanted.query or {}) + (wanted.body is not None)


class Where(NamedTuple):
    """What a mock server listens on.

    Args:
        host: address.
        port: number; 0 = a free one.
    """

    host: str
    port: int


class MockServer:
    """One mock server of a flow execution.

    Args:
        name: how the flow calls it.
        endpoints: what it answers to.
    """

    def __init__(self, name: str, endpoints: Sequence[Endpoint]) -> None:
        self.name = name
        self._endpoints = endpoints
        self._served = [0] * len(endpoints)
        self._server: asyncio.Server | None = None
        self._connections: set[asyncio.Task[None]] = set()
        self._started = 0.0
        self._kept_bytes = 0
        self.requests: list[dict[str, object]] = []
        self.evidence: dict[str, list[dict[str, object]]] = {}
        self.dropped = 0
        self.malformed = 0
        self.port = 0

    async def start(self, where: Where) -> None:
        """Listens.

        Args:
            where: address and port.

        Raises:
            ClientError: of type ``config`` when that is not possible.
        """
        try:
            self._server = await asyncio.start_server(self._accept, where.host, where.port, limit=2**16)
        except (OSError, OverflowError, UnicodeError) as error:
            raise ClientError(
                f"mock server '{self.name}' cannot listen on {where.host}:{where.port}: {reason(error)}", "config"
            ) from error
        self._started = time.monotonic()
        self.port = self._server.sockets[0].getsockname()[1]

    @property
    def running(self) -> bool:
        """Whether it still listens."""
        return self._server is not None

    async def aclose(self) -> None:
        """Stops listening and drops every connection; what it received stays known."""
        server, self._server = self._server, None
        if server is None:
            return
        server.close()
        tasks = list(self._connections)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        await asyncio.sleep(0)

    def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if len(self._connections) >= MAX_CONNECTIONS or self._server is None:
            writer.transport.abort()
            return
        task = asyncio.get_running_loop().create_task(self._serve(reader, writer))
        self._connections.add(task)
        task.add_done_callback(lambda done: self._gone(done, writer))

    def _gone(self, task: asyncio.Task[None], writer: asyncio.StreamWriter) -> None:
        """A task that is cancelled before its first step never reaches its own `finally`."""
        self._connections.discard(task)
        if not writer.transport.is_closing():
            writer.transport.abort()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            with contextlib.suppress(OSError):
                await self._talk(reader, writer)
                writer.close()
                await writer.wait_closed()
        finally:
            # What nobody has read is dropped; otherwise a goodbye, so that clients know at once.
            if writer.transport.get_write_buffer_size():
                writer.transport.abort()
            writer.close()

    async def _talk(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        async def go_on() -> None:
            writer.write(b"HTTP/1.1 100 Continue\r\n\r\n")
            await writer.drain()

        wire = RequestWire(reader, go_on)
        keep = True
        while keep:
            try:
                request = await wire.request()
            except (Malformed, TooLarge) as problem:
                self.malformed += 1
                large = isinstance(problem, TooLarge)
                why = "the body is too large for a mock server" if large else f"not a valid HTTP/1.1 request: {problem}"
                await _refuse(writer, 413 if large else 400, why)
                return await _drained(reader)
            if request is None:
                return
            keep = request.keep
            await self._answer(request, writer)

    async def _answer(self, request: Received, writer: asyncio.StreamWriter) -> None:
        seen = _seen(request)
        index = self._chosen(seen)
        reply = _unmatched(request) if index is None else self._next_reply(index)
        seen["endpoint"] = None if index is None else self._endpoints[index].name
        seen["params"] = {} if index is None else self._endpoints[index].path.match(str(seen["path"])) or {}
        seen["status"] = reply.status
        seen["at_ms"] = round((time.monotonic() - self._started) * 1000, 3)
        self._keep(seen, min(len(request.body), MAX_BODY_KEPT))
        if reply.delay:
            await asyncio.sleep(reply.delay)
        headers = reply.headers if request.keep else (*reply.headers, ("Connection", "close"))
        writer.write(response_bytes(reply.status, headers, reply.body, request.method == "HEAD"))
        await writer.drain()

    def _chosen(self, seen: Mapping[str, object]) -> int | None:
        """The most specific endpoint: fewest free segments, then most conditions, then the first written."""
        best: tuple[int, int, int] | None = None
        for index, endpoint in enumerate(self._endpoints):
            if not same_method(endpoint.method, str(seen["method"])):
                continue
            if endpoint.path.match(str(seen["path"])) is None or differences(endpoint.wanted, seen):
                continue
            rank = (endpoint.path.free, -endpoint.conditions, index)
            best = rank if best is None or rank < best else best
        return None if best is None else best[2]

    def _next_reply(self, index: int) -> Reply:
        replies = self._endpoints[index].replies
        reply = replies[min(self._served[index], len(replies) - 1)]
        self._served[index] += 1
        return reply

    def _keep(self, seen: dict[str, object], size: int) -> None:
        """Remembers a request while there is room; what is not kept is counted, and no check may then pass."""
        if len(self.requests) >= MAX_KEPT or self._kept_bytes + size > MAX_KEPT_BYTES:
            self.dropped += 1
            return
        self._kept_bytes += size
        seen["n"] = len(self.requests) + 1
        self.requests.append(seen)


class MockServers:
    """The mock servers of one flow execution, by name."""

    def __init__(self) -> None:
        self._by_name: dict[str, MockServer] = {}

    async def start(self, server: MockServer, where: Where) -> None:
        """Starts a server under its name.

        Args:
            server: not started yet.
            where: address and port.

        Raises:
            ClientError: of type ``config``: one of that name still runs, or it cannot listen there.
        """
        known = self._by_name.get(server.name)
        if known is not None and known.running:
            raise ClientError(f"a mock server '{server.name}' already runs in this flow", "config")
        self._by_name[server.name] = server
        try:
            await server.start(where)
        except BaseException:
            self._by_name.pop(server.name, None)
            raise

    def named(self, name: str) -> MockServer:
        """The server of that name, also one that was stopped.

        Args:
            name: as given to `mock_server_start`.

        Raises:
            ClientError: of type ``config`` when this flow never started it.
        """
        found = self._by_name.get(name)
        if found is None:
            from flows.language.closest import closest

            near = closest(name, self._by_name)
            hint = f"; did you mean '{near}'?" if near else ""
            raise ClientError(f"this flow has started no mock server '{name}'{hint}", "config")
        return found

    async def aclose(self) -> None:
        """Stops all of them."""
        for server in self._by_name.values():
            await server.aclose()


async def _refuse(writer: asyncio.StreamWriter, status: int, why: str) -> None:
    headers = (("Content-Type", "text/plain; charset=utf-8"), ("Connection", "close"))
    writer.write(response_bytes(status, headers, why.encode(), False))
    await writer.drain()
    writer.write_eof()


async def _drained(reader: asyncio.StreamReader) -> None:
    """Reads on for a moment: closing with unread data would reset the connection before the answer is read."""
    left = _LINGER_BYTES
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(_LINGER_SECONDS):
            while left > 0 and (data := await reader.read(2**16)):
                left -= len(data)


def _unmatched(request: Received) -> Reply:
    path = request.target.partition("?")[0]
    text = json.dumps({"error": f"no endpoint of this mock server matches {request.method} {path}"})
    return Reply(404, (("Content-Type", "application/json"),), text.encode())


def _seen(request: Received) -> dict[str, object]:
    parts = urlsplit("//h" + request.target) if request.target.startswith("/") else urlsplit(request.target)
    headers = _joined(request.headers)
    body: object = None
    if len(request.body) > MAX_BODY_KEPT:
        body = {"bytes": len(request.body), "sha256": sha256(request.body).hexdigest()}
    elif request.body:
        body = parsed_body(request.body, headers)
        if isinstance(body, str) and headers.get("content-type", "").lower().startswith(_FORM):
            body = _listed(parse_qsl(body, keep_blank_values=True))
    return {
        "n": 0,
        "method": request.method,
        "path": parts.path,
        "query": _listed(parse_qsl(parts.query, keep_blank_values=True)),
        "headers": headers,
        "body": body,
    }


def _joined(pairs: Iterable[tuple[str, str]]) -> dict[str, str]:
    found: dict[str, str] = {}
    for name, value in pairs:
        found[name] = f"{found[name]}, {value}" if name in found else value
    return found


def _listed(pairs: Iterable[tuple[str, str]]) -> dict[str, object]:
    """Names to text; a repeated one to the list of its values."""
    found: dict[str, object] = {}
    for name, value in pairs:
        if name not in found:
            found[name] = value
            continue
        before = found[name]
        found[name] = [*before, value] if isinstance(before, list) else [before, value]
    return found
