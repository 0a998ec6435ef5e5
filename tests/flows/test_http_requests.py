"""What a request carries and an answer says, to the byte; and servers that do everything but answer."""

from __future__ import annotations

import gzip
import socket
import threading
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from flows.clients.http_dial import MAX_BODY
from graph.runs import Run, StepRun
from tests.conformance.actions import passes
from tests.flows.support import Reply, Seen, Web, raw_server, run_text, step, unused_port, verdicts
from tests.flows.web_steps import config, steps_of


def _sent(folder: Path, web: Web, settings: dict[str, object], path: str = "/x") -> Seen:
    """The request that a config makes, as the server saw it."""
    web.routes[f"{settings.get('method', 'GET')} {path.split('?', maxsplit=1)[0]}"] = lambda seen: Reply(200, {})
    run = run_text(
        folder, steps_of(config("a", "http_request", {"url": f"{web.url}{path}", **settings}, "status == 200"))
    )
    assert run.verdict == "passed", step(run, "a").message if run.flows[0].steps else run.flows[0].problems
    return web.seen[-1]


def _parts(seen: Seen) -> list[str]:
    boundary = seen.headers["content-type"].partition("boundary=")[2]
    return [part.strip("\r\n") for part in seen.body.decode("latin-1").split(f"--{boundary}")[1:-1]]


def test_multipart_carries_files_beside_the_flow(tmp_path: Path, web: Web) -> None:
    (tmp_path / "files").mkdir()
    (tmp_path / "files" / "photo.png").write_bytes(b"\x89PNG\r\n\x00")
    parts: dict[str, object] = {
        "note": "hé",
        "photo": {"file": "files/photo.png"},
        "named": {"file": "files/photo.png", "filename": 'a"b.bin', "content_type": "application/x-b"},
        "data": {"content": {"n": 1}},
        "many": ["1", "2"],
        "text": {"content": "t", "filename": "t.txt", "content_type": "text/plain"},
    }
    found = _parts(_sent(tmp_path, web, {"method": "POST", "multipart": parts}))
    assert found == [
        'Content-Disposition: form-data; name="note"\r\n\r\n' + "hé".encode().decode("latin-1"),
        'Content-Disposition: form-data; name="photo"; filename="photo.png"\r\nContent-Type: image/png\r\n\r\n'
        "\x89PNG\r\n\x00",
        'Content-Disposition: form-data; name="named"; filename="a%22b.bin"\r\nContent-Type: application/x-b\r\n\r\n'
        "\x89PNG\r\n\x00",
        'Content-Disposition: form-data; name="data"\r\nContent-Type: application/json\r\n\r\n{"n":1}',
        'Content-Disposition: form-data; name="many"\r\n\r\n1',
        'Content-Disposition: form-data; name="many"\r\n\r\n2',
        'Content-Disposition: form-data; name="text"; filename="t.txt"\r\nContent-Type: text/plain\r\n\r\nt',
    ]


def test_a_file_that_is_only_sent_is_no_part_of_the_recording(tmp_path: Path, web: Web) -> None:
    (tmp_path / "photo.png").write_bytes(b"\x89PNG\r\n\x00")
    web.on("POST /x", body={})
    settings = {"url": f"{web.url}/x", "method": "POST", "multipart": {"p": {"file": "photo.png"}}}
    run = run_text(tmp_path, steps_of(config("a", "http_request", settings, "status == 200")))
    passes(run)
    assert run.options["included"] == {}


@pytest.mark.parametrize(
    ("part", "says"),
    [
        ({"file": "${'nothing.png'}"}, "nothing.png does not exist"),
        ({"file": "${'../../../etc/passwd'}"}, "leads out of the repository"),
        ("""${json('{"file": "flow.yaml", "name": "x"}')}""", "multipart.p has no key 'name'"),
    ],
)
def test_a_part_that_cannot_be_sent_is_a_wrong_config(tmp_path: Path, web: Web, part: object, says: str) -> None:
    settings = {"url": f"{web.url}/x", "method": "POST", "multipart": {"p": part}}
    found = step(run_text(tmp_path, steps_of(config("a", "http_request", settings, "status == 200"))), "a")
    assert found.exchanges[0].error_type == "config"
    assert says in found.message
    assert web.seen == []


@pytest.mark.parametrize(
    ("path", "wire"),
    [
        ("/a b/ü?q=a b&r=ü", "/a%20b/%C3%BC?q=a%20b&r=%C3%BC"),
        ("/a%2Fb?x=%26", "/a%2Fb?x=%26"),
        ("/x?filter[a]=1#fragment", "/x?filter%5Ba%5D=1"),
        ("?only=query", "/?only=query"),
    ],
)
def test_paths_and_queries_are_escaped_once(tmp_path: Path, web: Web, path: str, wire: str) -> None:
    web.routes[f"GET {wire.split('?', maxsplit=1)[0]}"] = lambda seen: Reply(200, {})
    settings = {"url": f"{web.url}{path}"}
    passes(run_text(tmp_path, steps_of(config("a", "http_request", settings, "status == 200"))))
    assert web.seen[0].path == wire


def test_values_in_a_path_stay_one_segment(tmp_path: Path, web: Web) -> None:
    web.routes["GET /orders/a%2Fb%3F/items/%2E%2E"] = lambda seen: Reply(200, {})
    settings = {"service": "orders", "endpoint": "GET /orders/{id}/items/{item}", "path": {"id": "a/b?", "item": ".."}}
    ask = config("a", "http_request", settings, "status == 200")
    passes(run_text(tmp_path, steps_of(ask), services={"orders": f"{web.url}/"}))
    wrong = {**settings, "path": {"id": 1, "itme": 2}}
    found = run_text(tmp_path, steps_of(config("a", "http_request", wrong, "status == 200"))).flows[0].problems
    assert "'{item}' has no value: add 'path: {item: ...}'" in str(found)
    run = run_text(tmp_path, steps_of(ask), services={"payments": web.url})
    assert "no address is known for service 'orders' (known: payments)" in step(run, "a").message


def test_headers_repeat_override_and_never_inject(tmp_path: Path, web: Web) -> None:
    seen = _sent(tmp_path, web, {"headers": {"Host": "shop.example", "X-A": ["1", "2"], "X-N": None, "Accept": "a/b"}})
    assert seen.headers["host"] == "shop.example"
    assert seen.headers["accept"] == "a/b"
    assert "x-n" not in seen.headers
    for headers in ({"X": "a\r\nEvil: 1"}, {"X\r\nEvil": "1"}, {"Transfer-Encoding": "chunked"}, {"X": "\u20ac"}):
        ask = config("a", "http_request", {"url": f"{web.url}/x", "headers": headers}, "status == 200")
        found = step(run_text(tmp_path, steps_of(ask)), "a")
        assert found.exchanges[0].error_type == "config", found.message
        assert "the request cannot be sent" in found.message


def test_redirects_carry_methods_bodies_and_credentials_as_they_should(tmp_path: Path, web: Web) -> None:
    for status in (301, 302, 303, 307, 308):
        web.on(f"POST /{status}", status=status, location="/end")
    for route in ("POST /end", "GET /end"):
        web.routes[route] = lambda seen: Reply(200, {"method": seen.method, "body": seen.body.decode()})
    web.on("GET /loop", status=302, location="/loop")
    web.on("GET /bad", status=302, location="mailto:x@example.org")

    def follow(id: str, path: str, *lines: str, method: str = "POST") -> dict[str, object]:
        settings = {"url": f"{web.url}{path}", "method": method, "follow_redirects": True}
        settings |= {"body": "b"} if method == "POST" else {}
        return config(id, "http_request", settings, *lines, on_error="continue")

    run = run_text(
        tmp_path,
        steps_of(
            *(
                follow(f"s{status}", f"/{status}", "body.method == 'GET'", "body.body == ''")
                for status in (301, 302, 303)
            ),
            *(follow(f"s{status}", f"/{status}", "body.method == 'POST'", "body.body == 'b'") for status in (307, 308)),
            follow("loop", "/loop", "status == 200", method="GET"),
            follow("bad", "/bad", "status == 200", method="GET"),
        ),
    )
    good = {f"s{status}": "passed" for status in (301, 302, 303, 307, 308)}
    assert verdicts(run) == {**good, "loop": "error", "bad": "error"}
    assert "more than 10 redirects" in step(run, "loop").message
    assert "it redirects to 'mailto:example.org', which is no web address" in step(run, "bad").message
    assert step(run, "bad").exchanges[0].error_type == "server"


def test_ipv6_and_names_outside_ascii(tmp_path: Path) -> None:
    heads: list[bytes] = []

    def answer(listener: socket.socket) -> None:
        connection, _ = listener.accept()
        with connection:
            heads.append(connection.recv(65536))
            connection.sendall(b"HTTP/1.1 204 No Content\r\n\r\n")

    try:
        listener = socket.create_server(("::1", 0), family=socket.AF_INET6)
    except OSError:
        pytest.skip("no IPv6 here")
    thread = threading.Thread(target=answer, args=(listener,), daemon=True)
    thread.start()
    port = listener.getsockname()[1]
    settings = {"url": f"http://[::1]:{port}/"}
    run = run_text(tmp_path, steps_of(config("six", "http_request", settings, "status == 204", "body == ''")))
    thread.join()
    listener.close()
    passes(run)
    assert f"Host: [::1]:{port}".encode() in heads[0]
    name = config("name", "http_request", {"url": "http://bücher.invalid/"}, "status == 200", timeout="10s")
    assert (
        "xn--bcher-kva.invalid:80: the name cannot be resolved"
        in step(run_text(tmp_path, steps_of(name)), "name").message
    )


def _answers(*answers: bytes) -> Callable[[socket.socket], None]:
    def talk(connection: socket.socket) -> None:
        for answer in answers:
            if connection.recv(65536):
                connection.sendall(answer)

    return talk


def _asked(folder: Path, server: Callable[[socket.socket], None], *lines: str, **settings: object) -> StepRun:
    with raw_server(server) as port:
        ask = config(
            "a", "http_request", {"url": f"http://127.0.0.1:{port}/", **settings}, *(lines or ("status == 200",))
        )
        return step(run_text(folder, steps_of({**ask, "timeout": "5s"})), "a")


CONTINUED = b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 417 No\r\ncontent-length: 0\r\n\r\n"
CHUNKED = b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n2;x=y\r\nok\r\n0\r\nX-T: 1\r\n\r\n"
LATIN = b"HTTP/1.1 200 OK\r\ncontent-type: text/plain; charset=iso-8859-1\r\n"


@pytest.mark.parametrize(
    ("answer", "lines", "settings"),
    [
        (b"HTTP/1.1 200 OK\r\ncontent-length: 5\r\n\r\n", ("status == 200", "body == ''"), {"method": "HEAD"}),
        (b"HTTP/1.1 304 Not Modified\r\ncontent-length: 5\r\n\r\n", ("status == 304", "body == ''"), {}),
        (CONTINUED, ("status == 417",), {"method": "POST", "body": "x", "headers": {"Expect": "100-continue"}}),
        (CHUNKED, ("body == 'ok'",), {}),
        (LATIN + b"content-length: 1\r\n\r\n\xe9", ("body == 'é'",), {}),
        (b'HTTP/1.0 200 OK\r\ncontent-type: application/json\r\n\r\n\xef\xbb\xbf{"a": 1}', ("body.a == 1",), {}),
        (b"HTTP/1.0 200 OK\r\n\r\nto the end", ("body == 'to the end'",), {}),
        (b"HTTP/1.1 200 OK\r\nset-cookie: a=1\r\nset-cookie: b=2; Path=/\r\nx: 1\r\nX: 2\r\ncontent-length: 0\r\n\r\n",
         ("cookies.a == '1'", "cookies.b == '2'", "len(headers_all.set-cookie) == 2", "headers.X == '1, 2'"), {}),
    ],
)  # fmt: skip
def test_answers_are_read_as_the_protocol_says(
    tmp_path: Path, answer: bytes, lines: tuple[str, ...], settings: dict[str, object]
) -> None:
    with raw_server(_answers(answer)) as port:
        ask = config("a", "http_request", {"url": f"http://127.0.0.1:{port}/", **settings}, *lines)
        run = run_text(tmp_path, steps_of(ask))
    assert run.verdict == "passed", step(run, "a").message


def test_two_gzip_members_are_one_body_and_a_bomb_of_layers_is_refused(tmp_path: Path) -> None:
    two = gzip.compress(b"one ") + gzip.compress(b"two")
    head = b"HTTP/1.1 200 OK\r\ncontent-encoding: %s\r\ncontent-length: %d\r\n\r\n"
    assert _asked(tmp_path, _answers(head % (b"gzip", len(two)) + two), "body == 'one two'").verdict == "passed"
    layers = _asked(tmp_path, _answers(head % (b"gzip, " * 6 + b"gzip", len(two)) + two))
    assert "compressed 7 times over" in layers.message
    unknown = _asked(tmp_path, _answers(head % (b"br", 2) + b"xx"))
    assert "compressed with 'br', which was not asked for (only gzip, deflate)" in unknown.message


def _endless(connection: socket.socket) -> None:
    connection.recv(65536)
    connection.sendall(b"HTTP/1.1 200 OK\r\n\r\n")
    piece = b"x" * 2**20
    for _ in range(1024):
        connection.sendall(piece)


def _announces(connection: socket.socket) -> None:
    connection.recv(65536)
    connection.sendall(b"HTTP/1.1 200 OK\r\ncontent-length: 1073741824\r\n\r\nx")


def _quiet(talk: Callable[[socket.socket], None]) -> Callable[[socket.socket], None]:
    def careful(connection: socket.socket) -> None:
        try:
            talk(connection)
        except OSError:
            return

    return careful


@pytest.mark.parametrize("server", [_endless, _announces])
def test_a_gigabyte_is_refused_long_before_its_end(tmp_path: Path, server: Callable[[socket.socket], None]) -> None:
    found = _asked(tmp_path, _quiet(server))
    assert found.exchanges[0].error_type == "connection"
    assert f"the answer is larger than {MAX_BODY // 2**20} MiB" in found.message


def test_a_slow_drip_does_not_outlive_the_step_s_timeout(tmp_path: Path) -> None:
    stop = threading.Event()

    def drips(connection: socket.socket) -> None:
        connection.recv(65536)
        for byte in b"HTTP/1.1 200 OK\r\ncontent-length: 9999\r\n\r\n" + b"x" * 9999:
            if stop.wait(0.02):
                return
            connection.sendall(bytes([byte]))

    with raw_server(_quiet(drips)) as port:
        ask = config("a", "http_request", {"url": f"http://127.0.0.1:{port}/", "timeout": "300ms"}, "status == 200")
        started = time.monotonic()
        found = step(run_text(tmp_path, steps_of(ask)), "a")
        stop.set()
    assert time.monotonic() - started < 3
    assert found.verdict == "failed"
    assert found.message.startswith(f"127.0.0.1:{port}: no")
    assert found.message.endswith("within 300ms")


def _waits(folder: Path, port: int, **probe: object) -> Run:
    settings = {"http": {"url": f"http://127.0.0.1:{port}/", **probe}, "timeout": "300ms"}
    return run_text(folder, steps_of(config("a", "wait_for", settings)))


@pytest.mark.parametrize(
    ("status", "verdict"),
    [(503, "passed"), ([200, 503], "passed"), ("5xx", "passed"), (["2xx", "3xx"], "failed"), (None, "failed")],
)
def test_wait_for_takes_a_status_a_list_or_a_class(tmp_path: Path, web: Web, status: object, verdict: str) -> None:
    web.on("GET /", status=503, body="starting")
    run = _waits(tmp_path, int(web.url.rpartition(":")[2]), status=status, headers={"X-Probe": "1"})
    assert step(run, "a").verdict == verdict, step(run, "a").message
    assert web.seen[0].headers["x-probe"] == "1"
    if verdict == "failed":
        assert "status is 503" in step(run, "a").message


def test_what_wait_for_cannot_mean_is_found_first(tmp_path: Path) -> None:
    for probe, says in (({"status": "ok"}, "'status' is a number from 100 to 599"), ({"tls": {"c": 1}}, "no key 'c'")):
        run = _waits(tmp_path, unused_port(), **probe)
        assert says in str(run.flows[0].problems)
