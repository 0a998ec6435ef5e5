"""A small OTLP/HTTP receiver, so that `testmesh run` sees the spans it causes without a collector."""

from __future__ import annotations

import json
import threading
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import cast

from testmesh.kernel.errors import LimitExceeded, MissingExtra, UserError
from testmesh.telemetry.otlp import JSON, MAX_BYTES, MEDIA_TYPES, PROTOBUF, decode, inflate, success
from testmesh.telemetry.store import SpanStore

PATH = "/v1/traces"
OTHERS = ("/v1/metrics", "/v1/logs")
LOOPBACK = "127.0.0.1"
_SECONDS = 10
_LINE = 8192
_AT_ONCE = 8
# google.rpc.Code of what OTLP answers with these HTTP statuses.
_CODES = {400: 3, 404: 5, 405: 12, 411: 3, 413: 8, 415: 3, 501: 12, 503: 14}


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    block_on_close = False
    request_queue_size = 64

    def __init__(self, store: SpanStore, host: str, port: int) -> None:
        super().__init__((host, port), _Handler)
        self.store = store
        self.rejected = 0
        self.slots = threading.BoundedSemaphore(_AT_ONCE)

    def handle_error(self, request: object, client_address: object) -> None:
        """A client that went away is no news."""


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    timeout = _SECONDS
    # Small answers would otherwise wait for the client's delayed acknowledgement.
    disable_nagle_algorithm = True

    @property
    def _receiver(self) -> _Server:
        return cast(_Server, self.server)

    @property
    def _media(self) -> str:
        return self.headers.get("Content-Type", "").partition(";")[0].strip().lower()

    def do_POST(self) -> None:
        """Keep the spans of a request."""
        length = self.headers.get("Content-Length", "")
        chunked = "chunked" in self.headers.get("Transfer-Encoding", "").lower()
        if self.path.partition("?")[0] not in (PATH, *OTHERS):
            self._refuse(404, "only /v1/traces is served here")
        elif self._media not in MEDIA_TYPES:
            self._refuse(415, f"'{self._media}' is not a media type of OTLP: send {PROTOBUF} or {JSON}")
        elif not chunked and not length.isdigit():
            self._refuse(411, "Content-Length is needed")
        elif not chunked and int(length) > MAX_BYTES:
            self._refuse(413, f"the body is larger than {MAX_BYTES} bytes")
        elif not self._receiver.slots.acquire(timeout=_SECONDS):
            self._refuse(503, "too many requests at once")
        else:
            try:
                self._keep_chunks() if chunked else self._keep(self.rfile.read(int(length)))
            finally:
                self._receiver.slots.release()

    def do_GET(self) -> None:
        """Nothing is read here."""
        self._refuse(405, "spans are sent here with POST")

    do_PUT = do_DELETE = do_PATCH = do_HEAD = do_OPTIONS = do_GET

    def _keep_chunks(self) -> None:
        """Exporters for Node send chunks (RFC 9112 §7.1); trailers are read and dropped."""
        body = bytearray()
        try:
            while size := int(self.rfile.readline(_LINE).partition(b";")[0], 16):
                if not 0 < size <= MAX_BYTES - len(body):
                    self._refuse(413, f"the body is larger than {MAX_BYTES} bytes")
                    return
                body += self.rfile.read(size)
                self.rfile.readline(_LINE)
            while self.rfile.readline(_LINE).strip():
                pass
        except ValueError:
            self._refuse(400, "a chunk without a size")
            return
        self._keep(bytes(body))

    def _keep(self, body: bytes) -> None:
        if self.path.partition("?")[0] != PATH:
            # Metrics and logs are not asked for; refusing them would only fill the services' own logs with complaints.
            self._answer(200, b"{}" if self._media == JSON else b"", self._media)
            return
        try:
            batch = decode(inflate(body, self.headers.get("Content-Encoding", "")), self._media)
        except UserError as error:
            status = 501 if isinstance(error, MissingExtra) else 413 if isinstance(error, LimitExceeded) else 400
            self._refuse(status, error.message)
            return
        self._receiver.store.add(batch.spans)
        self._receiver.rejected += batch.rejected
        self._answer(200, success(batch, self._media), self._media)

    def _refuse(self, status: int, message: str) -> None:
        """An error as OTLP wants it: a google.rpc.Status in the request's media type, text for others."""
        code = _CODES.get(status, 2)
        if self._media == JSON:
            self._answer(status, json.dumps({"code": code, "message": message}).encode(), JSON)
        elif self._media == PROTOBUF:
            self._answer(status, status_message(code, message), PROTOBUF)
        else:
            self._answer(status, message.encode(), "text/plain; charset=utf-8")

    def _answer(self, status: int, body: bytes, content_type: str) -> None:
        self.send_response(status)
        self.send_header("Content-Type", content_type)
        self.send_header("Content-Length", str(len(body)))
        if status == 405:
            self.send_header("Allow", "POST")
        if status == 503:
            self.send_header("Retry-After", "1")
        if status != 200:
            self.close_connection = True
            self.send_header("Connection", "close")
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:
        """Requests of the services under test are not our output."""


def status_message(code: int, message: str) -> bytes:
    """A google.rpc.Status in protobuf: two fields need no generated code.

    Args:
        code: google.rpc.Code.
        message: for people, cut at 1000 bytes.
    """
    text = message.encode()[:1000]
    size = bytes([len(text)]) if len(text) < 128 else bytes([len(text) & 127 | 128, len(text) >> 7])
    return bytes([8, code, 18]) + size + text


@dataclass(slots=True)
class Receiver:
    """A running receiver; use it as a context manager.

    Args:
        store: where spans go.
        port: 0 for a free one.
        host: address to listen on.
    """

    store: SpanStore
    port: int = 0
    host: str = LOOPBACK
    _server: _Server | None = None
    _thread: threading.Thread | None = None

    @property
    def endpoint(self) -> str:
        """The value for `OTEL_EXPORTER_OTLP_ENDPOINT`."""
        return f"http://{self.host}:{self.port}"

    @property
    def rejected(self) -> int:
        """Spans that could not be read."""
        return self._server.rejected if self._server is not None else 0

    def __enter__(self) -> Receiver:
        try:
            self._server = _Server(self.store, self.host, self.port)
        except OSError as error:
            raise UserError(
                f"{self.host}:{self.port} cannot be used for traces: {error.strerror}",
                hint="choose another port, or stop what listens there",
            ) from error
        self.port = self._server.server_address[1]
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.05,), daemon=True)
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        if self._server is not None and self._thread is not None:
            self._server.shutdown()
            self._server.server_close()
            self._thread.join()
