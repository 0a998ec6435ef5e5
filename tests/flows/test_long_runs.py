"""Runs of very many steps: what is on disk reads like what is in memory, and an error of our own loses nothing."""

from __future__ import annotations

import asyncio
import json
from dataclasses import replace
from pathlib import Path

import pytest

from flows.actions import Action, Call, Result, catalogue
from flows.actions.log import LogConfig
from flows.engine.recording import judge
from flows.events import run_from_json, run_to_json
from flows.language.catalogue import ActionSpec
from flows.reports import report
from flows.reports.beside import NOTHING
from flows.runner import FileRunStore, RunOptions, exit_code, run_flows
from flows.runner.loading import Loader
from flows.runner.reading import opened
from flows.runner.spool import Spool, SpooledSteps
from flows.runner.writing import run_chunks
from graph.runs import Run, StepRun
from testmesh.kernel.errors import UserError
from tests.flows.support import only, run_text, step, verdicts, write

LOOP = """
flow:
  name: loop
  steps:
    - id: many
      action: for_each
      config:
        range: {from: 1, to: 700}
        steps:
          - {id: a, action: assert, config: {assertions: ["item > 0"]}}
          - id: b
            action: condition
            config: {if: "item < 690", then: [{id: c, action: log, config: {message: "${item}"}}]}
"""


@pytest.fixture
def run(tmp_path: Path) -> Run:
    """A run most of whose steps are on disk."""
    return run_text(tmp_path, LOOP)


def test_a_run_on_disk_reads_like_one_in_memory(run: Run) -> None:
    (many,) = only(run).steps
    assert isinstance(many.steps, SpooledSteps)
    assert len(many.steps) == 1400
    assert [found.id for found in many.steps[1396:]] == ["a", "b", "a", "b"]
    assert many.steps[-1].iteration == 699
    assert many.steps[1200].verdict == "passed"
    whole = run_from_json(run_to_json(run))
    assert only(whole).steps[0].steps == tuple(many.steps)
    assert many.steps == only(whole).steps[0].steps
    assert judge(whole).verdict == judge(run).verdict == "passed"


def test_the_artefact_written_in_pieces_is_the_artefact(run: Run, tmp_path: Path) -> None:
    assert json.loads("".join(run_chunks(run))) == json.loads(run_to_json(run))
    store = FileRunStore(tmp_path / "runs")
    store.save(run)
    assert store.load(run.id) == run_from_json(run_to_json(run))


def test_a_recording_is_read_step_by_step_from_its_file(run: Run, tmp_path: Path) -> None:
    path = tmp_path / "run.json"
    path.write_text("".join(run_chunks(run)))
    found = opened(path)
    assert found is not None
    (many,) = only(found).steps
    assert isinstance(many.steps, SpooledSteps)
    assert found == run_from_json(path.read_bytes())
    assert judge(found, keeper=Spool(in_memory=3)) == judge(run)
    assert "".join(run_chunks(found)) == path.read_text()
    for name in ("html", "ctrf", "md", "github", "junit", "json"):
        assert report(name).write(found, NOTHING) == report(name).write(run_from_json(path.read_bytes()), NOTHING)


def test_a_recording_in_another_layout_or_cut_short_is_not_read_step_by_step(run: Run, tmp_path: Path) -> None:
    path, text = tmp_path / "run.json", "".join(run_chunks(run))
    for other in (run_to_json(run), text[:-3], text[: len(text) // 2], text.replace('"version":1', '"version":2'), ""):
        path.write_text(other)
        assert opened(path) is None


def test_a_damaged_step_says_so_when_its_turn_comes(run: Run, tmp_path: Path) -> None:
    path = tmp_path / "run.json"
    path.write_text("".join(run_chunks(run)).replace('{"id":"a","phase"', '{"id" "a","phase"', 3))
    found = opened(path)
    assert found is not None
    with pytest.raises(UserError, match="a step of the recording cannot be read"):
        list(only(found).steps[0].steps)


def test_what_cannot_be_written_to_disk_stays_in_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    spool = Spool(in_memory=0)
    monkeypatch.setenv("TMPDIR", "/nowhere/at/all")
    monkeypatch.setattr("tempfile.tempdir", "/nowhere/at/all")
    record = StepRun("a", "steps", "log", "passed")
    assert spool.keep(record) is record


def test_only_loops_that_something_refers_to_keep_what_their_iterations_gave(tmp_path: Path) -> None:
    text = """
    flow:
      name: loops
      steps:
        - id: asked
          action: for_each
          config: {range: {from: 1, to: 2}, steps: [{id: a, action: set, config: {n: "${item}"}}]}
        - id: own
          action: for_each
          config: {range: {from: 1, to: 2}, steps: [{id: b, action: set, config: {m: "${item}"}}]}
          assert: ["results[1].b.m == 2"]
        - id: alone
          action: for_each
          config: {range: {from: 1, to: 2}, steps: [{id: c, action: set, config: {o: "${item}"}}]}
          assert: ["count == 2"]
        - {id: check, action: assert, config: {assertions: ["asked.results[1].a.n == 2"]}}
    """
    run = run_text(tmp_path, text)
    assert run.verdict == "passed", verdicts(run)
    assert [sorted(step(run, name).result) for name in ("asked", "own", "alone")] == [
        ["count", "results"],
        ["count", "results"],
        ["count"],
    ]


def test_flows_beyond_the_room_are_checked_let_go_and_read_again(tmp_path: Path) -> None:
    text = "flow:\n  name: {n}\n  steps:\n" + "".join(
        f"    - {{{{id: s{i}, action: log, config: {{{{message: x}}}}}}}}\n" for i in range(9)
    )
    names = [write(tmp_path, text.format(n=n), f"{n}.yaml") for n in ("a", "b", "c")]
    loader = Loader(tmp_path, catalogue(), keep=10)
    opened = loader.open_all(names)
    assert [found.flow is not None for found in opened] == [True, False, False]
    assert [found.outline.size for found in opened if found.outline is not None] == [9, 9, 9]
    assert loader.flow(opened[2]).name == "c"
    assert loader.flow(opened[2]) is loader.flow(opened[2])


async def _breaks(config: LogConfig, call: Call) -> Result:
    raise ZeroDivisionError("our own mistake")


def _condition(config: LogConfig, result: Result, names: object) -> str:
    raise ZeroDivisionError("another mistake")


async def _answers(config: LogConfig, call: Call) -> Result:
    return {"a": 1}


BROKEN = {
    "breaks": Action(ActionSpec("breaks", "Raises.", LogConfig), run=_breaks),
    "judges_badly": Action(ActionSpec("judges_badly", "Raises.", LogConfig), run=_answers, condition=_condition),
}


@pytest.mark.parametrize("name", sorted(BROKEN))
def test_an_error_of_our_own_is_one_step_in_error_and_nothing_is_lost(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], name: str
) -> None:
    known = catalogue()
    known.find("log")
    monkeypatch.setattr(known, "_by_name", {**known._by_name, name: BROKEN[name]})
    monkeypatch.setattr(known, "_names", {**known._names, name: (BROKEN[name].spec, {})})
    bad = f"""
    flow:
      name: bad
      steps:
        - {{id: broken, action: {name}, config: {{message: x}}}}
        - {{id: after, action: log, config: {{message: x}}}}
      teardown:
        - {{id: clean, action: log, config: {{message: x}}}}
    """
    good = "flow: {name: good, steps: [{id: a, action: log, config: {message: x}}]}"
    files = (write(tmp_path, bad, "bad.yaml"), write(tmp_path, good, "good.yaml"))
    store = FileRunStore(tmp_path / "runs")
    run = asyncio.run(run_flows(RunOptions(paths=files, root=tmp_path), store=store))
    assert verdicts(run) == {"broken": "error", "after": "not_run", "clean": "passed", "a": "passed"}
    assert step(run, "broken").message.startswith("bug in TestMesh: ZeroDivisionError: ")
    assert exit_code(run) == 1
    assert "Traceback" in capsys.readouterr().err
    assert json.loads((tmp_path / "runs" / f"{run.id}.json").read_text())["verdict"] == "error"


def test_the_repr_of_a_run_is_short_whatever_it_holds(run: Run) -> None:
    (flow,) = run.flows
    assert repr(flow) == repr(replace(flow, steps=tuple(flow.steps), source=flow.source * 100))
