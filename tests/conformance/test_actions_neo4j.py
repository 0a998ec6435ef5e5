"""Cypher against a real Neo4j: values, waiting, masking, and what goes wrong."""

from __future__ import annotations

import contextlib
import socket
import threading
from pathlib import Path
from uuid import uuid4

import pytest

from flows.clients.neo4j import Neo4jServer, Statement
from flows.events import run_to_json
from flows.language.reads import cypher_reads
from tests.conformance.actions import SECRET, Check, failing_servers, flow_of, passes
from tests.conformance.relays import relayed
from tests.flows.support import raw_server, run_text, step, verdicts
from tests.servers.java import Neo4j


@pytest.fixture
def neo4j_process(neo4j_server: Neo4j) -> dict[str, str]:
    """The environment of a run that uses the server."""
    return {"NEO4J_URL": neo4j_server.uri, "NEO4J_USER": neo4j_server.user, "NEO4J_PASSWORD": neo4j_server.password}


@pytest.mark.server("neo4j")
def test_cypher_writes_and_reads_every_kind_of_value(tmp_path: Path, neo4j_process: dict[str, str]) -> None:
    label = f"L{uuid4().hex[:10]}"
    run = run_text(
        tmp_path,
        f"""
        flow:
          name: graph
          steps:
            - id: w
              action: neo4j
              config:
                query: >-
                  CREATE (a:{label} $props)-[r:KNOWS {{since: date('2020-02-03')}}]->(b:{label} {{name: 'b'}})
                  SET a.at = datetime('2026-03-16T11:00:00.5+01:00'), a.local = localdatetime('2026-03-16T11:00:00'),
                      a.day = date('2026-03-16'), a.clock = time('10:00:00.123456789Z'), a.span = duration('P1DT2H'),
                      a.place = point({{latitude: 1.5, longitude: 2.5}}), a.tags = ['x', 'y']
                params: {{props: {{name: a, big: 9007199254740993, ratio: 0.1, none: null}}}}
              assert: [counters.nodes_created == 2, counters.relationships_created == 1, count == 0]
            - id: r
              action: cypher
              config:
                query: >-
                  MATCH p = (a:{label} {{name: $name}})-[r]->(b)
                  RETURN a, r, p, b.name AS other, {{x: [1, null]}} AS m
                params: {{name: a}}
              assert:
                - "columns == ['a', 'r', 'p', 'other', 'm']"
                - count == 1
                - "rows[0].a.labels == ['{label}']"
                - rows[0].a.properties.big == 9007199254740993
                - rows[0].a.properties.ratio == 0.1
                - rows[0].a.properties.at == "2026-03-16T10:00:00.500000Z"
                - rows[0].a.properties.local == "2026-03-16T11:00:00"
                - rows[0].a.properties.day == "2026-03-16"
                - rows[0].a.properties.clock startsWith "10:00:00.123456789"
                - rows[0].a.properties.span == "P1DT2H"
                - rows[0].a.properties.place.x == 2.5
                - rows[0].a.properties.place.srid == 4326
                - rows[0].r.type == "KNOWS"
                - rows[0].r.properties.since == "2020-02-03"
                - rows[0].r.start == rows[0].a.id
                - len(rows[0].p.nodes) == 2
                - first_row.other == "b"
                - rows[0].m.x[1] is null
            - id: d
              action: neo4j
              config: {{query: "MATCH (n:{label}) DETACH DELETE n"}}
              assert: [counters.nodes_deleted == 2]
            - id: e
              action: neo4j
              wait: none
              config: {{query: "MATCH (n:{label}) RETURN n"}}
              assert: [count == 0, first_row is null, "rows == []"]
        """,
        process=neo4j_process,
    )
    passes(run)
    assert neo4j_process["NEO4J_PASSWORD"] not in run_to_json(run)


@pytest.mark.server("neo4j")
def test_a_cypher_read_waits_and_a_refused_statement_is_an_error(
    tmp_path: Path, neo4j_process: dict[str, str], neo4j_server: Neo4j, monkeypatch: pytest.MonkeyPatch
) -> None:
    from neo4j import GraphDatabase

    label, read, execute = f"L{uuid4().hex[:10]}", threading.Event(), Neo4jServer.execute
    driver = GraphDatabase.driver(neo4j_server.uri, auth=(neo4j_server.user, neo4j_server.password))

    async def told(server: Neo4jServer, statement: Statement) -> dict[str, object]:
        try:
            return await execute(server, statement)
        finally:
            read.set()

    monkeypatch.setattr(Neo4jServer, "execute", told)

    def later() -> None:
        read.wait(60)
        driver.execute_query(f"CREATE (:{label} {{n: 1}})")

    thread = threading.Thread(target=later)
    thread.start()
    refused = "on_error: continue, assert: [count == 1]"
    run = run_text(
        tmp_path,
        flow_of(
            f"{{id: r, action: neo4j, wait: 60s, config: {{query: 'MATCH (n:{label}) RETURN n.n AS n'}},"
            " assert: ['rows[0].n == 1']}",
            f"{{id: s, action: neo4j, config: {{query: 'MTCH (n) RETURN n'}}, {refused}}}",
            f"{{id: c, action: neo4j, config: {{query: 'RETURN 1 AS n', password: {SECRET}}}, {refused}}}",
            f"{{id: d, action: neo4j, config: {{query: 'RETURN 1 AS n', database: nowhere}}, {refused}}}",
            "{id: p, action: neo4j, wait: 60s, config: {query: 'UNWIND range(1, 200000) AS n RETURN n'}, "
            f"{refused}}}",
        ),
        process=neo4j_process,
    )
    thread.join()
    driver.execute_query(f"MATCH (n:{label}) DELETE n")
    driver.close()
    assert verdicts(run) == {"r": "passed", "s": "error", "c": "error", "d": "error", "p": "error"}
    assert len(step(run, "r").exchanges[0].candidates) >= 2
    assert {step(run, name).exchanges[0].error_type for name in "scdp"} == {"server"}
    assert "Invalid input 'MTCH'" in step(run, "s").message
    assert "unauthorized" in step(run, "c").message
    assert "nowhere" in step(run, "d").message
    assert "more than 100000 rows" in step(run, "p").message
    assert SECRET not in run_to_json(run).replace(SECRET, "", run.flows[0].source.count(SECRET))


@pytest.mark.parametrize(
    ("query", "reads"),
    [
        ("MATCH (n) RETURN n", True),
        ("RETURN 'CREATE' AS x // MERGE", True),
        ("MATCH (n:Create) WHERE n.set = 1 RETURN {delete: n.`MERGE`}", True),
        ("MATCH (start)-->(n) RETURN $set, start", True),
        ("SHOW INDEXES", True),
        ("MATCH (n) SET n.x = 1", False),
        ("match (n) detach delete n", False),
        ("CALL db.labels()", False),
        ("MATCH (n) CALL { WITH n RETURN 1 AS x } RETURN x", False),
        ("LOAD CSV FROM 'x' AS row RETURN row", False),
        ("STOP DATABASE x", False),
        ("", False),
    ],
)
def test_which_cypher_only_reads(query: str, reads: bool) -> None:
    assert cypher_reads(query) is reads


@pytest.mark.server("neo4j")
def test_a_server_that_is_killed_while_a_step_waits_is_an_error(
    tmp_path: Path, neo4j_process: dict[str, str], neo4j_server: Neo4j
) -> None:
    with relayed(int(neo4j_server.uri.rpartition(":")[2]), 1.0) as port:
        url = f"bolt://127.0.0.1:{port}"
        run = run_text(
            tmp_path,
            flow_of(
                f"{{id: r, action: neo4j, on_error: continue, config: {{url: '{url}', query: 'RETURN 1 AS n'}},"
                " assert: ['rows[0].n == 2']}",
                f"{{id: again, action: neo4j, config: {{url: '{url}', query: 'RETURN 1 AS n'}}, assert: [count == 1]}}",
            ),
            process=neo4j_process,
        )
    assert verdicts(run) == {"r": "error", "again": "error"}
    assert len(step(run, "r").exchanges[0].candidates) > 1
    assert {found.exchanges[0].error_type for found in run.flows[0].steps} == {"connection"}
    assert f"127.0.0.1:{port}: connection refused" in step(run, "again").message


@pytest.mark.server("neo4j")
def test_a_statement_that_takes_too_long_ends_with_its_timeout(tmp_path: Path, neo4j_process: dict[str, str]) -> None:
    slow = "UNWIND range(1, 20000) AS a UNWIND range(1, 20000) AS b RETURN count(a + b) AS n"
    run = run_text(
        tmp_path,
        flow_of(
            f"{{id: slow, action: neo4j, on_error: continue, config: {{query: '{slow}', timeout: 300ms}},"
            " assert: [count == 1]}",
            "{id: quick, action: neo4j, config: {query: RETURN 1 AS n}, assert: [count == 1]}",
        ),
        process=neo4j_process,
    )
    assert verdicts(run) == {"slow": "failed", "quick": "passed"}
    assert step(run, "slow").exchanges[0].error_type == "timeout"
    assert run.flows[0].duration_ms < 5000


def test_a_parameter_that_is_missing_is_found_before_the_run(tmp_path: Path) -> None:
    query = 'RETURN $n, "$x", $m // $y'
    config = f"{{url: 'bolt://h', query: '{query}', params: {{n: 1}}}}"
    run = run_text(tmp_path, flow_of(f"{{id: a, action: neo4j, config: {config}, assert: [count == 1]}}"))
    assert [problem["message"] for problem in run.flows[0].problems] == ["'params' has no 'm', which the query names"]


CONNECTED = {
    "neo4j": lambda port: f'{{url: "bolt://127.0.0.1:{port}", user: neo4j, password: {SECRET}, query: RETURN 1 AS n}}',
}


@failing_servers(CONNECTED)
def test_a_failing_neo4j_server_is_a_result(check: Check, tmp_path: Path) -> None:
    check(tmp_path)


BOLT = {
    "garbage": b"\x00\x10" + b"\xff" * 16 + b"\x00\x00",
    "a number": b"\x00\x01\x05\x00\x00",
    "unknown message": b"\x00\x03\xb1\x33\xa0\x00\x00",
    "success of text": b"\x00\x04\xb1\x70\x81x\x00\x00",
    "nested": b"\x00\xff" + b"\x91" * 255 + b"\x00\xff" + b"\x91" * 255 + b"\x00\x00",
    "giant": b"\x00\x0a\xb1\x70\xda\xff\xff\xff\xff" + b"\x00\x00" * 3,
}


@pytest.mark.parametrize("name", sorted(BOLT))
def test_bolt_that_makes_no_sense_is_an_error_of_the_server(tmp_path: Path, name: str) -> None:
    """The handshake chooses Bolt 4.4, then comes what no server says (PackStream, Bolt message structure)."""

    def answer(connection: socket.socket) -> None:
        connection.settimeout(2)
        with contextlib.suppress(OSError):
            connection.recv(4096)
            connection.sendall(b"\x00\x00\x04\x04")
            while connection.recv(65536):
                connection.sendall(BOLT[name])

    with raw_server(answer) as port:
        run = run_text(
            tmp_path,
            flow_of(
                f"{{id: a, action: neo4j, timeout: 6s, config: {{url: 'bolt://127.0.0.1:{port}', query: 'RETURN 1'}},"
                " assert: [count == 1]}"
            ),
        )
    found = step(run, "a")
    assert found.verdict in ("error", "failed"), found.message
    assert found.exchanges[0].error_type in ("server", "connection", "timeout"), found.message
    assert found.exchanges[0].error_type == "timeout" or f"127.0.0.1:{port}" in found.message


@pytest.mark.server("neo4j")
def test_numbers_reach_the_server_exactly_or_not_at_all(tmp_path: Path, neo4j_process: dict[str, str]) -> None:
    run = run_text(
        tmp_path,
        flow_of(
            "{id: a, action: neo4j, config: {query: 'RETURN $n AS n, $m AS m', params: {n: 12.50, m: [1.0, {x: 3}]}},"
            " assert: ['rows[0].n == 12.5', 'rows[0].m[1].x == 3']}",
            "{id: b, action: neo4j, config: {query: 'RETURN $n AS n', params: {n: 9223372036854775808}},"
            " assert: [count == 1]}",
        ),
        process=neo4j_process,
    )
    assert verdicts(run) == {"a": "passed", "b": "error"}, step(run, "a").message
    assert "params.n: 9223372036854775808 does not fit into 64 bits" in step(run, "b").message
