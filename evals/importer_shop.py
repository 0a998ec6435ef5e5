"""A small shop over HTTP that imported tests are run against: it logs in, keeps orders, fails, redirects and echoes."""

from __future__ import annotations

import contextlib
import json
import re
import threading
import uuid
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, parse_qsl, urlsplit

from flows.importers.listening import serving

PRICES = {"SKU-1": 9.99, "SKU-2": 25.0}
ITEMS = [
    {"sku": "SKU-1", "name": "Lamp", "price": 9.99, "tags": ["home", "light"], "stock": 5},
    {"sku": "SKU-2", "name": "Desk", "price": 25.0, "tags": ["home"], "stock": 0},
]


class Shop(ThreadingHTTPServer):
    """Everything the shop remembers."""

    daemon_threads = True
    block_on_close = False

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.lock = threading.Lock()
        self.orders: dict[str, dict[str, Any]] = {}
        self.tokens: set[str] = set()
        self.sessions: set[str] = set()
        self.failures: dict[str, int] = {}
        self.number = 1000

    @property
    def url(self) -> str:
        """Where it listens."""
        return f"http://127.0.0.1:{self.server_address[1]}"


@contextlib.contextmanager
def shop() -> Iterator[Shop]:
    """A running shop."""
    with serving(Shop(), poll=0.02) as server:
        yield server


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    @property
    def shop(self) -> Shop:
        """Whose requests these are."""
        assert isinstance(self.server, Shop)
        return self.server

    def log_message(self, format: str, *args: object) -> None:
        """Quiet."""

    def _answer(
        self, status: int, body: object = None, kind: str = "application/json", **headers: str | list[str]
    ) -> None:
        data = b"" if body is None else body.encode() if isinstance(body, str) else json.dumps(body).encode()
        self.send_response(status)
        for name, value in headers.items():
            for one in [value] if isinstance(value, str) else value:
                self.send_header(name.replace("_", "-"), one)
        if status != 204:
            self.send_header("Content-Type", kind)
            self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        if self.command != "HEAD" and status != 204:
            self.wfile.write(data)

    def _serve(self) -> None:
        length = int(self.headers.get("Content-Length") or 0)
        self.text = self.rfile.read(length).decode("utf-8", "replace")
        parts = urlsplit(self.path)
        self.query = parse_qs(parts.query, keep_blank_values=True)
        for method, pattern, serve in _ROUTES:
            found = re.fullmatch(pattern, parts.path)
            if found is not None and method in (self.command, "ANY"):
                with self.shop.lock:
                    serve(self, *found.groups())
                return
        self._answer(404, {"error": "no such page"})

    do_GET = do_POST = do_PUT = do_PATCH = do_DELETE = do_HEAD = do_OPTIONS = _serve

    def _given(self) -> dict[str, Any]:
        if "json" in self.headers.get("Content-Type", ""):
            with contextlib.suppress(ValueError):
                found = json.loads(self.text)
                return found if isinstance(found, dict) else {}
        return dict(parse_qsl(self.text))

    def login(self) -> None:
        given = self._given()
        if given.get("user") != "ada" or given.get("password") != "lovelace":
            self._answer(401, {"error": "wrong user or password"})
            return
        token, session = uuid.uuid4().hex, uuid.uuid4().hex
        self.shop.tokens.add(token)
        self.shop.sessions.add(session)
        self._answer(200, {"token": token, "expires_in": 3600}, Set_Cookie=f"sid={session}; Path=/; HttpOnly")

    def me(self) -> None:
        if self.headers.get("Authorization", "").removeprefix("Bearer ") not in self.shop.tokens:
            self._answer(401, {"error": "no token"}, WWW_Authenticate="Bearer")
            return
        self._answer(200, {"name": "ada", "roles": ["admin", "dev"], "active": True, "manager": None})

    def session(self) -> None:
        parts = [part.strip().partition("=") for part in (self.headers.get("Cookie") or "").split(";")]
        cookies: dict[str, str] = {name: value for name, _, value in parts}
        known = cookies.get("sid", "") in self.shop.sessions
        self._answer(200 if known else 403, {"known": known})

    def place(self) -> None:
        given = self._given()
        sku, quantity = given.get("sku"), given.get("quantity")
        if sku not in PRICES or not isinstance(quantity, int) or quantity < 1:
            self._answer(422, {"error": "bad order", "fields": [k for k in ("sku", "quantity") if k not in given]})
            return
        order_id = str(uuid.uuid4())
        self.shop.number += 1
        order = {
            "id": order_id, "number": self.shop.number, "sku": sku, "quantity": quantity,
            "total": round(PRICES[sku] * quantity, 2), "status": "new", "created_at": "2026-03-01T10:00:00Z",
        }  # fmt: skip
        self.shop.orders[order_id] = order
        self._answer(201, order, Location=f"/orders/{order_id}", ETag=f'"{order_id[:8]}"')

    def listed(self) -> None:
        orders = list(self.shop.orders.values())
        self._answer(200, {"orders": orders, "count": len(orders)})

    def order(self, order_id: str) -> None:
        order = self.shop.orders.get(order_id)
        if order is None:
            self._answer(404, {"error": "no such order"})
        elif self.command == "DELETE":
            del self.shop.orders[order_id]
            self._answer(204)
        else:
            if self.command in ("PUT", "PATCH"):
                order.update(self._given())
            self._answer(200, order)

    def items(self) -> None:
        least = float(self.query.get("min_price", ["0"])[0])
        found = [item for item in ITEMS if item["price"] >= least]  # type: ignore[operator]
        self._answer(200, {"items": found, "page": {"number": 1, "last": True}})

    def flaky(self) -> None:
        key, times = self.query["key"][0], int(self.query.get("times", ["1"])[0])
        seen = self.shop.failures.get(key, 0)
        self.shop.failures[key] = seen + 1
        ready = seen >= times
        self._answer(200 if ready else 503, {"ready": ready, "calls": seen + 1})

    def echo(self) -> None:
        given: object = None
        with contextlib.suppress(ValueError):
            given = json.loads(self.text)
        kind = self.headers.get("Content-Type", "")
        answer = {
            "method": self.command, "query": self.query, "text": self.text, "json": given, "type": kind,
            "form": dict(parse_qsl(self.text)) if "urlencoded" in kind else None,
            "headers": {name.lower(): value for name, value in self.headers.items()},
        }  # fmt: skip
        self._answer(200, answer)


_COOKIES = ["sid=1; Path=/; HttpOnly", "theme=dark; Path=/shop; Max-Age=60; SameSite=Lax"]
_ROUTES = (
    ("GET", "/health", lambda h: h._answer(200, {"status": "ok"}, X_Version="1.4.2")),
    ("HEAD", "/health", lambda h: h._answer(200, {"status": "ok"}, X_Version="1.4.2")),
    ("POST", "/login", _Handler.login),
    ("GET", "/me", _Handler.me),
    ("GET", "/session", _Handler.session),
    ("POST", "/orders", _Handler.place),
    ("GET", "/orders", _Handler.listed),
    ("ANY", "/orders/([^/]+)", _Handler.order),
    ("GET", "/items", _Handler.items),
    ("GET", "/flaky", _Handler.flaky),
    ("ANY", "/echo", _Handler.echo),
    ("GET", "/moved", lambda h: h._answer(302, None, Location="/health")),
    ("GET", "/text", lambda h: h._answer(200, "hello world\n", kind="text/plain; charset=utf-8")),
    ("GET", "/xml", lambda h: h._answer(200, "<shop><name>Lamps</name></shop>", kind="application/xml")),
    ("GET", "/list", lambda h: h._answer(200, [{"id": 1, "name": "a"}, {"id": 2, "name": "b"}])),
    ("GET", "/themed", lambda h: h._answer(200, {"theme": "dark"}, Set_Cookie=_COOKIES)),
    ("GET", "/empty", lambda h: h._answer(204)),
    ("GET", "/broken", lambda h: h._answer(500, {"error": "broken"})),
)
