"""How often diagnosis names the right class and the right commit: `python -m evals.diagnosis --json FILE`."""

from __future__ import annotations

import argparse
import json
import sys
import time
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path

from agents.diagnosis import DiagnosisInputs, Scene, confirm, diagnose
from evals.failures import FailedRun, failed_runs, really_failed
from evals.knowing import known
from evals.rules import by_rule
from evals.seeding import Trial, execute, sample
from evals.sharding import Budget, shard
from graph.answers import Diagnosis
from graph.runs import Run
from testmesh.kernel.errors import UnavailableError

RANGE = 8
SYSTEMS = ("shop", "depot")


@dataclass(frozen=True, slots=True)
class Row:
    """One failing flow of one failed run.

    Args:
        case: name of the failed run.
        system: sample.
        flow: failing flow.
        truth: right class.
        said: class diagnosed.
        right: they agree.
        commits: commits in the range.
        first: the culprit commit's hunk is ranked first; None when there is no culprit.
        top: what was ranked first.
        summary: of the diagnosis.
        confirmed: what taking the first hunk back showed, empty when it was not asked for.
    """

    case: str
    system: str
    flow: str
    truth: str
    said: str
    right: bool
    commits: int
    first: bool | None
    top: str
    summary: str
    confirmed: str = ""


def rows(case: FailedRun, *, prove: bool = False) -> Iterator[Row]:
    """The rows of a case; none when nothing failed.

    Args:
        case: the failed run.
        prove: take the first hunk of a regression back and run again.
    """
    runs = case.runs()
    failed = next((r for r in runs if really_failed(r)), None)
    if failed is None:
        return
    green = case.green()
    others = tuple(r for r in runs if r is not failed)
    inputs = known(case.made, (case.base, case.head), (failed, green), others)
    for flow in really_failed(failed):
        if case.truth == "flaky" and not _passes_elsewhere(flow, others):
            continue
        found = diagnose(replace(inputs, flow=flow))
        top = found.causes[0] if found.causes else None
        blamed = case.truth in ("product regression", "contract change") and bool(case.culprit)
        yield Row(
            case=case.name,
            system=case.made.system,
            flow=flow,
            truth=case.truth,
            said=found.failure,
            right=found.failure == case.truth,
            commits=len(inputs.commits),
            first=(top is not None and top.commit == case.culprit) if blamed else None,
            top=f"{top.file}:{top.line} {top.commit[:10]} {top.score}" if top else "",
            summary=found.summary,
            confirmed=proven(case, inputs, found) if prove and case.truth == "product regression" else "",
        )


def proven(case: FailedRun, inputs: DiagnosisInputs, found: Diagnosis) -> str:
    """What taking the first hunk back shows.

    Args:
        case: the failed run.
        inputs: of the diagnosis.
        found: the diagnosis.
    """
    if inputs.change is None or inputs.sources is None:
        return "not checked"

    def run_tree(files: dict[str, str | None], flows: Sequence[str]) -> Run:
        return execute(Trial(case.made, case.head, texts=files, flows=tuple(flows)))

    scene = Scene(inputs.change, inputs.sources, run_tree, inputs.commits)
    shown = confirm(found, scene).confirmation
    return shown.outcome if shown else "not checked"


def _passes_elsewhere(flow: str, runs: Sequence[Run]) -> bool:
    """Only a flow that also passed on the same revision is known to be flaky."""
    return any(f.verdict == "passed" for r in runs for f in r.flows if f.file == flow)


def figures(found: Sequence[Row]) -> dict[str, object]:
    """Totals.

    Args:
        found: all rows.
    """
    runs = {row.case: [r for r in found if r.case == row.case] for row in found}
    right_runs = [case for case, mine in runs.items() if all(r.right for r in mine)]
    wrong = [r for r in found if r.truth == "product regression" and r.said in ("environment", "flaky")]
    ranked = [r for r in found if r.first is not None and r.truth == "product regression" and r.commits >= RANGE]
    return {
        "failed_runs": len(runs),
        "runs_right": len(right_runs),
        "runs_right_share": _share(len(right_runs), len(runs)),
        "failing_flows": len(found),
        "class_right": sum(r.right for r in found),
        "class_right_share": _share(sum(r.right for r in found), len(found)),
        "regressions_called_environment_or_flaky": len(wrong),
        "culprit_cases": len(ranked),
        "culprit_first": sum(bool(r.first) for r in ranked),
        "culprit_first_share": _share(sum(bool(r.first) for r in ranked), len(ranked)),
        "confirmed": sum(r.confirmed == "confirmed" for r in found),
        "confirmations": sum(bool(r.confirmed) for r in found),
        "by_class": {
            truth: f"{sum(r.right for r in found if r.truth == truth)}/{sum(r.truth == truth for r in found)}"
            for truth in sorted({r.truth for r in found})
        },
    }


def _share(part: int, whole: int) -> float | None:
    return round(part / whole, 4) if whole else None


def measure(options: argparse.Namespace) -> dict[str, object]:
    """Everything the eval says.

    Args:
        options: parsed arguments.
    """
    budget = Budget(options.seconds)
    systems = (options.system,) if options.system else SYSTEMS
    cases = {case.name: case for system in systems for case in failed_runs(sample(system))}
    cases |= {case.name: case for system in systems for case in by_rule(sample(system), options.rules)}
    wanted = [n for n in shard(list(cases), options.shard) if options.only in n]
    found: list[Row] = []
    skipped: list[str] = []
    for name in wanted:
        if budget.over:
            skipped.append(f"{name}: the time was over")
            continue
        began = time.monotonic()
        try:
            mine = list(rows(cases[name], prove=options.confirm))
        except UnavailableError as problem:
            skipped.append(f"{name}: the system did not come up: {problem}")
            continue
        if not mine:
            skipped.append(f"{name}: no flow failed")
        found += mine
        marks = " ".join("." if r.right else "X" for r in mine)
        print(f"{name:60} {marks} {time.monotonic() - began:.1f}s", file=sys.stderr, flush=True)
    misses = [asdict(r) for r in found if not r.right or r.first is False]
    by_system = {s: figures([r for r in found if r.system == s]) for s in systems}
    return {
        **figures(found),
        "by_system": by_system,
        "misses": misses,
        "skipped": skipped,
        "rows": [asdict(r) for r in found],
    }


def main() -> int:
    """Measure and print; `--json FILE` keeps everything."""
    parser = argparse.ArgumentParser(prog="python -m evals.diagnosis", description=__doc__)
    parser.add_argument("--system", choices=SYSTEMS, default="")
    parser.add_argument("--json", type=Path)
    parser.add_argument("--shard", default="", help="1/4 = the first of four")
    parser.add_argument("--only", default="", help="cases whose name has this text")
    parser.add_argument("--rules", type=int, default=0, help="further bugs made by rule, for each system")
    parser.add_argument("--confirm", action="store_true", help="take the first hunk of each regression back")
    parser.add_argument("--seconds", type=float, default=3600.0, help="start nothing new after this long")
    options = parser.parse_args()
    result = measure(options)
    shown = {k: v for k, v in result.items() if k not in ("rows", "misses")}
    print(json.dumps(shown, indent=2))
    if options.json:
        options.json.write_text(json.dumps(result, indent=2) + "\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
