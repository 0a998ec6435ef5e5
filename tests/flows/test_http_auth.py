"""Every form of `auth` against servers that check it, and what never leaves the run."""

from __future__ import annotations

import base64
import hashlib
import time
from pathlib import Path
from urllib.parse import parse_qs

import pytest

from flows.clients.http_digest import proof
from flows.engine.recording import judge
from flows.events import run_from_json, run_to_json
from tests.conformance.actions import SECRET, keeps_the_secret, passes
from tests.flows.support import Reply, Seen, Web, run_text, step, verdicts
from tests.flows.web_steps import config, steps_of

TOKEN = "eyJ-access-token-0123456789"


class Issuer:
    """A token endpoint that keeps what it was asked and gives numbered tokens."""

    def __init__(self, web: Web, lasts: object = 3600) -> None:
        self.asked: list[dict[str, str]] = []
        self.logins: list[str] = []
        self.lasts = lasts
        self.refuse: Reply | None = None
        web.routes["POST /token"] = self.answer
        web.routes["GET /me"] = lambda seen: Reply(200, {"you": seen.headers.get("authorization")})
        self.url = f"{web.url}/token"
        self.me = f"{web.url}/me"

    def answer(self, seen: Seen) -> Reply:
        """A token, or the refusal that was set."""
        self.asked.append({name: values[0] for name, values in parse_qs(seen.body.decode()).items()})
        self.logins.append(seen.headers.get("authorization", ""))
        if self.refuse is not None:
            return self.refuse
        number = len(self.asked)
        return Reply(200, {"access_token": f"{TOKEN}-{number}", "token_type": "Bearer", "expires_in": self.lasts,
                           "refresh_token": f"refresh-{number}-0123456789"})  # fmt: skip

    def step(self, id: str, *lines: str, **settings: object) -> dict[str, object]:
        """A request that needs a token."""
        oauth2 = {"token_url": self.url, "client_id": "me:1", "client_secret": SECRET, **settings}
        return config(id, "http_request", {"url": self.me, "auth": {"oauth2": oauth2}}, *(lines or ("status == 200",)))


def test_a_token_is_asked_for_once_in_a_run_and_never_shown(tmp_path: Path, web: Web) -> None:
    issuer = Issuer(web)
    run = run_text(tmp_path, steps_of(issuer.step("a", scope=["read", "write"], audience="api"), issuer.step("b"),
                                      issuer.step("c", scope=["read", "write"], audience="api")))  # fmt: skip
    passes(run)
    asked = {"grant_type": "client_credentials", "scope": "read write", "audience": "api"}
    assert issuer.asked == [asked, {"grant_type": "client_credentials"}]
    assert issuer.logins[0] == "Basic " + base64.b64encode(f"me%3A1:{SECRET}".encode()).decode()
    assert [seen.headers["authorization"] for seen in web.seen if seen.path == "/me"] == [
        f"Bearer {TOKEN}-{number}" for number in (1, 2, 1)
    ]
    assert TOKEN not in run_to_json(run)
    keeps_the_secret(run)


@pytest.mark.parametrize(
    ("settings", "form", "login"),
    [
        (
            {"grant_type": "password", "username": "ada", "password": "lovelace-1815", "client_auth": "post"},
            {"grant_type": "password", "username": "ada", "password": "lovelace-1815"}
            | {"client_id": "me:1", "client_secret": SECRET},
            "",
        ),
        (
            {"grant_type": "refresh_token", "refresh_token": "old-refresh-token", "params": {"resource": "r", "n": 1}},
            {"grant_type": "refresh_token", "refresh_token": "old-refresh-token", "resource": "r", "n": "1"},
            "Basic",
        ),
        ({"client_auth": "none"}, {"grant_type": "client_credentials", "client_id": "me:1"}, ""),
    ],
)  # fmt: skip
def test_the_other_grants_and_ways_to_name_the_client(
    tmp_path: Path, web: Web, settings: dict[str, object], form: dict[str, str], login: str
) -> None:
    issuer = Issuer(web)
    run = run_text(tmp_path, steps_of(issuer.step("a", **settings)))
    passes(run)
    assert issuer.asked == [form]
    assert issuer.logins[0].startswith(login)
    assert "lovelace" not in str(step(run, "a").exchanges[0].request)


def test_an_expired_token_is_renewed_by_its_refresh_token(tmp_path: Path, web: Web) -> None:
    issuer = Issuer(web, lasts="0.1")
    pause = config("pause", "delay", {"duration": "120ms"})
    run = run_text(tmp_path, steps_of(issuer.step("a"), pause, issuer.step("b")))
    passes(run)
    assert issuer.asked[1] == {"grant_type": "refresh_token", "refresh_token": "refresh-1-0123456789"}
    issuer.refuse = None


@pytest.mark.parametrize(
    ("reply", "says"),
    [
        (
            Reply(401, {"error": "invalid_client", "error_description": "no such client"}),
            "status 401 (invalid_client: no such client)",
        ),
        (Reply(200, {"token": "x"}), "status 200 without an access_token"),
        (Reply(500, b"<html>"), "status 500 without an access_token"),
        (Reply(200, {"access_token": "abc", "token_type": "mac"}), "of type 'mac', not bearer"),
    ],
)  # fmt: skip
def test_a_refused_token_is_the_server_s_word(tmp_path: Path, web: Web, reply: Reply, says: str) -> None:
    issuer = Issuer(web)
    issuer.refuse = reply
    found = step(run_text(tmp_path, steps_of(issuer.step("a"))), "a")
    assert (found.verdict, found.exchanges[0].error_type) == ("error", "server")
    assert says in found.message
    assert issuer.url in found.message


@pytest.mark.parametrize(
    ("settings", "says"),
    [
        ({"grant_type": "implicit"}, "grant_type is one of client_credentials, password, refresh_token"),
        ({"grant_type": "password"}, "needs 'username'"),
        ({"client_auth": "tls"}, "client_auth is one of basic, post, none"),
        ({"token_url": ""}, "needs 'token_url'"),
    ],
)
def test_settings_that_do_not_do_are_said(tmp_path: Path, web: Web, settings: dict[str, object], says: str) -> None:
    found = step(run_text(tmp_path, steps_of(Issuer(web).step("a", **settings))), "a")
    assert found.exchanges[0].error_type == "config"
    assert says in found.message


def test_api_keys_go_where_they_are_told_and_not_to_another_origin(tmp_path: Path, web: Web) -> None:
    other = Web()
    try:
        other.on("GET /end", body={})
        web.routes["GET /key"] = lambda seen: Reply(200, {"path": seen.path, "headers": dict(seen.headers)})
        web.on("GET /away", status=302, location=f"{other.url}/end")

        def key(id: str, place: str, url: str, *lines: str, **more: object) -> dict[str, object]:
            auth = {"api_key": {"name": "X-Api-Key", "value": SECRET, "in": place}}
            return config(id, "http_request", {"url": url, "auth": auth, **more}, *lines)

        run = run_text(
            tmp_path,
            steps_of(
                key("header", "header", f"{web.url}/key", "body.headers.x-api-key exists"),
                key("query", "query", f"{web.url}/key?a=1", "body.path startsWith '/key?a=1&X-Api-Key='"),
                key(
                    "cookie",
                    "cookie",
                    f"{web.url}/key",
                    "body.headers.cookie startsWith 'b=2; X-Api-Key='",
                    cookies={"b": 2},
                ),
                key("away", "header", f"{web.url}/away", "status == 200", follow_redirects=True),
            ),
        )
    finally:
        other.close()
    passes(run)
    assert "x-api-key" not in other.seen[0].headers
    keeps_the_secret(run)


def _digest_server(web: Web, algorithm: str, qop: str) -> list[str]:
    """A route that lets in whoever proves `u` / SECRET by RFC 7616, computed here apart from the client."""
    name = {"MD5": "md5", "SHA-256": "sha256"}[algorithm.removesuffix("-sess")]

    def digest(text: str) -> str:
        return hashlib.new(name, text.encode()).hexdigest()

    said: list[str] = []

    def answer(seen: Seen) -> Reply:
        header = seen.headers.get("authorization", "")
        said.append(header)
        if header.startswith("Digest "):
            given = {
                key: value.strip('"') for key, _, value in (part.partition("=") for part in header[7:].split(", "))
            }
            first = digest(f"u:my, realm:{SECRET}")
            if algorithm.endswith("-sess"):
                first = digest(f"{first}:n0nce:{given['cnonce']}")
            middle = f"n0nce:{given['nc']}:{given['cnonce']}:auth" if qop else "n0nce"
            if given["response"] == digest(f"{first}:{middle}:{digest(f'GET:{seen.path}')}"):
                return Reply(200, {"in": True})
        challenge = f'Digest realm="my, realm", nonce="n0nce", algorithm={algorithm}' + (
            f', qop="{qop}"' if qop else ""
        )
        return Reply(401, {}, {"WWW-Authenticate": challenge})

    web.routes["GET /d"] = answer
    return said


@pytest.mark.parametrize(
    ("algorithm", "qop"), [("MD5", ""), ("MD5", "auth"), ("SHA-256", "auth,auth-int"), ("MD5-sess", "auth")]
)
def test_digest_is_proven_when_the_server_asks(tmp_path: Path, web: Web, algorithm: str, qop: str) -> None:
    said = _digest_server(web, algorithm, qop)
    settings = {"url": f"{web.url}/d?x=1", "auth": {"digest": {"username": "u", "password": SECRET}}}
    wrong = {"url": f"{web.url}/d?x=1", "auth": {"digest": {"username": "u", "password": "wrong-password"}}}
    run = run_text(
        tmp_path,
        steps_of(
            config("good", "http_request", settings, "status == 200"),
            config("bad", "http_request", wrong, "status == 401"),
        ),
    )
    assert verdicts(run) == {"good": "passed", "bad": "passed"}, said
    assert said[0] == ""
    keeps_the_secret(run)


def test_the_example_of_rfc_7616_and_challenges_that_are_not_understood() -> None:
    realm = 'Digest realm="http-auth@example.org", qop="auth, auth-int", algorithm=MD5, nonce="7ypf/xlj9XXwfDPEoM4URrv"'
    stronger = 'Digest realm="http-auth@example.org", qop="auth", algorithm=SHA-256, nonce="7ypf/xlj9XXwfDPEoM4URrv"'
    found = proof([f"{realm}, {stronger}"], ("Mufasa", "Circle of Life"), ("GET", "/dir/index.html"))
    assert found is not None
    assert "algorithm=SHA-256" in found
    assert proof(['Basic realm="x"', 'Digest nonce="a", qop="auth-int"'], ("u", "p"), ("GET", "/")) is None
    assert proof(['Digest realm="x", nonce="a", algorithm=SHA3'], ("u", "p"), ("GET", "/")) is None


def test_a_session_cookie_is_read_and_sent_again_and_masked(tmp_path: Path, web: Web) -> None:
    session = "s3ss10n-0123456789abcdef"
    web.routes["POST /login"] = lambda seen: Reply(204, b"", {"Set-Cookie": f"sid={session}; Path=/; HttpOnly"})
    web.routes["GET /me"] = lambda seen: Reply(200, {"cookie": seen.headers.get("cookie")})
    login = {"url": f"{web.url}/login", "method": "POST"}
    me = {"url": f"{web.url}/me", "cookies": {"sid": "${login.cookies.sid}", "lang": "en"}}
    run = run_text(
        tmp_path,
        steps_of(
            config("login", "http_request", login, "status == 204", "headers.set-cookie contains 'HttpOnly'"),
            config("me", "http_request", me, "body.cookie startsWith 'sid='", "body.cookie endsWith 'lang=en'"),
        ),
    )
    passes(run)
    assert session not in run_to_json(run)
    assert web.seen[1].headers["cookie"] == f"sid={session}; lang=en"
    assert judge(run_from_json(run_to_json(run))).verdict == "passed"


def test_a_login_in_a_url_is_decoded_and_time_is_not_lost(tmp_path: Path, web: Web) -> None:
    web.routes["GET /u"] = lambda seen: Reply(200, {"auth": seen.headers.get("authorization")})
    url = web.url.replace("http://", f"http://a%40b:{SECRET}@") + "/u"
    started = time.monotonic()
    run = run_text(tmp_path, steps_of(config("a", "http_request", {"url": url}, "status == 200")))
    assert time.monotonic() - started < 5
    assert base64.b64decode(web.seen[0].headers["authorization"][6:]) == f"a@b:{SECRET}".encode()
    keeps_the_secret(run)
