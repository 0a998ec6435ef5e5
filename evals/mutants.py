"""Do flows notice what they check? Mutated flows judged on their green recording: `python -m evals.mutants`."""

from __future__ import annotations

import argparse
import json
import re
import sys
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path

from agents.repair.flow_text import Replacement, Written, apply, written
from agents.repair.inputs import alone, judged
from evals.seeding import Trial, execute, sample
from fixtures.build import history
from flows.strength.mutation import Mutation
from flows.strength.telling import tell
from graph.runs import FlowRun, Run, StepRun
from testmesh.compose.repairing import judge, validate

SYSTEMS = ("shop", "depot")
_CHECKS = ("assert", "assert_any", "assert_none", "until")
_EQUAL = re.compile(r"^(?P<left>[^=!<>]+?)\s*==\s*(?P<value>-?\d+(?:\.\d+)?|\"[^\"$]*\"|true|false)\s*$")
_OPERATOR = re.compile(r"^(?P<left>[^=!<>&|?]+?)\s*(?P<op>==|!=|>=|<=|>|<)\s*(?P<right>[^=!<>&|?]+)$")
_NEGATED = {"==": "!=", "!=": "==", ">": "<=", "<=": ">", "<": ">=", ">=": "<"}


@dataclass(frozen=True, slots=True)
class Mutant:
    """One flow that should fail.

    Args:
        system: sample.
        flow: file.
        kind: value flipped, operator negated or effect removed.
        what: the changed line, or the step whose evidence is gone.
        passes: it still passes.
    """

    system: str
    flow: str
    kind: str
    what: str
    passes: bool


def only_what_passed(flow: FlowRun) -> FlowRun:
    """The recording with, for every read, only the candidate that became its result.

    Args:
        flow: a passing execution.
    """
    return replace(flow, steps=tuple(map(_only, flow.steps)))


def _only(step: StepRun) -> StepRun:
    if step.steps:
        return replace(step, steps=tuple(map(_only, step.steps)))
    if not step.exchanges or not step.exchanges[-1].candidates:
        return step
    last = step.exchanges[-1]
    if isinstance(step.result, dict) and "messages" in step.result:
        return _only_messages(step)
    kept = [i for i, c in enumerate(last.candidates) if c == step.result] or [len(last.candidates) - 1]
    index = kept[-1]
    one = replace(last, candidates=(last.candidates[index],), at_ms=last.at_ms[index : index + 1], ended="window")
    return replace(step, exchanges=(*step.exchanges[:-1], one))


def _only_messages(step: StepRun) -> StepRun:
    """Of a consumer's messages those that its result holds."""
    last = step.exchanges[-1]
    kept = [i for i, c in enumerate(last.candidates) if c in step.result["messages"]]
    few = replace(
        last,
        candidates=tuple(last.candidates[i] for i in kept),
        at_ms=tuple(last.at_ms[i] for i in kept if i < len(last.at_ms)),
        ended="window",
    )
    return replace(step, exchanges=(*step.exchanges[:-1], few))


def mutants(system: str, run: Run) -> Iterator[Mutant]:
    """Every mutant of one green execution.

    Args:
        system: sample.
        run: the recording of one flow.
    """
    flow = run.flows[0]
    text = flow.source
    for place in written(text):
        if place.role in _CHECKS and isinstance(place.value, str):
            for kind, new in (("value flipped", _flipped(place)), ("operator negated", _negated(place))):
                if new is not None:
                    yield _mutant(system, run, kind, (place, apply(text, [new])))
    for step in flow.steps:
        if step.assertions and isinstance(step.result, dict):
            for name in ("rows", "messages"):
                if step.result.get(name):
                    lied = alone(run, tell(flow, Mutation(step.id, "empty", (name,), inside=(step.phase,))))
                    passes = judged(judge, lied, text).verdict == "passed"
                    yield Mutant(system, flow.file, "effect removed", f"{step.id}: {name}", passes)


def _mutant(system: str, run: Run, kind: str, changed: tuple[Written, str]) -> Mutant:
    place, text = changed
    file = run.flows[0].file
    broken = [f for f in validate(text, file) if f.severity == "error"]
    passes = not broken and judged(judge, run, text).verdict == "passed"
    return Mutant(system, file, kind, f"{place.step}: {place.raw}", passes)


def _flipped(place: Written) -> Replacement | None:
    """Another literal of the same type after `==`."""
    match = _EQUAL.match(str(place.value))
    at = place.raw.rfind(match["value"]) if match else -1
    if match is None or at < 0:
        return None
    value = match["value"]
    if value in ("true", "false"):
        other = "false" if value == "true" else "true"
    else:
        other = (
            value[:-1] + '~"' if value.startswith('"') else str(float(value) + 1 if "." in value else int(value) + 1)
        )
    return Replacement(place.start + at, place.start + at + len(value), other)


def _negated(place: Written) -> Replacement | None:
    """The opposite comparison; only where the line is one comparison."""
    match = _OPERATOR.match(str(place.value))
    if match is None or place.role == "until":
        return None
    at = place.raw.find(match["op"])
    return None if at < 0 else Replacement(place.start + at, place.start + at + len(match["op"]), _NEGATED[match["op"]])


def measure(systems: Sequence[str]) -> dict[str, object]:
    """Everything the eval says.

    Args:
        systems: samples.
    """
    found: list[Mutant] = []
    undecided: list[str] = []
    for system in systems:
        made = sample(system)
        run = execute(Trial(made, made.hashes[history(system).main[-1].id]))
        for flow in run.flows:
            recording = alone(run, only_what_passed(flow))
            if flow.verdict != "passed" or judged(judge, recording, flow.source).verdict != "passed":
                undecided.append(f"{system}/{flow.file}: its green recording does not pass when judged again")
                continue
            found += mutants(system, recording)
    kinds = {k: [m.passes for m in found if m.kind == k] for k in sorted({m.kind for m in found})}
    return {
        "mutants": len(found),
        "still_passing": sum(m.passes for m in found),
        "by_kind": {
            k: f"{sum(m.passes for m in found if m.kind == k)}/{sum(m.kind == k for m in found)}" for k in kinds
        },
        "undecided": undecided,
        "survivors": [asdict(m) for m in found if m.passes],
    }


def main() -> int:
    """Measure and print; `--json FILE` keeps it."""
    parser = argparse.ArgumentParser(prog="python -m evals.mutants", description=__doc__)
    parser.add_argument("--system", choices=SYSTEMS, default="")
    parser.add_argument("--json", type=Path)
    options = parser.parse_args()
    result = measure((options.system,) if options.system else SYSTEMS)
    print(json.dumps(result, indent=2))
    if options.json:
        options.json.write_text(json.dumps(result, indent=2) + "\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
