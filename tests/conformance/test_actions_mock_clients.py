"""Clients of mock servers, good and bad: none can hurt the run, all are answered."""

from __future__ import annotations

import asyncio
import socket
import threading
import time
from pathlib import Path

from flows.runner import RunOptions, run_flows
from tests.conformance.actions import flow_of, passes
from tests.flows.support import run_text, unused_port, write


def _listens(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


BAD = {
    "nonsense": b"!!! nonsense\r\n\r\n",
    "no host": b"GET / HTTP/1.1\r\n\r\n",
    "tls": b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + bytes(200) + b"\r\n\r\n",
    "two lengths": b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 3\r\nContent-Length: 4\r\n\r\nabcd",
    "length and chunked": b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n0",
    "bad chunk": b"POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n",
    "endless header": b"GET / HTTP/1.1\r\nHost: x\r\nA: " + b"a" * 200_000,
    "huge": b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 999999999999\r\n\r\n",
    "old protocol": b"GET /\r\n\r\n",
}


def _bad_clients(port: int) -> dict[str, bytes]:
    answers: dict[str, bytes] = {}
    for name, data in BAD.items():
        with socket.create_connection(("127.0.0.1", port), 5) as connection:
            try:
                connection.sendall(data)
                answers[name] = connection.recv(4096)
            except ConnectionError:
                answers[name] = b"reset"
    with socket.create_connection(("127.0.0.1", port), 5) as connection:
        connection.sendall(b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 10\r\n\r\nhalf")
    return answers


def test_bad_clients_get_a_400_and_good_ones_are_served_meanwhile(tmp_path: Path) -> None:
    port = unused_port()
    answers: dict[str, bytes] = {}

    def attack() -> None:
        deadline = time.monotonic() + 10
        while not _listens(port) and time.monotonic() < deadline:
            time.sleep(0.01)
        answers.update(_bad_clients(port))
        with socket.create_connection(("127.0.0.1", port), 5) as connection:
            connection.sendall(
                b"GET /a HTTP/1.1\r\nHost: x\r\n\r\nGET /b HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"
            )
            data = b""
            while piece := connection.recv(4096):
                data += piece
            answers["two in one packet"] = data

    thread = threading.Thread(target=attack)
    thread.start()
    run = run_text(
        tmp_path,
        flow_of(
            f"{{id: m, action: mock_server_start, config: {{port: {port}, endpoints: [{{path: '/{{x}}'}}]}}}}",
            "{id: v, action: mock_server_verify, wait: 20s, config: {count: 1, path: /b}}",
        ),
    )
    thread.join()
    passes(run)
    assert answers.pop("two in one packet").count(b"HTTP/1.1 200 OK") == 2
    assert answers.pop("huge").startswith(b"HTTP/1.1 413")
    assert {name: answer[:12] for name, answer in answers.items()} == dict.fromkeys(answers, b"HTTP/1.1 400")


def test_a_large_body_is_kept_as_its_size_and_digest_and_a_waiting_client_is_told_to_go_on(tmp_path: Path) -> None:
    port = unused_port()
    answers: list[bytes] = []

    def upload() -> None:
        deadline = time.monotonic() + 10
        while not _listens(port) and time.monotonic() < deadline:
            time.sleep(0.01)
        with socket.create_connection(("127.0.0.1", port), 5) as connection:
            size = 2 * 1024 * 1024
            head = f"POST /up HTTP/1.1\r\nHost: x\r\nContent-Length: {size}\r\nExpect: 100-continue\r\n\r\n"
            connection.sendall(head.encode())
            answers.append(connection.recv(4096))
            connection.sendall(b"x" * size)
            answers.append(connection.recv(4096))

    thread = threading.Thread(target=upload)
    thread.start()
    run = run_text(
        tmp_path,
        flow_of(
            f"{{id: m, action: mock_server_start, config: {{port: {port}, endpoints: [{{method: POST, path: /up}}]}}}}",
            "{id: v, action: mock_server_verify, wait: 20s, config: {count: 1},"
            ' assert: ["requests[0].body.bytes == 2097152"]}',
        ),
    )
    thread.join()
    passes(run)
    assert answers[0] == b"HTTP/1.1 100 Continue\r\n\r\n"
    assert answers[1].startswith(b"HTTP/1.1 200 OK")


def test_flows_one_after_the_other_may_use_the_same_port(tmp_path: Path) -> None:
    port = unused_port()
    text = flow_of(
        f"{{id: m, action: mock_server_start, config: {{port: {port}, endpoints: [{{method: POST, path: /}}]}}}}",
        '{id: g, action: http, config: {method: POST, url: "${m.base_url}/", body: x}, assert: [status == 200]}',
        "{id: v, action: mock_server_verify, config: {count: 1}}",
    )
    files = [write(tmp_path, text, f"f{n}.yaml") for n in range(8)]
    run = asyncio.run(run_flows(RunOptions(paths=tuple(files), root=tmp_path)))
    assert run.verdict == "passed", [found.message for flow in run.flows for found in flow.steps]


def test_a_client_that_never_reads_does_not_keep_the_run_from_ending(tmp_path: Path) -> None:
    port, done = unused_port(), threading.Event()

    def ask() -> None:
        deadline = time.monotonic() + 10
        while not _listens(port) and time.monotonic() < deadline:
            time.sleep(0.01)
        with socket.create_connection(("127.0.0.1", port), 5) as connection:
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
            connection.sendall(b"GET /big HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
            done.wait(20)

    thread = threading.Thread(target=ask)
    thread.start()
    big = "x" * 400_000
    try:
        run = run_text(
            tmp_path,
            flow_of(
                f"{{id: m, action: mock_server_start, config: {{port: {port},"
                f' endpoints: [{{path: /big, response: {{body: ["{big}", "{big}"]}}}}]}}}}',
                "{id: v, action: mock_server_verify, wait: 20s, config: {count: 1}}",
            ),
        )
    finally:
        done.set()
        thread.join()
    passes(run)
    assert run.flows[0].duration_ms < 15_000
