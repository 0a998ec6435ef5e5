"""Requests as a mock server reads them from a connection: strict and bounded, so that no client can hurt a run."""

from __future__ import annotations

import re
from asyncio import StreamReader
from collections.abc import Awaitable, Callable
from http import HTTPStatus
from typing import NamedTuple
from urllib.parse import urlsplit

from flows.clients.http1 import MAX_HEAD, Malformed, TooLarge

MAX_REQUEST_BODY = 16 * 1024 * 1024
_CHUNK = 2**16
_MAX_SIZE_LINE = 256
_REQUEST = re.compile(r"([!#$%&'*+\-.^_`|~0-9A-Za-z]{1,32}) ([\x21-\x7e]{1,16384}) HTTP/1\.([01])\Z")
_HEADER = re.compile(r"([!#$%&'*+\-.^_`|~0-9A-Za-z]+):[ \t]*([^\x00-\x08\x0a-\x1f\x7f]*?)[ \t]*\Z")
_SIZE = re.compile(rb"([0-9A-Fa-f]{1,8})[ \t]*(?:;[^\r\n]*)?\Z")
_LENGTH = re.compile(r"[0-9]{1,12}\Z")
_NO_BODY = frozenset({204, 304})


class Received(NamedTuple):
    """One request.

    Args:
        method: as sent.
        target: path and query, as sent.
        headers: in order, names in lower case.
        body: decoded from its transfer coding.
        keep: the client wants to go on with this connection.
    """

    method: str
    target: str
    headers: tuple[tuple[str, str], ...]
    body: bytes
    keep: bool


class RequestWire:
    """Reads requests from one connection (RFC 9112).

    Args:
        reader: of the connection.
        go_on: sends `100 Continue` when a client waits for it.
    """

    def __init__(self, reader: StreamReader, go_on: Callable[[], Awaitable[None]]) -> None:
        self._reader = reader
        self._go_on = go_on
        self._buffer = b""

    async def request(self) -> Received | None:
        """The next request, or None when the client is done.

        Raises:
            Malformed: it is not HTTP/1.1, or cut off.
            TooLarge: its body is.
        """
        head = await self._head()
        if head is None:
            return None
        method, target, version, headers = _parsed(head)
        fields = {name: [v for n, v in headers if n == name] for name, _ in headers}
        if version == "1" and len(fields.get("host", [])) != 1:
            raise Malformed("exactly one Host header is needed")
        connection = [part.strip().lower() for value in fields.get("connection", []) for part in value.split(",")]
        keep = "close" not in connection if version == "1" else "keep-alive" in connection
        size = _framing(fields)
        if size != 0 and fields.get("expect", [""])[0].lower() == "100-continue":
            await self._go_on()
        body = await self._chunked() if size is None else await self._exactly(size)
        return Received(method, _origin_form(target), headers, body, keep)

    async def _more(self) -> bool:
        data = await self._reader.read(_CHUNK)
        self._buffer += data
        return bool(data)

    async def _head(self) -> str | None:
        while True:
            self._buffer = self._buffer.lstrip(b"\r\n") if self._buffer[:1] in (b"\r", b"\n") else self._buffer
            end = self._buffer.find(b"\r\n\r\n")
            if end >= 0:
                head, self._buffer = self._buffer[:end], self._buffer[end + 4 :]
                return head.decode("latin-1")
            if len(self._buffer) > MAX_HEAD:
                raise Malformed(f"a head of more than {MAX_HEAD} bytes")
            if not await self._more():
                if self._buffer:
                    raise Malformed("the request is cut off")
                return None

    async def _exactly(self, size: int) -> bytes:
        if size > MAX_REQUEST_BODY:
            raise TooLarge
        parts, missing = [self._buffer[:size]], size - len(self._buffer)
        self._buffer = self._buffer[size:]
        while missing > 0:
            data = await self._reader.read(_CHUNK)
            if not data:
                raise Malformed("the request is cut off")
            parts.append(data[:missing])
            self._buffer = data[missing:]
            missing -= len(data)
        return b"".join(parts)

    async def _line(self) -> bytes:
        while True:
            end = self._buffer.find(b"\r\n")
            if end >= 0:
                line, self._buffer = self._buffer[:end], self._buffer[end + 2 :]
                return line
            if len(self._buffer) > _MAX_SIZE_LINE:
                raise Malformed("a line of the chunked body is too long")
            if not await self._more():
                raise Malformed("the request is cut off")

    async def _chunked(self) -> bytes:
        parts: list[bytes] = []
        total = 0
        while True:
            found = _SIZE.match(await self._line())
            if found is None:
                raise Malformed("a chunk without a size")
            size = int(found[1], 16)
            if size == 0:
                break
            total += size
            if total > MAX_REQUEST_BODY:
                raise TooLarge
            parts.append(await self._exactly(size))
            if await self._line():
                raise Malformed("a chunk longer than its size")
        for _ in range(100):
            if not await self._line():
                return b"".join(parts)
        raise Malformed("too many trailers")


def _parsed(head: str) -> tuple[str, str, str, tuple[tuple[str, str], ...]]:
    first, *lines = head.split("\r\n")
    found = _REQUEST.match(first)
    if found is None:
        raise Malformed(f"request line {first[:60]!r}")
    headers: list[tuple[str, str]] = []
    for line in lines:
        header = _HEADER.match(line)
        if header is None:
            raise Malformed(f"header line {line[:60]!r}")
        headers.append((header[1].lower(), header[2]))
    return found[1], found[2], found[3], tuple(headers)


def _framing(fields: dict[str, list[str]]) -> int | None:
    """The body's length, None when it is chunked; both at once is an attack (RFC 9112 §6.3)."""
    coding, length = fields.get("transfer-encoding"), fields.get("content-length")
    if coding is not None:
        if length is not None or [value.strip().lower() for value in coding] != ["chunked"]:
            raise Malformed("a body of unclear length")
        return None
    if length is None:
        return 0
    if len(set(length)) != 1 or not _LENGTH.match(length[0]):
        raise Malformed(f"content length {', '.join(length)[:40]!r}")
    return int(length[0])


def _origin_form(target: str) -> str:
    if target.startswith("/") or target == "*":
        return target
    try:
        parts = urlsplit(target)
    except ValueError:
        raise Malformed(f"request target {target[:60]!r}") from None
    if parts.scheme not in ("http", "https"):
        raise Malformed(f"request target {target[:60]!r}")
    return (parts.path or "/") + (f"?{parts.query}" if parts.query else "")


def response_bytes(status: int, headers: tuple[tuple[str, str], ...], body: bytes, head_only: bool) -> bytes:
    """A response on the wire.

    Args:
        status: number.
        headers: names and values that HTTP can carry, without Content-Length.
        body: bytes; not sent with a status that has none.
        head_only: the request was HEAD.
    """
    try:
        phrase = HTTPStatus(status).phrase
    except ValueError:
        phrase = ""
    lines = [f"HTTP/1.1 {status} {phrase}", *(f"{name}: {value}" for name, value in headers)]
    bare = status in _NO_BODY or status < 200
    if not bare:
        lines.append(f"Content-Length: {len(body)}")
    data = ("\r\n".join(lines) + "\r\n\r\n").encode("latin-1", "replace")
    return data if bare or head_only else data + body
