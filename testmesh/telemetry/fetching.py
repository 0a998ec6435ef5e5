"""Spans of a trace, asked of the server that keeps them, until they are complete or time is up."""

from __future__ import annotations

import asyncio
import http.client
import socket
import ssl
import threading
import time
import zlib
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TypeVar
from urllib.parse import urlsplit

from graph.spans import LiveSpans, Span
from testmesh.kernel.errors import TestMeshError, UnavailableError, UserError
from testmesh.telemetry.answers import jaeger_answer, otlp_answer
from testmesh.telemetry.otlp import inflate
from testmesh.telemetry.settings import Backend

LARGEST = 64 << 20
_PIECE = 1 << 16
_NOT_NOW = frozenset({408, 425, 429, 500, 502, 503, 504})
_PATIENCE = 3
_PAUSE = 0.25
_MOST_CACHED = 2_000

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Answer:
    """What a server said.

    Args:
        status: of HTTP.
        body: inflated.
    """

    status: int
    body: bytes


class Busy(Exception):
    """The server cannot answer now; asking again may help."""


@dataclass(slots=True)
class BackendSpans:
    """Spans kept by Jaeger or Tempo; safe to use from several threads.

    Args:
        backend: which server.
        headers: sent with every request, complete.
    """

    backend: Backend
    headers: Mapping[str, str] = field(default_factory=dict)
    _old_api: bool = False

    @property
    def where(self) -> str:
        """The server's address."""
        return f"{self.backend.kind} at {self.backend.url}"

    def trace(self, trace_id: str) -> Sequence[Span]:
        """The spans of a trace known there so far.

        Args:
            trace_id: 32 hex.

        Raises:
            UnavailableError: nobody answers, or only that it cannot now.
            UserError: it refuses, or is something else.
        """
        try:
            return self.asked(trace_id)
        except Busy as error:
            raise UnavailableError(self.where, str(error)) from error

    def asked(self, trace_id: str) -> Sequence[Span]:
        """As :meth:`trace`, but a server that cannot answer now is told apart.

        Args:
            trace_id: 32 hex.

        Raises:
            Busy: asking again may help.
            UnavailableError: nobody answers.
            UserError: it refuses, or is something else.
        """
        for path, read in self._ways():
            answer = self._get(path + trace_id)
            if answer.status == 200:
                self._old_api = path == "/api/traces/"
                return sorted(read(answer.body, self.where), key=lambda span: (span.start_ns, span.span_id))
            if answer.status in (401, 403):
                raise UserError(
                    f"{self.where} answers {answer.status} to a request for spans",
                    hint="give it [telemetry] headers or tenant",
                )
            if answer.status in _NOT_NOW:
                raise Busy(f"answers {answer.status} to a request for spans")
            if answer.status != 404:
                raise UserError(f"{self.where} answers {answer.status} to a request for spans: {_said(answer.body)}")
        return ()

    def _ways(self) -> list[tuple[str, Callable[[bytes, str], tuple[Span, ...]]]]:
        """Paths with what reads their answers; a server that knows only the older one answers 404 to the newer."""
        older = ("/api/traces/", jaeger_answer if self.backend.kind == "jaeger" else otlp_answer)
        newer = ("/api/v3/traces/" if self.backend.kind == "jaeger" else "/api/v2/traces/", otlp_answer)
        return [older] if self._old_api else [newer, older]

    def _get(self, path: str) -> Answer:
        url = urlsplit(self.backend.url)
        until = time.monotonic() + self.backend.timeout
        if url.scheme == "https":
            context = ssl.create_default_context()
            connection: http.client.HTTPConnection = http.client.HTTPSConnection(
                url.hostname or "", url.port or 443, timeout=self.backend.timeout, context=context
            )
        else:
            connection = http.client.HTTPConnection(url.hostname or "", url.port or 80, timeout=self.backend.timeout)
        try:
            given = {"Accept": "application/json", "Accept-Encoding": "gzip", **self.headers}
            connection.request("GET", url.path.rstrip("/") + path, headers=given)
            answer = connection.getresponse()
            return Answer(answer.status, self._body(connection, answer, until))
        except TimeoutError as error:
            raise Busy(f"no answer within {self.backend.timeout:g}s") from error
        except (OSError, http.client.HTTPException, ValueError, zlib.error) as error:
            raise UnavailableError(self.where, _plain(error), hint="check [telemetry] in testmesh.toml") from error
        finally:
            connection.close()

    def _body(self, connection: http.client.HTTPConnection, answer: http.client.HTTPResponse, until: float) -> bytes:
        body = bytearray()
        while True:
            left = until - time.monotonic()
            if left <= 0:
                raise TimeoutError
            if connection.sock is not None:
                connection.sock.settimeout(left)
            piece = answer.read1(_PIECE)
            if not piece:
                break
            body += piece
            if len(body) > LARGEST:
                raise UserError(f"the answer of {self.where} is larger than {LARGEST} bytes")
        return inflate(bytes(body), answer.getheader("Content-Encoding", ""), LARGEST)


def _said(body: bytes) -> str:
    return " ".join(body[:200].decode("utf-8", "replace").split())


def _plain(error: BaseException) -> str:
    if isinstance(error, ConnectionRefusedError):
        return "connection refused"
    if isinstance(error, socket.gaierror):
        return "the name does not resolve"
    if isinstance(error, http.client.HTTPException):
        return "it does not answer in HTTP"
    return str(error).strip() or type(error).__name__


@dataclass(slots=True)
class _Asked:
    spans: Sequence[Span] = ()
    at: float = float("-inf")
    troubles: int = 0


@dataclass(slots=True)
class FetchedSpans:
    """A backend as a running flow asks it: not more often than every quarter of a second, whatever a step does.

    Args:
        backend: which server.
    """

    backend: BackendSpans
    _known: dict[str, _Asked] = field(default_factory=dict)

    @property
    def where(self) -> str:
        """The server's address."""
        return self.backend.where

    async def caused(self, trace_id: str) -> Sequence[Span]:
        """The spans of a trace so far; several answers in a row that it cannot answer now are an error.

        Args:
            trace_id: 32 hex.

        Raises:
            UnavailableError: nobody answers, or not now.
            UserError: it refuses, or is something else.
        """
        if len(self._known) > _MOST_CACHED:
            self._known.clear()
        asked = self._known.setdefault(trace_id, _Asked())
        if time.monotonic() - asked.at < _PAUSE:
            return asked.spans
        try:
            found = await in_thread(lambda: self.backend.asked(trace_id))
            asked.spans, asked.troubles = found, 0
        except Busy as error:
            asked.troubles += 1
            if asked.troubles >= _PATIENCE:
                raise UnavailableError(self.where, str(error)) from error
        asked.at = time.monotonic()
        return asked.spans


async def in_thread(work: Callable[[], T]) -> T:
    """What blocks, in a thread that nobody waits for when the run is over.

    Args:
        work: blocking, with its own time limit.
    """
    loop = asyncio.get_running_loop()
    future: asyncio.Future[T] = loop.create_future()

    def tell(set_: Callable[[], None]) -> None:
        try:
            loop.call_soon_threadsafe(lambda: None if future.done() else set_())
        except RuntimeError:
            return  # The loop is closed: the run ended while we waited.

    def run() -> None:
        try:
            result = work()
        except Exception as error:
            problem = error
            tell(lambda: future.set_exception(problem))
        else:
            tell(lambda: future.set_result(result))

    threading.Thread(target=run, daemon=True, name="spans").start()
    return await future


@dataclass(frozen=True, slots=True)
class JoinedSpans:
    """Several sources as one: what was received here and what a server keeps.

    Args:
        sources: at least one.
    """

    sources: tuple[LiveSpans, ...]

    @property
    def where(self) -> str:
        """All of them."""
        return " and ".join(source.where for source in self.sources)

    async def caused(self, trace_id: str) -> Sequence[Span]:
        """The spans of a trace that any of them knows, each once.

        Args:
            trace_id: 32 hex.
        """
        found: dict[tuple[str, str], Span] = {}
        for source in self.sources:
            for span in await source.caused(trace_id):
                found.setdefault((span.trace_id, span.span_id), span)
        return sorted(found.values(), key=lambda span: (span.start_ns, span.span_id))


def settled(backend: BackendSpans, trace_ids: Collection[str], limit: float) -> list[Span]:
    """The spans of finished traces, asked for until two answers in a row are the same or time is up.

    Args:
        backend: which server.
        trace_ids: those of a run.
        limit: seconds in all.

    Raises:
        TestMeshError: the server cannot be asked.
    """
    until = time.monotonic() + limit
    spans: dict[str, Sequence[Span]] = {}
    open_ones = sorted(trace_ids)
    trouble: TestMeshError | None = None
    while open_ones:
        still: list[str] = []
        for trace_id in open_ones:
            before = spans.get(trace_id)
            try:
                found: Sequence[Span] = backend.trace(trace_id)
            except UnavailableError as error:
                trouble, found = error, ()
            else:
                spans[trace_id] = found
            if not found or before is None or len(before) != len(found):
                still.append(trace_id)
            if time.monotonic() > until:
                break
        open_ones = still
        if time.monotonic() + _PAUSE > until:
            break
        if open_ones:
            threading.Event().wait(_PAUSE)
    if trouble is not None and not any(spans.values()):
        raise trouble
    return [span for trace_id in sorted(spans) for span in spans[trace_id]]
