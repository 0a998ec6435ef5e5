"""The example of docs/flows.md for HTTP, GraphQL, WebSockets and events runs as it is printed."""

from __future__ import annotations

import asyncio
import json
import re
from pathlib import Path
from typing import Any

from graphql import build_schema, graphql_sync

from tests.architecture.tree import ROOT
from tests.conformance.actions import passes
from tests.flows.support import run_text
from tests.servers.web import Certificates, hypercorn_server

SCHEMA = build_schema("type Order { state: String } type Query { order(id: ID!): Order }")


class Shop:
    """An ASGI application with everything that the example asks for."""

    def __init__(self) -> None:
        self.paid: list[str] = []
        self.news = asyncio.Event()

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        """One request or conversation."""
        if scope["type"] == "websocket":
            await self.chat(receive, send)
        elif scope["type"] == "http":
            await self.http(scope, receive, send)

    async def http(self, scope: Any, receive: Any, send: Any) -> None:
        """One request."""
        body = await _body(receive)
        path = scope["raw_path"].decode()
        headers = {name.decode(): value.decode() for name, value in scope["headers"]}
        if path == "/events":
            await self.events(send)
        elif path == "/login":
            await _say(send, 204, b"", (b"set-cookie", f"sid={body.decode()}-0123456789; Path=/; Secure".encode()))
        elif path == "/graphql":
            asked = json.loads(body)
            found = graphql_sync(SCHEMA, asked["query"], self, variable_values=asked["variables"])
            await _say(send, 200, json.dumps(found.formatted).encode())
        elif path == "/orders/a%2F7/pay" and headers.get("cookie") == "sid=user=ada-0123456789":
            self.paid.append("a/7")
            self.news.set()
            await _say(send, 200, b'{"state": "paid"}')
        else:
            await _say(send, 404, b"{}")

    def order(self, info: object, id: str) -> dict[str, str]:
        """The query of the schema."""
        return {"state": "paid" if id in self.paid else "open"}

    async def events(self, send: Any) -> None:
        """Says what was paid, and goes on listening."""
        await send({"type": "http.response.start", "status": 200, "headers": [(b"content-type", b"text/event-stream")]})
        await send({"type": "http.response.body", "body": b": hello\n\n", "more_body": True})
        await self.news.wait()
        event = f"event: paid\nid: 1\ndata: {json.dumps({'id': self.paid[0]})}\n\n"
        await send({"type": "http.response.body", "body": event.encode(), "more_body": True})
        await asyncio.Event().wait()

    async def chat(self, receive: Any, send: Any) -> None:
        """Says what is joined."""
        await send({"type": "websocket.accept"})
        while True:
            event = await receive()
            if event["type"] == "websocket.disconnect":
                return
            if event["type"] == "websocket.receive":
                joined = {"joined": json.loads(event["text"])["join"]}
                await send({"type": "websocket.send", "text": json.dumps(joined)})


async def _body(receive: Any) -> bytes:
    body, more = b"", True
    while more:
        event = await receive()
        body, more = body + event.get("body", b""), event.get("more_body", False)
    return body


async def _say(send: Any, status: int, body: bytes, *headers: tuple[bytes, bytes]) -> None:
    kind = [(b"content-type", b"application/json")] if body else []
    await send({"type": "http.response.start", "status": status, "headers": [*kind, *headers]})
    await send({"type": "http.response.body", "body": body})


def test_the_example_runs(tmp_path: Path) -> None:
    page = (ROOT / "docs/flows.md").read_text()
    found = re.search(r"^### HTTP, GraphQL, WebSocket, events\n+```yaml\n(.*?)```", page, re.M | re.S)
    assert found is not None
    certificates = Certificates(tmp_path)
    with hypercorn_server(Shop(), certificates) as port:
        process = {"SHOP_URL": f"https://127.0.0.1:{port}", "CHAT_URL": f"wss://127.0.0.1:{port}"}
        passes(run_text(tmp_path, found[1], process=process))
