"""The same code that passed and failed is not explained by a change of code."""

from __future__ import annotations

from collections.abc import Iterable

from agents.diagnosis.case import CLEAR, PROOF, STRONG, Case, Detector, Finding
from graph.answers import Clue
from graph.runs import FlowRun, Run


def _find(case: Case) -> Iterable[Finding]:
    run, flow = case.inputs.run, case.failure.flow
    runs = {r.id: r for r in (*case.inputs.history, *((case.inputs.green,) if case.inputs.green else ()))}
    runs.pop(run.id, None)
    alike = [(r, f) for r in runs.values() if same_code(r, run) for f in r.flows if _same(f, flow)]
    same = [(r, f) for r, f in alike if r.environment == run.environment]
    elsewhere = [r for r, f in alike if r.environment != run.environment and f.verdict == "passed"]
    if elsewhere:
        text = f"the same revision passed in environment '{elsewhere[0].environment}' (run {elsewhere[0].id})"
        yield Finding(Clue(DETECTOR.name, text, run.revision, CLEAR), None, "environment")
    passed = [r.id for r, f in same if f.verdict == "passed"]
    failed = [r.id for r, f in same if f.verdict in ("failed", "error")]
    if passed:
        times = f"{len(passed)} of {len(same) + 1} runs of the same revision passed"
        weight = PROOF if failed else STRONG if len(passed) > 1 else CLEAR
        yield Finding(Clue(DETECTOR.name, f"{times} (e.g. {passed[0]})", run.revision, weight), None, "flaky")


def same_code(one: Run, other: Run) -> bool:
    """Whether both runs met the same known revision of flows and of everything deployed, wherever that was.

    Args:
        one: a run.
        other: a run.
    """
    known = "unknown" not in (one.revision, other.revision) and "unknown" not in one.deployed.values()
    return known and one.revision == other.revision and dict(one.deployed) == dict(other.deployed)


def _same(one: FlowRun, other: FlowRun) -> bool:
    return one.file == other.file and one.row == other.row and one.source == other.source


def _blind(case: Case) -> str:
    return "" if case.inputs.history else "same-revision history: no other runs were given"


DETECTOR = Detector("history", "The same revision passed and failed.", _find, _blind)
