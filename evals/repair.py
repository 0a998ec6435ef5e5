"""How often a stale flow is fixed rightly, and that no test is edited for a product bug: `python -m evals.repair`."""

from __future__ import annotations

import argparse
import json
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path

from agents.diagnosis import DiagnosisInputs, Scene, diagnose, suggestion
from agents.repair import RepairInputs, Seams, repair
from agents.repair.confidence import SHIPPED
from agents.repair.gates import JUDGED
from evals.failures import FailedRun, bugs, really_failed, stale
from evals.knowing import known
from evals.seeding import Trial, Up, execute, sample, system
from evals.sharding import Budget, shard
from graph.answers import Diagnosis, Fix
from graph.runs import Run
from testmesh.compose.repairing import judge, validate
from testmesh.kernel.errors import UserError

SYSTEMS = ("shop", "depot")


@dataclass(frozen=True, slots=True)
class Row:
    """One repair.

    Args:
        case: name of the failed run.
        system: sample.
        flow: failing flow.
        stale: the flow is stale; else the product is at fault.
        failure: class diagnosed.
        status: of the fix.
        repairer: which.
        edited: it edits a test.
        held: for a fix, it passed what it had not seen: a fresh system, and it fails before the change.
        right: fixed and held, or not edited.
        gates: outcome by gate.
        title: of the fix.
        why: its explanation when it is wrong.
    """

    case: str
    system: str
    flow: str
    stale: bool
    failure: str
    status: str
    repairer: str
    edited: bool
    held: bool
    right: bool
    gates: Mapping[str, str]
    title: str
    why: str


def rows(case: FailedRun, times: int) -> Iterator[Row]:
    """The repairs of a case's failing flows.

    Args:
        case: the failed run.
        times: how often a flow must fail before and pass after.
    """
    failed = case.runs()[0]
    flows = really_failed(failed)
    if not flows:
        return
    inputs = known(case.made, (case.base, case.head), (failed, case.green()), ())
    found = {flow: diagnose(replace(inputs, flow=flow)) for flow in flows}
    if all(d.failure == "product regression" for d in found.values()):
        yield from (_row(case, _fix(case, replace(inputs, flow=f), found[f], None, times), f) for f in flows)
        return
    with system(Trial(case.made, case.head)) as up:
        for flow in flows:
            yield _row(case, _fix(case, replace(inputs, flow=flow), found[flow], up, times), flow)


def _fix(case: FailedRun, inputs: DiagnosisInputs, diagnosis: Diagnosis, up: Up | None, times: int) -> Fix:
    sources, change = inputs.sources, inputs.change
    if sources is None or change is None:
        raise UserError(f"{case.name} has no change to repair after")
    text = sources.head(inputs.flow) or ""
    scene = Scene(change, sources, _nothing, inputs.commits)
    seams = Seams(validate, judge, up, lambda run: diagnose(replace(inputs, run=run, flow=inputs.flow)))
    return repair(
        RepairInputs(
            diagnosis=diagnosis,
            run=inputs.run,
            path=inputs.flow,
            text=text,
            seams=seams,
            green=inputs.green,
            impacted=tuple(f.file for f in inputs.run.flows),
            system=case.made.system,
            times=times,
            suggestion=suggestion(diagnosis, scene),
        )
    )


def _nothing(files: dict[str, str | None], flows: Sequence[str]) -> Run:
    raise UserError("a suggestion brings nothing up")


def _row(case: FailedRun, fix: Fix, flow: str) -> Row:
    edited = bool(fix.edits) and fix.status in ("verified", "suggestion")
    is_stale = case.truth == "contract change"
    held = edited and is_stale and holds(case, fix)
    right = held if is_stale else not edited
    return Row(
        case=case.name,
        system=case.made.system,
        flow=flow,
        stale=is_stale,
        failure=fix.diagnosis.failure if fix.diagnosis else "",
        status=fix.status,
        repairer=fix.repairer,
        edited=edited,
        held=held,
        right=right,
        gates={g.gate: f"{g.outcome}: {g.detail}" for g in fix.gates},
        title=fix.title,
        why="" if right else fix.explanation[:500],
    )


def holds(case: FailedRun, fix: Fix) -> bool:
    """What a fix has not seen: it passes on a fresh system, and it fails on the system from before the change.

    Args:
        case: the failed run.
        fix: with one edit.
    """
    edit = fix.edits[0]
    texts = {edit.path: edit.after}
    after = execute(Trial(case.made, case.head, texts=texts, flows=(edit.path,), again=11))
    before = execute(Trial(case.made, case.base, texts=texts, flows=(edit.path,), again=12))
    return after.verdict == "passed" and before.verdict != "passed"


def figures(found: Sequence[Row]) -> dict[str, object]:
    """Totals.

    Args:
        found: all rows.
    """
    old = [r for r in found if r.stale]
    broken = [r for r in found if not r.stale]
    return {
        "cases": len(found),
        "stale": len(old),
        "stale_fixed": sum(r.right for r in old),
        "stale_fixed_share": round(sum(r.right for r in old) / len(old), 4) if old else None,
        "product_bugs": len(broken),
        "test_edits_on_product_bugs": sum(r.edited for r in broken),
        "refused": sum(r.status == "refused" for r in broken),
    }


def measure(options: argparse.Namespace) -> dict[str, object]:
    """Everything the eval says.

    Args:
        options: parsed arguments.
    """
    budget = Budget(options.seconds)
    systems = (options.system,) if options.system else SYSTEMS
    cases: dict[str, FailedRun] = {}
    for name in systems:
        made = sample(name)
        cases |= {c.name: c for c in (*stale(made), *bugs(made))}
    found: list[Row] = []
    skipped: list[str] = []
    for name in (n for n in shard(list(cases), options.shard) if options.only in n):
        if budget.over:
            skipped.append(f"{name}: the time was over")
            continue
        began = time.monotonic()
        mine = list(rows(cases[name], options.times))
        found += mine
        marks = " ".join("." if r.right else "X" for r in mine)
        print(f"{name:50} {marks} {time.monotonic() - began:.1f}s", file=sys.stderr, flush=True)
    if options.keep:
        keep(found)
    return {
        **figures(found),
        "by_system": {s: figures([r for r in found if r.system == s]) for s in systems},
        "misses": [asdict(r) for r in found if not r.right],
        "skipped": skipped,
        "rows": [asdict(r) for r in found],
    }


def keep(found: Sequence[Row]) -> None:
    """Count the outcomes of fixes where confidence reads them, replacing those of the same systems.

    Args:
        found: rows of this measure.
    """
    systems = {r.system for r in found}
    old = json.loads(SHIPPED.read_text())["cases"] if SHIPPED.exists() else []
    cases = [c for c in old if c["system"] not in systems]
    for row in found:
        if row.stale and row.edited:
            unasked = [name for name, g in row.gates.items() if g.startswith("not checked") and name != JUDGED]
            asked = "recorded" if unasked else "live"
            for name in row.repairer.split(" + "):
                case = f"{row.case} {row.flow}"
                cases.append({"system": row.system, "repairer": name, "gates": asked, "held": row.held, "case": case})
    cases.sort(key=lambda c: (c["system"], c["case"], c["repairer"]))
    SHIPPED.write_text(json.dumps({"version": 1, "cases": cases}, indent=1) + "\n")


def main() -> int:
    """Measure and print; `--json FILE` keeps everything, `--keep` counts the outcomes for confidence."""
    parser = argparse.ArgumentParser(prog="python -m evals.repair", description=__doc__)
    parser.add_argument("--system", choices=SYSTEMS, default="")
    parser.add_argument("--json", type=Path)
    parser.add_argument("--shard", default="", help="1/4 = the first of four")
    parser.add_argument("--only", default="", help="cases whose name has this text")
    parser.add_argument("--times", type=int, default=2, help="how often before and after")
    parser.add_argument("--seconds", type=float, default=3600.0, help="start nothing new after this long")
    parser.add_argument("--keep", action="store_true", help="count outcomes for confidence")
    options = parser.parse_args()
    result = measure(options)
    print(json.dumps({k: v for k, v in result.items() if k not in ("rows", "misses")}, indent=2))
    if options.json:
        options.json.write_text(json.dumps(result, indent=2) + "\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
