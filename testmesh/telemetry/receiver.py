"""A small OTLP/HTTP receiver on loopback, so that `testmesh run` sees the spans it causes without a collector."""

from __future__ import annotations

import threading
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import cast

from testmesh.kernel.errors import MissingExtra, UserError
from testmesh.telemetry.otlp import MAX_BYTES, decode, inflate, success
from testmesh.telemetry.store import SpanStore

PATH = "/v1/traces"
_LOOPBACK = "127.0.0.1"
_SECONDS = 10
_LINE = 8192


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    block_on_close = False

    def __init__(self, store: SpanStore, port: int) -> None:
        super().__init__((_LOOPBACK, port), _Handler)
        self.store = store
        self.rejected = 0

    def handle_error(self, request: object, client_address: object) -> None:
        """A client that went away is no news."""


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    timeout = _SECONDS

    @property
    def _receiver(self) -> _Server:
        return cast(_Server, self.server)

    def do_POST(self) -> None:
        """Keep the spans of a request."""
        length = self.headers.get("Content-Length", "")
        chunked = "chunked" in self.headers.get("Transfer-Encoding", "").lower()
        if self.path.partition("?")[0] != PATH:
            self._answer(404, b"only /v1/traces is served here")
        elif chunked:
            self._keep_chunks()
        elif not length.isdigit():
            self._answer(411, b"Content-Length is needed")
        elif int(length) > MAX_BYTES:
            self._answer(413, b"the body is too large")
        else:
            self._keep(self.rfile.read(int(length)))

    def _keep_chunks(self) -> None:
        """Exporters for Node send chunks (RFC 9112 §7.1); trailers are read and dropped."""
        body = bytearray()
        try:
            while size := int(self.rfile.readline(_LINE).partition(b";")[0], 16):
                if not 0 < size <= MAX_BYTES - len(body):
                    self._answer(413, b"the body is too large")
                    return
                body += self.rfile.read(size)
                self.rfile.readline(_LINE)
            while self.rfile.readline(_LINE).strip():
                pass
        except ValueError:
            self._answer(400, b"a chunk without a size")
            return
        self._keep(bytes(body))

    def _keep(self, body: bytes) -> None:
        content_type = self.headers.get("Content-Type", "")
        try:
            batch = decode(inflate(body, self.headers.get("Content-Encoding", "")), content_type)
        except UserError as error:
            self._answer(501 if isinstance(error, MissingExtra) else 400, error.message.encode())
            return
        self._receiver.store.add(batch.spans)
        self._receiver.rejected += batch.rejected
        self._answer(200, success(batch, content_type), content_type.partition(";")[0])

    def _answer(self, status: int, body: bytes, content_type: str = "text/plain; charset=utf-8") -> None:
        self.send_response(status)
        self.send_header("Content-Type", content_type)
        self.send_header("Content-Length", str(len(body)))
        if status != 200:
            self.close_connection = True
            self.send_header("Connection", "close")
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:
        """Requests of the services under test are not our output."""


@dataclass(slots=True)
class Receiver:
    """A running receiver; use it as a context manager.

    Args:
        store: where spans go.
        port: 0 for a free one.
    """

    store: SpanStore
    port: int = 0
    _server: _Server | None = None
    _thread: threading.Thread | None = None

    @property
    def endpoint(self) -> str:
        """The value for `OTEL_EXPORTER_OTLP_ENDPOINT`."""
        return f"http://{_LOOPBACK}:{self.port}"

    def __enter__(self) -> Receiver:
        try:
            self._server = _Server(self.store, self.port)
        except OSError as error:
            raise UserError(
                f"port {self.port} cannot be used for traces: {error.strerror}", hint="choose another with --otlp-port"
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
