"""Recordings of several runs: would a line of today have held, and which flows pass and fail at one revision."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from flows.runner.store import FileRunStore
from flows.strength.flakes import difference, flakes
from flows.strength.history import over
from graph.runs import Exchange, FlowRun, Run, RunVerdict, StepRun
from testmesh.cli import dispatch
from tests.flows.support import Web, run_text

FLOW = """\
flow:
  name: history
  steps:
    - id: ask
      action: http_request
      config: {{url: "{url}/count"}}
      wait: none
      assert:
        - status == 200
        - body.count < 3
"""


def recorded(folder: Path, web: Web, *counts: int) -> list[Run]:
    """One run for each answer, newest first, all of one known revision."""
    found = []
    for count in counts:
        web.on("GET /count", 200, {"count": count})
        run = run_text(folder, FLOW.format(url=web.url))
        found.append(replace(run, revision="c0ffee", deployed={"counter": "c0ffee"}))
    return found[::-1]


def pairs(runs: list[Run]) -> list[tuple[Run, FlowRun]]:
    return [(run, flow) for run in runs for flow in run.flows]


def test_a_line_written_today_is_judged_on_every_past_run(tmp_path: Path, web: Web) -> None:
    runs = recorded(tmp_path, web, 1, 2, 5)
    text = FLOW.format(url=web.url).replace("body.count < 3", "body.count < 2")
    past = over(pairs(runs), text, "flow.yaml")
    assert [line.expression for line in past.lines] == ["status == 200", "body.count < 2"]
    assert list(past.lines[1].outcomes.values()) == ["failed", "failed", "held"]
    assert list(past.lines[1].sides.values()) == [(5, 2), (2, 2)]
    assert [line.count("held") for line in past.lines] == [3, 1]
    assert list(past.verdicts.values()) == [("failed", "failed"), ("passed", "failed"), ("passed", "passed")]


def test_a_run_that_asked_something_else_is_not_judged_and_says_so(tmp_path: Path, web: Web) -> None:
    runs = recorded(tmp_path, web, 1)
    past = over(pairs(runs), FLOW.format(url=web.url).replace("/count", "/other"), "flow.yaml")
    assert [line.count("not_run") for line in past.lines] == [1, 1]
    assert "ask: its request differs from the recorded one (url)" in past.differs.values()
    assert list(past.verdicts.values()) == [("passed", "error")]


def test_different_verdicts_of_one_revision_are_a_flake_with_an_interval(tmp_path: Path, web: Web) -> None:
    runs = recorded(tmp_path, web, 1, 4, 2)
    (found,) = flakes(runs)
    assert (found.step, found.assertion, found.passed, found.failed) == ("ask", "body.count < 3", 2, 1)
    assert 0.05 < found.low < 1 / 3 < found.high < 0.8
    assert found.difference == "red 4 and 3, green 1"
    assert found.known
    assert found.runs == (runs[1].id,)
    assert not flakes([replace(runs[0], revision="other"), runs[1]])
    (unsure,) = flakes([replace(run, deployed={}) for run in runs])
    assert not unsure.known


def test_the_commands_ask_the_store(tmp_path: Path, web: Web, capsys: pytest.CaptureFixture[str]) -> None:
    store = FileRunStore(tmp_path / ".testmesh" / "runs")
    for run in recorded(tmp_path, web, 1, 4):
        store.save(run)
    assert dispatch(["flakes", "-C", str(tmp_path)]) == 0
    assert dispatch(["judge", "-C", str(tmp_path), "--flow", "flow.yaml", "--last", "5"]) == 1
    assert dispatch(["judge", "-C", str(tmp_path)]) == 1
    assert dispatch(["judge", "-C", str(tmp_path), "no-such-run"]) == 2
    assert dispatch(["strength", "-C", str(tmp_path), "flow.yaml", "--min", "99"]) == 1
    before = (tmp_path / "flow.yaml").read_text()
    assert dispatch(["strength", "-C", str(tmp_path), "flow.yaml", "--write"]) == 0
    assert (tmp_path / "flow.yaml").read_text() != before
    assert dispatch(["strength", "-C", str(tmp_path), "flow.yaml", "--min", "99"]) == 0
    (tmp_path / "never.yaml").write_text("flow: {name: n, steps: [{id: l, action: log, config: {message: m}}]}")
    assert dispatch(["strength", "-C", str(tmp_path), str(tmp_path), "--min", "1"]) == 1
    said = capsys.readouterr().out
    assert "never.yaml: not measured: it has no green recording" in said
    assert "failed 1 of 2" in said
    assert "passes on 1 of the last 2 recordings" in said
    assert "+        - body.count == 1" in said


def test_a_wait_that_ended_early_leaves_a_stricter_line_undecided(tmp_path: Path) -> None:
    text = (
        "flow:\n  name: early\n  steps:\n    - id: read\n      action: sql\n"
        f'      config: {{connection: "sqlite:///{tmp_path}/e.db", query: "SELECT 1 AS n"}}\n'
        "      assert:\n        - rows[0].n == 1\n"
    )
    run = run_text(tmp_path, text)
    past = over(pairs([run]), text.replace("n == 1", "n == 2"), "flow.yaml")
    assert [line.count("undecided") for line in past.lines] == [1]
    assert list(past.verdicts.values()) == [("passed", "error")]


def test_a_stricter_line_that_would_have_been_tried_again_is_undecided(tmp_path: Path, web: Web) -> None:
    web.on("GET /count", 200, {"count": 1})
    text = FLOW.format(url=web.url).replace("      wait: none\n", "      wait: none\n      retry: {max_attempts: 2}\n")
    past = over(pairs([run_text(tmp_path, text)]), text.replace("count < 3", "count < 1"), "flow.yaml")
    assert [next(iter(line.outcomes.values())) for line in past.lines] == ["held", "undecided"]


def heard(values: str, ended: str, length: float, error: str = "") -> FlowRun:
    """A recorded consumer."""
    messages = tuple({"raw": value, "value": value} for value in values)
    exchange = Exchange(
        {"topic": "t"}, messages, tuple(map(float, range(len(values)))), ended, error, error and "connection"
    )
    step = StepRun("hear", "steps", "kafka_consumer", "passed", "", 0.0, length, (exchange,), {"messages": []})
    return FlowRun("f.yaml", "f", None, "passed", length, (step,))


def test_the_difference_names_the_window_the_order_and_what_was_not_reached() -> None:
    told = difference(heard("ba", "window", 5000), heard("ab", "satisfied", 4500), "hear")
    assert "red used its whole window of 5.00s, green 4.50s (90%, close to it)" in told
    assert "the same messages in another order" in told
    assert "messages: red 1, green 2" in difference(heard("a", "window", 5000), heard("ab", "satisfied", 9), "hear")
    away = difference(heard("", "error", 3, "b:1: connection refused"), heard("a", "satisfied", 20), "hear")
    assert away.startswith("red: b:1: connection refused; green answered in 0.02s")
    assert "no counterpart" in difference(heard("a", "window", 1), heard("a", "window", 1), "other")


def test_a_renamed_step_is_recognised_by_what_it_asked(tmp_path: Path, web: Web) -> None:
    runs = recorded(tmp_path, web, 1)
    past = over(pairs(runs), FLOW.format(url=web.url).replace("id: ask", "id: question"), "flow.yaml")
    assert "question: it was not recorded; 'ask' asked the same: was it renamed?" in past.differs.values()


def night(day: int, hour: int, verdict: RunVerdict, *others: FlowRun, attempts: int = 1) -> Run:
    """A run of `f.yaml` beside others, which last from 0 to 10 ms; it begins at 20 ms."""
    exchange = Exchange({}, ({"status": 503 if attempts > 1 else 200},), (1.0,), "window")
    step = StepRun("ask", "steps", "http_request", "passed", "", 20, 10, (exchange,) * attempts, {"status": 200})
    flow = FlowRun("f.yaml", "f", None, verdict, 10, (replace(step, verdict=verdict),), started_ms=20)  # type: ignore[arg-type]
    at = f"2026-11-{day:02}T{hour:02}:30:00.000Z"
    return Run(f"{day:02}{hour:02}", at, at, verdict, (*others, flow), revision="c0ffee", deployed={"s": "c0ffee"})


def other(file: str, started: float) -> FlowRun:
    """Another flow of the run."""
    return FlowRun(file, file, None, "passed", 10, (StepRun("x", "steps", "log", "passed"),), started_ms=started)


def told(*runs: Run) -> list[str]:
    return [flake.circumstance for flake in flakes(runs)]


def test_what_separates_red_from_green_is_said_when_chance_would_hardly_do_it() -> None:
    beside, before = other("a.yaml", 25), other("a.yaml", 0)
    red = [night(day, 12, "failed", beside) for day in (1, 3, 5)]
    green = [night(day, 12, "passed") for day in (2, 4, 6)]
    assert told(*red, *green) == ["red only when other flows ran at the same time, green only alone"]
    assert told(*red[:2], *green[:2]) == [""]
    red = [night(day, 12, "failed", before) for day in (1, 3, 5)]
    assert told(*red, *green) == ["red only after a.yaml in the same run"]
    green = [night(day, 12, "passed", other("b.yaml", 0), beside) for day in (2, 4, 6)]
    red = [night(day, 12, "failed", beside) for day in (1, 3, 5)]
    more = [night(day, 12, "failed", beside) for day in (7, 9)]
    assert told(*red, *more, *green) == ["green only after b.yaml in the same run"]
    red = [night(day, hour, "failed") for day in (1, 2, 3) for hour in (23, 0)]
    green = [night(day, hour, "passed") for day in (5, 6, 7) for hour in (9, 14)]
    assert told(*red, *green) == ["red only from 23:00 to 01:00 UTC, on 3 days"]


def test_a_retry_that_hides_a_flake_is_shown() -> None:
    (found,) = flakes([night(1, 9, "passed"), night(2, 9, "passed", attempts=3), night(3, 9, "passed")])
    assert (found.retried, found.failed, found.passed, found.step) == (True, 1, 2, "ask")
    assert (found.assertion, found.difference) == ("passed only at attempt 3", "first attempt: status 503")
    assert not flakes([night(1, 9, "passed", attempts=2), night(2, 9, "passed", attempts=3)])
