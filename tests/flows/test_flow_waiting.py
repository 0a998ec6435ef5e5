"""Eventual assertions: when reads are repeated, when they are not, and what is recorded (FLOWS §3 Waiting)."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import psycopg
import pytest

from flows.engine.recording import judge
from graph.runs import Run
from tests.flows.support import run_text, step, verdicts

pytestmark = pytest.mark.server("postgres")


@pytest.fixture
def database(postgres_url: str) -> str:
    """A database with an empty table."""
    with psycopg.connect(postgres_url, autocommit=True) as connection:
        connection.execute("CREATE TABLE jobs (id int PRIMARY KEY, state text)")
    return postgres_url


_READ_SINCE = """
    SELECT max(query_start) FROM pg_stat_activity
    WHERE datname = current_database() AND pid <> pg_backend_pid() AND state = 'idle' AND query LIKE '%%FROM jobs%%'
        AND query_start > %s
"""


@contextmanager
def later(database: str, *statements: str) -> Iterator[None]:
    """Executes statements in another thread, each once the flow has read what was there before it."""
    stop = threading.Event()

    def work() -> None:
        with psycopg.connect(database, autocommit=True) as connection:
            began = connection.execute("SELECT now()").fetchone()
            for statement in statements:
                while connection.execute(_READ_SINCE, began).fetchone() == (None,):
                    if stop.wait(0.01):
                        return
                connection.execute(statement.encode())
                began = connection.execute("SELECT now()").fetchone()

    thread = threading.Thread(target=work)
    thread.start()
    try:
        yield
    finally:
        stop.set()
        thread.join()


def read(database: str, *lines: str, query: str = "SELECT id, state FROM jobs ORDER BY id") -> str:
    """A flow with one read."""
    rest = "".join(f"\n      {line}" for line in lines)
    return f"""
flow:
  name: read
  steps:
    - id: r
      action: database_query
      config: {{connection: "{database}", query: "{query}"}}{rest}
"""


def test_a_read_waits_until_its_assertions_hold(tmp_path: Path, database: str) -> None:
    with later(database, "INSERT INTO jobs VALUES (1, 'done')"):
        run = run_text(tmp_path, read(database, 'assert: ["result.count == 1", "rows[0].state == \\"done\\""]'))
    found = step(run, "r")
    assert found.verdict == "passed"
    (exchange,) = found.exchanges
    assert exchange.ended == "satisfied"
    assert len(exchange.candidates) > 1
    assert [candidate["count"] for candidate in exchange.candidates[:-1]] == [0] * (len(exchange.candidates) - 1)
    assert found.result["rows"] == [{"id": 1, "state": "done"}]


def test_the_window_ends_and_the_failure_shows_the_nearest_candidate(tmp_path: Path, database: str) -> None:
    events = ("INSERT INTO jobs VALUES (1, 'new')", "DELETE FROM jobs")
    with later(database, *events):
        run = run_text(tmp_path, read(database, "wait: 2s", 'assert: ["count == 1", "rows[0].state == \\"done\\""]'))
    found = step(run, "r")
    assert found.verdict == "failed"
    assert found.duration_ms > 1900
    assert [line.passed for line in found.assertions] == [True, False]
    assert found.assertions[1].left == "new"
    assert found.result["count"] == 0
    assert found.exchanges[0].ended == "window"


def test_wait_none_judges_the_first_candidate_only(tmp_path: Path, database: str) -> None:
    run = run_text(tmp_path, read(database, "wait: none", "assert: [count == 1]"))
    found = step(run, "r")
    assert (found.verdict, len(found.exchanges[0].candidates)) == ("failed", 1)


def test_a_read_without_assertions_takes_the_first_candidate(tmp_path: Path, database: str) -> None:
    run = run_text(tmp_path, read(database))
    assert (step(run, "r").verdict, len(step(run, "r").exchanges[0].candidates)) == ("passed", 1)


def test_a_write_is_never_repeated_by_waiting(tmp_path: Path, database: str) -> None:
    insert = "INSERT INTO jobs VALUES (1, 'new') RETURNING id"
    run = run_text(tmp_path, read(database, "assert: [count == 2]", query=insert))
    assert step(run, "r").verdict == "failed"
    assert len(step(run, "r").exchanges[0].candidates) == 1
    with psycopg.connect(database) as connection:
        assert connection.execute("SELECT count(*) FROM jobs").fetchone() == (1,)


def test_until_repeats_and_then_the_assertions_are_judged_once(tmp_path: Path, database: str) -> None:
    with later(database, "INSERT INTO jobs VALUES (1, 'new')"):
        run = run_text(tmp_path, read(database, "until: count == 1", 'assert: ["rows[0].state == \\"done\\""]'))
    found = step(run, "r")
    assert found.verdict == "failed"
    assert found.exchanges[0].ended == "satisfied"
    assert [line.list for line in found.assertions] == ["until", "assert"]


def test_until_that_never_holds_fails_within_its_own_timeout(tmp_path: Path, database: str) -> None:
    run = run_text(tmp_path, read(database, "until: {expression: count == 1, interval: 20ms, timeout: 1s}"))
    found = step(run, "r")
    assert found.verdict == "failed"
    assert "until did not hold within 1s" in found.message
    assert 2 <= len(found.exchanges[0].candidates) <= 51


def test_hold_reads_on_and_fails_at_the_first_that_does_not_satisfy(tmp_path: Path, database: str) -> None:
    text = read(database, "hold: 500ms", "assert: [count == 0]")
    run = run_text(tmp_path, text)
    found = step(run, "r")
    assert found.verdict == "passed"
    assert found.exchanges[0].at_ms[-1] - found.exchanges[0].at_ms[0] >= 490
    assert judge(run).verdict == "passed"
    with later(database, "INSERT INTO jobs VALUES (1, 'new')"):
        run = run_text(tmp_path, text.replace("500ms", "20s"))
    found = step(run, "r")
    assert found.verdict == "failed"
    assert "held only for" in found.message
    assert found.duration_ms < 20_000
    assert judge(run).verdict == "failed"


def test_db_poll_waits_for_its_condition(tmp_path: Path, database: str) -> None:
    conditions = (
        "until: count == 1",
        "condition: count == 1",
        "condition: {type: row_exists}",
        "condition: {type: row_count, min_count: 1}",
        "condition: {type: value_equals, column: state, value: done}",
        "condition: {type: value_not_null, column: state}",
    )
    for condition in conditions:
        with psycopg.connect(database, autocommit=True) as connection:
            connection.execute("DELETE FROM jobs")
        with later(database, "INSERT INTO jobs VALUES (1, 'done')"):
            run = run_text(
                tmp_path,
                f"""
flow:
  name: poll
  steps:
    - id: p
      action: db_poll
      config:
        connection: "{database}"
        query: SELECT * FROM jobs
        timeout: 3s
        {condition}
""",
            )
        found = step(run, "p")
        assert found.verdict == "passed", (condition, found.message)
        assert len(found.exchanges[0].candidates) > 1
        assert judge(run).verdict == "passed"


def test_a_refused_statement_ends_the_window(tmp_path: Path, database: str) -> None:
    run = run_text(tmp_path, read(database, "wait: 20s", "assert: [count == 1]", query="SELECT nothing FROM jobs"))
    found = step(run, "r")
    assert found.verdict == "error"
    assert 'column "nothing" does not exist' in found.message
    assert found.duration_ms < 20_000


def _judged(run: Run, change: Callable[[str], str]) -> Run:
    (flow,) = run.flows
    changed = change(flow.source)
    assert changed != flow.source
    return judge(run, {flow.file: changed})


def test_a_recording_is_judged_by_every_candidate(tmp_path: Path, database: str) -> None:
    with later(database, "INSERT INTO jobs VALUES (1, 'new')", "UPDATE jobs SET state = 'done'"):
        run = run_text(tmp_path, read(database, 'assert: ["rows[0].state == \\"done\\""]'))
    assert run.verdict == "passed"
    assert judge(run).verdict == "passed"
    assert _judged(run, lambda text: text.replace('\\"done\\"', '\\"new\\"')).verdict == "passed"
    undecided = _judged(run, lambda text: text.replace('\\"done\\"', '\\"lost\\"'))
    assert undecided.verdict == "error"
    assert "undecided: recording ends at" in step(undecided, "r").message
    assert verdicts(_judged(run, lambda text: text.replace("ORDER BY id", "ORDER BY state"))) == {"r": "not_run"}


def test_until_on_a_poll_keeps_the_poll_s_own_window(tmp_path: Path, database: str) -> None:
    run = run_text(
        tmp_path,
        f"""
flow:
  name: poll
  steps:
    - id: p
      action: db_poll
      until: count == 1
      config: {{connection: "{database}", query: SELECT * FROM jobs, timeout: 300ms}}
""",
    )
    assert step(run, "p").verdict == "failed"
    assert "300ms" in step(run, "p").message
