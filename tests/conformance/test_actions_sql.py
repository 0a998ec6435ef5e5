"""SQL steps against real databases: types, placeholders, transactions (FLOWS §5, §7)."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from flows.engine.recording import judge
from tests.conformance.actions import flow_of, passes
from tests.flows.support import run_text, step, verdicts


@pytest.mark.server("postgres")
def test_postgres_values_follow_the_type_rules(tmp_path: Path, postgres_url: str) -> None:
    uuid = "11111111-2222-4333-8444-555555555555"
    query = """
        SELECT 1::int8 AS i, 40.00::numeric(10,2) AS n, 1.5::float8 AS f, true AS b, NULL::int AS z, $1::uuid AS u,
          'x'::text AS t, '1 day'::interval AS iv, timestamptz '2026-03-16 12:00+02' AS tz,
          timestamp '2026-03-16 12:00' AS ts, date '2026-03-16' AS d, '{"a":[1]}'::jsonb AS j, ARRAY[1,2] AS l,
          '\\xfffe'::bytea AS y, '12345678901234567890.123456789'::numeric AS big, 'infinity'::timestamptz AS inf
    """
    run = run_text(
        tmp_path,
        f"""
        flow:
          name: types
          steps:
            - id: q
              action: database_query
              config: {{connection: "{postgres_url}", query: {json.dumps(query.strip())}, params: ["{uuid}"]}}
              wait: none
              assert:
                - first_row.i == 1
                - first_row.n == 40
                - first_row.f == 1.5
                - first_row.b == true
                - first_row.z is null
                - first_row.u == "{uuid}"
                - first_row.iv == "1 day"
                - first_row.tz == "2026-03-16T10:00:00Z"
                - first_row.ts == "2026-03-16T12:00:00"
                - first_row.d == "2026-03-16"
                - first_row.j.a[0] == 1
                - "first_row.l == [1, 2]"
                - first_row.y == "//4="
                - first_row.big == 12345678901234567890.123456789
                - first_row.inf == "infinity"
                - columns[0] == "i"
        """,
    )
    passes(run)


@pytest.mark.parametrize(
    ("config", "problem"),
    [
        ('{query: "SELECT $1, $2", params: [1]}', "uses $2, but params has 1 value"),
        ('{query: "SELECT :a", params: {b: 1}}', "uses :a, but params has no 'a'"),
        ('{transaction: ["SELECT 1", {query: "SELECT ?", params: [1, 2]}]}', "params has 2 value(s)"),
        ('{query: "SELECT 1", transaction: ["SELECT 2"]}', "exclude each other"),
        ('{query: "SELECT ${n}, $1", params: [1, 2]}', ""),
        ("{query: \"SELECT '?' # ?\", params: [1]}", ""),
    ],
)
def test_values_without_a_place_are_found_before_anything_is_sent(tmp_path: Path, config: str, problem: str) -> None:
    step_text = f"{{id: a, action: database_query, config: {{connection: 'sqlite://', {config[1:]}}}"
    run = run_text(tmp_path, flow_of(step_text), variables={"n": "1"})
    found = [str(one["message"]) for one in run.flows[0].problems if one["severity"] == "error"]
    assert any(problem in message for message in found) if problem else not found


@pytest.mark.server("postgres")
def test_placeholders_writes_and_transactions(tmp_path: Path, postgres_url: str) -> None:
    uuid = "11111111-2222-4333-8444-555555555555"
    run = run_text(
        tmp_path,
        f"""
        flow:
          name: sql
          env: {{DATABASE_URL: "{postgres_url}", "no": ""}}
          steps:
            - {{id: table, action: sql, config: {{query: "CREATE TABLE x (id uuid, n int, price numeric, t text)"}},
               assert: [rows_affected == 0]}}
            - id: insert
              action: sql
              config: {{query: "INSERT INTO x VALUES ($1, $2, $3, $4) RETURNING n", 
                       params: ["{uuid}", "5", "1.50", "7"]}}
              assert: [rows_affected == 1, "rows[0].n == 5"]
            - id: named
              action: sql
              config: {{query: "SELECT t::text, ':no' AS q -- :no\\n FROM x WHERE id = :id AND n = :n",
                       params: {{id: "{uuid}", n: 5}}}}
              assert: ['rows[0].t == "7"', 'rows[0].q == ":no"']
            - id: question
              action: sql
              config: {{query: "SELECT count(*) AS c FROM x WHERE price = ? AND t = '?'", params: [1.5]}}
              assert: ["rows[0].c == 0"]
            - id: both
              action: sql
              config:
                transaction:
                  - {{query: "UPDATE x SET n = 6"}}
                  - {{query: "SELECT n FROM x"}}
              assert: ["rows[0].n == 6"]
            - {{id: wrong, action: sql, optional: true, config: {{query: "SELECT ${{no}}$1", params: []}}}}
        """,
    )
    assert verdicts(run) == dict.fromkeys(("table", "insert", "named", "question", "both"), "passed") | {
        "wrong": "error"
    }, [found.message for found in run.flows[0].steps]
    assert judge(run).verdict == "passed"


def test_sqlite_through_sqlalchemy(tmp_path: Path) -> None:
    run = run_text(
        tmp_path,
        f"""
        flow:
          name: sqlite
          env: {{DATABASE_URL: "sqlite:///{tmp_path}/x.db"}}
          steps:
            - {{id: table, action: sql, config: {{query: "CREATE TABLE x (n int, t text)"}}, assert: [count == 0]}}
            - {{id: put, action: sql, config: {{query: "INSERT INTO x VALUES (?, ':a')", params: [3]}},
               assert: [rows_affected == 1]}}
            - {{id: get, action: sql, config: {{query: "SELECT * FROM x WHERE n = :n", params: {{n: 3}}}},
               assert: ['rows[0].n == 3', 'rows[0].t == ":a"']}}
            - {{id: alone, action: db_poll, config: {{query: "SELECT * FROM x WHERE n = ?", params: "3"}},
               assert: [count == 1]}}
            - {{id: bad, action: sql, on_error: continue, config: {{query: "SELECT * FROM y"}}, assert: [count == 1]}}
        """,
    )
    assert verdicts(run) == {"table": "passed", "put": "passed", "get": "passed", "alone": "passed", "bad": "error"}
    assert "no such table" in step(run, "bad").message
