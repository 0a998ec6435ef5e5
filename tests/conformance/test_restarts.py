"""A server that is restarted, or drops what is idle, in mid-flow: the next step is not to suffer from it."""

from __future__ import annotations

import asyncio
import contextlib
import select
import signal
import socket
import struct
import tempfile
import threading
from collections.abc import Iterator
from pathlib import Path
from uuid import uuid4

import psycopg
import pytest

from tests.conformance.actions import flow_of
from tests.conformance.brokers import Proxy
from tests.flows.support import Reply, Seen, Web, run_text, step, verdicts
from tests.servers.process import Unavailable
from tests.servers.small import start_postgres


@pytest.fixture
def web() -> Iterator[Web]:
    """A real HTTP server."""
    found = Web()
    yield found
    found.close()


class _Resetting:
    """Stands before a server, and resets the connection it holds when told to; the next one is taken again."""

    def __init__(self, target: int) -> None:
        self._target = target
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._listener.getsockname()[1]
        self.taken = 0
        self._wanted = threading.Event()
        self._done = threading.Event()
        threading.Thread(target=self._serve, daemon=True).start()

    def reset(self) -> None:
        """What a load balancer does with a connection it has forgotten; when this returns it is done."""
        self._wanted.set()
        self._done.wait()

    def close(self) -> None:
        """Takes no more connections."""
        with contextlib.suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()

    def _serve(self) -> None:
        with contextlib.suppress(OSError):
            while True:
                client, _ = self._listener.accept()
                self.taken += 1
                with socket.create_connection(("127.0.0.1", self._target)) as server, client:
                    self._pass_on(client, server)

    def _pass_on(self, client: socket.socket, server: socket.socket) -> None:
        """Requests and answers in turns. Nobody else closes a socket that is waited for here: that would be delayed."""
        while not self._wanted.is_set():
            if select.select([client], [], [], 0.005)[0]:
                request = client.recv(65536)
                if not request:
                    return
                server.sendall(request)
                client.sendall(server.recv(65536))
        self._wanted.clear()
        client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        client.close()
        self._done.set()


def test_a_pooled_redis_connection_that_was_reset_is_made_anew(tmp_path: Path, redis_url: str, web: Web) -> None:
    address, _, path = redis_url.removeprefix("redis://").partition("/")
    relay = _Resetting(int(address.rpartition(":")[2]))

    def reset(seen: Seen) -> Reply:
        relay.reset()
        return Reply(200)

    web.routes["GET /reset"] = reset
    try:
        run = run_text(
            tmp_path,
            flow_of(
                "{id: a, action: redis.set, config: {key: restarts, value: '1'}, assert: [ok == true]}",
                f"{{id: r, action: http_request, config: {{url: '{web.url}/reset'}}, assert: [status == 200]}}",
                "{id: b, action: redis.get, config: {key: restarts}, assert: ['string(value) == \"1\"']}",
            ),
            process={"REDIS_URL": f"redis://127.0.0.1:{relay.port}/{path}"},
        )
    finally:
        relay.close()
    assert set(verdicts(run).values()) == {"passed"}, step(run, "b").message
    assert relay.taken == 2


@pytest.mark.server("postgres")
def test_a_postgres_that_is_shutting_down_is_unreachable_and_retried_as_such(tmp_path: Path) -> None:
    with tempfile.TemporaryDirectory(prefix="testmesh-restart-") as name:
        Path(name).chmod(0o755)
        try:
            server, url = start_postgres(Path(name))
        except Unavailable as error:
            pytest.skip(str(error))
        try:
            with psycopg.connect(url):
                server.process.send_signal(signal.SIGTERM)  # it waits for the session that is open
                _until_it_refuses(url)
                query = "{id: q, action: database_query, config: {query: SELECT 1 AS a}, assert: [count == 1],"
                run = run_text(
                    tmp_path,
                    flow_of(f"{query} retry: {{max_attempts: 3, delay: 1ms, retry_on: connection}}}}"),
                    process={"DATABASE_URL": url},
                )
        finally:
            server.stop()
    found = step(run, "q")
    assert (found.verdict, [one.error_type for one in found.exchanges]) == ("error", ["connection"] * 3), found.message
    assert "the database system is shutting down" in found.message


def _until_it_refuses(url: str) -> None:
    while True:
        try:
            psycopg.connect(url).close()
        except psycopg.OperationalError:
            return


def _declared(url: str, name: str) -> int:
    """How many messages a queue has; it is made when there is none."""

    async def count() -> int:
        import aio_pika

        async with await aio_pika.connect(url) as connection:
            channel = await connection.channel()
            queue = await channel.declare_queue(name, durable=True)
            return int(queue.declaration_result.message_count or 0)

    return asyncio.run(count())


def test_a_rabbitmq_queue_is_read_on_after_its_connection_ended(tmp_path: Path, rabbitmq_url: str, web: Web) -> None:
    name = f"t-{uuid4().hex}"
    _declared(rabbitmq_url, name)
    proxy = Proxy(int(rabbitmq_url.rpartition(":")[2].partition("/")[0]))
    through = f"amqp://guest:guest@127.0.0.1:{proxy.port}"

    def cut(seen: Seen) -> Reply:
        proxy.cut()
        return Reply(200)

    def publish(number: int) -> str:
        config = f"{{url: '{rabbitmq_url}', queue: {name}, value: {{n: {number}}}}}"
        return f"{{id: p{number}, action: rabbitmq_publish, config: {config}, assert: [ok == true]}}"

    def consume(step_id: str, count: int, more: str) -> str:
        config = f"{{url: '{through}', queue: {name}, ack: true, count: {count}, timeout: {more}"
        return f"{{id: {step_id}, action: rabbitmq_consume, config: {config}}}"

    web.routes["GET /cut"] = cut
    try:
        run = run_text(
            tmp_path,
            flow_of(
                publish(1),
                publish(2),
                consume("early", 2, "9s}, assert: ['map(messages, .value.n) == [1, 2]']"),
                f"{{id: cut, action: http_request, config: {{url: '{web.url}/cut'}}, assert: [status == 200]}}",
                publish(3),
                consume(
                    "on",
                    3,
                    "9s}, assert: ['map(messages, .value.n) == [1, 2, 3]'], retry: {max_attempts: 99, delay: 50ms}",
                ),
                consume("doubled", 4, "300ms}, optional: true"),
            ),
        )
    finally:
        proxy.close()
    assert (step(run, "on").verdict, step(run, "doubled").verdict) == ("passed", "failed"), step(run, "on").message
    assert _declared(rabbitmq_url, name) == 0
