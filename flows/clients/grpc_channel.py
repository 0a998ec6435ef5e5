"""Calls over gRPC: one channel per address and run, and an honest line between a server's error and no server."""

from __future__ import annotations

import asyncio
import importlib
import os
import re
import time
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

from flows.clients.awaiting import awaiting
from flows.clients.errors import ClientError, tls_meaning
from flows.clients.grpc_metadata import error_details, shown_metadata
from flows.clients.grpc_schema import Method, Reflection, Schema, Unimplemented, one_by_one
from flows.clients.grpc_trust import credentials, trusting
from flows.clients.grpc_values import Values
from flows.clients.tls import Tls

if TYPE_CHECKING:
    import grpc.aio
    from google.protobuf.message import Message

MAX_MESSAGE = 16 * 1024 * 1024
MAX_STREAM_BYTES = 32 * 1024 * 1024
MAX_STREAM = 10_000
_OPTIONS = (
    ("grpc.max_receive_message_length", MAX_MESSAGE),
    ("grpc.max_send_message_length", -1),
    ("grpc.primary_user_agent", "testmesh"),
    ("grpc.enable_retries", 0),
    ("grpc.use_local_subchannel_pool", 1),
    ("grpc.initial_reconnect_backoff_ms", 50),
    ("grpc.max_reconnect_backoff_ms", 250),
)
_NO_CONNECTION = re.compile(
    r"failed to connect to all addresses|errors resolving|DNS resolution failed|Name or service not known"
    r"|Stream removed|Socket closed|Connection (reset|dropped|closed)|Broken pipe|(recvmsg|sendmsg):|GOAWAY"
    r"|Endpoint closing|Transport closed|End of TCP stream|empty address list|keepalive watchdog|Cancelling all calls"
)
_TOO_LARGE = re.compile(r"CLIENT: Received message larger than max")
_SCHEME = re.compile(r"(grpcs?|https?)://")
_MISSING = "gRPC needs grpcio: pip install 'testmesh[grpc]'"


class Target(NamedTuple):
    """Where a channel goes.

    Args:
        address: as gRPC names it.
        tls: settings, or None for plain text.
    """

    address: str
    tls: Tls | None


class Outcome(NamedTuple):
    """What came of a call.

    Args:
        status: name of the status.
        code: its number.
        error: the server's message.
        messages: responses in order, as flows see them.
        headers: initial metadata.
        trailers: trailing metadata.
        details: of a `google.rpc.Status` in the trailers.
        duration_ms: of the call.
    """

    status: str
    code: int
    error: str
    messages: list[object]
    headers: dict[str, object]
    trailers: dict[str, object]
    details: list[object]
    duration_ms: float


class Sending(NamedTuple):
    """What a call sends beside its path.

    Args:
        requests: messages, one for methods that take one.
        metadata: names and values.
        timeout: seconds that the server is told, or None.
        most: end the stream after so many responses, or None.
    """

    requests: Sequence[Message]
    metadata: Sequence[tuple[str, str | bytes]]
    timeout: float | None = None
    most: int | None = None

    @property
    def deadline(self) -> float | None:
        """What the server is told: a little less than the flow waits, so that a stream can say how far it came."""
        return None if self.timeout is None else max(self.timeout - min(0.02, self.timeout / 10), 0.001)


def target_of(address: str, tls: Tls | None) -> Target:
    """The target that a step's address means.

    Args:
        address: ``host:port``, also with ``grpc://`` or ``grpcs://``, or a gRPC name (``unix:``, ``dns:``).
        tls: settings; ``grpcs://`` and ``https://`` ask for TLS by themselves.

    Raises:
        ClientError: of type ``config`` when it is no address.
    """
    text = address.strip()
    scheme = _SCHEME.match(text)
    if scheme:
        text = text[scheme.end() :].rstrip("/")
        secure = scheme[1] in ("grpcs", "https")
        tls = tls or (Tls() if secure else None)
        text = text.rpartition("@")[2]
        text = text if not text or ":" in text.rpartition("]")[2] else f"{text}:{443 if secure else 80}"
    odd = not text or "@" in text or any(character.isspace() for character in text) or "/" in text.replace(":///", "")
    if odd and not text.startswith("unix:"):
        raise ClientError(f"not an address: {text.rpartition('@')[2]!r}; write host:port", "config")
    return Target(text, tls)


def ready() -> None:
    """Loads the libraries, quietly.

    Raises:
        ClientError: of type ``config`` when they are not installed.
    """
    os.environ.setdefault("GRPC_VERBOSITY", "NONE")
    try:
        for name in ("google.protobuf", "grpc.aio", "grpc_reflection"):
            importlib.import_module(name)
    except ImportError as missing:
        raise ClientError(_MISSING, "config") from missing


class GrpcChannel:
    """The channel to one target, shared by the steps of a run.

    Args:
        target: where.
    """

    def __init__(self, target: Target) -> None:
        self.target = target
        self._channel: grpc.aio.Channel | None = None

    def __str__(self) -> str:
        return self.target.address

    async def aclose(self) -> None:
        """Closes it at once."""
        channel, self._channel = self._channel, None
        if channel is not None:
            await channel.close(None)

    async def schema(self, service: str) -> Schema:
        """What the server says about a service.

        Args:
            service: name.

        Raises:
            ClientError: no reflection, no such service, no server.
        """
        return await Reflection(self._reflect, str(self)).schema(service)

    async def _reflect(self, version: str, request: Any) -> Any:
        import grpc
        from grpc_reflection.v1alpha import reflection_pb2 as messages

        # One message on a client's stream is the same on the wire, and grpc.aio then never loses an early status.
        method = (await self._open()).unary_stream(f"/{version}/ServerReflectionInfo")
        awaiting(self, lambda: self._missing("no answer to reflection"))
        call = method(request.SerializeToString())
        try:
            async for data in call:
                return _decoded(messages.ServerReflectionResponse, data, f"{self}: reflection")
        except grpc.aio.AioRpcError as error:
            if error.code() is grpc.StatusCode.UNIMPLEMENTED:
                raise Unimplemented from None
            self._unreachable(error)
            raise ClientError(f"{self}: reflection: {_told(error)}", "server") from error
        finally:
            call.cancel()
        raise ClientError(f"{self}: reflection gave no answer", "server")

    async def call(self, method: Method, sending: Sending) -> Outcome:
        """One call to its end.

        Args:
            method: which.
            sending: what.

        Raises:
            ClientError: the server cannot be reached, broke off, or sends too much.
        """
        import grpc

        started = time.perf_counter()
        reading = _Reading(str(self), method, sending.most)
        call = self._begin(await self._open(), method, sending)
        awaiting(self, lambda: self._missing(f"no answer{reading.so_far}"))
        try:
            await self._responses(method, call, reading)
            error = None
        except grpc.aio.AioRpcError as problem:
            error = problem
        except asyncio.CancelledError:
            call.cancel()
            raise
        except (grpc.aio.UsageError, grpc.aio.InternalError) as problem:
            raise ClientError(f"{self}: {problem}") from problem
        duration = (time.perf_counter() - started) * 1000
        if error is not None:
            self._no_answer(error, sending, reading.so_far, duration)
        return await _outcome(call, reading, duration)

    def _no_answer(self, error: grpc.aio.AioRpcError, sending: Sending, so_far: str, duration: float) -> None:
        """Raises when it was not the server that said so."""
        import grpc

        self._unreachable(error, so_far)
        if _TOO_LARGE.search(error.details() or ""):
            raise ClientError(f"{self}: a response is larger than {MAX_MESSAGE // 2**20} MiB") from error
        limit = sending.deadline
        if error.code() is grpc.StatusCode.DEADLINE_EXCEEDED and limit is not None and duration >= limit * 1000 - 5:
            missing = self._missing(f"no answer{so_far}")
            raise ClientError(f"{self}: {missing} within {sending.timeout:g}s", "timeout") from error

    def _begin(self, channel: Any, method: Method, sending: Sending) -> Any:
        kinds = {
            (False, False): channel.unary_unary,
            (False, True): channel.unary_stream,
            (True, False): channel.stream_unary,
            (True, True): channel.stream_stream,
        }
        make: Any = kinds[method.sends_many, method.gives_many]
        stub = make(method.path)
        data = [message.SerializeToString() for message in sending.requests]
        sent: Any = one_by_one(data) if method.sends_many else data[0]
        try:
            call = stub(sent, metadata=tuple(sending.metadata), timeout=sending.deadline)
        except (ValueError, TypeError) as problem:
            raise ClientError(f"{self}: the call cannot be sent: {problem}", "config") from problem
        if method.sends_many:
            call._cython_call = _StatusOfTheServer(call._cython_call)
        return call

    def _missing(self, answer: str) -> str:
        """What has not come, by the state of the connection."""
        import grpc

        state = self._channel.get_state() if self._channel is not None else None
        return answer if state is grpc.ChannelConnectivity.READY else "no connection"

    async def _responses(self, method: Method, call: Any, reading: _Reading) -> None:
        if not method.gives_many:
            reading.add(await call)
            return
        try:
            async for message in call:
                if not reading.add(message):
                    break
        finally:
            if not call.done():
                call.cancel()

    async def _open(self) -> Any:
        if self._channel is None:
            import grpc.aio

            tls, options = self.target.tls, [*_OPTIONS]
            if tls is None:
                self._channel = grpc.aio.insecure_channel(self.target.address, options=options)
                return self._channel
            if not tls.verify:
                tls = await trusting(tls, self.target.address)
            if tls.server_name:
                options.append(("grpc.ssl_target_name_override", tls.server_name))
            if self._channel is None:
                self._channel = grpc.aio.secure_channel(self.target.address, credentials(tls), options=options)
        return self._channel

    def _unreachable(self, error: grpc.aio.AioRpcError, so_far: str = "") -> None:
        """Raises when there was no server to answer: gRPC gives both the same status."""
        import grpc

        text = error.details() or ""
        if error.code() is not grpc.StatusCode.UNAVAILABLE:
            return
        state = self._channel.get_state() if self._channel is not None else None
        if _NO_CONNECTION.search(text) or state is grpc.ChannelConnectivity.TRANSIENT_FAILURE:
            raise ClientError(f"{self}: {_reason(text)}{so_far}") from error


class _StatusOfTheServer:
    """grpc.aio says INTERNAL when a server ends a client's stream early; this waits for what the server said.

    Args:
        call: grpc.aio's inner call.
    """

    def __init__(self, call: Any) -> None:
        self._call = call

    def __getattr__(self, name: str) -> Any:
        return getattr(self._call, name)

    def set_internal_error(self, text: str) -> None:
        """A message could not be sent; the call's status says why as soon as it is there."""


class _Reading:
    """Responses of one call, bounded."""

    def __init__(self, where: str, method: Method, most: int | None) -> None:
        from google.protobuf import message_factory

        self._where = where
        self._class = message_factory.GetMessageClass(method.gives)
        self._most = most
        self._bytes = 0
        self.values = Values(method.pool, where)
        self.messages: list[object] = []
        self.cut = False
        self._streams = method.gives_many

    @property
    def so_far(self) -> str:
        """How many responses of a stream came before it broke off."""
        count = len(self.messages)
        return f" after {count} message{'' if count == 1 else 's'}" if self._streams else ""

    def add(self, data: bytes) -> bool:
        """Keeps a response; False when enough have come.

        Args:
            data: serialised.
        """
        self._bytes += len(data)
        if len(self.messages) >= MAX_STREAM or self._bytes > MAX_STREAM_BYTES:
            limit = f"{MAX_STREAM} messages or {MAX_STREAM_BYTES // 2**20} MiB"
            raise ClientError(f"{self._where}: a stream of more than {limit}; end it with 'count'")
        self.messages.append(self.values.plain(_decoded(self._class, data, self._where)))
        self.cut = self._most is not None and len(self.messages) >= self._most
        return not self.cut


def _decoded(kind: Any, data: bytes, where: str) -> Any:
    try:
        return kind.FromString(data)
    except Exception as problem:  # DecodeError differs between protobuf's implementations
        name = kind.DESCRIPTOR.full_name
        raise ClientError(f"{where}: the answer is no {name} ({str(problem).splitlines()[0]})", "server") from problem


async def _outcome(call: Any, reading: _Reading, duration: float) -> Outcome:
    code = await call.code()
    trailers = await call.trailing_metadata()
    return Outcome(
        status=code.name,
        code=int(code.value[0]),
        error="" if reading.cut else (await call.details() or ""),
        messages=reading.messages,
        headers=shown_metadata(await call.initial_metadata()),
        trailers=shown_metadata(trailers),
        details=error_details(trailers, reading.values),
        duration_ms=round(duration, 3),
    )


def _told(error: grpc.aio.AioRpcError) -> str:
    return f"{error.code().name}: {error.details() or ''}".rstrip(": ")


def _reason(text: str) -> str:
    last = text.rpartition("last error: ")[2].strip()
    last = re.sub(r"^[A-Z_]+: ", "", last)
    last = re.sub(r"^(ipv[46]|unix):\S+: ", "", last)
    lower = last.lower()
    if "connection refused" in lower:
        return "connection refused"
    if "name not found" in lower or "not known" in lower or "errors resolving" in lower:
        return "the name cannot be resolved"
    if "missing selected alpn" in lower:
        return "it does not offer HTTP/2 in TLS, as a gRPC server does"
    if "tls handshake failed" in lower:
        return tls_meaning(last) or last
    if last.startswith("Stream removed") or "socket closed" in lower:
        return "the server closed the connection"
    return last or "unreachable"
