"""`websocket` and `sse` against real servers: scripts, refusals, ends, and a recording that is judged anew."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from flows.engine.recording import judge
from flows.events import run_from_json, run_to_json
from tests.conformance.actions import SECRET, Check, failing_servers, keeps_the_secret, passes
from tests.flows.support import run_text, step, verdicts
from tests.flows.web_steps import config, steps_of
from tests.servers.web import tcp_server, websocket_server

NEXT: dict[str, object] = {"receive": {}}
CONNECTED = {
    "websocket": lambda port: f'{{url: "ws://u:{SECRET}@127.0.0.1:{port}/", messages: [{{receive: {{}}}}]}}',
    "sse": lambda port: f'{{url: "http://127.0.0.1:{port}/", auth: {{bearer: {SECRET}}}}}',
}


@failing_servers(CONNECTED)
def test_a_failing_server_is_a_verdict_that_names_it(check: Check, tmp_path: Path) -> None:
    check(tmp_path)


async def orders(connection: Any) -> None:
    """Says `ping` and then what it was told; `bye` ends with 1008, `die` without a goodbye."""
    async for message in connection:
        await connection.send(json.dumps({"type": "ping"}))
        told = message if isinstance(message, str) else message.hex()
        await connection.send(json.dumps({"type": "told", "of": told}))
        if message == "bye":
            await connection.close(1008, "enough")
        elif message == "die":
            connection.transport.abort()
        elif message == "bytes":
            await connection.send(b"\xff\x00")


@pytest.fixture(scope="module")
def ws() -> Iterator[str]:
    """URL of a WebSocket server."""
    with websocket_server(orders) as port:
        yield f"ws://127.0.0.1:{port}/orders"


def _talk(url: str, *messages: object, lines: tuple[str, ...] = ()) -> str:
    return steps_of(config("talk", "websocket", {"url": url, "messages": list(messages)}, *lines))


def _match(text: str, timeout: str = "5s") -> dict[str, object]:
    return {"receive": {"match": text, "timeout": timeout}}


def test_a_script_sends_and_receives_in_order(tmp_path: Path, ws: str) -> None:
    text = _talk(
        ws,
        {"send": {"n": 1}},
        _match('value.type == "told"'),
        {"receive": {"expect": "none", "timeout": "100ms"}},
        {"send_binary": "AAEC"},
        _match('value.type == "told"'),
        {"send": "bytes"},
        _match("binary == true"),
        {"send": "bye"},
        {"receive": {"expect": "close"}},
        lines=(
            "status == 101",
            "json(messages[0].value.of).n == 1",
            'messages[1].value.of == "000102"',
            'messages[2].raw == "/wA="',
            "count == 3 && len(received) == 9",
            'closed == true && close_code == 1008 && close_reason == "enough"',
        ),
    )
    run = run_text(tmp_path, text)
    passes(run)
    assert step(run, "talk").exchanges[0].request == {
        "url": ws,
        "messages": [{"send": {"n": 1}}, {"send_binary": "AAEC"}, {"send": "bytes"}, {"send": "bye"}],
    }


def test_a_receive_that_is_not_met_says_what_came_nearest(tmp_path: Path, ws: str) -> None:
    run = run_text(tmp_path, _talk(ws, {"send": "x"}, _match('value.type == "never"', "150ms")))
    found = step(run, "talk")
    assert found.verdict == "failed"
    assert "messages[1]: no message matched" in found.message
    assert '2 arrived, the last: {"type":"told","of":"x"}' in found.message
    assert '(left: "told", right: "never")' in found.message.splitlines()[1]
    changed = run.flows[0].source.replace("never", "told")
    assert judge(run_from_json(run_to_json(run)), {"flow.yaml": changed}).verdict == "passed"


def test_a_recording_judged_by_another_script_is_never_passed_for_want_of_messages(tmp_path: Path, ws: str) -> None:
    run = run_text(tmp_path, _talk(ws, {"send": "x"}, NEXT))
    passes(run)
    source, one = run.flows[0].source, json.dumps(NEXT)
    again = judge(run_from_json(run_to_json(run)), {"flow.yaml": source.replace(one, f"{one}, {one}, {one}")})
    assert (again.verdict, step(again, "talk").message[:9]) == ("error", "undecided")
    again = judge(run_from_json(run_to_json(run)), {"flow.yaml": source.replace('"send": "x"', '"send": "y"')})
    assert step(again, "talk").verdict == "not_run"


@pytest.mark.parametrize(
    ("script", "verdict", "message"),
    [
        ([{"send": "x"}, {"receive": {"expect": "none"}}], "failed", "a message arrived although none was expected"),
        ([{"send": "bye"}, NEXT, NEXT, NEXT], "failed", "before the server ended it with code 1008 (enough)"),
        ([{"send": "die"}, NEXT, NEXT, NEXT], "failed", "with code 1006 (the connection broke off)"),
        ([{"receive": {"expect": "close", "timeout": "100ms"}}], "failed", "the server did not close the connection"),
        ([{"receive": {"timeout": "100ms"}}], "failed", "messages[0]: no message within 100ms; none arrived"),
        ([{"send": "bye"}, {"receive": {"expect": "close"}}, {"send": 1}], "error", "messages[2] cannot be sent"),
        ([{"send_binary": "?"}], "error", "messages[0].send_binary is not base64"),
        ([{"close": 99}], "error", "messages[0] cannot be sent"),
    ],
)
def test_what_goes_wrong_in_a_script_is_said(
    tmp_path: Path, ws: str, script: list[object], verdict: str, message: str
) -> None:
    run = run_text(tmp_path, _talk(ws, *script, lines=("status == 101",)))
    found = step(run, "talk")
    assert found.verdict == verdict, found.message
    assert message in found.message


def test_subprotocol_headers_and_a_refused_handshake(tmp_path: Path) -> None:
    seen: list[str] = []

    def door(connection: Any, request: Any) -> Any:
        seen.append(request.headers.get("authorization", ""))
        return connection.respond(401, "who are you?") if "authorization" not in request.headers else None

    with websocket_server(orders, process_request=door, subprotocols=["v2"]) as port:
        url = f"ws://127.0.0.1:{port}/"
        refused = config("refused", "websocket", {"url": url}, "status == 401", "body contains 'who'")
        offered = {"url": url, "auth": {"bearer": SECRET}, "subprotocols": ["v9", "v2"]}
        let_in = config("let_in", "websocket", offered, "status == 101", "subprotocol == 'v2'")
        waits = config("waits", "websocket", {"url": url, "messages": [NEXT]})
        run = run_text(tmp_path, steps_of(refused, let_in, waits))
    assert verdicts(run) == {"refused": "passed", "let_in": "passed", "waits": "failed"}
    assert "handshake refused" in step(run, "waits").message
    assert f"Bearer {SECRET}" in seen
    keeps_the_secret(run)


EVENTS = (
    b'\xef\xbb\xbf: hello\r\n\r\nevent: order\rid: 7\rdata: {"n":\rdata: 1}\r\rdata\n\nretry: 10\nid: x\0y\n\n'
    b"event: done\ndata:  two  \nunknown: field\n\ndata: unfinished"
)


@contextmanager
def events(*pieces: bytes, head: bytes = b"content-type: text/event-stream\r\n", hold: bool = False) -> Iterator[str]:
    """An event stream that says these pieces to whoever asks."""

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n" + head + b"\r\n")
        for piece in pieces:
            writer.write(b"%x\r\n%s\r\n" % (len(piece), piece))
            await writer.drain()
        if hold:
            await reader.read()
        writer.write(b"0\r\n\r\n")
        await writer.drain()

    with tcp_server(serve) as port:
        yield f"http://127.0.0.1:{port}/events"


@pytest.mark.parametrize("size", [1, 7, 1000])
def test_events_are_read_as_the_format_says_however_they_are_cut(tmp_path: Path, size: int) -> None:
    pieces = [EVENTS[at : at + size] for at in range(0, len(EVENTS), size)]
    script = [_match('event == "order"'), _match('event == "done"'), {"receive": {"expect": "close"}}]
    with events(*pieces) as url:
        stream = config(
            "stream",
            "sse",
            {"url": url, "messages": script},
            "messages[0].value.n == 1",
            'messages[0].id == "7" && messages[1].id == "7"',
            'messages[1].value == " two  "',
            'len(received) == 3 && received[1].raw == ""',
            "closed == true && status == 200",
        )
        run = run_text(tmp_path, steps_of(stream))
    passes(run)


def test_an_event_that_came_before_the_step_is_seen_by_every_step(tmp_path: Path) -> None:
    with events(b"data: 1\n\n", b"data: 2\n\n", hold=True) as url:
        run = run_text(
            tmp_path,
            steps_of(
                config("pause", "delay", {"duration": "30ms"}),
                config("first", "sse", {"url": url}, "value == 1", "count == 1"),
                config("second", "sse", {"url": url, "messages": [_match("value == 2")]}, "messages[0].value == 2"),
                config("never", "sse", {"url": url, "messages": [_match("value == 3", "100ms")]}),
            ),
        )
    assert verdicts(run) == {"pause": "passed", "first": "passed", "second": "passed", "never": "failed"}
    assert "2 arrived, the last" in step(run, "never").message


def test_an_answer_that_is_no_event_stream_is_a_result_but_nothing_can_be_received(tmp_path: Path) -> None:
    closes = {"receive": {"expect": "close"}}
    with events(b'{"detail": "no"}', head=b"content-type: application/json\r\n") as url:
        looks = config("looks", "sse", {"url": url, "messages": [closes]}, "status == 200", 'body.detail == "no"')
        run = run_text(tmp_path, steps_of(looks, config("waits", "sse", {"url": url})))
    assert verdicts(run) == {"looks": "passed", "waits": "failed"}
    assert "application/json instead of text/event-stream" in step(run, "waits").message


def test_a_script_that_cannot_be_right_is_found_before_anything_is_sent(tmp_path: Path) -> None:
    lines = [{"send": 1, "close": 1000}, _match("valeu == 1")]
    run = run_text(
        tmp_path,
        steps_of(
            config("a", "websocket", {"url": "http://x", "messages": lines}),
            config("b", "sse", {"url": "http://x", "body": 1}),
            config("c", "websocket", {"url": "ws://x", "tls": {"cs": "a"}, "messages": [NEXT, {"receive": None}]}),
        ),
    )
    texts = " ".join(str(problem["message"]) for problem in run.flows[0].problems)
    for part in ("begins with ws://", "messages[0] must hold", "valeu", "messages[1] must", "'body' needs", "key 'cs'"):
        assert part in texts, texts


def test_until_holds_another_conversation_or_reads_on_in_a_stream(tmp_path: Path) -> None:
    visits = 0

    async def counts(connection: Any) -> None:
        nonlocal visits
        visits += 1
        await connection.send(str(visits))
        await connection.wait_closed()

    with websocket_server(counts) as port, events(b"data: 1\n\n", b"data: 2\n\n", b"data: 3\n\n", hold=True) as stream:
        talk = {"url": f"ws://127.0.0.1:{port}/", "messages": [NEXT]}
        run = run_text(
            tmp_path,
            steps_of(
                config("talk", "websocket", talk, "count == 1", until="value == 3"),
                config("stream", "sse", {"url": stream}, "value == 3", until="value == 3"),
                config("never", "websocket", talk, until={"expression": "value == 0", "timeout": "200ms"}),
            ),
        )
    assert verdicts(run) == {"talk": "passed", "stream": "passed", "never": "failed"}, step(run, "never").message
    assert "until did not hold within 200ms" in step(run, "never").message


def test_a_server_killed_in_mid_conversation_and_one_that_never_ends_an_event(tmp_path: Path) -> None:
    async def dies(connection: Any) -> None:
        await connection.send("1")
        connection.transport.abort()

    with websocket_server(dies) as port, events(b"data: 1\n\ndata: " + b"x" * 1000, hold=True) as stream:
        settings = {"url": f"ws://127.0.0.1:{port}/", "messages": [NEXT, NEXT]}
        drip = {"url": stream, "messages": [NEXT, {"receive": {"timeout": "100ms"}}]}
        run = run_text(
            tmp_path, steps_of(config("dies", "websocket", settings, on_error="continue"), config("drip", "sse", drip))
        )
    assert "messages[1]: no message before the server ended it with code 1006" in step(run, "dies").message
    assert "messages[1]: no message within 100ms" in step(run, "drip").message


def test_a_message_larger_than_the_limit_is_refused(tmp_path: Path) -> None:
    async def floods(connection: Any) -> None:
        await connection.send("x" * (5 * 2**20))

    piece = b"x" * 2**20
    with websocket_server(floods, compression=None) as port, events(b"data: ", *[piece] * 5, hold=True) as stream:
        talk = config("talk", "websocket", {"url": f"ws://127.0.0.1:{port}/", "messages": [NEXT]}, on_error="continue")
        run = run_text(tmp_path, steps_of(talk, config("stream", "sse", {"url": stream})))
    assert verdicts(run) == {"talk": "error", "stream": "error"}
    assert "breaks the protocol" in step(run, "talk").message
    assert "an event is larger than 4 MiB" in step(run, "stream").message


def test_messages_without_end_are_given_up(tmp_path: Path) -> None:
    async def endless(connection: Any) -> None:
        while True:
            await connection.send("x" * 2**20)

    piece = b"data: " + b"x" * 2**20 + b"\n\n"
    with websocket_server(endless, compression=None) as port, events(*[piece] * 20, hold=True) as stream:
        never = {"receive": {"match": "raw == 'y'", "timeout": "20s"}}
        talk = config("talk", "websocket", {"url": f"ws://127.0.0.1:{port}/", "messages": [never]}, on_error="continue")
        run = run_text(tmp_path, steps_of(talk, config("stream", "sse", {"url": stream, "messages": [never]})))
    assert verdicts(run) == {"talk": "error", "stream": "error"}
    for id in ("talk", "stream"):
        assert "16 MiB of them" in step(run, id).message


def test_a_host_of_one_s_own_and_headers_that_would_break_the_handshake(tmp_path: Path) -> None:
    hosts: list[str] = []

    async def says_host(connection: Any) -> None:
        hosts.append(connection.request.headers["Host"])
        await connection.wait_closed()

    with websocket_server(says_host) as port:
        url = f"ws://127.0.0.1:{port}/"
        own = config("own", "websocket", {"url": url, "headers": {"Host": "shop.example"}}, "status == 101")
        evil = config("evil", "websocket", {"url": url, "headers": {"X": "a\r\nEvil: 1"}})
        run = run_text(tmp_path, steps_of(own, evil))
    assert verdicts(run) == {"own": "passed", "evil": "error"}, step(run, "own").message
    assert step(run, "evil").exchanges[0].error_type == "config"
    assert hosts == ["shop.example"]
