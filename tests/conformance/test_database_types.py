"""How values of each database arrive in a flow, and what becomes of a flow when its database is restarted."""

from __future__ import annotations

import json
import shutil
import tempfile
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

import pytest

from tests.conformance.actions import passes
from tests.flows.support import Reply, Seen, Web, run_text, step
from tests.servers.databases import start_mariadb
from tests.servers.process import Server, start
from tests.servers.small import start_postgres

MYSQL_VALUES = """
    SELECT 1 AS i, CAST(40.00 AS DECIMAL(10,2)) AS n, 1.5e0 AS f, true AS b, NULL AS z, t.u, t.e, t.tm, t.ts, t.dt, t.d,
      t.y, t.bits, t.bin, t.s, t.j, CAST('12345678901234567890.123456789' AS DECIMAL(40,9)) AS big FROM t
"""
MYSQL_TABLE = """
    CREATE TABLE t (u uuid, e enum('small','large'), tm time, ts timestamp NULL, dt datetime(3), d date, y year,
      bits bit(4), bin varbinary(4), s set('a','b'), j json)
"""
MYSQL_ROW = """
    INSERT INTO t VALUES (:u, 'large', '-25:10:05', '2026-03-16 12:00:00', '2026-03-16 12:00:00.5', '2026-03-16', 2026,
      b'101', x'fffe', 'a,b', '{"a": [1]}')
"""
UUID = "11111111-2222-4333-8444-555555555555"


SQLITE_ROW = ', params: ["7", 1.5, "a", "2026-03-16"]'
ARRAYS = (
    'first_row.l == ["small", "large"]',
    'first_row.e == "large"',
    'first_row.r == "[1,5)"',
    "len(first_row.n) == 0",
)


def _query(step_id: str, query: str, *asserts: str, config: str = "") -> str:
    checks = f", assert: {json.dumps(asserts)}" if asserts else ""
    text = json.dumps(" ".join(query.split()))
    return f"    - {{id: {step_id}, action: sql, config: {{query: {text}{config}}}{checks}}}\n"


def _flow(url: str, *steps: str) -> str:
    return f"flow:\n  name: types\n  env: {{DATABASE_URL: {json.dumps(url)}}}\n  steps:\n" + "".join(steps)


@pytest.mark.server("mariadb")
def test_mariadb_values_follow_the_type_rules(tmp_path: Path, mariadb_url: str) -> None:
    run = run_text(
        tmp_path,
        _flow(
            mariadb_url,
            _query("make", MYSQL_TABLE),
            _query("put", MYSQL_ROW, config=f', params: {{u: "{UUID}"}}'),
            _query(
                "get",
                MYSQL_VALUES,
                "first_row.i == 1",
                "first_row.n == 40",
                "first_row.f == 1.5",
                "first_row.b == 1",
                "first_row.z is null",
                f'first_row.u == "{UUID}"',
                'first_row.e == "large"',
                'first_row.tm == "-25:10:05"',
                'first_row.ts == "2026-03-16T12:00:00Z"',
                'first_row.dt == "2026-03-16T12:00:00.500000"',
                'first_row.d == "2026-03-16"',
                "first_row.y == 2026",
                "first_row.bits == 5",
                'first_row.bin == "//4="',
                'first_row.s == "a,b"',
                "json(first_row.j).a[0] == 1",
                "first_row.big == 12345678901234567890.123456789",
            ),
        ),
    )
    passes(run)


@pytest.mark.server("mariadb")
def test_quotes_and_comments_of_mariadb(tmp_path: Path, mariadb_url: str) -> None:
    query = "SELECT 'it\\'s ?' AS a, \"x\\\"?\" AS b, `c?`, 1--?\n FROM (SELECT 1 AS `c?`) q # ?\n"
    query += " WHERE `c?` = ? /* /* ? */"
    config = f"{{query: {json.dumps(query)}, params: [1, 1]}}"
    checks = json.dumps(["count == 1", 'first_row.a == "it\'s ?"'])
    passes(
        run_text(tmp_path, _flow(mariadb_url, f"    - {{id: a, action: sql, config: {config}, assert: {checks}}}\n"))
    )


def test_sqlite_values_are_what_sqlite_keeps(tmp_path: Path) -> None:
    run = run_text(
        tmp_path,
        _flow(
            "sqlite://",
            _query("make", "CREATE TABLE t (i int, r real, s text, b blob, d date, [odd ?] int)"),
            _query("put", "INSERT INTO t VALUES (?, ?, ?, x'fffe', ?, 1)", config=SQLITE_ROW),
            _query("get", "SELECT * FROM t WHERE i = :i AND [odd ?] = 1", "first_row.i == 7", "first_row.r == 1.5",
                   'first_row.b == "//4="', 'first_row.d == "2026-03-16"', config=", params: {i: 7}"),
        ),
    )  # fmt: skip
    passes(run)


@pytest.mark.server("postgres")
def test_postgres_arrays_of_own_types_and_ranges(tmp_path: Path, postgres_url: str) -> None:
    uuids = f', params: ["{UUID}", ["{UUID}"]]'
    query = "SELECT ARRAY['small','large']::size[] AS l, 'large'::size AS e, int4range(1, 5) AS r, '{}'::size[] AS n"
    run = run_text(
        tmp_path,
        _flow(
            postgres_url,
            _query("make", "CREATE TYPE size AS ENUM ('small', 'large')"),
            _query("get", query, *ARRAYS),
            _query("again", query, "len(first_row.l) == 2"),
            _query("among", "SELECT 1 AS a WHERE $1::uuid = ANY($2)", "count == 1", config=uuids),
            _query("outside", "VACUUM"),
        ),
    )  # fmt: skip
    passes(run)


@pytest.mark.server("postgres")
def test_what_a_selected_function_writes_is_kept(tmp_path: Path, postgres_url: str) -> None:
    function = "CREATE FUNCTION put() RETURNS int LANGUAGE sql AS 'INSERT INTO x VALUES (1) RETURNING 1'"
    run = run_text(
        tmp_path,
        _flow(
            postgres_url,
            _query("make", "CREATE TABLE x (n int)"),
            _query("function", function),
            _query("call", "SELECT put() AS a").replace("action: sql", "action: sql, wait: none"),
            _query("see", "SELECT n FROM x", "count == 1"),
        ),
    )
    assert step(run, "see").verdict == "passed", step(run, "see").message


@pytest.fixture
def web() -> Iterator[Web]:
    """A real HTTP server."""
    server = Web()
    yield server
    server.close()


class Restartable(NamedTuple):
    """A database server that a test may stop and start again on the same port."""

    url: str
    kind: str
    server: list[Server]

    def stop(self) -> None:
        """Ends it, cleanly."""
        self.server[0].stop()

    def start(self) -> None:
        """Starts it again on its data; it accepts connections before it is ready to be asked."""
        port = int(self.url.rpartition(":")[2].partition("/")[0])
        self.server[0] = start(self.server[0].command, port, lambda: self._answers(port), 30)

    def _answers(self, port: int) -> None:
        if self.kind == "mysql":
            import pymysql

            pymysql.connect(host="127.0.0.1", port=port, user="root", connect_timeout=2).close()
        else:
            import psycopg

            psycopg.connect(self.url, connect_timeout=2).close()


@contextmanager
def _restartable(kind: str) -> Iterator[Restartable]:
    folder = Path(tempfile.mkdtemp(prefix="testmesh-restart-"))
    folder.chmod(0o755)
    if kind == "mysql":
        server, database = start_mariadb(folder)
        found = Restartable(database.url, kind, [server])
    else:
        server, url = start_postgres(folder)
        found = Restartable(url, kind, [server])
    try:
        yield found
    finally:
        found.stop()
        shutil.rmtree(folder, ignore_errors=True)


@pytest.mark.parametrize("kind", [pytest.param("postgres", marks=pytest.mark.server("postgres")),
                                  pytest.param("mysql", marks=pytest.mark.server("mariadb"))])  # fmt: skip
def test_a_database_restarted_between_two_steps_is_connected_anew(tmp_path: Path, kind: str, web: Web) -> None:
    with _restartable(kind) as database:

        def restart(seen: Seen) -> Reply:
            database.stop()
            if seen.path == "/restart":
                database.start()
            return Reply(200, {})

        config = f'{{{{url: "{web.url}/{{0}}"}}}}'
        get = f"    - {{{{id: {{0}}, action: http_request, config: {config}, assert: [status == 200]}}}}\n"
        web.routes["GET /restart"] = web.routes["GET /stop"] = restart
        run = run_text(
            tmp_path,
            _flow(
                database.url,
                _query("before", "SELECT 1 AS a", "first_row.a == 1"),
                get.format("restart"),
                _query("after", "SELECT 2 AS a", "first_row.a == 2"),
                get.format("stop"),
                _query("gone", "SELECT 3 AS a", "first_row.a == 3"),
            ),
        )
    assert (step(run, "before").verdict, step(run, "after").verdict) == ("passed", "passed"), step(run, "after").message
    assert (step(run, "gone").verdict, step(run, "gone").exchanges[0].error_type) == ("error", "connection")
    assert "refused" in step(run, "gone").message


@pytest.mark.parametrize("kind", [pytest.param("postgres", marks=pytest.mark.server("postgres")),
                                  pytest.param("mysql", marks=pytest.mark.server("mariadb"))])  # fmt: skip
def test_a_database_that_goes_away_while_a_step_waits_ends_the_wait_with_an_error(tmp_path: Path, kind: str) -> None:
    with _restartable(kind) as database:
        timer = threading.Timer(0.5, database.stop)
        timer.start()
        run = run_text(tmp_path, _flow(database.url, _query("wait", "SELECT 1 AS a", "first_row.a == 2")))
        timer.join()
    found = step(run, "wait")
    assert (found.verdict, found.exchanges[0].error_type) == ("error", "connection"), found.message
    assert len(found.exchanges[0].candidates) > 1
    assert found.duration_ms < 4000
