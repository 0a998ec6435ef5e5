"""A server that gives a secret back in every encoding, over every kind of HTTP there is a step for."""

from __future__ import annotations

import base64
import json
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import quote

from evals.canary.forms import ENCODINGS


def forms_of(secret: str) -> dict[str, str]:
    """The secret in every encoding, by name.

    Args:
        secret: the value.
    """
    return {name: encode(secret) for name, encode in ENCODINGS.items()}


def answer_of(secret: str) -> dict[str, Any]:
    """What the server answers: every form in fields, in one text, as names of fields, and without NULs for stores.

    Args:
        secret: what it was sent.
    """
    forms = forms_of(secret)
    safe = {name: text for name, text in forms.items() if "\0" not in text}
    named = {text: name for name, text in safe.items()}
    return {
        "forms": forms,
        "safe": safe,
        "text": "\n".join(safe.values()),
        "named": named,
        "list": list(forms.values()),
        "user": {"login": f"user:{secret}", "url": f"https://user:{quote(secret, safe='')}@host/x"},
    }


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        """Events, or the echo."""
        if self.path.startswith("/events"):
            return self._events(self._bearer())
        return self._answer(200, answer_of(self._bearer()))

    def do_POST(self) -> None:
        """The echo of what the body or the header holds; `/graphql` as GraphQL answers."""
        body = json.loads(self.rfile.read(int(self.headers.get("content-length", 0))) or b"{}")
        found = body.get("variables", body) if isinstance(body, Mapping) else {}
        answer = answer_of(str(found.get("token") or self._bearer()))
        if self.path.startswith("/graphql"):
            errors = [{"message": answer["text"]}] if found.get("fail") else None
            return self._answer(200, {"data": {"echo": answer}} | ({"errors": errors} if errors else {}))
        return self._answer(500 if self.path.startswith("/broken") else 200, answer)

    def _bearer(self) -> str:
        text = self.headers.get("authorization", "")
        if text.startswith("Basic "):
            return base64.b64decode(text[6:]).decode().partition(":")[2]
        return text.removeprefix("Bearer ")

    def _answer(self, status: int, body: object) -> None:
        data = json.dumps(body).encode()
        self.send_response(status)
        self.send_header("content-type", "application/json")
        self.send_header("content-length", str(len(data)))
        secret = self._bearer()
        if secret and secret.isascii():
            self.send_header("X-Echo", secret)
            self.send_header("Set-Cookie", f"sid={quote(secret, safe='')}; Path=/")
        self.end_headers()
        self.wfile.write(data)

    def _events(self, secret: str) -> None:
        self.send_response(200)
        self.send_header("content-type", "text/event-stream")
        self.send_header("connection", "close")
        self.end_headers()
        self.wfile.write(f"id: 1\nevent: echo\ndata: {json.dumps(answer_of(secret))}\n\n".encode())
        self.close_connection = True

    def log_message(self, format: str, *args: object) -> None:
        """Nothing on the terminal."""


@contextmanager
def echo_server() -> Iterator[str]:
    """The server on a free port; gives its URL."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), _Handler)
    server.daemon_threads = True
    thread = threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_address[1]}"
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


async def echo_socket(connection: Any) -> None:
    """A WebSocket that answers every message with all forms of it.

    Args:
        connection: of the `websockets` library.
    """
    async for message in connection:
        await connection.send(json.dumps(answer_of(json.loads(message)["token"])))
