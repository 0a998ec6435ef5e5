"""A TCP relay in front of a real server, so that a test can cut its connections in the middle of a call."""

from __future__ import annotations

import contextlib
import socket
import threading
from collections.abc import Iterator


class Relay:
    """Passes bytes on in both directions until it is cut.

    Args:
        target: port of the real server.
    """

    def __init__(self, target: int) -> None:
        self._target = target
        self._listener = socket.create_server(("127.0.0.1", 0))
        self._sockets: list[socket.socket] = [self._listener]
        self._cut = False
        threading.Thread(target=self._accept, daemon=True).start()

    @property
    def port(self) -> int:
        """Where it listens."""
        found: int = self._listener.getsockname()[1]
        return found

    def cut(self) -> None:
        """Ends every connection at once and refuses new ones, as a killed server does."""
        self._cut = True
        for found in self._sockets:
            with contextlib.suppress(OSError):
                found.shutdown(socket.SHUT_RDWR)
            found.close()

    def _accept(self) -> None:
        with contextlib.suppress(OSError):
            while not self._cut:
                client, _ = self._listener.accept()
                server = socket.create_connection(("127.0.0.1", self._target))
                self._sockets += [client, server]
                for source, sink in ((client, server), (server, client)):
                    threading.Thread(target=self._pump, args=(source, sink), daemon=True).start()

    @staticmethod
    def _pump(source: socket.socket, sink: socket.socket) -> None:
        with contextlib.suppress(OSError):
            while data := source.recv(65536):
                sink.sendall(data)
        for found in (source, sink):
            with contextlib.suppress(OSError):
                found.shutdown(socket.SHUT_RDWR)


@contextlib.contextmanager
def relayed(target: int, cut_after: float) -> Iterator[int]:
    """The port of a relay that is cut after a while.

    Args:
        target: port of the real server.
        cut_after: seconds.
    """
    relay = Relay(target)
    timer = threading.Timer(cut_after, relay.cut)
    timer.start()
    try:
        yield relay.port
    finally:
        timer.cancel()
        timer.join()
        relay.cut()
