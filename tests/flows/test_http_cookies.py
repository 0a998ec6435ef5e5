"""Sessions: which cookies are kept, where they go, and where they do not."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from flows.clients.cookies import CookieJar
from tests.conformance.actions import passes
from tests.flows.support import Reply, Seen, Web, run_text
from tests.flows.web_steps import config, steps_of
from tests.servers.web import websocket_server


def test_steps_of_a_session_share_cookies_also_through_redirects(tmp_path: Path, web: Web) -> None:
    def login(seen: Seen) -> Reply:
        return Reply(302, b"", {"Location": "/home", "Set-Cookie": f"sid={seen.json['user']}-01; Path=/; HttpOnly"})

    web.routes["POST /login"] = login
    web.routes["GET /home"] = lambda seen: Reply(200, {"cookie": seen.headers.get("cookie")})
    web.on("POST /logout", status=204, body=b"", set_cookie="sid=; Path=/; Max-Age=0")

    def log_in(user: str) -> dict[str, object]:
        ask = {"url": f"{web.url}/login", "method": "POST", "body": {"user": user}, "session": user}
        return config(user, "http_request", {**ask, "follow_redirects": True}, f"body.cookie == 'sid={user}-01'")

    def home(id: str, *lines: str, **more: object) -> dict[str, object]:
        return config(id, "http_request", {"url": f"{web.url}/home", **more}, *lines)

    out = {"url": f"{web.url}/logout", "method": "POST", "session": "ada"}
    run = run_text(
        tmp_path,
        steps_of(
            log_in("ada"),
            log_in("bob"),
            home("again", "body.cookie startsWith 'sid=ada'", session="ada"),
            home("own", "body.cookie == 'sid=mine'", session="ada", cookies={"sid": "mine"}),
            home("nobody", "body.cookie is null"),
            config("out", "http_request", out, "status == 204"),
            home("gone", "body.cookie is null", session="ada"),
        ),
    )
    passes(run)


def _sent(set_by: str, line: str, asked: str, now: float = 1000.0) -> str:
    clock = [1000.0]
    jar = CookieJar(lambda secret: None, lambda: clock[0])
    jar.keep(set_by, [line])
    clock[0] = now
    return "; ".join(f"{name}={value}" for name, value in jar.pairs(asked))


@pytest.mark.parametrize(
    ("set_by", "line", "asked", "sent"),
    [
        ("http://a.example/x/y", "s=1", "http://a.example/x/z", "s=1"),
        ("http://a.example/x/y", "s=1", "http://a.example/xz", ""),
        ("http://a.example/x/y", "s=1; Path=/", "http://a.example/", "s=1"),
        ("http://a.example/", "s=1", "http://b.a.example/", ""),
        ("http://a.example/", "s=1; Domain=.A.example", "http://b.a.example/", "s=1"),
        ("http://a.example/", "s=1; Domain=example", "http://a.example/", ""),
        ("http://a.example/", "s=1; Domain=other.example", "http://a.example/", ""),
        ("http://10.0.0.1/", "s=1; Domain=0.0.1", "http://10.0.0.1/", ""),
        ("https://a.example/", "s=1; Secure", "http://a.example/", ""),
        ("https://a.example/", "s=1; Secure", "https://a.example/", "s=1"),
        ("http://a.example/", "s=1; Secure", "https://a.example/", ""),
        ("http://localhost/", "s=1; Secure", "http://localhost/", "s=1"),
        ("http://a.example/", "s=1; Max-Age=10", "http://a.example/", "s=1"),
        ("http://a.example/", "s=1; Max-Age=0", "http://a.example/", ""),
        ("http://a.example/", "s=1; Expires=Thu, 01-Jan-1970 00:00:10 GMT", "http://a.example/", ""),
        ("http://a.example/", "s=1; Expires=nonsense", "http://a.example/", "s=1"),
        ("http://a.example/", 's="a=b"; x', "http://a.example/", 's="a=b"'),
        ("http://a.example/", "nonsense", "http://a.example/", ""),
    ],
)
def test_a_cookie_goes_where_rfc_6265_sends_it(set_by: str, line: str, asked: str, sent: str) -> None:
    assert _sent(set_by, line, asked) == sent


def test_cookies_expire_are_replaced_and_do_not_grow_without_end() -> None:
    assert _sent("http://a.example/", "s=1; Max-Age=10", "http://a.example/", now=1011.0) == ""
    hidden: list[str] = []
    jar = CookieJar(hidden.append)
    jar.keep("http://a.example/", ["long=0123456789abcdef; Path=/only"])
    assert hidden == ["0123456789abcdef"]
    jar.keep("http://a.example/x/", ["s=1; Path=/", "s=2; Path=/x", "s=3; Path=/"])
    assert jar.pairs("http://a.example/x/") == [("s", "2"), ("s", "3")]
    jar.keep("http://a.example/", [f"n{number}=1" for number in range(1000)])
    assert len(jar.pairs("http://a.example/")) <= 300


def test_a_session_reaches_websockets_streams_and_graphql(tmp_path: Path, web: Web) -> None:
    seen: list[str] = []

    async def tells(connection: Any) -> None:
        seen.append(connection.request.headers.get("Cookie", ""))
        await connection.wait_closed()

    def said(request: Seen) -> Reply:
        seen.append(request.headers.get("cookie", ""))
        return Reply(200, {"data": None})

    web.on("POST /login", status=204, body=b"", set_cookie="sid=ada; Path=/")
    web.routes["POST /graphql"] = web.routes["GET /events"] = said
    with websocket_server(tells) as port:
        login = config(
            "login", "http_request", {"url": f"{web.url}/login", "method": "POST", "session": "a"}, "status == 204"
        )
        closes = {"receive": {"expect": "close"}}
        run = run_text(
            tmp_path,
            steps_of(
                login,
                config("talk", "websocket", {"url": f"ws://127.0.0.1:{port}/", "session": "a"}, "status == 101"),
                config(
                    "asks", "graphql", {"url": f"{web.url}/graphql", "query": "{ a }", "session": "a"}, "data is null"
                ),
                config(
                    "hears", "sse", {"url": f"{web.url}/events", "session": "a", "messages": [closes]}, "closed == true"
                ),
            ),
        )
    passes(run)
    assert seen == ["", "sid=ada", "sid=ada", "sid=ada"]
