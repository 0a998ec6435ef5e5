"""Every report of a run counts the same, is valid where a schema is published, and lets no text out of its place."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import jsonschema
import pytest
import xmlschema
from hypothesis import given, settings

from flows.reports import report, write_reports
from flows.reports.beside import NOTHING, Beside
from flows.reports.failures import MOST_LINES
from flows.reports.md import LIMIT, code, fenced
from flows.reports.totals import COLUMNS, COUNTED, all_cases, totals
from graph.runs import FlowRun, Run, StepRun
from testmesh.kernel.discovery import module_names
from testmesh.kernel.errors import UserError
from tests.flows.random_runs import RUNS

SCHEMAS = Path(__file__).parent / "schemas"
XSD = xmlschema.XMLSchema(str(SCHEMAS / "junit-10.xsd"))
CTRF = jsonschema.Draft7Validator(
    json.loads((SCHEMAS / "ctrf.schema.json").read_text()), format_checker=jsonschema.FormatChecker()
)


def written(name: str, run: Run) -> str:
    return report(name).write(run, NOTHING).encode("utf-8", "replace").decode()


def junit_counts(text: str) -> dict[str, int]:
    root = ElementTree.fromstring(text)
    cases = list(root.iter("testcase"))
    found = {tag: len(list(root.iter(tag))) for tag in ("failure", "error", "skipped")}
    assert len(cases) == int(root.attrib["tests"]) == sum(int(s.attrib["tests"]) for s in root.iter("testsuite"))
    assert found["failure"] == int(root.attrib["failures"])
    assert found["error"] == int(root.attrib["errors"])
    return {"": len(cases) - sum(found.values()), **found}


def json_cases(flow: dict[str, Any]) -> int:
    def count(steps: list[dict[str, Any]]) -> int:
        return sum(1 + count(step["steps"]) for step in steps)

    return count(flow["steps"])


@given(RUNS)
@settings(max_examples=30)
def test_all_reports_have_the_same_totals(run: Run) -> None:
    counts = totals(all_cases(run)).as_map()
    junit = junit_counts(written("junit", run))
    for tag in ("", "failure", "error", "skipped"):
        assert junit[tag] == sum(counts[v] for v in COUNTED if COLUMNS[v].junit == tag)
    summary = json.loads(written("ctrf", run))["results"]["summary"]
    tests = json.loads(written("ctrf", run))["results"]["tests"]
    for status in ("passed", "failed", "skipped", "pending", "other"):
        assert summary[status] == sum(counts[v] for v in COUNTED if COLUMNS[v].ctrf == status)
        assert summary[status] == sum(test["status"] == status for test in tests)
    assert summary["extra"]["verdicts"] == counts
    assert summary["tests"] == len(tests) == sum(counts.values())
    header, _, row = written("md", run).splitlines()[2:5]
    cells = dict(zip(header.split(" | "), row.split(" | "), strict=True))
    for verdict in COUNTED:
        if COLUMNS[verdict].words in cells:
            assert int(cells[COLUMNS[verdict].words]) == counts[verdict]
        else:
            assert counts[verdict] == 0
    first = written("github", run).splitlines()[0]
    for verdict in COUNTED:
        found = re.search(rf"(?:::|, )(\d+) {COLUMNS[verdict].words}(?:,| \()", first)
        assert (int(found[1]) if found else 0) == counts[verdict]
    page = re.search(r'<script type="application/json" id="data">(.*?)</script>', written("html", run), re.DOTALL)
    assert page is not None
    assert json.loads(page[1])["run"]["totals"] == counts
    assert len(json.loads(page[1])["steps"]) + sum(case.step is None for case in all_cases(run)) == sum(counts.values())
    flows = json.loads(written("json", run))["flows"]
    own = sum(case.step is None for case in all_cases(run))
    assert sum(map(json_cases, flows)) + own == sum(counts.values())


@given(RUNS)
@settings(max_examples=30)
def test_reports_are_valid_by_the_published_schemas(run: Run) -> None:
    XSD.validate(written("junit", run))
    CTRF.validate(json.loads(written("ctrf", run)))


@given(RUNS)
@settings(max_examples=30)
def test_no_text_leaves_its_place(run: Run) -> None:
    for line in written("github", run).splitlines():
        assert re.match(r"::(error|warning|notice) [^:]*::", line), line
    markdown = written("md", run)
    assert len(markdown) <= LIMIT
    for failure in ElementTree.fromstring(written("junit", run)).iter("failure"):
        assert len((failure.text or "").splitlines()) <= MOST_LINES


def failing(name: str, text: str, number: int) -> Run:
    steps = tuple(
        StepRun(f"s{index}", "steps", "http_request", "failed", text, duration_ms=1.0, line=index + 1)
        for index in range(number)
    )
    flow = FlowRun("flows/a.yaml", name, None, "failed", 10.0, steps)
    return Run("01abc", "2026-11-26T08:35:51.000Z", "2026-11-26T08:35:52.000Z", "failed", (flow,))


def test_markdown_is_cut_between_failures_and_says_how_many_are_left_out() -> None:
    text = written("md", failing("long", "a message that is not short " * 5, 2_000))
    assert LIMIT - 2_000 < len(text) <= LIMIT
    left = re.search(r"… and (\d+) more failures", text)
    assert left is not None
    assert int(left[1]) + text.count("http_request) failed") == 2_000
    assert text.count("```") % 2 == 0


def test_markdown_fences_and_code_hold_what_is_in_them() -> None:
    assert fenced("a\n````\nb").startswith("\n`````text\n")
    assert code("a`b``c") == "```a`b``c```"
    assert code("`x`") == "`` `x` ``"
    text = written("md", failing("**@team** <img src=x> | [a](b)", "```\n# out", 1))
    assert "\\*\\*@\u200bteam\\*\\* &lt;img src=x\\>" in text


def test_what_is_optional_and_failed_is_no_failure_in_a_run_that_passed() -> None:
    run = failing("optional", "no", 1)
    flow = run.flows[0]
    passed = Run(
        run.id, run.started, run.finished, "passed", (FlowRun(flow.file, "x", None, "passed", 1.0, flow.steps),)
    )
    assert totals(all_cases(passed)).as_map()["tolerated"] == 1
    assert 'message="failed but optional: no"' in written("junit", passed)
    assert "::warning file=flows/a.yaml,line=1" in written("github", passed)


def test_annotations_name_files_as_the_checkout_does(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GITHUB_WORKSPACE", "/home/runner/work/shop")
    for root, file in {
        "/home/runner/work/shop": "flows/a.yaml",
        "/home/runner/work/shop/tests/e2e": "tests/e2e/flows/a.yaml",
        "/elsewhere": "flows/a.yaml",
        "": "flows/a.yaml",
    }.items():
        assert f"\n::error file={file},line=1" in report("github").write(failing("x", "no", 1), Beside(root=root))


def test_a_report_goes_to_standard_output_with_a_dash(capsysbinary: pytest.CaptureFixture[bytes]) -> None:
    write_reports(failing("x", "no", 1), {"github": Path("-")})
    assert capsysbinary.readouterr().out.splitlines()[1].startswith(b"::error file=flows/a.yaml,line=1")


def test_an_unknown_report_names_those_that_exist() -> None:
    with pytest.raises(UserError, match="unknown report 'nothing'") as problem:
        report("nothing")
    for name in ("ctrf", "github", "html", "json", "junit", "md"):
        assert name in module_names("flows.reports")
        assert name in str(problem.value.hint)


def test_a_container_is_not_told_beside_the_step_that_failed_in_it() -> None:
    inner = StepRun("inner", "steps", "assert", "failed", "no", line=7, iteration=16)
    loop = StepRun("each", "steps", "for_each", "failed", "step 'inner': no", line=3, steps=(inner,))
    flow = FlowRun("a.yaml", "a", None, "failed", 1.0, (loop,))
    run = Run("01", "2026-11-26T08:35:51.000Z", "2026-11-26T08:35:52.000Z", "failed", (flow,))
    errors = written("github", run).splitlines()
    assert [error.partition("::")[2].partition("::")[0] for error in errors] == [
        "error title=TestMesh failed", "error file=a.yaml,line=7,title=a%3A each/inner[16]",
    ]  # fmt: skip
    assert written("md", run).count("```") == 2
