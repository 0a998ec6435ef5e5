"""What tests of brokers share: certificates of a private authority, and a server killed and started again meanwhile."""

from __future__ import annotations

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
