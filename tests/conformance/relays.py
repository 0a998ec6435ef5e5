"""A TCP relay in front of a real server, so that a test can cut its connections in the middle of a call."""

from __future__ import annotations

import contextlib
import socket
import ssl
import threading
from collections.abc import Iterator
from pathlib import Path


class Relay:
    """Passes bytes on in both directions until it is cut.

    Args:
        target: port of the real server.
        tls: what clients must speak, or None for plain TCP.
    """

    def __init__(self, target: int, tls: ssl.SSLContext | None = None) -> None:
        self._target = target
        self._tls = tls
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
                client = self._accepted()
                if client is None:
                    continue
                server = socket.create_connection(("127.0.0.1", self._target))
                self._sockets += [client, server]
                for source, sink in ((client, server), (server, client)):
                    threading.Thread(target=self._pump, args=(source, sink), daemon=True).start()

    def _accepted(self) -> socket.socket | None:
        client, _ = self._listener.accept()
        if self._tls is None:
            return client
        client.settimeout(5)
        try:
            client = self._tls.wrap_socket(client, server_side=True)
        except OSError:
            client.close()
            return None
        client.settimeout(None)
        return client

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


@contextlib.contextmanager
def encrypted(target: int, folder: Path) -> Iterator[tuple[int, int]]:
    """Ports of two relays that speak TLS; clients of the second must show a certificate.

    Args:
        target: port of the real server.
        folder: gets `ca.pem`, `client.pem` and `client.key`.
    """
    import trustme

    authority = trustme.CA()
    authority.cert_pem.write_to_path(str(folder / "ca.pem"))
    client = authority.issue_cert("client.internal")
    client.private_key_pem.write_to_path(str(folder / "client.key"))
    client.cert_chain_pems[0].write_to_path(str(folder / "client.pem"))
    relays: list[Relay] = []
    for asks in (False, True):
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        authority.issue_cert("localhost", "127.0.0.1").configure_cert(context)
        authority.configure_trust(context)
        context.verify_mode = ssl.CERT_REQUIRED if asks else ssl.CERT_NONE
        relays.append(Relay(target, context))
    try:
        yield relays[0].port, relays[1].port
    finally:
        for relay in relays:
            relay.cut()
