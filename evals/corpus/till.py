"""The system under test of the corpus: a till that answers at once and does the rest a little later."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from uuid import uuid4

LATER = 0.03
SCHEMA = """
type Query { order(id: ID!): Order }
type Mutation { pay(id: ID!): Order! }
type Order { id: ID! sku: String! quantity: Int! total: Float! state: String! }
"""
PRICES = {"tea": 3.5, "pot": 24.0, "cup": 8.25}


class Till:
    """Orders in memory; every order becomes a row in PostgreSQL, a key and a message in Redis, shortly after.

    Args:
        database: PostgreSQL URL.
        redis_url: Redis URL.
    """

    def __init__(self, database: str, redis_url: str) -> None:
        import psycopg
        import redis
        from graphql import build_schema

        self._database = database
        self._redis = redis.Redis.from_url(redis_url)
        self._orders: dict[str, dict[str, Any]] = {}
        self._schema = build_schema(SCHEMA)
        self._lock = threading.Lock()
        with psycopg.connect(database, autocommit=True) as connection:
            connection.execute("CREATE TABLE IF NOT EXISTS receipts (order_id uuid, total numeric, line int)")

    def place(self, body: Mapping[str, Any]) -> tuple[int, object]:
        """An order.

        Args:
            body: `sku` and `quantity`.
        """
        sku, quantity = body.get("sku"), body.get("quantity")
        if sku not in PRICES or not isinstance(quantity, int) or quantity < 1:
            return 422, {"error": "no such thing", "fields": ["sku", "quantity"]}
        order = {"id": str(uuid4()), "sku": sku, "quantity": quantity, "total": PRICES[sku] * quantity, "state": "open"}
        with self._lock:
            self._orders[order["id"]] = order
        threading.Timer(LATER, self._told, [order]).start()
        return 201, order

    def _told(self, order: dict[str, Any]) -> None:
        import psycopg

        with psycopg.connect(self._database, autocommit=True) as connection:
            for line in range(2):
                connection.execute(
                    "INSERT INTO receipts (order_id, total, line) VALUES (%s, %s, %s)",
                    (order["id"], order["total"], line),
                )
        self._redis.set(f"order:{order['id']}", json.dumps(order), ex=600)
        self._redis.publish("orders", json.dumps({"type": "placed", **order}))

    def find(self, order_id: str) -> tuple[int, object]:
        """An order by id.

        Args:
            order_id: as answered.
        """
        order = self._orders.get(order_id)
        return (200, order) if order else (404, {"error": "no such order"})

    def pay(self, order_id: str) -> dict[str, Any] | None:
        """Marks an order as paid.

        Args:
            order_id: as answered.
        """
        order = self._orders.get(order_id)
        if order is not None:
            order["state"] = "paid"
        return order

    def graphql(self, body: Mapping[str, Any]) -> tuple[int, object]:
        """A GraphQL request.

        Args:
            body: query and variables.
        """
        from graphql import graphql_sync

        root = {"order": lambda info, id: self._orders.get(id), "pay": lambda info, id: self.pay(id)}
        result = graphql_sync(self._schema, str(body.get("query")), root, variable_values=body.get("variables"))
        return 200, result.formatted


@contextmanager
def serving(till: Till) -> Iterator[str]:
    """The till over HTTP; gives its base URL.

    Args:
        till: what answers.
    """
    server = ThreadingHTTPServer(("127.0.0.1", 0), _handler(till))
    server.daemon_threads = True
    thread = threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_address[1]}"
    finally:
        server.shutdown()
        server.server_close()


def _handler(till: Till) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            _, kind, *rest = self.path.partition("?")[0].split("/")
            if kind == "orders" and rest:
                self._answer(*till.find(rest[0]))
            elif kind == "events":
                self._events()
            else:
                self._answer(404, {"error": "nothing here"})

        def do_POST(self) -> None:
            body = json.loads(self.rfile.read(int(self.headers.get("content-length", 0))) or b"{}")
            answer: Callable[[Mapping[str, Any]], tuple[int, object]] | None = {
                "/orders": till.place,
                "/graphql": till.graphql,
            }.get(self.path)
            self._answer(*(answer(body) if answer else (404, {"error": "nothing here"})))

        def _answer(self, status: int, body: object) -> None:
            data = json.dumps(body).encode()
            self.send_response(status)
            self.send_header("content-type", "application/json")
            self.send_header("content-length", str(len(data)))
            self.end_headers()
            self.wfile.write(data)

        def _events(self) -> None:
            self.send_response(200)
            self.send_header("content-type", "text/event-stream")
            self.send_header("connection", "close")
            self.end_headers()
            for number in range(3):
                self.wfile.write(f'event: tick\nid: {number}\ndata: {{"n": {number}}}\n\n'.encode())
                self.wfile.flush()

        def log_message(self, format: str, *args: object) -> None:
            """Nothing on the terminal."""

    return Handler
