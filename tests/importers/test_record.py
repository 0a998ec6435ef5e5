"""What was recorded is sent again the same: from curl commands, from a browser's recording, from a kept run."""

from __future__ import annotations

import json
import time
import urllib.request
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any
from urllib.error import HTTPError

import pytest

from evals.importer_shop import Shop, shop
from flows.importers import Source
from flows.importers.curl import read as read_curl
from flows.importers.har import read as read_har
from testmesh.cli import dispatch
from testmesh.guard.yaml import parse, plain
from testmesh.kernel.errors import UserError
from tests.importers.support import ran, texts


@pytest.fixture(scope="module")
def server() -> Iterator[Shop]:
    with shop() as found:
        yield found


def config_of(command: str, files: Mapping[str, str] | None = None) -> dict[str, Any]:
    imported = read_curl(Source("curl", command, (files or {}).get))
    flow: Any = plain(parse(texts(imported)[0], "x.yaml"))
    found: dict[str, Any] = flow["flow"]["steps"][0]["config"]
    return found


@pytest.mark.parametrize(
    ("command", "config"),
    [
        ("curl http://h/a", {"url": "http://h/a"}),
        ("curl -sSL -XDELETE h/a", {"url": "http://h/a", "method": "DELETE", "follow_redirects": True}),
        ("curl -I http://h", {"url": "http://h", "method": "HEAD"}),
        ("curl -d a=1 -d b=2 http://h", {"url": "http://h", "method": "POST", "form": {"a": "1", "b": "2"}}),
        ("curl -d @f http://h", {"url": "http://h", "method": "POST", "form": {"x": "12"}}),
        ("curl -G -d 'a=1' --data-urlencode 'q=x y' http://h/s", {"url": "http://h/s?a=1&q=x%20y"}),
        (
            "curl --json '{\"a\": [1, 2.50]}' http://h",
            {"url": "http://h", "method": "POST", "headers": {"Accept": "application/json"}, "body": {"a": [1, 2.5]}},
        ),
        (
            "curl -X PUT -H 'Content-Type: application/json' --data-raw $'{\"n\":\"O\\'B\\u00e9\"}' http://h",
            {"url": "http://h", "method": "PUT", "body": {"n": "O'Bé"}},
        ),
        (
            "curl -F 'f=@a.png;type=image/png' -F 'n=1' -F 'j={};type=application/json' http://h",
            {
                "url": "http://h", "method": "POST",
                "multipart": {
                    "f": {"file": "a.png", "content_type": "image/png"}, "n": "1",
                    "j": {"content": "{}", "content_type": "application/json"},
                },
            },
        ),
        (
            "curl -k -m 2.5 -x http://p:1 --http2 --cacert ca.pem http://h",
            {
                "url": "http://h", "verify_ssl": False, "timeout": "2500ms", "proxy": "http://p:1", "http2": True,
                "tls": {"ca": "ca.pem"},
            },
        ),
        ("curl \\\n  -H \"X-A: b\" \\\n  http://h # why", {"url": "http://h", "headers": {"X-A": "b"}}),
        (
            'curl ^"http://h/a^" ^\r\n  -H ^"X-A: b^" ^\r\n  --data-raw ^"x=1^"',
            {"url": "http://h/a", "method": "POST", "headers": {"X-A": "b"}, "form": {"x": "1"}},
        ),
        (
            'curl "http://h" ^\n  -H "Content-Type: text/plain" ^\n  --data-raw "a^\n\nb ""c"" ^%^20"',
            {
                "url": "http://h", "method": "POST", "headers": {"Content-Type": "text/plain"},
                "body": 'a\nb "c" %20',
            },
        ),
        ('curl -X POST ^\n --data-raw "" "http://h"', {"url": "http://h", "method": "POST", "form": {}}),
        ("curl --tlsv1.2 --ssl-reqd -4 h/a", {"url": "http://h/a"}),
        ("curl --sil --no-location -L h/a", {"url": "http://h/a", "follow_redirects": True}),
        ("curl h/a/../b", {"url": "http://h/b"}),
        ("curl --path-as-is h/a/../b", {"url": "http://h/a/../b"}),
        ("curl -r 600 h", {"url": "http://h", "headers": {"Range": "bytes=600-"}}),
        ("curl --url-query a=b --url-query +c h/?x&", {"url": "http://h/?x&a=b&c"}),
        ("curl -T f h/up/", {"url": "http://h/up/f", "method": "PUT", "body": "x=1\n2"}),
        ("curl -H @f h", {"url": "http://h"}),
        ("curl --socks5-hostname p:9 h", {"url": "http://h", "proxy": "socks5h://p:9"}),
        ("curl --noproxy '*' h", {"url": "http://h", "proxy": "none"}),
        ("curl h -d a=1 2>/dev/null | jq .", {"url": "http://h", "method": "POST", "form": {"a": "1"}}),
        ("API=x curl h -H 'X-A: b' > out.txt", {"url": "http://h", "headers": {"X-A": "b"}}),
        (
            "curl h/t -H 'Content-Type: text/plain' -d @- <<'END'\na $b\nEND\n",
            {"url": "http://h/t", "method": "POST", "headers": {"Content-Type": "text/plain"}, "body": "a $b"},
        ),
        (
            'curl "$BASE/a?n=${N}" -H "X-A: $A" -H \'X-B: $B\'',
            {"url": "${BASE}/a?n=${N}", "headers": {"X-A": "${A}", "X-B": "$B"}},
        ),
        (
            "curl -F 'f=@\"a;b.txt\";filename=\"c.txt\"' -F 'g=@x,y' h",
            {
                "url": "http://h", "method": "POST",
                "multipart": {"f": {"file": "a;b.txt", "filename": "c.txt"}, "g": [{"file": "x"}, {"file": "y"}]},
            },
        ),
        (
            "curl http://h -d 'a ${b} {{c}}' -H 'Content-Type: text/plain'",
            {
                "url": "http://h", "method": "POST", "headers": {"Content-Type": "text/plain"},
                "body": 'a $${b} {{ "{{" }}c}}',
            },
        ),
    ],
)  # fmt: skip
def test_a_curl_command_is_read_as_curl_reads_it(command: str, config: dict[str, Any]) -> None:
    assert config_of(command, {"f": "x=1\n2"}) == config


def test_secrets_of_a_command_stay_out_of_the_flow() -> None:
    command = (
        "curl -u ada:geheim1 -b 'sid=geheim2' -H 'X-Api-Key: geheim3' 'http://h/?token=geheim4' "
        '-H \'Content-Type: application/json\' -d \'{"password": "geheim5", "deep": {"secret": "geheim6"}}\''
    )
    text = texts(read_curl(Source("curl", command)))[0]
    assert "geheim" not in text
    assert "keyring): TOKEN, PASSWORD, X_API_KEY, SID, PASSWORD_2, SECRET\n" in text


@pytest.mark.parametrize(
    "command",
    [
        "wget http://h",
        "curl",
        "curl -X",
        "curl 'http://h",
        "curl -d @- http://b",
        "curl http://h/$(date)",
        "curl -m soon http://h",
        "curl --next http://h",
        "curl -d @no h",
    ],
)
def test_what_is_no_command_is_said(command: str) -> None:
    with pytest.raises(UserError):
        read_curl(Source("curl", command))


def test_options_without_a_setting_are_said() -> None:
    imported = read_curl(Source("curl", "curl --retry 3 --fancy x http://h"))
    assert [note.what for note in imported.notes] == ["--retry 3", "--fancy x"]
    assert not any(note.checks for note in imported.notes)


class Browser:
    """Sends requests to a real server and keeps what a browser would export."""

    def __init__(self, base: str) -> None:
        self.base = base
        self.entries: list[dict[str, Any]] = []

    def send(self, method: str, path: str, body: object = None, **headers: str) -> Any:
        sent = {name.replace("_", "-"): value for name, value in headers.items()}
        data = None
        if body is not None:
            data = json.dumps(body).encode()
            sent["Content-Type"] = "application/json"
        request = urllib.request.Request(self.base + path, data, sent, method=method)
        try:
            with urllib.request.urlopen(request, timeout=10) as response:
                return self._keep(method, path, sent, data, response)
        except HTTPError as response:
            with response:
                return self._keep(method, path, sent, data, response)

    def _keep(self, method: str, path: str, sent: dict[str, str], data: bytes | None, response: Any) -> Any:
        text = response.read().decode()
        entry: dict[str, Any] = {
            "startedDateTime": time.strftime("%Y-%m-%dT%H:%M:%S.000Z"),
            "request": {
                "method": method, "url": self.base + path, "httpVersion": "HTTP/1.1", "cookies": [],
                "headers": [{"name": n, "value": v} for n, v in {**sent, "User-Agent": "Test"}.items()],
            },
            "response": {
                "status": response.status, "headers": [{"name": n, "value": v} for n, v in response.headers.items()],
                "content": {"mimeType": response.headers.get("Content-Type", ""), "text": text, "size": len(text)},
            },
        }  # fmt: skip
        if data is not None:
            entry["request"]["postData"] = {"mimeType": "application/json", "text": data.decode()}
        self.entries.append(entry)
        return json.loads(text) if text else None

    def har(self) -> str:
        picture = {"request": {"method": "GET", "url": self.base + "/logo.png"}, "response": {"status": 404}}
        log = {"version": "1.2", "creator": {"name": "test"}, "pages": [], "entries": [*self.entries, picture]}
        return json.dumps({"log": log})


def session(server: Shop) -> Browser:
    browser = Browser(server.url)
    token = browser.send("POST", "/login", {"user": "ada", "password": "lovelace"})["token"]
    cookie = browser.entries[0]["response"]["headers"]
    sid = next(h["value"] for h in cookie if h["name"] == "Set-Cookie").partition(";")[0]
    browser.send("GET", "/me", Authorization=f"Bearer {token}")
    browser.send("GET", "/session", Cookie=sid)
    order = browser.send("POST", "/orders", {"sku": "SKU-1", "quantity": 2})
    browser.send("GET", f"/orders/{order['id']}?full=yes")
    browser.send("PUT", f"/orders/{order['id']}", {"status": "paid", "reference": order["number"]})
    browser.send("POST", "/orders", {"sku": "SKU-9", "quantity": 0})
    browser.send("DELETE", f"/orders/{order['id']}")
    browser.send("GET", f"/orders/{order['id']}")
    return browser


def test_a_recording_passes_again_with_new_ids(server: Shop, tmp_path: Path) -> None:
    har = session(server).har()
    text = texts(read_har(Source("rec.har", har)), "rec.har")[0]
    assert "lovelace" not in text
    assert not any(secret in text for secret in server.tokens | server.sessions)
    assert "${post_orders.order_id}" in text
    assert "${post_orders.number}" in text or "${post_orders.order_number}" in text
    assert "/logo.png" not in text
    answer = ran(tmp_path, text, {"PASSWORD": "lovelace", "BASE_URL": server.url})
    assert answer["verdict"] == "passed", answer
    assert len(answer["flows"][0]["steps"]) == 9


def test_a_recording_fails_when_the_server_answers_otherwise(server: Shop, tmp_path: Path) -> None:
    har = session(server).har()
    text = texts(read_har(Source("rec.har", har.replace('\\"quantity\\": 2', '\\"quantity\\": 3'))), "rec.har")[0]
    assert ran(tmp_path, text, {"PASSWORD": "wrong", "BASE_URL": server.url})["verdict"] == "failed"


def test_a_recording_is_narrowed_by_host_and_type(server: Shop) -> None:
    with pytest.raises(UserError, match="no request of it is taken"):
        read_har(Source("rec.har", session(server).har(), options={"host": "elsewhere.io"}))


def test_a_session_keeps_its_cookies_by_itself(server: Shop) -> None:
    text = texts(read_har(Source("rec.har", session(server).har())), "rec.har")[0]
    assert text.count("session: main") == 9
    assert "cookies" not in text


def test_a_cookie_from_before_the_recording_is_a_secret(server: Shop, tmp_path: Path) -> None:
    browser = Browser(server.url)
    browser.send("GET", "/session", Cookie="sid=from-before")
    browser.send("GET", "/health", Cookie="sid=from-before")
    text = texts(read_har(Source("rec.har", browser.har())), "rec.har")[0]
    assert "from-before" not in text
    assert text.count("${secret('SID_COOKIE')}") == 2
    assert ran(tmp_path, text, {"SID_COOKIE": "from-before"})["verdict"] == "passed"


def test_parts_of_a_form_are_read_from_the_text_of_the_body(server: Shop) -> None:
    browser = Browser(server.url)
    browser.send("POST", "/echo", {})
    body = (
        '--X\r\nContent-Disposition: form-data; name="note"\r\n\r\nhi\r\n'
        '--X\r\nContent-Disposition: form-data; name="f"; filename="a.txt"\r\nContent-Type: text/plain'
        "\r\n\r\nabc\r\n--X--\r\n"
    )
    browser.entries[0]["request"]["postData"] = {"mimeType": "multipart/form-data; boundary=X", "text": body}
    flow: Any = plain(parse(texts(read_har(Source("rec.har", browser.har())), "rec.har")[0], "x.yaml"))
    assert flow["flow"]["steps"][0]["config"]["multipart"] == {
        "note": "hi",
        "f": {"filename": "a.txt", "content": "abc", "content_type": "text/plain"},
    }


@pytest.mark.parametrize("text", ["", "{", "[]", '{"log": 1}', '{"log": {"entries": [1]}}', '{"log": {"entries": []}}'])
def test_what_is_no_recording_is_said(text: str) -> None:
    with pytest.raises(UserError):
        read_har(Source("x.har", text))


def test_record_writes_once_and_says_what_it_wrote(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    arguments = ["record", "curl", "-o", "flows/a.yaml", "curl http://h/x"]
    assert dispatch(arguments) == 0
    assert dispatch(["validate", "flows/a.yaml"]) == 0
    assert dispatch(arguments) == 2
    assert "flows/a.yaml is there already" in capsys.readouterr().err
    assert dispatch(["record", "curl", "--", "curl", "-X", "PUT", "http://h/x"]) == 0
    assert "method: PUT" in capsys.readouterr().out


def test_a_kept_run_becomes_a_flow_that_passes(
    server: Shop, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    flow = (
        "flow:\n  name: Kept\n  steps:\n    - id: order_it\n      action: http_request\n      config:\n"
        f"        method: POST\n        url: {server.url}/orders\n        body: {{sku: SKU-2, quantity: 1}}\n"
        "      assert: [status == 201]\n"
    )
    assert ran(tmp_path, flow, {})["verdict"] == "passed"
    assert dispatch(["record", "run", "-C", str(tmp_path), "latest", "order_it"]) == 0
    text = capsys.readouterr().out
    assert 'body.status == "new"' in text
    assert ran(tmp_path, text, {})["verdict"] == "passed"
