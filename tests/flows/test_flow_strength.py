"""What a flow would not notice is found on its recording, and the suggested lines notice it."""

from __future__ import annotations

import json
from difflib import ndiff
from pathlib import Path

import pytest

from flows.strength.inserting import At, with_assertions
from flows.strength.measuring import Measure, Strength, measured, strengthened
from flows.strength.mutation import Kind, Mutation, mutations
from flows.strength.places import Place
from flows.strength.telling import changed
from graph.runs import Run
from tests.flows.support import Reply, Seen, Web, run_text, verdicts

FLOW = """\
# how orders come to be
flow:
  name: strength
  env: {{DATABASE_URL: "${{DB}}"}}
  setup:
    - {{id: table, action: sql, config: {{query: "CREATE TABLE m (id text, type text)"}}, assert: [rows_affected == 0]}}
  steps:
    - id: order   # places it
      action: http_request
      config: {{method: POST, url: "{url}/orders", body: {{quantity: 2}}}}
      assert:
        - status == 201
    - id: put
      action: sql
      config: {{query: "INSERT INTO m VALUES (?, 'order')", params: ["${{order.body.id}}"]}}
    - {{id: read, action: sql, config: {{query: "SELECT * FROM m WHERE id = ?", params: ["${{order.body.id}}"]}}}}
    - id: listed
      action: http_request
      config: {{url: "{url}/orders"}}
      assert: [status == 200, len(body.orders) == 4]   # more may come
"""
ORDER = {"id": "0b31c15d-3cd9-4be5-b6ad-4d1c9d0b9c11", "quantity": 2, "total": 10.5, "at": "2026-03-01T10:00:00Z"}
OTHERS = [{"id": f"{n}0cd9f6c-1f5b-4b0a-9a31-1f0c0b5a6a77", "quantity": n, "total": n} for n in (5, 6, 7)]


@pytest.fixture
def green(tmp_path: Path, web: Web) -> Run:
    """A recording that passed although it checks little."""
    web.on("POST /orders", 201, ORDER, location="/orders/1")
    web.on("GET /orders", 200, {"orders": [*OTHERS, ORDER]})
    run = run_text(tmp_path, FLOW.format(url=web.url), process={"DB": f"sqlite:///{tmp_path}/m.db"})
    assert set(verdicts(run).values()) == {"passed"}
    return run


def strength(run: Run, text: str = "", *more: Run) -> Strength:
    """Measured on this recording."""
    found = measured(Measure((run, *more), text or run.flows[0].source))
    assert not found.problem
    return found


def suggestions(found: Strength, step: str) -> set[str]:
    return {gap.suggestion for gap in found.gaps if gap.step == step}


def test_a_step_that_checks_nothing_is_known_and_ranks_first(green: Run) -> None:
    found = strength(green)
    assert [step.id for step in found.steps if not step.noticed] == ["put", "read"]
    assert found.gaps[0].step in ("put", "read")
    assert 0 < found.noticed < found.all
    assert found.score < 40


def test_suggestions_use_names_for_ids_and_shapes_for_what_is_new_each_time(green: Run) -> None:
    found = strength(green)
    assert "rows[0].id == order.body.id" in suggestions(found, "read")
    assert "count == 1" in suggestions(found, "read")
    assert "body.quantity == 2" in suggestions(found, "order")
    assert r'body.at matches "^\\d{4}-\\d\\d-\\d\\d[T ]\\d\\d:\\d\\d"' in suggestions(found, "order")
    assert "one(body.orders, .id == order.body.id && .total == 10.5)" in suggestions(found, "listed")


def test_every_suggested_line_holds_and_closes_its_gap_and_the_rest_of_the_file_stays(green: Run) -> None:
    text = green.flows[0].source
    new = strengthened(text, strength(green).gaps)
    gone = [line[2:] for line in ndiff(text.splitlines(), new.splitlines()) if line.startswith("- ")]
    assert [line.split("#")[0].strip()[:12] for line in gone] == ["- {id: read,", "assert: [sta"]
    assert "   # more may come" in new
    after = strength(green, new)
    assert (after.score, after.gaps) == (100.0, ())


def test_a_value_that_differs_between_green_runs_is_never_suggested(tmp_path: Path, web: Web, green: Run) -> None:
    web.routes["POST /orders"] = lambda seen: Reply(201, {**ORDER, "total": 99}, {"location": "/orders/1"})
    other = run_text(tmp_path, FLOW.format(url=web.url), process={"DB": f"sqlite:///{tmp_path}/o.db"})
    lines = suggestions(strength(green, "", other), "order")
    assert "body.total is number" in lines
    assert not any("10.5" in line for line in lines)


def test_teardown_and_timing_are_not_lied_about(green: Run) -> None:
    told = {lie.path[0] for lie in mutations(green.flows[0])}
    assert told == {"status", "body", "headers", "rows", "rows_affected"}


@pytest.mark.server("redis")
def test_messages_and_commands(tmp_path: Path, redis_url: str) -> None:
    run = run_text(
        tmp_path,
        """\
        flow:
          name: messages
          steps:
            - {id: put, action: redis.set, config: {key: k, value: v, ttl: 60}, assert: [ok == true]}
            - {id: got, action: redis.get, config: {key: k}}
            - {id: left, action: redis.ttl, config: {key: k}, assert: [ttl > 0]}
            - {id: send, action: redis_publish, config: {channel: c, message: {n: 1, kind: a}}, assert: [count == 1]}
            - {id: heard, action: redis_subscribe, config: {channel: c}, assert: [value.n == 1]}
        """,
        process={"REDIS_URL": redis_url},
    )
    found = strength(run)
    assert suggestions(found, "got") == {'value == "v"'}
    assert 'value.kind == "a"' in suggestions(found, "heard")
    assert strength(run, strengthened(run.flows[0].source, found.gaps)).score > 90


def test_lines_are_added_whatever_the_layout() -> None:
    text = (
        "flow:\n  name: x\n  steps:\n"
        "    - {id: a, action: log, config: {message: m}}\n"
        "    - id: b\n      action: log\n      assert: [x == 1]  # why\n"
        "    - id: c\n      action: log\n      assert:\n      - y == 1   # because\n      # end\n"
        "    - id: d\n      action: for_each\n      config:\n        items: [1]\n        steps:\n"
        "          - id: e\n            action: log"
    )
    places: dict[At, list[str]] = {(name, ("steps",)): ['a == "q: #"'] for name in "abc"} | {
        ("e", ("steps", "d")): ["len(x) == 2"]
    }
    assert with_assertions(text, places) == (
        "flow:\n  name: x\n  steps:\n"
        "    - {id: a, action: log, config: {message: m}, assert: ['a == \"q: #\"']}\n"
        "    - id: b\n      action: log\n      assert: [x == 1, 'a == \"q: #\"']  # why\n"
        "    - id: c\n      action: log\n      assert:\n      - y == 1   # because\n      - 'a == \"q: #\"'\n"
        "      # end\n    - id: d\n      action: for_each\n      config:\n        items: [1]\n        steps:\n"
        "          - id: e\n            action: log\n            assert:\n              - len(x) == 2\n"
    )


def test_a_list_in_brackets_that_would_grow_too_long_becomes_one_line_each() -> None:
    text = "flow:\n  steps:\n    - id: a\n      action: log\n      assert: [x == 1]   # why\n      name: n\n"
    long = f'y == "{"v" * 90}"'
    assert with_assertions(text, {("a", ("steps",)): [long]}) == (
        f"flow:\n  steps:\n    - id: a\n      action: log\n      assert:\n        - x == 1\n        - {long}   # why\n"
        "      name: n\n"
    )


@pytest.mark.parametrize(
    ("result", "kind", "path", "told"),
    [
        ({"rows": [], "columns": ["a"], "count": 0}, "more", ("rows",), {"rows": [{"a": None}], "count": 1}),
        ({"rows": [{"a": 1}], "first_row": {"a": 1}, "count": 1}, "empty", ("rows",), {"first_row": None, "count": 0}),
        ({"documents": [], "document": None, "count": 3}, "value", ("count",), {"count": 4}),
        (
            {"documents": [{"a": 1}], "document": {"a": 1}, "count": 1},
            "dropped",
            ("document", "a"),
            {"documents": [{}]},
        ),
        ({"status": "OK", "status_code": 0, "body": {}}, "status", ("status",), {"status": "5", "status_code": 2}),
        ({"body": {"a": 1}, "messages": [{"a": 1}], "count": 1}, "value", ("body", "a"), {"messages": [{"a": 2}]}),
        ({"stdout": "{}", "json": {"n": 1}}, "null", ("json", "n"), {"stdout": '{"n": null}'}),
        (
            {"exists": True, "value": "v", "count": 1},
            "absent",
            ("exists",),
            {"exists": False, "value": None, "count": 0},
        ),
        ({"headers": {"x": "1"}, "headers_all": {"x": ["1"]}}, "header", ("headers", "x"), {"headers_all": {}}),
        ({"body": {"l": [1, 2]}}, "order", ("body", "l"), {"body": {"l": [2, 1]}}),
    ],
)
def test_what_repeats_a_lie_is_told_the_same_way(
    result: dict[str, object], kind: Kind, path: Place, told: dict[str, object]
) -> None:
    lied = changed(result, Mutation("s", kind, path, "5" if kind == "status" else ""))
    assert {name: lied[name] for name in told} == told
    assert result != lied


@pytest.mark.server("redis")
def test_a_remaining_time_is_never_pinned_and_a_key_that_never_expires_is_named(tmp_path: Path, redis_url: str) -> None:
    run = run_text(
        tmp_path,
        """\
        flow:
          name: expiry
          steps:
            - {id: put, action: redis.set, config: {key: k, value: v, ttl: 60}, assert: [ok == true]}
            - {id: left, action: redis.ttl, config: {key: k}}
            - {id: counted, action: redis.incr, config: {key: n}}
        """,
        process={"REDIS_URL": redis_url},
    )
    found = strength(run)
    assert suggestions(found, "left") == {"ttl > 0"}
    assert {change for gap in found.gaps if gap.step == "left" for change in gap.changes} == {
        "exists: not there at all", "ttl: never expires"
    }  # fmt: skip
    assert suggestions(found, "counted") == {"value == 1"}


ROOM = """\
flow:
  name: rooms
  setup:
    - {{id: room, action: http_request, config: {{method: POST, url: "{url}/rooms"}}}}
  steps:
    - id: book
      action: http_request
      config: {{method: POST, url: "{url}/bookings", body: {{guest: "guest-${{RANDOM_STRING}}"}}}}
    - id: list
      action: http_request
      config: {{url: "{url}/bookings"}}
"""


def test_texts_made_of_random_values_and_ids_are_suggested_as_the_flow_would_write_them(
    tmp_path: Path, web: Web
) -> None:
    guest: list[str] = []
    web.on("POST /rooms", 201, ORDER, location="/rooms/1")

    def book(seen: Seen) -> Reply:
        guest[:] = [json.loads(seen.body)["guest"]]
        return Reply(201, {"guest": guest[0], "note": f"for {ORDER['id']}", "share": 0.3333333333})

    web.routes["POST /bookings"] = book
    web.routes["GET /bookings"] = lambda seen: Reply(
        200, {"all": [{"seat": seat, "guest": guest[0], "zone": "A"} for seat in ("1", "2", "3", "4")]}
    )
    found = strength(run_text(tmp_path, ROOM.format(url=web.url)))
    assert suggestions(found, "room") == {"status == 201"}
    assert suggestions(found, "book") == {
        "status == 201",
        'body.guest == "guest-${RANDOM_STRING}"',
        'body.note == "for ${room.body.id}"',
        "round(body.share, 4) == 0.3333",
    }
    assert suggestions(found, "list") == {
        "status == 200",
        'map(body.all, .seat) == ["1", "2", "3", "4"]',
        'all(body.all, .guest == "guest-${RANDOM_STRING}")',
        'all(body.all, .zone == "A")',
    }


def test_rows_that_come_in_no_order_are_not_put_in_one(tmp_path: Path) -> None:
    text = """\
        flow:
          name: order
          setup:
            - {id: make, action: sql, config: {query: "CREATE TABLE t (n text, k text)"}}
            - {id: fill, action: sql, config: {query: "INSERT INTO t VALUES ('a', 'x'), ('b', 'x')"}}
          steps:
            - {id: read, action: sql, config: {query: "SELECT * FROM t"}}
            - {id: sorted, action: sql, config: {query: "SELECT n FROM t order   by n"}}
        """
    run = run_text(tmp_path, text, process={"DATABASE_URL": f"sqlite:///{tmp_path}/m.db"})
    found = strength(run)
    assert suggestions(found, "read") == {"count == 2", 'any(rows, .n == "a")', 'all(rows, .k == "x")'}
    assert 'map(rows, .n) == ["a", "b"]' in suggestions(found, "sorted")


def test_who_wins_a_race_is_nobody_s_mistake(tmp_path: Path, web: Web) -> None:
    web.on("POST /seats", 201, {"seat": "A1"})
    text = f"""\
        flow:
          name: race
          steps:
            - id: both
              action: parallel
              config:
                branches:
                  - - {{id: one-way, action: http, config: {{method: POST, url: "{web.url}/seats", body: {{by: a}}}}}}
                  - - {{id: other, action: http, config: {{method: POST, url: "{web.url}/seats", body: {{by: b}}}}}}
        """
    found = strength(run_text(tmp_path, text))
    assert (found.all, found.gaps) == (0, ())


def test_with_one_recording_what_others_made_is_not_pinned(tmp_path: Path, web: Web) -> None:
    web.on("GET /all", 200, {"items": [*OTHERS], "total": 3, "kind": "orders"})
    text = f"flow:\n  name: all\n  steps:\n    - {{id: see, action: http, config: {{url: '{web.url}/all'}}}}\n"
    run = run_text(tmp_path, text)
    assert suggestions(strength(run), "see") == {
        "status == 200", 'body.kind == "orders"', "body.total is number", "len(body.items) > 0",
        "all(body.items, .id is string)", "all(body.items, .quantity is number)", "all(body.items, .total is number)",
        "",
    }  # fmt: skip
    again = strength(run, "", run_text(tmp_path, text))
    assert {"body.total == 3", "len(body.items) == 3"} & suggestions(again, "see")
