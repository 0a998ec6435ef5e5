"""What tests of brokers share: certificates of a private authority, and a server killed and started again meanwhile."""

from __future__ import annotations

import contextlib
import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.servers.process import Server, Unavailable


def certificates(folder: Path) -> None:
    """`ca.pem`, `server.pem` + `server.key` for 127.0.0.1, `cert.pem` + `key.pem` of a client.

    Args:
        folder: where.
    """
    import trustme

    ca = trustme.CA()
    ca.cert_pem.write_to_path(folder / "ca.pem")
    for name, key, who in (("server.pem", "server.key", "127.0.0.1"), ("cert.pem", "key.pem", "bob@example.org")):
        issued = ca.issue_cert(who)
        issued.private_key_pem.write_to_path(folder / key)
        issued.cert_chain_pems[0].write_to_path(folder / name)


@contextmanager
def started(begin: Callable[[], tuple[Server, str]]) -> Iterator[str]:
    """A server of the test's own.

    Args:
        begin: starts it; gives its URL.
    """
    try:
        server, url = begin()
    except Unavailable as error:
        pytest.skip(str(error))
    try:
        yield url
    finally:
        server.stop()


@contextmanager
def killed_meanwhile(begin: Callable[[], tuple[Server, str]], after: float = 0.4) -> Iterator[str]:
    """A server that is killed while the block runs, and started again at the same place.

    Args:
        begin: starts it, the second time where it was; gives its URL.
        after: seconds until the kill.
    """
    try:
        server, url = begin()
    except Unavailable as error:
        pytest.skip(str(error))
    running = [server]

    def again() -> None:
        time.sleep(after)
        running[-1].process.kill()
        running[-1].process.wait(10)
        running.append(begin()[0])

    thread = threading.Thread(target=again)
    thread.start()
    try:
        yield url
    finally:
        thread.join()
        running[-1].stop()


class Proxy:
    """Stands between clients and a server, and cuts every connection when told to; new ones are taken again.

    Args:
        port: of the server.
    """

    def __init__(self, port: int) -> None:
        self._target = port
        self._open: list[socket.socket] = []
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._listener.getsockname()[1]
        threading.Thread(target=self._serve, daemon=True).start()

    def cut(self) -> None:
        """Ends every connection."""
        connections, self._open = self._open, []
        for one in connections:
            with contextlib.suppress(OSError):
                one.shutdown(socket.SHUT_RDWR)

    def close(self) -> None:
        """Takes no more connections and ends all."""
        with contextlib.suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        self.cut()

    def _serve(self) -> None:
        while True:
            try:
                client, _ = self._listener.accept()
                server = socket.create_connection(("127.0.0.1", self._target))
            except OSError:
                return
            self._open += [client, server]
            for here, there in ((client, server), (server, client)):
                threading.Thread(target=_pump, args=(here, there), daemon=True).start()


def _pump(here: socket.socket, there: socket.socket) -> None:
    with here, contextlib.suppress(OSError):
        while data := here.recv(65536):
            there.sendall(data)
        there.shutdown(socket.SHUT_RDWR)
