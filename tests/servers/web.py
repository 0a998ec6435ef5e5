"""Web servers inside the test's process: each on an event loop of its own thread, on a free port of 127.0.0.1."""

from __future__ import annotations

import asyncio
import os
import socket
import ssl
import threading
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

Serve = Callable[[asyncio.Event, "asyncio.Future[int]"], Awaitable[None]]
Handler = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]


@contextmanager
def on_a_thread(serve: Serve) -> Iterator[int]:
    """Runs a server until the block ends; gives its port.

    Args:
        serve: sets the future to its port, and returns once the event is set.
    """
    ready = threading.Event()
    found: dict[str, Any] = {}

    def listens(port: asyncio.Future[int]) -> None:
        found["port"] = port.result()
        ready.set()

    async def main() -> None:
        stop = asyncio.Event()
        port: asyncio.Future[int] = asyncio.get_running_loop().create_future()
        found["loop"], found["stop"] = asyncio.get_running_loop(), stop
        port.add_done_callback(listens)
        await serve(stop, port)

    def run() -> None:
        try:
            asyncio.run(main())
        finally:
            ready.set()

    thread = threading.Thread(target=run, daemon=True)
    thread.start()
    ready.wait(20)
    assert "port" in found, "the server did not start"
    try:
        yield found["port"]
    finally:
        found["loop"].call_soon_threadsafe(found["stop"].set)
        thread.join(10)
        assert not thread.is_alive(), "the server did not stop"


@contextmanager
def tcp_server(handler: Handler, context: Any = None) -> Iterator[int]:
    """A TCP (with a context TLS) server that hands connections to a coroutine; gives its port.

    Args:
        handler: of one connection.
        context: `ssl.SSLContext` or None.
    """

    async def serve(stop: asyncio.Event, port: asyncio.Future[int]) -> None:
        served: dict[asyncio.Task[None], asyncio.StreamWriter] = {}

        async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            try:
                await handler(reader, writer)
            except (ConnectionError, asyncio.IncompleteReadError):
                return

        def accept(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            task = asyncio.get_running_loop().create_task(talk(reader, writer))
            served[task] = writer
            # Not in talk's own finally: a task that is cancelled before its first step never gets there.
            task.add_done_callback(lambda done: served.pop(done).transport.abort())

        server = await asyncio.start_server(accept, "127.0.0.1", 0, ssl=context)
        port.set_result(server.sockets[0].getsockname()[1])
        await stop.wait()
        server.close()
        for task in list(served):
            task.cancel()
        await asyncio.gather(*served, return_exceptions=True)
        await asyncio.sleep(0)

    with on_a_thread(serve) as number:
        yield number


@contextmanager
def websocket_server(handler: Callable[[Any], Awaitable[None]], **options: Any) -> Iterator[int]:
    """A real WebSocket server (the `websockets` library); gives its port.

    Args:
        handler: of one connection.
        options: of `websockets.asyncio.server.serve`.
    """
    import logging

    from websockets.asyncio.server import serve as serve_websocket
    from websockets.exceptions import ConnectionClosed

    quiet = logging.getLogger("tests.websocket")
    quiet.disabled = True

    async def kind(connection: Any) -> None:
        try:
            await handler(connection)
        except ConnectionClosed:
            return

    async def serve(stop: asyncio.Event, port: asyncio.Future[int]) -> None:
        async with serve_websocket(kind, "127.0.0.1", 0, logger=quiet, **options) as server:
            port.set_result(next(iter(server.sockets)).getsockname()[1])
            await stop.wait()

    with on_a_thread(serve) as number:
        yield number


@contextmanager
def asgi_server(app: Any) -> Iterator[int]:
    """A real ASGI server (uvicorn); gives its port.

    Args:
        app: ASGI application.
    """
    import uvicorn

    async def serve(stop: asyncio.Event, port: asyncio.Future[int]) -> None:
        class Server(uvicorn.Server):
            async def startup(self, sockets: Any = None) -> None:
                await super().startup(sockets)
                port.set_result(self.servers[0].sockets[0].getsockname()[1])

        config = uvicorn.Config(app, port=0, log_config=None, lifespan="off", timeout_graceful_shutdown=1)
        server = Server(config)
        serving = asyncio.ensure_future(server._serve())
        await stop.wait()
        server.should_exit = True
        await serving

    with on_a_thread(serve) as number:
        yield number


class Certificates:
    """A private authority with a server's and a client's certificate, as files of a folder.

    Args:
        folder: empty.
        names: the server's.
    """

    def __init__(self, folder: Path, *names: str) -> None:
        import trustme

        self._folder = folder
        authority = trustme.CA()
        server = authority.issue_cert(*(names or ("127.0.0.1", "localhost")))
        client = authority.issue_cert("tester@example.org")
        self.authority = self._written("ca.pem", authority.cert_pem.bytes())
        self.cert = self._written("server.pem", b"".join(pem.bytes() for pem in server.cert_chain_pems))
        self.key = self._written("server.key", server.private_key_pem.bytes())
        self.client_cert = self._written("client.pem", b"".join(pem.bytes() for pem in client.cert_chain_pems))
        self.client_key = self._written("client.key", client.private_key_pem.bytes())

    def _written(self, name: str, data: bytes) -> Path:
        path = self._folder / name
        path.write_bytes(data)
        return path

    def context(self, *, clients: bool = False, alpn: tuple[str, ...] = ()) -> ssl.SSLContext:
        """A server's context.

        Args:
            clients: demand a certificate of this authority.
            alpn: protocols to agree on.
        """
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(self.cert, self.key)
        if clients:
            context.verify_mode = ssl.CERT_REQUIRED
            context.load_verify_locations(self.authority)
        if alpn:
            context.set_alpn_protocols(list(alpn))
        return context


@contextmanager
def hypercorn_server(app: Any, certificates: Certificates | None = None, **settings: Any) -> Iterator[int]:
    """A real HTTP/2 (and HTTP/1.1) server: hypercorn; gives its port.

    Args:
        app: ASGI application.
        certificates: for TLS; None = clear text (h2c by prior knowledge).
        settings: of `hypercorn.config.Config`.
    """
    from hypercorn.asyncio import serve as serve_app
    from hypercorn.config import Config

    async def serve(stop: asyncio.Event, port: asyncio.Future[int]) -> None:
        listener = socket.create_server(("127.0.0.1", 0))
        config = Config()
        config.bind = [f"fd://{listener.detach()}"]
        config.graceful_timeout = 0.2
        config.errorlog = None
        config.shutdown_timeout = 0.5
        if certificates is not None:
            config.certfile, config.keyfile = str(certificates.cert), str(certificates.key)
        for name, value in settings.items():
            setattr(config, name, value)
        port.set_result(_port_of(config.bind[0]))
        await serve_app(app, config, shutdown_trigger=stop.wait)

    with on_a_thread(serve) as number:
        yield number


def _port_of(bound: str) -> int:
    with socket.socket(fileno=os.dup(int(bound.removeprefix("fd://")))) as copy:
        number: int = copy.getsockname()[1]
        return number
