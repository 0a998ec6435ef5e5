"""Looking at recordings from the command line: runs, show, compare."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Literal

import pytest

from flows.events import run_to_json
from flows.runner.store import FileRunStore
from graph.runs import AssertionResult, FlowRun, Run, StepRun
from testmesh.cli import dispatch

FLOWS = ("flows/a.yaml", "flows/b.yaml")
Verdict = Literal["passed", "failed"]


def run_of(
    number: int, verdict: Verdict, file: str = FLOWS[0], revision: str = "unknown", environment: str = ""
) -> Run:
    held = verdict == "passed"
    line = AssertionResult("assert", "body.total == 40", held, 40 if held else number, 40)
    result = {"body": {"total": line.left}}
    step = StepRun("s", "steps", "http_request", verdict, result=result, assertions=(line,), line=3)
    flow = FlowRun(file, file[6], None, verdict, 5.0, (step,))
    at = f"2026-11-{number:02d}T08:00:00.000Z"
    return Run(f"01run{number:02d}", at, at, verdict, (flow,), revision=revision, environment=environment)


@pytest.fixture
def place(tmp_path: Path) -> Path:
    store = FileRunStore(tmp_path / ".testmesh" / "runs")
    for run in (
        run_of(1, "passed", revision="abc123"),
        run_of(2, "failed", environment="staging"),
        run_of(3, "passed", FLOWS[1]),
        run_of(4, "failed", revision="def456"),
    ):
        store.save(run)
    return tmp_path


def said(capsys: pytest.CaptureFixture[str], place: Path, *arguments: str, code: int = 0) -> str:
    ended = dispatch([*arguments, "-C", str(place)])
    out = capsys.readouterr()
    assert ended == code, out.err
    return out.out if code == 0 else out.err


@pytest.mark.parametrize(
    ("filters", "ids"),
    [
        ((), ["04", "03", "02", "01"]),
        (("--limit", "2"), ["04", "03"]),
        (("--flow", "a.yaml"), ["04", "02", "01"]),
        (("--flow", "b"), ["03"]),
        (("--flow", "a.yaml", "--verdict", "passed"), ["01"]),
        (("--verdict", "failed"), ["04", "02"]),
        (("--since", "2026-11-03"), ["04", "03"]),
        (("--since", "2026-11-02T09:00:00+01:00"), ["04", "03", "02"]),
        (("--env", "staging"), ["02"]),
        (("--revision", "abc"), ["01"]),
        (("--flow", "none"), []),
    ],
)
def test_runs_are_filtered(
    place: Path, capsys: pytest.CaptureFixture[str], filters: tuple[str, ...], ids: list[str]
) -> None:
    rows = json.loads(said(capsys, place, "runs", *filters, "--json"))
    assert [row["id"][-2:] for row in rows] == ids
    text = said(capsys, place, "runs", *filters)
    assert text == "no run fits\n" if not ids else len(text.splitlines()) == len(ids)


@pytest.mark.parametrize(
    "filters", [("--limit", "0"), ("--verdict", "green"), ("--since", "yesterday"), ("--since", "5x"), ("--limit", "x")]
)
def test_a_filter_that_makes_no_sense_ends_with_2(
    place: Path, capsys: pytest.CaptureFixture[str], filters: tuple[str, ...]
) -> None:
    said(capsys, place, "runs", *filters, code=2)


def test_compare_takes_two_runs_or_the_last_green_one(place: Path, capsys: pytest.CaptureFixture[str]) -> None:
    text = said(capsys, place, "compare", "01run01", "01run04")
    assert "flows/a.yaml: a: passed → failed" in text
    assert "body.total: 40 → 4" in text
    assert said(capsys, place, "compare", "latest") == text
    found = json.loads(said(capsys, place, "compare", "01run02", "01run04", "--json"))
    assert found["flows"][0]["steps"][0]["values"] == [{"path": "body.total", "before": 2, "after": 4}]
    assert "none of the last" in said(capsys, place, "compare", "01run01", code=2)
    assert "there is no run" in said(capsys, place, "compare", "01run01", "zzz", code=2)


def test_show_writes_a_page_and_any_report(place: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = Path(said(capsys, place, "show", "latest", "--html").strip())
    assert file == place / ".testmesh" / "pages" / "01run04.html"
    page = file.read_text()
    assert '"green":{"run":"01run01"' in page
    own = place / "own.html"
    assert said(capsys, place, "show", "01run01", "--html", str(own), "--report", f"junit={place / 'j.xml'}") == (
        f"{place / 'j.xml'}\n{own}\n"
    )
    assert said(capsys, place, "show", "latest", "--report", "md=-").startswith("### ❌ TestMesh failed")
    recording = run_to_json(run_of(4, "failed", revision="def456"))
    assert json.loads(said(capsys, place, "show", "latest", "--recording")) == json.loads(recording)
    said(capsys, place, "show", "latest", "--report", "junit", code=2)
    said(capsys, place, "show", "latest", "--report", "nothing=x", code=2)
    assert "left 4, right 40" in said(capsys, place, "show", "latest")
