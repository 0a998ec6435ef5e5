"""Server-sent events: the format of WHATWG HTML §9.2.6, and a stream that several steps can read from its start."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterator

from flows.clients.errors import ClientError
from flows.clients.http import HttpPool, HttpRequest, HttpStream
from flows.clients.http_request import folded, parsed_body
from flows.clients.scripts import MAX_EVENTS, MAX_HELD, MAX_MESSAGE, event_of


class EventParser:
    """Bytes in, events out; what a stream leaves unfinished at its end is dropped, as the format demands."""

    def __init__(self) -> None:
        self._rest = b""
        self._start = True
        self._data: list[bytes] = []
        self._size = 0
        self._event = ""
        self._id: str | None = None

    def feed(self, piece: bytes) -> Iterator[dict[str, object]]:
        """The events that a piece completes.

        Args:
            piece: of any size.

        Raises:
            ClientError: one event is larger than :data:`MAX_MESSAGE`.
        """
        text = self._rest + piece
        if self._start:
            if len(text) < 3 and b"\xef\xbb\xbf".startswith(text):
                self._rest = text
                return
            text, self._start = text.removeprefix(b"\xef\xbb\xbf"), False
        lines, self._rest = _lines(text)
        if len(self._rest) + self._size > MAX_MESSAGE:
            raise ClientError(f"an event is larger than {MAX_MESSAGE // 2**20} MiB")
        for line in lines:
            if line:
                self._field(line)
            elif self._data:
                yield event_of(b"\n".join(self._data), event=self._event or "message", id=self._id)
                self._clear()
            else:
                self._clear()

    def _clear(self) -> None:
        self._data, self._size, self._event = [], 0, ""

    def _field(self, line: bytes) -> None:
        name, _, value = line.partition(b":")
        value = value.removeprefix(b" ")
        if name == b"data":
            self._data.append(value)
            self._size += len(value) + 1
            if self._size > MAX_MESSAGE:
                raise ClientError(f"an event is larger than {MAX_MESSAGE // 2**20} MiB")
        elif name == b"event":
            self._event = value.decode("utf-8", "replace")
        elif name == b"id" and b"\0" not in value:
            self._id = value.decode("utf-8", "replace")


def _lines(text: bytes) -> tuple[list[bytes], bytes]:
    """Finished lines and the rest; a CR at the very end may be half of a CRLF, so it waits for what follows."""
    held = b"\r" if text.endswith(b"\r") else b""
    lines = text.removesuffix(held).replace(b"\r\n", b"\n").replace(b"\r", b"\n").split(b"\n")
    return lines[:-1], lines[-1] + held


class EventLog:
    """Everything that one event stream has said since it was opened.

    Args:
        stream: with an event stream's head.
        opening: what the steps see of it.
    """

    def __init__(self, stream: HttpStream, opening: dict[str, object]) -> None:
        self.opening = opening
        self._stream = stream
        self._events: list[dict[str, object]] = []
        self._ended: dict[str, object] | None = None
        self._problem: ClientError | None = None
        self._news = asyncio.Event()
        self._reading = asyncio.create_task(self._read())

    async def hear(self, place: int) -> dict[str, object]:
        """The opening, then event after event, then the end.

        Args:
            place: 0-based.

        Raises:
            ClientError: the stream broke off.
        """
        if place == 0:
            return self.opening
        while len(self._events) < place:
            if self._problem is not None:
                raise self._problem
            if self._ended is not None:
                return self._ended
            self._news.clear()
            await self._news.wait()
        return self._events[place - 1]

    async def _read(self) -> None:
        parser, held = EventParser(), 0
        try:
            while piece := await self._stream.read():
                held += len(piece)
                if held > MAX_HELD or len(self._events) > MAX_EVENTS:
                    raise ClientError(f"more than {MAX_EVENTS} events or {MAX_HELD // 2**20} MiB of them")
                self._events += parser.feed(piece)
                self._news.set()
            self._ended = {"kind": "closed", "code": None, "reason": "end of the stream"}
        except ClientError as problem:
            self._problem = ClientError(f"{self._stream.url}: {problem.message}", problem.type)
        finally:
            self._news.set()
            await self._stream.aclose()

    async def aclose(self) -> None:
        """Stops reading and lets go of the connection."""
        self._reading.cancel()
        await asyncio.wait([self._reading])


class NoStream(Exception):
    """The server answered with something else than an event stream.

    Args:
        opening: that answer.
    """

    def __init__(self, opening: dict[str, object]) -> None:
        super().__init__("no event stream")
        self.opening = opening


class Listening:
    """A step's place in an event stream.

    Args:
        log: shared by the steps that ask for the same.
    """

    def __init__(self, log: EventLog) -> None:
        self._log = log

    async def hear(self, place: int) -> dict[str, object]:
        """What happened at that place."""
        return await self._log.hear(place)

    async def say(self, line: int) -> None:
        """An event stream only listens."""
        raise ClientError("nothing can be sent over an event stream", "config")

    async def part(self, clean: bool) -> None:
        """The stream stays open for other steps until the flow ends."""


class Refusal:
    """The answer of a server that does not give an event stream: a result, with nothing in it to receive.

    Args:
        opening: status, headers, body.
    """

    def __init__(self, opening: dict[str, object]) -> None:
        self._opening = opening

    async def hear(self, place: int) -> dict[str, object]:
        """The answer, then the end."""
        status, kind = self._opening.get("status"), self._opening.get("headers")
        content = kind.get("content-type", "no content type") if isinstance(kind, dict) else ""
        why = f"status {status}, {content} instead of text/event-stream"
        return self._opening if place == 0 else {"kind": "closed", "code": None, "reason": why}

    async def say(self, line: int) -> None:
        """Nobody listens."""

    async def part(self, clean: bool) -> None:
        """Nothing is open."""


async def opened(pool: HttpPool, request: HttpRequest) -> EventLog:
    """Asks for an event stream.

    Args:
        pool: connects.
        request: with `Accept: text/event-stream`.

    Raises:
        NoStream: the answer is none.
        ClientError: unreachable, broken off, not HTTP.
    """
    started = time.perf_counter()
    stream = await pool.stream(request)
    headers, _ = folded(stream.headers)
    kind = headers.get("content-type", "").partition(";")[0].strip().lower()
    good = stream.status == 200 and kind == "text/event-stream"
    if good and headers.get("content-encoding", "identity").lower() != "identity":
        await stream.aclose()
        raise ClientError(f"{stream.url}: the event stream is compressed, which was not asked for")
    try:
        body = None if good else parsed_body(await stream.rest(), headers)
    finally:
        if not good:
            await stream.aclose()
    opening: dict[str, object] = {
        "kind": "opening",
        "status": stream.status,
        "url": stream.url,
        "headers": headers,
        "body": body,
        "duration_ms": round((time.perf_counter() - started) * 1000, 3),
    }
    if not good:
        raise NoStream(opening)
    return EventLog(stream, opening)
