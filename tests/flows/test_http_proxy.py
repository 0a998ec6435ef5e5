"""Requests through real proxies, which one by which variable, and what is said when a proxy refuses."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from flows.clients.errors import ClientError
from flows.clients.proxy import Proxies, Proxy, proxy_named
from graph.runs import Run
from tests.conformance.actions import SECRET, keeps_the_secret, passes
from tests.flows.support import Web, run_text, step, unused_port
from tests.flows.web_steps import config, steps_of
from tests.servers.proxies import http_proxy, socks_proxy
from tests.servers.web import Certificates, hypercorn_server, websocket_server

LOGIN = "Basic dTpodW50ZXIyaHVudGVyMg=="


async def hello(scope: Any, receive: Any, send: Any) -> None:
    """Says hello to any HTTP request."""
    if scope["type"] == "http":
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await send({"type": "http.response.body", "body": b"hello"})


def _get(folder: Path, url: str, proxy: str, **more: object) -> Run:
    return run_text(
        folder, steps_of(config("a", "http_request", {"url": url, "proxy": proxy, **more}, "status == 200"))
    )


def test_plain_requests_are_forwarded_and_the_login_is_masked(tmp_path: Path, web: Web) -> None:
    web.on("GET /x", body={"n": 1})
    with http_proxy(LOGIN) as seen:
        run = _get(tmp_path, f"{web.url}/x", f"http://u:{SECRET}@127.0.0.1:{seen.port}")
    passes(run)
    assert seen.lines == [f"GET {web.url}/x HTTP/1.1"]
    assert seen.logins == [LOGIN]
    assert "proxy-authorization" not in web.seen[0].headers
    keeps_the_secret(run)


@pytest.mark.parametrize("http2", [False, True])
def test_tls_goes_through_a_tunnel(tmp_path: Path, http2: bool) -> None:
    certificates = Certificates(tmp_path)
    with hypercorn_server(hello, certificates) as port, http_proxy(LOGIN) as seen:
        url, proxy = f"https://127.0.0.1:{port}/", f"u:{SECRET}@127.0.0.1:{seen.port}"
        run = _get(tmp_path, url, proxy, tls={"ca": "ca.pem"}, http2=http2)
    passes(run)
    assert seen.lines == [f"CONNECT 127.0.0.1:{port} HTTP/1.1"]
    assert step(run, "a").result is not None
    assert (step(run, "a").result or {}).get("http_version", "1.1") == ("2" if http2 else "1.1")
    keeps_the_secret(run)


@pytest.mark.parametrize("scheme", ["socks5", "socks5h"])
def test_a_socks_proxy_makes_tunnels_too(tmp_path: Path, web: Web, scheme: str) -> None:
    web.on("GET /x", body={"n": 1})
    url = web.url.replace("127.0.0.1", "localhost") + "/x"
    with socks_proxy(f"u:{SECRET}") as seen:
        run = _get(tmp_path, url, f"{scheme}://u:{SECRET}@127.0.0.1:{seen.port}")
        wrong = _get(tmp_path, url, f"{scheme}://u:other@127.0.0.1:{seen.port}")
        without = _get(tmp_path, url, f"{scheme}://127.0.0.1:{seen.port}")
    passes(run)
    assert seen.lines[0].startswith("localhost:" if scheme == "socks5h" else "127.0.0.1:")
    assert "it refuses this user and password" in step(wrong, "a").message
    assert "it demands a user and password" in step(without, "a").message
    with socks_proxy(code=5) as seen:
        refused = _get(tmp_path, url, f"{scheme}://127.0.0.1:{seen.port}")
    assert "connection refused" in step(refused, "a").message


def test_what_a_proxy_refuses_is_said_with_its_name(tmp_path: Path) -> None:
    port = unused_port()
    down = _get(tmp_path, "http://127.0.0.1:9/", f"http://127.0.0.1:{port}")
    assert f"proxy 127.0.0.1:{port}: connection refused" in step(down, "a").message
    with http_proxy(LOGIN) as seen:
        demands = _get(tmp_path, "https://127.0.0.1:9/", f"http://127.0.0.1:{seen.port}")
    assert "it demands a user and password (407)" in step(demands, "a").message
    with http_proxy(refuse=403) as seen:
        refuses = _get(tmp_path, "https://127.0.0.1:9/", f"http://127.0.0.1:{seen.port}")
    assert "it makes no tunnel to 127.0.0.1:9: status 403" in step(refuses, "a").message
    nonsense = _get(tmp_path, "http://127.0.0.1:9/", f"ftp://u:{SECRET}@x")
    assert step(nonsense, "a").exchanges[0].error_type == "config"
    keeps_the_secret(nonsense)


def test_a_websocket_goes_through_a_tunnel(tmp_path: Path) -> None:
    async def greet(connection: Any) -> None:
        await connection.send("hello")
        await connection.wait_closed()

    with websocket_server(greet) as port, http_proxy(LOGIN) as seen:
        talk = {"url": f"ws://127.0.0.1:{port}/", "proxy": f"http://u:{SECRET}@127.0.0.1:{seen.port}"}
        good = config("good", "websocket", {**talk, "messages": [{"receive": {}}]}, "value == 'hello'")
        bad = config("bad", "websocket", {**talk, "proxy": f"http://127.0.0.1:{seen.port}"})
        run = run_text(tmp_path, steps_of(good, bad))
    assert step(run, "good").verdict == "passed", step(run, "good").message
    assert step(run, "bad").verdict == "error"
    assert "407" in step(run, "bad").message
    assert seen.lines[0] == f"CONNECT 127.0.0.1:{port} HTTP/1.1"
    keeps_the_secret(run)


def test_the_environment_names_the_proxy(tmp_path: Path, web: Web, monkeypatch: pytest.MonkeyPatch) -> None:
    web.on("GET /x", body={"n": 1})
    with http_proxy(refuse=502) as seen:
        monkeypatch.setenv("http_proxy", f"http://127.0.0.1:{seen.port}")
        outside = config("outside", "http_request", {"url": "http://10.255.255.1/x"}, "status == 502")
        inside = config("inside", "http_request", {"url": f"{web.url}/x"}, "status == 200")
        assert run_text(tmp_path, steps_of(outside, inside)).verdict == "passed"
        assert seen.lines == ["GET http://10.255.255.1/x HTTP/1.1"]


PROXY = Proxy("http", "proxy", 3128)


@pytest.mark.parametrize(
    ("environment", "asked", "found"),
    [
        ({}, ("http", "a.example", 80), None),
        ({"HTTP_PROXY": "proxy:3128"}, ("http", "a.example", 80), PROXY),
        ({"HTTP_PROXY": "proxy:3128", "REQUEST_METHOD": "GET"}, ("http", "a.example", 80), None),
        ({"HTTP_PROXY": "proxy:3128"}, ("https", "a.example", 443), None),
        ({"HTTPS_PROXY": "proxy:3128"}, ("wss", "a.example", 443), PROXY),
        ({"all_proxy": "proxy:3128"}, ("https", "a.example", 443), PROXY),
        ({"http_proxy": "proxy:3128", "HTTP_PROXY": "other:1"}, ("http", "a.example", 80), PROXY),
        ({"http_proxy": "proxy:3128"}, ("http", "localhost", 80), None),
        ({"http_proxy": "proxy:3128"}, ("http", "127.0.0.9", 80), None),
        ({"http_proxy": "proxy:3128"}, ("http", "::1", 80), None),
        ({"http_proxy": "proxy:3128", "NO_PROXY": "b.example, .example"}, ("http", "a.example", 80), None),
        ({"http_proxy": "proxy:3128", "no_proxy": "example"}, ("http", "anexample", 80), PROXY),
        ({"http_proxy": "proxy:3128", "no_proxy": "*"}, ("http", "a.example", 80), None),
        ({"http_proxy": "proxy:3128", "no_proxy": "10.0.0.0/8"}, ("http", "10.1.2.3", 80), None),
        ({"http_proxy": "proxy:3128", "no_proxy": "10.0.0.0/8"}, ("http", "11.1.2.3", 80), PROXY),
        ({"http_proxy": "proxy:3128", "no_proxy": "a.example:8080"}, ("http", "a.example", 8080), None),
        ({"http_proxy": "proxy:3128", "no_proxy": "a.example:8080"}, ("http", "a.example", 80), PROXY),
        ({"http_proxy": "proxy:3128", "no_proxy": "fe80::1"}, ("http", "fe80::1", 80), None),
    ],
)
def test_which_proxy_the_environment_names(
    environment: dict[str, str], asked: tuple[str, str, int], found: Proxy | None
) -> None:
    assert Proxies(environment).of(*asked) == found


def test_a_proxy_is_named_by_a_url() -> None:
    assert proxy_named("https://u%40x:p%3A@[::1]:8443") == Proxy("https", "::1", 8443, "u@x", "p:")
    assert proxy_named("socks5h://h").port == 1080
    for wrong in ("ftp://x", "http://", "http://x:port"):
        with pytest.raises(ClientError) as problem:
            proxy_named(wrong)
        assert problem.value.type == "config"
