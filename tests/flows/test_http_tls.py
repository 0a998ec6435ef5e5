"""TLS with certificates made for the test: whom the clients trust, what they show, and how a failure reads."""

from __future__ import annotations

import asyncio
import datetime
import json
import socket
import ssl
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.conformance.actions import passes
from tests.flows.support import raw_server, run_text, step
from tests.flows.web_steps import config, steps_of
from tests.servers.web import Certificates, tcp_server, websocket_server

OK = b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok"


@contextmanager
def served(context: object) -> Iterator[int]:
    """An https server that says ok."""

    async def handle(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while await reader.readuntil(b"\r\n\r\n"):
            writer.write(OK)
            await writer.drain()

    with tcp_server(handle, context) as port:
        yield port


def test_a_private_authority_as_file_and_as_text(tmp_path: Path) -> None:
    certificates = Certificates(tmp_path)
    text = certificates.authority.read_text()
    with served(certificates.context()) as port:
        url = f"https://127.0.0.1:{port}/"
        by_file = config("by_file", "http_request", {"url": url, "tls": {"ca": "ca.pem"}}, "status == 200")
        by_text = config("by_text", "http_request", {"url": url, "tls": {"ca": text}}, "status == 200")
        waits = config("waits", "wait_for", {"http": {"url": url, "status": "2xx", "tls": {"ca": "ca.pem"}}})
        named = {"url": url, "tls": {"ca": "ca.pem", "server_name": "localhost"}}
        run = run_text(tmp_path, steps_of(by_file, by_text, waits, config("n", "http_request", named, "status == 200")))
    passes(run)


def test_a_client_certificate_is_shown_to_a_server_that_demands_one(tmp_path: Path) -> None:
    certificates = Certificates(tmp_path)

    def answer(connection: socket.socket) -> None:
        try:
            with certificates.context(clients=True).wrap_socket(connection, server_side=True) as secured:
                secured.recv(65536)
                secured.sendall(OK)
        except ssl.SSLError:
            return

    with raw_server(answer) as port:
        url = f"https://127.0.0.1:{port}/"
        shown = {"ca": "ca.pem", "cert": "client.pem", "key": "client.key"}
        good = config("good", "http_request", {"url": url, "tls": shown}, "status == 200")
        bare = config("bare", "http_request", {"url": url, "tls": {"ca": "ca.pem"}})
        run = run_text(tmp_path, steps_of({**good}, {**bare, "on_error": "continue"}))
    assert step(run, "good").verdict == "passed", step(run, "good").message
    # the server's alert may be overtaken by its reset; both ways the message says what to do
    assert "'tls: {cert: FILE, key: FILE}'" in step(run, "bare").message
    assert "PRIVATE KEY" not in json.dumps(step(run, "good").exchanges[0].request)


@pytest.mark.parametrize(
    ("tls", "says"),
    [
        (
            {},
            "certificate not trusted (unable to get local issuer certificate); name its authority in 'tls: {ca: FILE}'",
        ),
        ({"ca": "nothing.pem"}, "nothing.pem does not exist"),
        ({"ca": "../../etc/passwd"}, "leads out of the repository"),
        ({"ca": "flow.yaml"}, "holds no PEM text"),
        ({"ca": "ca.pem", "server_name": "other.example"}, "'tls: {server_name: NAME}' checks another name"),
        ({"ca": "ca.pem", "cert": "client.pem", "key": "server.key"}, "the key does not belong to the certificate"),
        ({"ca": "-----BEGIN nonsense"}, "tls.ca cannot be used"),
    ],
)
def test_why_there_is_no_tls_connection_is_said(tmp_path: Path, tls: dict[str, str], says: str) -> None:
    certificates = Certificates(tmp_path)
    with served(certificates.context()) as port:
        ask = config("a", "http_request", {"url": f"https://127.0.0.1:{port}/", "tls": tls}, "status == 200")
        found = step(run_text(tmp_path, steps_of(ask)), "a")
    assert found.verdict == "error"
    assert says in found.message


def test_an_expired_certificate_and_one_for_another_name(tmp_path: Path) -> None:
    import trustme

    authority = trustme.CA()
    (tmp_path / "ca.pem").write_bytes(authority.cert_pem.bytes())
    past = datetime.datetime(2020, 1, 1, tzinfo=datetime.UTC)
    cases = {
        "expired": (authority.issue_cert("127.0.0.1", not_after=past, not_before=past), "certificate has expired"),
        "other": (authority.issue_cert("elsewhere.example"), "IP address mismatch"),
    }
    for name, (made, says) in cases.items():
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        made.configure_cert(context)
        with served(context) as port:
            settings = {"url": f"https://127.0.0.1:{port}/", "tls": {"ca": "ca.pem"}}
            found = step(run_text(tmp_path, steps_of(config(name, "http_request", settings, "status == 200"))), name)
        assert found.exchanges[0].error_type == "connection"
        assert says in found.message, found.message


def test_tls_and_plain_text_mixed_up_are_told_apart(tmp_path: Path) -> None:
    certificates = Certificates(tmp_path)

    def plain(connection: object) -> None:
        connection.recv(65536)  # type: ignore[attr-defined]
        connection.sendall(b"HTTP/1.1 400 Bad Request\r\n\r\n")  # type: ignore[attr-defined]

    with raw_server(plain) as port:
        ask = config("a", "http_request", {"url": f"https://127.0.0.1:{port}/"}, "status == 200")
        assert "it does not speak TLS at this port" in step(run_text(tmp_path, steps_of(ask)), "a").message
    with served(certificates.context()) as port:
        ask = config("a", "http_request", {"url": f"http://127.0.0.1:{port}/"}, "status == 200")
        found = step(run_text(tmp_path, steps_of(ask)), "a")
    assert found.exchanges[0].error_type == "connection"
    assert "use https" in found.message or "closed the connection" in found.message, found.message


def test_a_name_that_does_not_exist_is_said(tmp_path: Path) -> None:
    ask = config("a", "http_request", {"url": "http://nowhere.invalid/"}, "status == 200", timeout="10s")
    found = step(run_text(tmp_path, steps_of(ask)), "a")
    assert found.exchanges[0].error_type == "connection"
    assert "nowhere.invalid:80: the name cannot be resolved" in found.message


def test_a_resolver_that_hangs_holds_neither_the_step_nor_the_process(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    release = threading.Event()
    monkeypatch.setattr(socket, "getaddrinfo", lambda *args, **more: release.wait(30))
    ask = config("a", "http_request", {"url": "http://slow.example/", "timeout": "200ms"}, "status == 200")
    started = time.monotonic()
    found = step(run_text(tmp_path, steps_of(ask)), "a")
    assert time.monotonic() - started < 5
    assert (found.verdict, found.exchanges[0].error_type) == ("failed", "timeout")
    release.set()


def test_a_websocket_and_an_event_stream_over_tls(tmp_path: Path) -> None:
    certificates = Certificates(tmp_path)

    async def hello(connection: object) -> None:
        await connection.send("hello")  # type: ignore[attr-defined]
        await connection.wait_closed()  # type: ignore[attr-defined]

    async def events(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\n\r\ndata: hello\n\n")
        await reader.read()

    tls = {"ca": "ca.pem", "cert": "client.pem", "key": "client.key"}
    context = certificates.context(clients=True)
    with websocket_server(hello, ssl=context) as first, tcp_server(events, context) as second:
        talk = {"url": f"wss://127.0.0.1:{first}/", "tls": tls, "messages": [{"receive": {}}]}
        untrusted = {**talk, "tls": {}}
        run = run_text(
            tmp_path,
            steps_of(
                config("talk", "websocket", talk, 'value == "hello"'),
                config("events", "sse", {"url": f"https://127.0.0.1:{second}/", "tls": tls}, 'value == "hello"'),
                config("untrusted", "websocket", untrusted),
            ),
        )
    assert step(run, "talk").verdict == "passed", step(run, "talk").message
    assert step(run, "events").verdict == "passed", step(run, "events").message
    assert "certificate not trusted" in step(run, "untrusted").message
