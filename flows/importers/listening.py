"""A recording proxy on this machine: what passes through it on the way to one server becomes a flow."""

from __future__ import annotations

import contextlib
import http.client
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, TypeVar
from urllib.parse import urlsplit

from testmesh.kernel.errors import UserError

MAX_BODY = 8 * 1024 * 1024
MAX_EXCHANGES = 2_000
_HOP = frozenset({"connection", "keep-alive", "proxy-connection", "te", "trailer", "transfer-encoding", "upgrade"})
_WAIT = 60
Server = TypeVar("Server", bound=ThreadingHTTPServer)


class Recorder(ThreadingHTTPServer):
    """Passes requests on and keeps them as entries of a HAR file.

    Args:
        port: to listen on, at 127.0.0.1.
        target: base URL of the server.
    """

    daemon_threads = True
    block_on_close = False

    def __init__(self, port: int, target: str) -> None:
        parts = urlsplit(target)
        if parts.scheme not in ("http", "https") or not parts.hostname:
            raise UserError(f"'{target}' is no address of a server", hint="for example http://localhost:8001")
        self.target = parts
        self.entries: list[dict[str, Any]] = []
        self.lost = 0
        self.lock = threading.Lock()
        try:
            super().__init__(("127.0.0.1", port), _Handler)
        except OSError as error:
            raise UserError(
                f"port {port} cannot be listened on: {error.strerror}", hint="give another --port"
            ) from error

    def connect(self) -> http.client.HTTPConnection:
        """A connection to the server."""
        kind = http.client.HTTPSConnection if self.target.scheme == "https" else http.client.HTTPConnection
        return kind(self.target.hostname or "", self.target.port, timeout=_WAIT)

    def keep(self, entry: dict[str, Any]) -> None:
        """Remembers one exchange; what is too much is counted.

        Args:
            entry: as in a HAR file.
        """
        with self.lock:
            if len(self.entries) < MAX_EXCHANGES:
                self.entries.append(entry)
            else:
                self.lost += 1

    def har(self) -> dict[str, Any]:
        """Everything so far, as a HAR document."""
        with self.lock:
            return {"log": {"version": "1.2", "creator": {"name": "testmesh"}, "entries": list(self.entries)}}


@contextlib.contextmanager
def recording(port: int, target: str) -> Iterator[Recorder]:
    """A recorder that listens.

    Args:
        port: 0 takes a free one.
        target: base URL of the server.

    Raises:
        UserError: the port is taken, or the target is no address.
    """
    with serving(Recorder(port, target), poll=0.05) as server:
        yield server


@contextlib.contextmanager
def serving(server: Server, *, poll: float) -> Iterator[Server]:
    """Runs a server in a thread of its own until the block ends.

    Args:
        server: bound already.
        poll: seconds between two looks at whether it is to end.
    """
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": poll}, daemon=True)
    thread.start()
    try:
        yield server
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    @property
    def recorder(self) -> Recorder:
        """Whose requests these are."""
        assert isinstance(self.server, Recorder)
        return self.server

    def log_message(self, format: str, *args: object) -> None:
        """Quiet: what passed is in the flow."""

    def _pass(self) -> None:
        body = self._body()
        if body is None:
            return
        try:
            self._forward(body)
        except (OSError, http.client.HTTPException) as error:
            self._refuse(502, f"{self.recorder.target.netloc}: {error}")

    do_GET = do_HEAD = do_POST = do_PUT = do_PATCH = do_DELETE = do_OPTIONS = _pass

    def _body(self) -> bytes | None:
        """The body of the request; None when it was refused."""
        length = self.headers.get("Content-Length", "0")
        if self.headers.get("Transfer-Encoding") or not length.isdigit() or int(length) > MAX_BODY:
            self._refuse(413, f"a body with a length of at most {MAX_BODY} bytes can be recorded")
            return None
        return self.rfile.read(int(length))

    def _refuse(self, status: int, why: str) -> None:
        self.close_connection = True
        text = f"testmesh record: {why}\n".encode()
        self.send_response(status)
        self.send_header("Content-Type", "text/plain")
        self.send_header("Content-Length", str(len(text)))
        self.end_headers()
        self.wfile.write(text)

    def _forward(self, body: bytes) -> None:
        target = self.recorder.target
        path = target.path.rstrip("/") + self.path
        sent = [(name, value) for name, value in self.headers.items() if name.lower() not in _HOP]
        connection = self.recorder.connect()
        with contextlib.closing(connection):
            connection.putrequest(self.command, path, skip_host=True, skip_accept_encoding=True)
            for name, value in sent:
                if name.lower() == "host":
                    value = target.netloc.rpartition("@")[2]
                elif name.lower() == "accept-encoding":
                    value = "identity"
                connection.putheader(name, value)
            connection.endheaders(body or None)
            answer = connection.getresponse()
            content = answer.read(MAX_BODY + 1)
            if len(content) > MAX_BODY:
                self._refuse(502, f"an answer of more than {MAX_BODY} bytes cannot be recorded")
                return
            where = f"{target.scheme}://{target.netloc.rpartition('@')[2]}{path}"
            # kept first: whoever has the answer may end the recording at once
            self.recorder.keep(_entry((self.command, where), (sent, body), (answer, content)))
            self._answer(answer, content)

    def _answer(self, answer: http.client.HTTPResponse, content: bytes) -> None:
        self.send_response_only(answer.status, answer.reason)
        for name, value in answer.getheaders():
            if name.lower() not in _HOP and name.lower() != "content-length":
                self.send_header(name, value)
        if answer.status not in (204, 304) and answer.status >= 200:
            self.send_header("Content-Length", answer.getheader("Content-Length") or str(len(content)))
        self.end_headers()
        self.wfile.write(content)


def _entry(
    line: tuple[str, str],
    asked: tuple[list[tuple[str, str]], bytes],
    answered: tuple[http.client.HTTPResponse, bytes],
) -> dict[str, Any]:
    (sent, body), (answer, content) = asked, answered
    request: dict[str, Any] = {
        "method": line[0],
        "url": line[1],
        "headers": [{"name": name, "value": value} for name, value in sent],
    }
    if body:
        kind = next((value for name, value in sent if name.lower() == "content-type"), "")
        request["postData"] = {"mimeType": kind, "text": body.decode("utf-8", "replace")}
    response: dict[str, Any] = {
        "status": answer.status,
        "headers": [{"name": name, "value": value} for name, value in answer.getheaders()],
        "content": {"mimeType": answer.getheader("Content-Type", ""), "text": content.decode("utf-8", "replace")},
    }
    return {"request": request, "response": response}
