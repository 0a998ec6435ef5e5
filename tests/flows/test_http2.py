"""HTTP/2 against a real server, and against one that breaks off, refuses and floods."""

from __future__ import annotations

import asyncio
import contextlib
import json
import socket
from pathlib import Path
from typing import Any

import pytest
from h2.errors import ErrorCodes
from h2.settings import SettingCodes

from flows.clients.errors import ClientError
from flows.clients.http import HttpPool, HttpRequest, HttpResponse
from flows.clients.http_dial import MAX_BODY
from tests.conformance.actions import passes
from tests.flows.support import raw_server, run_text, step
from tests.flows.web_steps import config, steps_of
from tests.servers.http2 import Session, goaway, http2_server
from tests.servers.web import Certificates, hypercorn_server


async def echo(scope: Any, receive: Any, send: Any) -> None:
    """Says in JSON what it was asked."""
    if scope["type"] != "http":
        return
    body = b""
    while True:
        event = await receive()
        body += event.get("body", b"")
        if not event.get("more_body"):
            break
    names = [[name.decode(), value.decode()] for name, value in scope["headers"]]
    seen = {"method": scope["method"], "path": scope["path"], "query": scope["query_string"].decode()}
    said = {**seen, "version": scope["http_version"], "headers": names, "size": len(body), "client": scope["client"][1]}
    await send({"type": "http.response.start", "status": 200, "headers": [(b"content-type", b"application/json")]})
    await send({"type": "http.response.body", "body": json.dumps(said).encode()})


def test_http2_over_tls_with_a_private_authority(tmp_path: Path) -> None:
    certificates = Certificates(tmp_path)
    with hypercorn_server(echo, certificates) as port:
        url = f"https://127.0.0.1:{port}/a b?q=1"
        ask = {"url": url, "method": "POST", "http2": True, "tls": {"ca": "ca.pem"}, "query": {"r": "ü"}}
        lines = ('http_version == "2"', 'body.version == "2"', 'body.path == "/a b"', "body.size == 200000")
        first = config("first", "http_request", {**ask, "body": "x" * 200_000}, *lines)
        second = config("second", "http_request", ask, "body.client == first.body.client")
        plain = {"url": url, "tls": {"ca": "ca.pem"}}
        by_one = config("by_one", "http_request", plain, 'http_version == "1.1"', 'body.version == "1.1"')
        graphql = {"url": url, "query": "{a}", "tls": {"ca": "ca.pem"}}
        asked = config("asked", "graphql", {**graphql, "http2": True}, "http_version == '2'", "data is null")
        run = run_text(tmp_path, steps_of(first, second, by_one, asked))
    passes(run)


def test_http2_by_prior_knowledge_and_a_server_that_only_has_http1(tmp_path: Path) -> None:
    with hypercorn_server(echo) as port:
        ask = config("a", "http_request", {"url": f"http://127.0.0.1:{port}/", "http2": True}, 'http_version == "2"')
        passes(run_text(tmp_path, steps_of(ask)))
    certificates = Certificates(tmp_path)
    with hypercorn_server(echo, certificates, alpn_protocols=["http/1.1"]) as port:
        settings = {"url": f"https://127.0.0.1:{port}/", "http2": True, "tls": {"ca": "ca.pem"}}
        first = config("first", "http_request", settings, 'http_version == "1.1"')
        second = config("second", "http_request", settings, "body.client == first.body.client")
        passes(run_text(tmp_path, steps_of(first, second)))

    def old(connection: Any) -> None:
        connection.recv(65536)
        connection.sendall(b"HTTP/1.1 400 Bad Request\r\ncontent-length: 0\r\n\r\n")

    with raw_server(old) as port:
        run = run_text(
            tmp_path, steps_of(config("a", "http_request", {"url": f"http://127.0.0.1:{port}/", "http2": True}))
        )
    assert "it answers in HTTP/1.1 to HTTP/2; leave out 'http2'" in step(run, "a").message


def test_a_server_that_only_hangs_up_spoke_no_http2() -> None:
    def hangs_up(connection: socket.socket) -> None:
        connection.recv(65536)
        connection.shutdown(socket.SHUT_WR)
        # Closing with something unread would reset the connection instead.
        with contextlib.suppress(OSError):
            while connection.recv(65536):
                continue

    with raw_server(hangs_up) as port:
        (found,) = _asked(port, ("GET", b""))
    assert isinstance(found, ClientError), found
    assert found.message == f"127.0.0.1:{port}: the server closed the connection and spoke no HTTP/2"


def _asked(port: int, *requests: tuple[str, bytes]) -> list[HttpResponse | Exception]:
    """Requests (method, body) sent at the same time."""

    async def everything() -> list[HttpResponse | Exception]:
        pool = HttpPool()
        try:
            url = f"http://127.0.0.1:{port}/"
            work = [pool.send(HttpRequest(method, url, body=body, http2=True)) for method, body in requests]
            async with asyncio.timeout(10):
                return await asyncio.gather(*work, return_exceptions=True)  # type: ignore[return-value]
        finally:
            await pool.aclose()

    return asyncio.run(everything())


def test_many_requests_share_one_connection_and_wait_for_the_server_s_limit() -> None:
    waiting: list[int] = []
    most = 0

    def two_at_a_time(session: Session, stream: int) -> None:
        nonlocal most
        waiting.append(stream)
        most = max(most, len(waiting))
        assert session.number == 0
        if len(waiting) == 2 or len(session.asked) in (1, 7):
            while waiting:
                session.answer(waiting.pop())

    with http2_server(two_at_a_time, {SettingCodes.MAX_CONCURRENT_STREAMS: 2}) as port:
        first = _asked(port, *[("GET", b"")] * 7)
    assert all(isinstance(found, HttpResponse) and found.status == 200 for found in first), first
    assert most == 2


def test_a_large_body_waits_for_the_server_s_window() -> None:
    with http2_server(lambda session, stream: session.answer(stream), {SettingCodes.INITIAL_WINDOW_SIZE: 100}) as port:
        (found,) = _asked(port, ("POST", b"x" * 50_000))
    assert isinstance(found, HttpResponse)


def test_a_goaway_lets_accepted_streams_finish_and_sends_the_others_again() -> None:
    seen: list[tuple[int, int]] = []

    def goes(session: Session, stream: int) -> None:
        seen.append((session.number, stream))
        if session.number == 0 and stream == 5:
            session.writer.write(goaway(3))
            session.answer(1)
            session.answer(3)
        elif session.number == 1:
            session.answer(stream)

    with http2_server(goes) as port:
        found = _asked(port, ("POST", b"a"), ("POST", b"b"), ("POST", b"c"))
    assert [isinstance(one, HttpResponse) for one in found] == [True, True, True], found
    assert sorted(seen) == [(0, 1), (0, 3), (0, 5), (1, 1)]


def test_a_refused_stream_is_sent_again_but_not_for_ever() -> None:
    def refuses(session: Session, stream: int) -> None:
        session.h2.reset_stream(stream, ErrorCodes.REFUSED_STREAM)

    with http2_server(refuses) as port:
        (found,) = _asked(port, ("POST", b"x"))
    assert isinstance(found, ClientError)
    assert "refused the request 3 times" in found.message
    assert found.type == "server"


def _broken(session: Session, stream: int) -> None:
    session.h2.reset_stream(stream, ErrorCodes.INTERNAL_ERROR)


def _calm(session: Session, stream: int) -> None:
    session.writer.write(goaway(stream, 11))
    session.writer.close()


def _gone(session: Session, stream: int) -> None:
    session.writer.transport.abort()


def _garbage(session: Session, stream: int) -> None:
    session.writer.write(b"\x00\x00\x04\x08\x00\x00\x00\x00\x01\x00\x00\x00\x00")


def _flood(session: Session, stream: int) -> None:
    session.h2.send_headers(stream, [(":status", "200")])
    piece = b"\x00\x40\x00\x00\x00" + stream.to_bytes(4, "big") + b"x" * 16384
    for _ in range(MAX_BODY // 16384 + 2):
        session.flush()
        session.writer.write(piece)


def _informs(session: Session, stream: int) -> None:
    for _ in range(30):
        session.h2.send_headers(stream, [(":status", "103")])
    session.flush()


@pytest.mark.parametrize(
    ("does", "says"),
    [
        (_broken, "the server reset the stream (INTERNAL_ERROR)"),
        (_calm, "the server ended the connection (ENHANCE_YOUR_CALM)"),
        (_gone, "the server closed the connection"),
        (_garbage, "the answer is not valid HTTP/2"),
        (_flood, "the answer is larger than 16 MiB"),
        (_informs, "informational responses"),
    ],
)
def test_a_server_that_breaks_the_protocol_is_an_error_in_words(does: Any, says: str) -> None:
    with http2_server(does) as port:
        (found,) = _asked(port, ("POST", b"x"))
    assert isinstance(found, ClientError), found
    assert says in found.message
    assert f"127.0.0.1:{port}" in found.message


def test_a_connection_that_went_silent_is_not_asked_again() -> None:
    seen: list[int] = []

    async def everything(port: int) -> HttpResponse:
        pool = HttpPool()
        request = HttpRequest("GET", f"http://127.0.0.1:{port}/", http2=True)
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.2):
                await pool.send(request)
        async with asyncio.timeout(5):
            answer = await pool.send(request)
        await pool.aclose()
        return answer

    def deaf(session: Session, stream: int) -> None:
        seen.append(session.number)
        if session.number == 0:
            session.h2.receive_data = lambda data: []  # type: ignore[method-assign]
            session.h2.clear_outbound_data_buffer()
        else:
            session.answer(stream)

    with http2_server(deaf) as port:
        assert asyncio.run(everything(port)).status == 200
    assert seen == [0, 1]


def test_a_cancelled_request_leaves_the_connection_to_the_others() -> None:
    given_up: list[int] = []

    def slow(session: Session, stream: int) -> None:
        if session.asked[stream][":path"] == "/quick":
            given_up.extend(session.given_up)
            session.answer(stream)

    async def everything(port: int) -> HttpResponse:
        pool = HttpPool()
        base = HttpRequest("GET", f"http://127.0.0.1:{port}/slow", http2=True)
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.1):
                await pool.send(base)
        answer = await pool.send(base._replace(url=f"http://127.0.0.1:{port}/quick"))
        assert pool._http2 is not None
        (connection,) = pool._http2._open.values()
        assert not connection.busy
        await pool.aclose()
        return answer

    with http2_server(slow) as port:
        assert asyncio.run(everything(port)).version == "2"
    assert given_up == [1]
