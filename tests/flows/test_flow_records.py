"""The artefact: exact, masked, and whole on disk or not there."""

from __future__ import annotations

import os
import resource
import subprocess
import sys
from decimal import Decimal
from pathlib import Path
from xml.etree import ElementTree

import pytest

from flows.events import event_data, run_data, run_from_json, run_report, run_to_json, to_json
from flows.reports import report, write_reports
from flows.reports.terminal import run_lines
from flows.runner import FileRunStore
from graph.runs import Event, Run
from testmesh.kernel.errors import NotFoundError, UserError
from tests.flows.support import Web, run_text


@pytest.fixture
def run(tmp_path: Path, web: Web) -> Run:
    """A run with something of everything."""
    web.on("GET /a", 200, {"n": 12.5, "big": 12345678901234567890, "text": "é\u0000"})
    return run_text(
        tmp_path,
        f"""
        flow:
          name: all
          steps:
            - {{id: a, action: http_request, config: {{url: "{web.url}/a"}}, output: {{n: body.n}},
               assert: [body.n == 1]}}
            - {{id: b, action: log, config: {{message: m}}}}
          teardown:
            - id: each
              action: for_each
              config: {{items: [1, 2], steps: [{{id: c, action: assert, config: {{assertions: [item > 0]}}}}]}}
        """,
    )


def test_a_run_is_the_same_after_its_text(run: Run) -> None:
    again = run_from_json(run_to_json(run))
    assert again == run
    assert run_to_json(again) == run_to_json(run)


def test_numbers_stay_exact() -> None:
    number = Decimal("1234567890.123456789012345678901234567890")
    assert to_json({"n": number, "t": "x"}) == '{"n":1234567890.123456789012345678901234567890,"t":"x"}'


def test_another_version_or_something_else_is_refused() -> None:
    for text in ("", "[]", "{}", '{"version": 2}', '{"version": 1, "id": "x"}'):
        with pytest.raises(UserError):
            run_from_json(text)


def test_the_json_report_has_the_published_shape(run: Run) -> None:
    shown = run_report(run)
    assert set(shown) == {"run", "verdict", "flows"}
    (flow,) = shown["flows"]  # type: ignore[misc]
    assert {"file", "name", "row", "verdict", "duration_ms", "steps"} <= set(flow)
    first, _, last = flow["steps"]
    assert set(first) == {"id", "phase", "verdict", "duration_ms", "message", "assertions", "steps"}
    assert first["assertions"] == [
        {"list": "assert", "expression": "body.n == 1", "passed": False, "left": 12.5, "right": 1}
    ]
    assert [inner["iteration"] for inner in last["steps"]] == [0, 1]


def test_junit_counts_and_names_every_step(run: Run, tmp_path: Path) -> None:
    write_reports(run, {"junit": tmp_path / "out" / "junit.xml", "json": tmp_path / "run.json"})
    root = ElementTree.parse(tmp_path / "out" / "junit.xml").getroot()
    counts = {name: root.attrib[name] for name in ("tests", "failures", "errors")}
    assert counts == {"tests": "5", "failures": "1", "errors": "0"}
    assert root[0].attrib["skipped"] == "1"
    names = [case.attrib["name"] for case in root.iter("testcase")]
    assert names == ["a", "b", "teardown/each", "teardown/each/c[0]", "teardown/each/c[1]"]
    failure = next(root.iter("failure"))
    assert "body.n == 1" in failure.attrib["message"]
    with pytest.raises(UserError, match="unknown report"):
        report("none")


def test_the_terminal_shows_both_sides_of_what_failed(run: Run) -> None:
    text = "\n".join(run_lines(run))
    assert "FAILED" in text
    assert "left 12.5, right 1" in text
    assert "teardown" not in text
    assert "\u0000" not in text


def test_events_have_a_json_form(tmp_path: Path) -> None:
    events: list[Event] = []
    run_text(
        tmp_path, "flow: {name: x, steps: [{id: a, action: assert, config: {assertions: [1 == 1]}}]}", events=events
    )
    shown = [event_data(event) for event in events]
    assert [found["type"] for found in shown][0::5] == ["RunStarted", "RunFinished"]
    assert all(to_json(found) for found in shown)


def test_runs_are_found_by_id_prefix_and_latest(run: Run, tmp_path: Path) -> None:
    store = FileRunStore(tmp_path / ".testmesh" / "runs")
    with pytest.raises(NotFoundError):
        store.load("latest")
    store.save(run)
    assert store.load(run.id) == store.load(run.id[:20]) == store.load("latest") == run
    assert (tmp_path / ".testmesh" / ".gitignore").read_text() == "*\n"
    (summary,) = store.list()
    assert (summary.id, summary.verdict, summary.passed, summary.failed) == (run.id, "failed", 0, 1)
    assert store.list(before=run.id) == []
    with pytest.raises(NotFoundError, match="there is no run"):
        store.load("zzz")
    with pytest.raises(NotFoundError):
        store.load("../../etc/passwd")
    (tmp_path / ".testmesh" / "runs" / "0broken.json").write_text("{")
    assert len(store.list()) == 1


FULL = """
import resource, signal, sys
from pathlib import Path
from flows.events import run_from_json
from flows.runner import FileRunStore
from testmesh.kernel.errors import UserError
run = run_from_json(Path(sys.argv[1]).read_bytes())
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
resource.setrlimit(resource.RLIMIT_FSIZE, (100, 100))
try:
    FileRunStore(Path(sys.argv[2])).save(run)
except UserError as error:
    print(error.message)
"""


def test_a_full_disk_gives_a_clear_error_and_leaves_nothing(run: Run, tmp_path: Path) -> None:
    assert resource.getrlimit(resource.RLIMIT_FSIZE)[0] != 100
    (tmp_path / "run.json").write_text(run_to_json(run))
    runs = tmp_path / "state" / "runs"
    argv = [sys.executable, "-c", FULL, str(tmp_path / "run.json"), str(runs)]
    root = Path(__file__).parents[2]
    env = {**os.environ, "PYTHONPATH": str(root)}
    found = subprocess.run(argv, check=False, cwd=root, env=env, capture_output=True, text=True)
    assert found.stderr == ""
    assert "could not be written" in found.stdout
    assert list(runs.iterdir()) == []


def test_run_data_is_json_shaped(run: Run) -> None:
    assert run_data(run)["version"] == 1


def test_an_instant_or_a_duration_in_an_assertion_or_a_setting_is_kept_as_json(tmp_path: Path) -> None:
    text = (
        "flow:\n  name: moments\n  steps:\n"
        "    - {id: a, action: set, config: {d: \"${date('2026-01-01T00:00:00Z')}\", u: \"${duration('5s')}\"}}\n"
        "    - {id: b, action: assert, assert: ['date(\"2026-01-01\") < date(d)']}\n"
    )
    run = run_text(tmp_path, text)
    again = run_from_json(run_to_json(run))
    assert again.flows[0].steps[1].assertions[0].left == "2026-01-01T00:00:00Z"
    assert again.flows[0].steps[0].result == {"d": "2026-01-01T00:00:00Z", "u": 5}


@pytest.mark.parametrize(
    "body",
    ['{"half": "\\ud800", "\\udfff": 1}', "[" * 900 + "]" * 900, "[" * 100_000, '{"a": "\\u0000\\u001b[31m"}'],
    ids=["surrogates", "deep", "endless", "control"],
)
def test_json_that_no_file_can_hold_or_no_walk_can_reach_is_still_a_result(tmp_path: Path, web: Web, body: str) -> None:
    web.on("GET /odd", 200, body.encode())
    run = run_text(
        tmp_path,
        f"flow:\n  name: odd\n  steps:\n    - {{id: a, action: http, config: {{url: '{web.url}/odd'}},"
        " output: {b: $.body}, assert: [status == 200, body == 1]}\n",
    )
    text = run_to_json(run)
    assert run_from_json(text.encode()).flows[0].steps[0].result == run.flows[0].steps[0].result
    for name in ("junit", "json"):
        write_reports(run, {name: tmp_path / name})
    assert run.flows[0].steps[0].assertions[0].passed
