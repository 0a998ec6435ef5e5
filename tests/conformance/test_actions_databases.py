"""SQL steps against PostgreSQL, MariaDB and SQLite alike: what FLOWS §3, §5 and §7 promise of every database."""

from __future__ import annotations

import asyncio
import json
import sqlite3
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from flows.engine.recording import judge
from flows.runner import RunOptions, run_flows
from graph.runs import Run
from tests.conformance.actions import SECRET, Check, failing_servers, flow_of, passes
from tests.flows.support import run_text, step, write
from tests.servers.databases import Database

MARKS = {"postgres": [pytest.mark.server("postgres")], "mysql": [pytest.mark.server("mariadb")], "sqlite": []}
DIALECTS = [pytest.param(name, marks=marks, id=name) for name, marks in MARKS.items()]
CONNECTED = {
    "database_query": lambda port: f'{{connection: "mysql://u:{SECRET}@127.0.0.1:{port}/db", query: "SELECT 1"}}',
    "sql": lambda port: f'{{connection: "postgresql://u:{SECRET}@127.0.0.1:{port}/db", query: "SELECT 1"}}',
    "db_poll": lambda port: (
        f'{{connection: "mariadb+pymysql://u:{SECRET}@127.0.0.1:{port}/db", query: "SELECT 1",'
        " condition: {type: row_exists}}"
    ),
}


@pytest.fixture
def url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """URL of a fresh database of the dialect that the test is for."""
    dialect = request.param
    if dialect == "sqlite":
        return f"sqlite:///{tmp_path}/fresh.db"
    found: str = request.getfixturevalue("postgres_url" if dialect == "postgres" else "mariadb_url")
    return found


PARAMS = ', params: ["5", "a ? :b", "1.50"]'
every_database = pytest.mark.parametrize("url", DIALECTS, indirect=True)


def _run(folder: Path, url: str, *steps: str, **options: Any) -> Run:
    head = f"flow:\n  name: sql\n  env: {{DATABASE_URL: {json.dumps(url)}}}\n  steps:\n"
    return run_text(folder, head + "".join(f"    - {text}\n" for text in steps), **options)


def _sql(step_id: str, query: str, *asserts: str, more: str = "", config: str = "") -> str:
    checks = f", assert: {json.dumps(asserts)}" if asserts else ""
    return f"{{id: {step_id}, action: sql, config: {{query: {json.dumps(query)}{config}}}{checks}{more}}}"


@failing_servers(CONNECTED)
def test_a_failing_database_is_a_result(check: Check, tmp_path: Path) -> None:
    check(tmp_path)


@every_database
def test_placeholders_of_every_kind(tmp_path: Path, url: str) -> None:
    passes(
        _run(
            tmp_path,
            url,
            _sql("make", "CREATE TABLE x (n int, t varchar(40), f numeric(10,2))"),
            _sql("put", "INSERT INTO x VALUES ($1, $2, $3)", "rows_affected == 1", config=PARAMS),
            _sql(
                "named",
                "SELECT t, ':no' AS q /* :no */ FROM x WHERE n = :n -- :no",
                'rows[0].t == "a ? :b"',
                'rows[0].q == ":no"',
                "attempts == 1",
                config=", params: {n: 5}",
            ),
            _sql("question", "SELECT 1 AS c FROM x WHERE f = ? AND t <> '?'", "count == 1", config=", params: [1.5]"),
            _sql("as_text", "SELECT n FROM x WHERE n = $1", "count == 1", config=', params: ["5"]'),
            _sql("with", "WITH y AS (SELECT 1 AS a) SELECT a FROM y", "rows[0].a == 1"),
            _sql("update", "UPDATE x SET n = 6 WHERE n = 5", "rows_affected == 1"),
        )
    )


@every_database
def test_nulls_and_no_rows(tmp_path: Path, url: str) -> None:
    values = ", params: {n: null, t: null, f: null}"
    none = ('columns == ["n", "t"]', "count == 0", "first_row is null", "row_count == 0")
    passes(
        _run(
            tmp_path,
            url,
            _sql("make", "CREATE TABLE x (n int, t varchar(40), f numeric(10,2))"),
            _sql("put", "INSERT INTO x VALUES (:n, :t, :f)", "rows_affected == 1", config=values),
            _sql("nulls", "SELECT * FROM x WHERE n IS NULL", "rows[0].t is null", "rows[0].f is null"),
            _sql("nothing", "SELECT n, t FROM x WHERE n = 7", *none),
        )
    )


@every_database
def test_a_returning_statement_gives_rows_and_their_number(tmp_path: Path, url: str) -> None:
    passes(
        _run(
            tmp_path,
            url,
            _sql("make", "CREATE TABLE x (n int)"),
            _sql("put", "INSERT INTO x VALUES (1), (2) RETURNING n", "rows_affected == 2", "rows[1].n == 2"),
        )
    )


@every_database
def test_a_transaction_is_all_or_nothing(tmp_path: Path, url: str) -> None:
    transaction = "{{id: {id}, action: sql, optional: true, config: {{transaction: [{queries}]}}}}"
    good = transaction.format(
        id="good", queries='{query: "INSERT INTO x VALUES (1)"}, {query: "SELECT count(*) AS c FROM x"}'
    )
    bad = transaction.format(
        id="bad", queries='{query: "INSERT INTO x VALUES (2)"}, {query: "INSERT INTO nope VALUES (1)"}'
    )
    run = _run(
        tmp_path, url, _sql("make", "CREATE TABLE x (n int)"), good, bad, _sql("see", "SELECT n FROM x", "count == 1")
    )
    assert step(run, "good").result["rows"] == [{"c": 1}]
    assert (step(run, "bad").verdict, step(run, "bad").exchanges[0].error_type) == ("error", "server")
    assert step(run, "see").verdict == "passed", step(run, "see").message
    assert judge(run).verdict == "passed"


@every_database
def test_a_read_waits_for_what_another_connection_writes(tmp_path: Path, url: str) -> None:
    later = _sql("late", "INSERT INTO x VALUES (1)")
    run = _run(
        tmp_path,
        url,
        _sql("make", "CREATE TABLE x (n int)"),
        "{id: both, action: parallel, config: {branches: [[{id: pause, action: delay, config: {duration: 200ms}}, "
        f"{later}], [{_sql('wait', 'SELECT n FROM x', 'count == 1', 'attempts > 2')}]]}}}}",
    )
    passes(run)
    assert len(step(run, "wait").exchanges[0].candidates) > 2


@every_database
def test_a_result_without_end_is_refused_and_fills_no_memory(tmp_path: Path, url: str) -> None:
    numbers = "WITH RECURSIVE c(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM c WHERE n < 100000) SELECT n FROM c"
    set_depth = [_sql("depth", "SET SESSION max_recursive_iterations = 1000000")] if url.startswith("mysql") else []
    run = _run(
        tmp_path,
        url,
        *set_depth,
        _sql("many", numbers, "count == 1"),
        _sql("next", "SELECT 1 AS a", "first_row.a == 1"),
    )
    assert "more than 10000 rows; add a LIMIT" in step(run, "many").message
    assert step(run, "many").exchanges[0].error_type == "server"


@every_database
def test_refusals_of_the_server_are_errors_that_name_it(tmp_path: Path, url: str) -> None:
    bad = _sql("bad", "SELECT * FROM nowhere", "count == 1", more=", on_error: continue")
    syntax = _sql("syntax", "SELEC 1", more=", on_error: continue")
    lines = _sql("lines", "SELECT 1,\n  2,\n  FROM x", more=", on_error: continue")
    run = _run(tmp_path, url, bad, syntax, lines, _sql("fine", "SELECT 1 AS a", "first_row.a == 1"))
    assert {step(run, name).verdict for name in ("bad", "syntax")} == {"error"}
    assert {step(run, name).exchanges[0].error_type for name in ("bad", "syntax")} == {"server"}
    assert "nowhere" in step(run, "bad").message
    assert "line 3" in step(run, "lines").message or url.startswith("sqlite"), step(run, "lines").message
    assert step(run, "fine").verdict == "passed"
    assert step(run, "bad").duration_ms < 2000


SLEEPING = {"postgres": "SELECT pg_sleep(30)", "mysql": "SELECT sleep(30)"}


def _busy(url: str) -> int:
    """Statements of ours that still run on the server."""
    if url.startswith("postgres"):
        import psycopg

        with psycopg.connect(url) as connection:
            row = connection.execute("SELECT count(*) FROM pg_stat_activity WHERE query LIKE '%pg_sleep(30)' AND "
                                     "state = 'active' AND pid <> pg_backend_pid()").fetchone()  # fmt: skip
        return int(row[0]) if row else 0
    import pymysql

    port = int(url.rpartition(":")[2].partition("/")[0])
    with pymysql.connect(host="127.0.0.1", port=port, user="root") as connection:
        cursor = connection.cursor()
        cursor.execute("SELECT count(*) FROM information_schema.processlist WHERE info LIKE 'SELECT sleep(30)%'")
        return int(cursor.fetchall()[0][0])


def _until(holds: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 5
    while not holds():
        assert time.monotonic() < deadline
        time.sleep(0.02)


def _until_idle(url: str) -> None:
    """The server works on nothing of ours any more."""
    _until(lambda: _busy(url) == 0)


@pytest.mark.parametrize("url", DIALECTS[:2], indirect=True)
def test_a_timeout_ends_the_statement_on_the_server(tmp_path: Path, url: str) -> None:
    query = SLEEPING["postgres" if url.startswith("postgres") else "mysql"]
    run = _run(
        tmp_path,
        url,
        _sql("slow", query, more=", timeout: 300ms, optional: true"),
        _sql("next", "SELECT 1 AS a", "count == 1"),
    )
    assert (step(run, "slow").verdict, step(run, "slow").exchanges[0].error_type) == ("failed", "timeout")
    assert step(run, "next").verdict == "passed"
    _until_idle(url)


@pytest.mark.parametrize("url", DIALECTS[:2], indirect=True)
def test_cancelling_the_run_ends_the_statement_on_the_server(tmp_path: Path, url: str) -> None:
    query = SLEEPING["postgres" if url.startswith("postgres") else "mysql"]
    file = write(tmp_path, flow_of(_sql("slow", query, config=f", connection: {json.dumps(url)}")))

    async def cancelled() -> Run:
        task = asyncio.create_task(run_flows(RunOptions(paths=(file,), root=tmp_path)))
        await asyncio.to_thread(_until, lambda: _busy(url) == 1)
        task.cancel()
        return await task

    assert asyncio.run(cancelled()).verdict == "cancelled"
    _until_idle(url)


def test_a_step_of_sqlite_that_is_given_up_stops_working(tmp_path: Path) -> None:
    endless = "WITH RECURSIVE c(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM c) SELECT max(n) AS m FROM c"
    run = _run(tmp_path, "sqlite://", _sql("slow", endless, more=", timeout: 300ms, optional: true"),
               _sql("next", "SELECT 1 AS a", "first_row.a == 1"))  # fmt: skip
    assert (step(run, "slow").verdict, step(run, "next").verdict) == ("failed", "passed")


@contextmanager
def _locked(file: Path, seconds: float) -> Iterator[None]:
    """Another program holds SQLite's write lock for a while."""
    connection = sqlite3.connect(file, isolation_level=None, check_same_thread=False)
    connection.execute("CREATE TABLE x (n int)")
    connection.execute("BEGIN EXCLUSIVE")
    timer = threading.Timer(seconds, lambda: connection.execute("COMMIT"))
    timer.start()
    try:
        yield
    finally:
        timer.join()
        connection.close()


def test_a_locked_sqlite_is_tried_again_until_the_lock_is_gone(tmp_path: Path) -> None:
    with _locked(tmp_path / "fresh.db", 0.3):
        passes(
            _run(
                tmp_path,
                f"sqlite:///{tmp_path}/fresh.db",
                _sql("put", "INSERT INTO x VALUES (1)", "rows_affected == 1"),
            )
        )


def test_a_sqlite_that_stays_locked_is_an_error_that_says_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import flows.clients.sql_sqlite as client

    monkeypatch.setattr(client, "LOCKED_SECONDS", 0.2)
    with _locked(tmp_path / "fresh.db", 1.0):
        run = _run(tmp_path, f"sqlite:///{tmp_path}/fresh.db", _sql("put", "INSERT INTO x VALUES (1)"))
    assert "database is locked for 0.2s" in step(run, "put").message


def test_sqlite_in_memory_lives_as_long_as_the_run(tmp_path: Path) -> None:
    passes(
        _run(
            tmp_path, "sqlite://", _sql("make", "CREATE TABLE x (n int)"), _sql("see", "SELECT n FROM x", "count == 0")
        )
    )


UNUSABLE = {
    "oracle+oracledb://x:y@h/d": "pip install oracledb",
    "nosuch://h/d": "no database 'nosuch'",
    "nonsense": "not a database URL",
    "postgresql://u:p@[x/d": "not a database URL",
    "postgresql://h/d?what=1": "invalid URI query parameter",
    "mysql://u:p@h:port/d": "not a database URL",
    "mysql://h/d?what=1": "'what' is not understood",
}


def test_an_unknown_database_names_what_to_install(tmp_path: Path) -> None:
    for url, says in UNUSABLE.items():
        run = _run(tmp_path, url, _sql("a", "SELECT 1", "count == 1"))
        assert says in step(run, "a").message
        assert step(run, "a").exchanges[0].error_type == "config"


@pytest.mark.server("postgres-tls")
def test_postgres_over_tls(tmp_path: Path, postgres_tls: Database) -> None:
    url = postgres_tls.url
    seen = "SELECT ssl FROM pg_stat_ssl WHERE pid = pg_backend_pid()"
    (tmp_path / "ca.pem").write_bytes(postgres_tls.ca.read_bytes())
    by_url = _sql(
        "url", seen, "first_row.ssl == true", config=f', connection: "{url}?sslmode=verify-full&sslrootcert=ca.pem"'
    )
    by_step = _sql("step", seen, "first_row.ssl == true", config=f', connection: "{url}", tls: {{ca: ca.pem}}')
    named = _sql(
        "named",
        seen,
        "first_row.ssl == true",
        config=f', connection: "{url}", tls: {{ca: ca.pem, server_name: localhost}}',
    )
    passes(run_text(tmp_path, flow_of(by_url, by_step, named)))
    stranger = _sql("a", seen, config=f', connection: "{url}", tls: true')
    run = run_text(tmp_path, flow_of(stranger))
    assert (step(run, "a").verdict, step(run, "a").exchanges[0].error_type) == ("error", "connection")
    assert "not trusted" in step(run, "a").message or "certificate verify failed" in step(run, "a").message
    wrong = _sql("a", seen, config=f', connection: "{url.replace("s3cret", "wrong")}?sslmode=require"')
    run = run_text(tmp_path, flow_of(wrong))
    assert "password authentication failed" in step(run, "a").message
    assert "wrong-of" not in step(run, "a").message


@pytest.mark.server("mariadb")
def test_mariadb_over_tls(tmp_path: Path, mariadb_server: Database) -> None:
    url = mariadb_server.url
    seen = "SHOW STATUS LIKE 'Ssl_cipher'"
    (tmp_path / "ca.pem").write_bytes(mariadb_server.ca.read_bytes())
    by_url = _sql("url", seen, 'first_row.Value != ""', config=f', connection: "{url}?ssl_ca=ca.pem"')
    by_step = _sql("step", seen, 'first_row.Value != ""', config=f', connection: "{url}", tls: {{ca: ca.pem}}')
    without = _sql("without", seen, 'first_row.Value == ""', config=f', connection: "{url}"')
    passes(run_text(tmp_path, flow_of(by_url, by_step, without)))
    run = run_text(tmp_path, flow_of(_sql("a", seen, config=f', connection: "{url}", tls: true')))
    assert (step(run, "a").verdict, step(run, "a").exchanges[0].error_type) == ("error", "connection")
    assert "not trusted" in step(run, "a").message or "certificate verify failed" in step(run, "a").message
