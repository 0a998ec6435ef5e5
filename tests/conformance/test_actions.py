"""What holds of every action, and of those that need no server of their own."""

from __future__ import annotations

from pathlib import Path

from flows.actions import catalogue
from flows.language.config import fields_of
from testmesh.kernel.discovery import module_names
from tests.conformance.actions import SECRET, Check, failing_servers, flow_of
from tests.flows.support import raw_server, run_text, step, unused_port, verdicts


def test_every_action_declares_fields_with_a_sentence_each() -> None:
    specs = catalogue().complete().specs
    assert len(specs) == len(module_names("flows.actions"))
    for spec in specs:
        assert spec.summary.endswith(".")
        for field in fields_of(spec.config).values():
            assert field.option.doc.endswith((".", ")")), f"{spec.name}.{field.key}"


def test_every_action_has_exactly_one_way_to_run() -> None:
    for spec in catalogue().complete().specs:
        action = catalogue().action(spec.name)
        inner = spec.container or (spec.name == "run_flow" or None)
        ways = [action.run, action.follow, action.converse, action.compute, inner]
        assert sum(way is not None for way in ways) == 1, spec.name


def test_wait_for_a_port_and_an_address(tmp_path: Path) -> None:
    port = unused_port()

    with raw_server(
        lambda connection: (
            connection.recv(999),
            connection.sendall(b"HTTP/1.1 200 OK\r\ncontent-length: 5\r\n\r\nready"),
        )
    ) as open_port:
        run = run_text(
            tmp_path,
            flow_of(
                f"{{id: tcp, action: wait_for, config: {{tcp: {{host: 127.0.0.1, port: {open_port}}}}}}}",
                f'{{id: http, action: wait_for, config: {{http: {{url: "http://127.0.0.1:{open_port}/", status: 200,'
                " body_contains: ready}}}",
                f"{{id: short, action: wait_for, config: {{http: 'http://127.0.0.1:{open_port}/'}}}}",
                f'{{id: flat, action: wait_for, config: {{type: http, url: "http://127.0.0.1:{open_port}/"}}}}',
                f"{{id: none_there, action: wait_for, config: {{tcp: {{port: {port}}}, timeout: 300ms}}}}",
            ),
        )
    assert verdicts(run) == {
        "tcp": "passed",
        "http": "passed",
        "short": "passed",
        "flat": "passed",
        "none_there": "failed",
    }
    assert "connection refused" in step(run, "none_there").message
    assert len(step(run, "none_there").exchanges[0].candidates) > 3


CONNECTED = {
    "http_request": lambda port: f'{{url: "http://127.0.0.1:{port}/"}}',
    "database_query": lambda port: f'{{connection: "postgresql://u:{SECRET}@127.0.0.1:{port}/d", query: SELECT 1}}',
    "db_poll": lambda port: (
        f'{{connection: "postgresql://u:{SECRET}@127.0.0.1:{port}/d", query: SELECT 1, until: count == 1}}'
    ),
}


@failing_servers(CONNECTED)
def test_a_failing_server_is_a_result(check: Check, tmp_path: Path) -> None:
    check(tmp_path)
