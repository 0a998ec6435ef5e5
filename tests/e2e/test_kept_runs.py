"""A folder of recordings that is damaged, foreign or cannot be written: nothing else suffers from it."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from flows.events import run_to_json
from flows.runner.store import FileRunStore
from graph.runs import FlowRun, Run
from testmesh.cli import dispatch

MOMENT = "2026-11-26T08:00:00.000Z"
FLOW = 'flow: {name: f, steps: [{id: a, action: assert, config: {assertions: ["1 == 2"]}}]}\n'


def _run(run_id: str = "01good") -> Run:
    return Run(run_id, MOMENT, MOMENT, "passed", (FlowRun("a.yaml", "A", None, "passed", 1.0),))


def _damaged(text: str) -> dict[str, str]:
    data = json.loads(text)
    return {
        "empty": "",
        "cut": text[: len(text) // 2],
        "foreign": "[]",
        "newer": json.dumps(data | {"version": 2}),
        "verdict": json.dumps(data | {"verdict": "odd"}),
        "inner": json.dumps(data | {"flows": [data["flows"][0] | {"verdict": 3}]}),
        "moment": json.dumps(data | {"started": "yesterday"}),
        "name": json.dumps(data | {"flows": [data["flows"][0] | {"name": None}]}),
    }


def test_every_damaged_recording_is_named_and_the_others_are_listed(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    store = FileRunStore(tmp_path / ".testmesh" / "runs")
    store.save(_run())
    folder = tmp_path / ".testmesh" / "runs"
    damaged = _damaged(run_to_json(_run()))
    for name, text in damaged.items():
        (folder / f"{name}.json").write_text(text)
        assert dispatch(["show", name, "-C", str(tmp_path)]) == 2
        assert f"{name}.json: " in capsys.readouterr().err
    assert dispatch(["runs", "-C", str(tmp_path), "--json"]) == 0
    out, err = capsys.readouterr()
    assert [row["id"] for row in json.loads(out)] == ["01good"]
    assert len(err.splitlines()) == 6
    assert [one.id for one in store.list()] == ["01good"]
    assert set(store.unread) == set(damaged)


def test_what_is_no_recording_by_its_name_is_never_the_latest(tmp_path: Path) -> None:
    folder = tmp_path / "runs"
    FileRunStore(folder).save(_run())
    (folder / "zz folder.json").mkdir()
    (folder / "zz.json").mkdir()
    (folder / "zz-gone.json").symlink_to(tmp_path / "nowhere")
    (folder / "zz a copy.json").write_text(run_to_json(_run("zz")))
    assert FileRunStore(folder).load("latest").id == "01good"


def test_a_copied_recording_is_listed_by_the_name_that_finds_it(tmp_path: Path) -> None:
    store = FileRunStore(tmp_path / "runs")
    store.save(_run())
    (tmp_path / "runs" / "baseline.json").write_text(run_to_json(_run()))
    assert [one.id for one in store.list()] == ["baseline", "01good"]
    assert store.list(before="baseline")[0].id == "01good"


def test_a_run_that_cannot_be_kept_is_told_and_reported_all_the_same(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "flow.yaml").write_text(FLOW)
    (tmp_path / ".testmesh").write_text("in the way")
    nowhere = tmp_path / "flow.yaml" / "out.md"
    reports = ["--report", f"md={nowhere}", f"junit={tmp_path / 'out.xml'}"]
    assert dispatch(["run", "flow.yaml", "-C", str(tmp_path), "--json", *reports]) == 2
    out, err = capsys.readouterr()
    assert json.loads(out)["verdict"] == "failed"
    assert f"{nowhere} could not be written" in err
    assert 'failures="1"' in (tmp_path / "out.xml").read_text()
    assert dispatch(["run", "flow.yaml", "-C", str(tmp_path)]) == 2
    out, err = capsys.readouterr()
    assert "FAILED" in out
    assert "runs could not be made" in err
