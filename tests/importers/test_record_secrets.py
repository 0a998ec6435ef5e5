"""Nothing secret of what was recorded stands in the flow, wherever it was sent or came back."""

from __future__ import annotations

import json

import pytest

from flows.importers import Source
from flows.importers.curl import read as read_curl
from flows.importers.har import read as read_har
from tests.importers.support import texts


@pytest.mark.parametrize(
    "command",
    [
        "curl --digest -u ada:geheim-1 h",
        "curl http://ada:geheim-1@h/a",
        "curl -x http://ada:geheim-1@p:1 h",
        "curl -x p:1 -U ada:geheim-1 h",
        "curl --cert c.pem:geheim-1 --key k.pem h",
        "curl --pass geheim-1 --cert c.pem h",
        "curl --oauth2-bearer geheim-1 h",
        "curl -b sid=geheim-1 -H 'X-Mark: geheim-1' 'h/?x=geheim-1'",
        "curl -F password=geheim-1 h",
        "curl -d 'a=b c&password=geheim-1' h",
        'curl --json \'{"login": {"password": "geheim-1", "again": "geheim-1"}}\' h',
    ],
)
def test_a_secret_of_a_command_is_named(command: str) -> None:
    text = texts(read_curl(Source("curl", command)))[0]
    assert "geheim-1" not in text
    assert "secret('" in text


def _recorded(request: dict[str, object], answer: dict[str, object]) -> str:
    entry = {"request": {"method": "POST", **request}, "response": {"status": 200, **answer}}
    return texts(read_har(Source("x.har", json.dumps({"log": {"entries": [entry]}}))))[0]


def test_what_a_proxy_recorded_in_base64_is_sent_as_it_was() -> None:
    coded = {"mimeType": "text/plain", "text": "aGVsbG8gd29ybGQ=", "encoding": "base64"}
    assert "body: hello world" in _recorded({"url": "http://h/a", "postData": coded}, {})


def test_tunnels_and_requests_without_an_answer_are_said() -> None:
    entries = [
        {"request": {"method": "CONNECT", "url": "http://h:443"}, "response": {"status": 200}},
        {"request": {"method": "GET", "url": "http://h/a"}, "response": {"status": 0}},
    ]
    found = read_har(Source("x.har", json.dumps({"log": {"entries": entries}}, indent=1)))
    assert [(note.line, note.checks) for note in found.notes] == [(7, False), (16, False)]
    assert [step.config["url"] for step in found.drafts[0].steps] == ["${BASE_URL}/a"]


def test_a_secret_of_a_browsers_recording_is_named() -> None:
    parts = [{"name": "password", "value": "geheim-1"}, {"name": "note", "value": "geheim-1"}]
    echoed = json.dumps({"password": "geheim-2", "note": "hunter", "you_sent": "geheim-1"})
    text = _recorded(
        {
            "url": "http://ada:geheim-3@h/a?token=geheim-4",
            "headers": [{"name": "X-Api-Key", "value": "geheim-5"}],
            "postData": {"mimeType": "multipart/form-data; boundary=x", "params": parts},
        },
        {"content": {"mimeType": "application/json", "text": echoed}},
    )
    assert "geheim" not in text
    assert 'body.note == "hunter"' in text
