"""Local servers that speak the model vendors' protocols; answers are checked against their published types."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any


def openai_answer(text: str) -> dict[str, Any]:
    """A chat completion, validated by the SDK's types, which are generated from the published specification."""
    from openai.types.chat import ChatCompletion

    body = {
        "id": "c1", "object": "chat.completion", "created": 1, "model": "m",
        "choices": [{"index": 0, "finish_reason": "stop", "logprobs": None,
                     "message": {"role": "assistant", "content": text, "refusal": None}}],
        "usage": {"prompt_tokens": 11, "completion_tokens": 7, "total_tokens": 18},
    }  # fmt: skip
    return ChatCompletion.model_validate(body).model_dump(mode="json")


def anthropic_answer(text: str) -> dict[str, Any]:
    """A message, validated by the SDK's types, which are generated from the published specification."""
    from anthropic.types import Message

    body = {
        "id": "m1", "type": "message", "role": "assistant", "model": "m", "stop_reason": "end_turn",
        "stop_sequence": None, "content": [{"type": "text", "text": text}],
        "usage": {"input_tokens": 11, "output_tokens": 7},
    }  # fmt: skip
    return Message.model_validate(body).model_dump(mode="json")


def ollama_answer(text: str) -> dict[str, Any]:
    """A chat response, validated by the SDK's types."""
    from ollama import ChatResponse

    body = {
        "model": "m", "created_at": "2026-01-01T00:00:00Z", "done": True, "done_reason": "stop",
        "message": {"role": "assistant", "content": text}, "prompt_eval_count": 11, "eval_count": 7,
    }  # fmt: skip
    return ChatResponse.model_validate(body).model_dump(mode="json")


@dataclass
class Vendor:
    """A running server: `behave` decides what it does, `requests` is what it got."""

    url: str = ""
    behave: str = "answer"
    requests: list[tuple[str, dict[str, str], dict[str, Any]]] = field(default_factory=list)


ANSWERS: dict[str, tuple[str, str, Callable[[str], dict[str, Any]]]] = {
    "openai": ("/v1", "/v1/chat/completions", openai_answer),
    "anthropic": ("", "/v1/messages", anthropic_answer),
    "ollama": ("", "/api/chat", ollama_answer),
}


class _Quiet(ThreadingHTTPServer):
    def handle_error(self, request: Any, client_address: Any) -> None:
        """A client that gave up waiting is what some tests want."""


@contextmanager
def vendor(name: str, text: str) -> Iterator[Vendor]:
    """A server of that vendor's protocol which says `text`.

    Args:
        name: openai, anthropic or ollama.
        text: the assistant's words.
    """
    prefix, path, answer = ANSWERS[name]
    state = Vendor()
    hang = threading.Event()

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self) -> None:
            body = json.loads(self.rfile.read(int(self.headers["content-length"])))
            state.requests.append((self.path, dict(self.headers.items()), body))
            status, data = 200, json.dumps(answer(text)).encode()
            if state.behave == "hang":
                hang.wait(30)
            if self.path != path or state.behave == "refuse":
                status, data = 401, b'{"error": {"message": "no"}}'
            elif state.behave == "overloaded":
                status, data = 529, b'{"error": {"message": "later"}}'
            elif state.behave == "garbage":
                data = b"<html>"
            self.send_response(status)
            self.send_header("content-type", "application/json")
            self.send_header("content-length", str(len(data)))
            self.end_headers()
            self.wfile.write(data)

        def log_message(self, format: str, *args: Any) -> None:
            return

    server = _Quiet(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    state.url = f"http://127.0.0.1:{server.server_port}{prefix}"
    try:
        yield state
    finally:
        hang.set()
        server.shutdown()
        thread.join()
        server.server_close()
