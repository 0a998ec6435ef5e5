"""Servers that misbehave, and everything a request can carry (FLOWS §7 http_request)."""

from __future__ import annotations

import asyncio
import gzip
import json
import socket
import ssl
import struct
import time
import zlib
from collections.abc import Callable
from pathlib import Path

import pytest

from flows.clients.errors import ClientError
from flows.clients.http import HttpPool, HttpRequest, HttpResponse
from flows.clients.http_dial import MAX_BODY
from graph.runs import Run
from tests.flows.support import Reply, Web, raw_server, run_text, step


def _ask(port: int, method: str = "GET", times: int = 1) -> HttpResponse:
    async def ask() -> HttpResponse:
        pool = HttpPool()
        try:
            for _ in range(times - 1):
                await pool.send(HttpRequest(method, f"http://127.0.0.1:{port}/"))
            return await pool.send(HttpRequest(method, f"http://127.0.0.1:{port}/"))
        finally:
            await pool.aclose()

    return asyncio.run(asyncio.wait_for(ask(), 10))


def _says(data: bytes) -> Callable[[socket.socket], None]:
    def answer(connection: socket.socket) -> None:
        connection.recv(65536)
        connection.sendall(data)

    return answer


def _resets(connection: socket.socket) -> None:
    connection.recv(65536)
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    connection.close()


BROKEN: dict[str, tuple[Callable[[socket.socket], None], str]] = {
    "closes": (_says(b""), "closed the connection without an answer"),
    "resets": (_resets, "reset|closed the connection"),
    "garbage": (_says(b"\x00\x01\x02 nonsense\r\n\r\n"), "not valid HTTP"),
    "cut off": (_says(b"HTTP/1.1 200 OK\r\ncontent-length: 10\r\n\r\nabc"), "not valid HTTP"),
    "endless header": (_says(b"HTTP/1.1 200 OK\r\nx: " + b"a" * 200_000), "not valid HTTP"),
    "bad chunk": (_says(b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\nzz\r\n"), "not valid HTTP"),
    "bad gzip": (
        _says(b"HTTP/1.1 200 OK\r\ncontent-encoding: gzip\r\ncontent-length: 4\r\n\r\nabcd"),
        "compressed answer is damaged",
    ),
    "unknown coding": (
        _says(b"HTTP/1.1 200 OK\r\ncontent-encoding: br\r\ncontent-length: 4\r\n\r\nabcd"),
        "not asked for",
    ),
}


@pytest.mark.parametrize("name", sorted(BROKEN))
def test_a_broken_answer_is_an_error_that_says_how(name: str) -> None:
    answer, message = BROKEN[name]
    with raw_server(answer) as port, pytest.raises(ClientError, match=message) as caught:
        _ask(port)
    assert caught.value.type == "connection"


def test_a_server_that_hangs_fails_by_the_step_s_timeout(tmp_path: Path) -> None:
    def hang(connection: socket.socket) -> None:
        connection.recv(65536)
        connection.settimeout(5)
        connection.recv(1)

    with raw_server(hang) as port:
        started = time.monotonic()
        run = run_text(
            tmp_path,
            f"""
            flow:
              name: hang
              steps:
                - {{id: a, action: http_request, timeout: 200ms, config: {{url: "http://127.0.0.1:{port}/"}},
                   assert: [status == 200]}}
            """,
        )
    assert time.monotonic() - started < 3
    assert step(run, "a").verdict == "failed"


def test_a_bomb_and_a_huge_body_are_refused() -> None:
    bomb = gzip.compress(b"0" * (MAX_BODY + 10))
    head = f"HTTP/1.1 200 OK\r\ncontent-encoding: gzip\r\ncontent-length: {len(bomb)}\r\n\r\n".encode()
    with raw_server(_says(head + bomb)) as port, pytest.raises(ClientError, match="when decompressed"):
        _ask(port)
    big = b"HTTP/1.1 200 OK\r\n\r\n" + b"x" * (MAX_BODY + 10)

    def pour(connection: socket.socket) -> None:
        connection.recv(65536)
        try:
            connection.sendall(big)
        except OSError:
            connection.close()

    with raw_server(pour) as port, pytest.raises(ClientError, match="larger than"):
        _ask(port)


def test_chunked_deflated_and_informational_answers_are_read() -> None:
    data = zlib.compress(b'{"a":1}')
    chunk = f"{len(data):x}\r\n".encode() + data + b"\r\n0\r\n\r\n"
    head = b"HTTP/1.1 200 OK\r\ncontent-encoding: deflate\r\ntransfer-encoding: chunked\r\n\r\n"
    with raw_server(_says(b"HTTP/1.1 103 Early Hints\r\nlink: </x>\r\n\r\n" + head + chunk)) as port:
        assert _ask(port).body == b'{"a":1}'


def test_a_connection_is_kept_and_a_stale_one_is_replaced(web: Web) -> None:
    web.on("GET /", 200, {})
    port = int(web.url.rpartition(":")[2])
    assert _ask(port, times=3).status == 200
    answers = iter([b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n"] * 2)

    def once(connection: socket.socket) -> None:
        connection.recv(65536)
        connection.sendall(next(answers))

    with raw_server(once) as port:
        assert _ask(port, times=2).status == 200


def test_an_untrusted_certificate_is_an_error(tmp_path: Path) -> None:
    def plain(connection: socket.socket) -> None:
        connection.recv(65536)
        connection.sendall(b"HTTP/1.1 400 Bad Request\r\n\r\n")

    with raw_server(plain) as port:
        run = run_text(
            tmp_path,
            f"""
            flow:
              name: tls
              steps:
                - {{id: a, action: http_request, config: {{url: "https://127.0.0.1:{port}/"}}, assert: [status == 200]}}
            """,
        )
    assert step(run, "a").verdict == "error"


def _certificate(folder: Path) -> tuple[Path, Path]:
    from datetime import UTC, datetime, timedelta

    from cryptography import x509
    from cryptography.hazmat.primitives import hashes, serialization
    from cryptography.hazmat.primitives.asymmetric import ec

    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "localhost")])
    now = datetime.now(UTC)
    built = x509.CertificateBuilder().subject_name(name).issuer_name(name).public_key(key.public_key())
    built = built.serial_number(1).not_valid_before(now - timedelta(days=1)).not_valid_after(now + timedelta(days=1))
    certificate, private = folder / "cert.pem", folder / "key.pem"
    certificate.write_bytes(built.sign(key, hashes.SHA256()).public_bytes(serialization.Encoding.PEM))
    private.write_bytes(
        key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    )
    return certificate, private


def test_a_certificate_is_checked_unless_the_step_says_not_to(tmp_path: Path) -> None:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(*_certificate(tmp_path))

    def secure(connection: socket.socket) -> None:
        try:
            with context.wrap_socket(connection, server_side=True) as wrapped:
                wrapped.recv(65536)
                wrapped.sendall(b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\nconnection: close\r\n\r\nok")
        except ssl.SSLError:
            return

    with raw_server(secure) as port:
        run = run_text(
            tmp_path,
            f"""
            flow:
              name: tls
              steps:
                - {{id: open, action: http_request, config: {{url: "https://127.0.0.1:{port}/", verify_ssl: false}},
                   assert: [status == 200, body == "ok"]}}
                - {{id: strict, action: http_request, config: {{url: "https://127.0.0.1:{port}/"}},
                   assert: [status == 200]}}
            """,
        )
    assert step(run, "open").verdict == "passed", step(run, "open").message
    assert step(run, "strict").verdict == "error"
    assert "certificate not trusted" in step(run, "strict").message


def _sent(tmp_path: Path, web: Web, config: str) -> Run:
    web.on("POST /x", 200, {})
    return run_text(
        tmp_path,
        f"""
        flow:
          name: sent
          steps:
            - id: a
              action: http_request
              config: {{method: post, url: "{web.url}/x", {config}}}
              assert: [status == 200]
        """,
    )


def test_bodies_forms_and_queries_are_sent_as_written(tmp_path: Path, web: Web) -> None:
    _sent(tmp_path, web, 'body: {a: 1, b: [true, null]}, query: {q: "a b&c", n: [1, 2], gone: null}')
    seen = web.seen[-1]
    assert (seen.json, seen.headers["content-type"]) == ({"a": 1, "b": [True, None]}, "application/json")
    assert seen.path == "/x?q=a+b%26c&n=1&n=2"
    _sent(tmp_path, web, "body: 'plain é'")
    assert web.seen[-1].body.decode() == "plain é"
    _sent(tmp_path, web, "form: {a: 'x y', b: 2}")
    assert web.seen[-1].body == b"a=x+y&b=2"
    assert web.seen[-1].headers["content-type"] == "application/x-www-form-urlencoded"
    _sent(tmp_path, web, 'multipart: {note: hi, file: {filename: "a.txt", content: "text", content_type: text/plain}}')
    body = web.seen[-1].body.decode()
    assert 'name="note"\r\n\r\nhi\r\n' in body
    assert 'name="file"; filename="a.txt"\r\nContent-Type: text/plain\r\n\r\ntext\r\n' in body


def test_authentication_and_cookies_are_sent_and_masked_in_the_record(tmp_path: Path, web: Web) -> None:
    run = _sent(tmp_path, web, "auth: {basic: {username: u, password: hunter2hunter2}}, cookies: {a: 1, b: x}")
    assert web.seen[-1].headers["authorization"] == "Basic dTpodW50ZXIyaHVudGVyMg=="
    assert web.seen[-1].headers["cookie"] == "a=1; b=x"
    assert "hunter2" not in str(run.flows[0].steps)
    run = _sent(tmp_path, web, "auth: {bearer: abcdefgh12345678}")
    assert web.seen[-1].headers["authorization"] == "Bearer abcdefgh12345678"
    assert "abcdefgh12345678" not in str(run.flows[0].steps)
    _sent(tmp_path, web, "auth: {api_key: {name: X-Key, value: k1}}")
    assert web.seen[-1].headers["x-key"] == "k1"
    _sent(tmp_path, web, "auth: {api_key: {name: key, value: k1, in: query}}")
    assert web.seen[-1].path == "/x?key=k1"


def test_an_oauth2_token_is_fetched_with_client_credentials(tmp_path: Path, web: Web) -> None:
    web.on("POST /token", 200, {"access_token": "tok-12345678", "token_type": "bearer"})
    _sent(
        tmp_path,
        web,
        f'auth: {{oauth2: {{token_url: "{web.url}/token", client_id: me, client_secret: secretsecret, scope: a b}}}}',
    )
    assert web.seen[-2].body == b"grant_type=client_credentials&scope=a+b"
    assert web.seen[-1].headers["authorization"] == "Bearer tok-12345678"


def test_redirects_are_results_unless_they_are_followed(tmp_path: Path, web: Web) -> None:
    web.routes["GET /from"] = lambda seen: Reply(302, {}, {"location": "/to"})
    web.on("GET /to", 200, {"there": True})
    web.routes["GET /round"] = lambda seen: Reply(302, {}, {"location": "/round"})
    run = run_text(
        tmp_path,
        f"""
        flow:
          name: redirects
          steps:
            - {{id: a, action: http_request, config: {{url: "{web.url}/from"}},
               assert: [status == 302, 'headers.Location == "/to"', 'response.headers["location"] == "/to"']}}
            - {{id: b, action: http_request, config: {{url: "{web.url}/from", follow_redirects: true}},
               assert: [body.there == true, url endsWith "/to"]}}
            - {{id: c, action: http_request, config: {{url: "{web.url}/round", follow_redirects: true}},
               assert: [status == 200]}}
        """,
    )
    assert [found.verdict for found in run.flows[0].steps] == ["passed", "passed", "error"]


def test_repeated_headers_and_text_and_binary_bodies(tmp_path: Path) -> None:
    data = (
        b"HTTP/1.1 200 OK\r\nX-A: 1\r\nx-a: 2\r\ncontent-type: application/octet-stream\r\n"
        b"content-length: 3\r\nconnection: close\r\n\r\n\xff\xfe\x00"
    )
    with raw_server(_says(data)) as port:
        run = run_text(
            tmp_path,
            f"""
            flow:
              name: headers
              steps:
                - id: a
                  action: http_request
                  config: {{url: "http://127.0.0.1:{port}/"}}
                  assert:
                    - 'headers["X-a"] == "1, 2"'
                    - 'headers_all["X-A"] == ["1", "2"]'
                    - body == "//4A"
                    - response.time > 0
            """,
        )
    assert step(run, "a").verdict == "passed", step(run, "a").message


def test_json_numbers_stay_exact(tmp_path: Path, web: Web) -> None:
    web.routes["GET /n"] = lambda seen: Reply(200, b'{"n": 12345678901234567.89, "m": 40.00}')
    run = run_text(
        tmp_path,
        f"""
        flow:
          name: exact
          steps:
            - {{id: a, action: http_request, config: {{url: "{web.url}/n"}},
               assert: [body.n == 12345678901234567.89, body.n != 12345678901234567.88, body.m == 40]}}
        """,
    )
    assert step(run, "a").verdict == "passed", step(run, "a").message
    assert json.loads(json.dumps(step(run, "a").result["status"])) == 200
