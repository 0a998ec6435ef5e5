"""Services and databases that are down, hang, send garbage or lead elsewhere: said at once, with what to do."""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.e2e.cli import answered, refused
from tests.scanners.conftest import Repo
from tests.servers.process import free_port

Speak = Callable[[socket.socket], None]
TOKEN = {"TESTMESH_TOKEN": "tm_sometoken", "TESTMESH_SERVER_TIMEOUT": "1.5"}


@contextmanager
def speaking(speak: Speak) -> Iterator[int]:
    """The port of a server that does as told with every connection, one at a time."""
    with socket.create_server(("127.0.0.1", 0)) as door:
        connections: list[socket.socket] = []

        def serve() -> None:
            while True:
                try:
                    connection, _ = door.accept()
                    connections.append(connection)
                    connection.settimeout(30)
                    speak(connection)
                except OSError:
                    if door.fileno() == -1 or stopped.is_set():
                        return

        stopped = threading.Event()
        thread = threading.Thread(target=serve)
        thread.start()
        try:
            yield int(door.getsockname()[1])
        finally:
            stopped.set()
            door.shutdown(socket.SHUT_RDWR)
            for connection in connections:
                connection.close()
            thread.join(30)


def says(text: bytes) -> Speak:
    """Reads the request, answers with `text`, closes."""

    def speak(connection: socket.socket) -> None:
        connection.recv(65536)
        connection.sendall(text)
        connection.close()

    return speak


def body(text: bytes, status: bytes = b"200 OK", *headers: bytes) -> bytes:
    lines = (b"HTTP/1.1 " + status, b"Content-Length: %d" % len(text), b"Connection: close", *headers)
    return b"\r\n".join(lines) + b"\r\n\r\n" + text


def silent(connection: socket.socket) -> None:
    """Never answers."""


def dripping(connection: socket.socket) -> None:
    """Answers a byte at a time, for ever."""
    connection.recv(65536)
    connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 100000\r\n\r\n")
    pause = threading.Event()
    while not pause.wait(0.05):
        connection.sendall(b" ")


SPEECHES: dict[str, tuple[Speak, str]] = {
    "hangs": (silent, "no whole answer within 1.5 s"),
    "drips": (dripping, "no whole answer within 1.5 s"),
    "no HTTP": (says(b"\x00\xff\x13 what\r\n\r\n"), "not HTTP"),
    "hangs up": (says(b""), "closed"),
    "broken chunks": (says(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\nabc"), "not HTTP"),
    "a page": (says(body(b"<html>")), "not JSON"),
    "half an answer": (says(body(b'{"a": ')), "not JSON"),
    "deep JSON": (says(body(b"[" * 100_000)), "not JSON"),
    "another answer": (says(body(b'{"a": 1}')), "is that the address of a TestMesh service"),
    "an error without words": (says(body(b"oops", b"500 Oops")), "it answered 500"),
    "another place": (says(body(b"", b"302 Found", b"Location: http://127.0.0.1:9/")), "the token must not go"),
    "a refusal": (says(body(b'{"detail": "no such token"}', b"401 Unauthorized")), "check TESTMESH_TOKEN"),
}


@pytest.mark.parametrize("what", sorted(SPEECHES))
def test_a_server_that_misbehaves_is_named(tmp_path: Path, what: str) -> None:
    speak, text = SPEECHES[what]
    began = time.monotonic()
    with speaking(speak) as port:
        url = f"http://127.0.0.1:{port}"
        refused(tmp_path, "search", "x", "--server", url, says=(url, text), env=TOKEN)
    assert time.monotonic() - began < 30


@pytest.mark.parametrize(
    "command",
    [
        ("impact", "main..HEAD", "--repository", "shop"),
        ("coverage",),
        ("diagnose", "latest"),
        ("fix", "latest"),
        ("search", "x"),
    ],
    ids=lambda c: c[0],
)
def test_every_command_says_that_the_server_is_down(tmp_path: Path, command: tuple[str, ...]) -> None:
    url = f"http://127.0.0.1:{free_port()}"
    refused(tmp_path, *command, "--server", url, says=(url, "refused", "testmesh serve"), env=TOKEN)


def test_a_redirect_carries_the_token_nowhere(tmp_path: Path) -> None:
    heard: list[bytes] = []
    with speaking(lambda c: heard.append(c.recv(65536))) as thief:
        place = b"Location: http://127.0.0.1:%d/" % thief
        with speaking(says(body(b"", b"307 Temporary Redirect", place))) as port:
            refused(tmp_path, "search", "x", "--server", f"http://127.0.0.1:{port}", says=("elsewhere",), env=TOKEN)
    assert heard == []


@pytest.mark.parametrize("url", ["nonsense", "ftp://x", "http://", "http://x:port", "http://[::1", "http://a b"])
def test_an_address_that_is_none(tmp_path: Path, url: str) -> None:
    refused(tmp_path, "coverage", "--server", url, says=("is not the address of a service",), env=TOKEN)


def test_a_missing_or_mangled_token_and_timeout(tmp_path: Path) -> None:
    ask = ("coverage", "--server", "http://127.0.0.1:9")
    refused(tmp_path, *ask, says=("TESTMESH_TOKEN is not set",))
    refused(tmp_path, *ask, says=("TESTMESH_TOKEN is not a token",), env={"TESTMESH_TOKEN": "a\nb"})
    refused(tmp_path, *ask, says=("TESTMESH_SERVER_TIMEOUT",), env=TOKEN | {"TESTMESH_SERVER_TIMEOUT": "soon"})


@pytest.mark.parametrize(
    "command",
    [
        ("diagnose", "latest", "--confirm"),
        ("fix", "latest", "--apply"),
        ("fix", "latest", "--times", "5"),
        ("impact", "main", "--repository", "shop"),
        ("impact", "main..HEAD"),
    ],
    ids=" ".join,
)
def test_what_a_server_cannot_do_is_refused_and_never_passed_over(tmp_path: Path, command: tuple[str, ...]) -> None:
    refused(tmp_path, *command, "--server", "http://127.0.0.1:9", says=(), env=TOKEN)


def test_a_run_is_kept_here_when_the_server_cannot_take_it(repo: Repo, app_url: str) -> None:
    url = f"http://127.0.0.1:{free_port()}"
    refused(repo.path, "run", "--server", url, says=(url, "refused"), env=TOKEN | {"APP_URL": app_url})
    assert "passed" in answered(repo.path, "show", "latest")


@pytest.mark.parametrize("speak", [None, silent, says(b"\xff" * 64)], ids=["down", "hangs", "garbage"])
def test_a_neo4j_that_does_not_answer(repo: Repo, speak: Speak | None) -> None:
    began = time.monotonic()
    with speaking(speak or silent) as port:
        url = f"bolt://127.0.0.1:{port if speak else free_port()}"
        refused(repo.path, "scan", ".", says=(f"Neo4j at {url}", "embedded graph"), env={"TESTMESH_NEO4J_URL": url})
    assert time.monotonic() - began < 60


def test_an_address_of_neo4j_that_is_none(repo: Repo) -> None:
    refused(repo.path, "scan", ".", says=("'nonsense'", "bolt://"), env={"TESTMESH_NEO4J_URL": "nonsense"})


@pytest.mark.parametrize("speak", [None, silent, says(b"\xff" * 64)], ids=["down", "hangs", "garbage"])
def test_a_postgresql_that_does_not_answer(tmp_path: Path, speak: Speak | None) -> None:
    with speaking(speak or silent) as port:
        url = f"postgresql://user:hidden-word@127.0.0.1:{port if speak else free_port()}/x"
        said = ("PostgreSQL at postgresql://user:***@", "TESTMESH_DATABASE_URL")
        refused(tmp_path, "serve", "--port", "0", says=said, env={"TESTMESH_DATABASE_URL": url})


@pytest.mark.parametrize(("url", "said"), [("nonsense", "cannot be read"), ("mysql://u:p@127.0.0.1/x", "not in mysql")])
def test_an_address_of_a_database_that_is_none(tmp_path: Path, url: str, said: str) -> None:
    refused(tmp_path, "serve", "--port", "0", says=(said,), env={"TESTMESH_DATABASE_URL": url})


def test_a_taken_port_is_named_before_anything_is_started(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as door:
        port = str(door.getsockname()[1])
        says_ = (f"cannot listen on 127.0.0.1:{port}", "in use", "--port")
        refused(tmp_path, "serve", "--port", port, "--data", "data", says=says_)
    assert not (tmp_path / "data").exists()


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (("--port", "70000"), "70000 is no port"),
        (("--host", "192.0.2.1"), "cannot listen on 192.0.2.1"),
        (("--host", "no.invalid"), "cannot listen on no.invalid"),
    ],
    ids=["port", "address", "name"],
)
def test_a_place_nobody_can_listen_on(tmp_path: Path, options: tuple[str, ...], said: str) -> None:
    refused(tmp_path, "serve", *options, says=(said,))
