"""Do flows notice what they check? Mutated flows judged on their green recording: `python -m evals.mutants`."""

from __future__ import annotations

import argparse
import json
import re
import sys
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path

from agents.repair.flow_text import Replacement, Written, apply, written
from agents.repair.inputs import alone, judged
from evals.seeding import Trial, execute, sample
from fixtures.build import history
from flows.strength.answers import streamed
from flows.strength.mutation import leaves, mutations
from flows.strength.telling import tell
from graph.runs import FlowRun, Run, StepRun
from testmesh.compose.repairing import judge, validate

CORPUS = "corpus"
SYSTEMS = ("shop", "depot", CORPUS)
_CHECKS = ("assert", "assert_any", "assert_none", "until")
_EQUAL = re.compile(r"^(?P<left>[^=!<>]+?)\s*==\s*(?P<value>-?\d+(?:\.\d+)?|\"[^\"$]*\"|true|false)\s*$")
_OPERATOR = re.compile(r"^(?P<left>[^=!<>&|?]+?)\s*(?P<op>==|!=|>=|<=|>|<)\s*(?P<right>[^=!<>&|?]+)$")
_REMOVED = ("empty", "absent")
_NEGATED = {"==": "!=", "!=": "==", ">": "<=", "<=": ">", "<": ">=", ">=": "<"}


@dataclass(frozen=True, slots=True)
class Mutant:
    """One flow that should fail.

    Args:
        system: sample.
        flow: file.
        kind: value flipped, operator negated or effect removed.
        what: the changed line, or the step whose evidence is gone.
        action: of the step.
        passes: it still passes.
    """

    system: str
    flow: str
    kind: str
    what: str
    action: str
    passes: bool


def only_what_passed(flow: FlowRun) -> FlowRun:
    """The recording with, for every read, only the candidate that became its result (of a hold, those from there on).

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
    if streamed(step):
        return _only_messages(step) if isinstance(step.result, dict) and "messages" in step.result else step
    first = next((i for i, c in enumerate(last.candidates) if c == step.result), len(last.candidates) - 1)
    rest = replace(last, candidates=last.candidates[first:], at_ms=last.at_ms[first:], ended="window")
    return replace(step, exchanges=(*step.exchanges[:-1], rest))


def _only_messages(step: StepRun) -> StepRun:
    """Of a consumer's messages those that its result holds."""
    last = step.exchanges[-1]
    kept = [i for i, c in enumerate(last.candidates) if c in step.result["messages"] or c.get("kind") == "opening"]
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
    actions = {step.id: step.action for _, step in leaves(flow.steps)}
    for place in written(text):
        if place.role in _CHECKS and isinstance(place.value, str) and place.step in actions:
            for kind, new in (("value flipped", _flipped(place)), ("operator negated", _negated(place))):
                if new is not None:
                    passes = _passes(run, apply(text, [new]))
                    what = f"{place.step}: {place.raw}"
                    yield Mutant(system, flow.file, kind, what, actions[place.step], passes)
    asserted = {step.id: " ".join(a.expression for a in step.assertions) for _, step in leaves(flow.steps)}
    for lie in mutations(flow):
        line = asserted[lie.step]
        looked_at = lie.path[0] in ("rows", "messages") if line else False
        looked_at = looked_at or (lie.kind == "absent" and any(word in line for word in ("exists", "value", "body")))
        if looked_at and lie.kind in _REMOVED:
            passes = judged(judge, alone(run, tell(flow, lie)), text).verdict == "passed"
            yield Mutant(system, flow.file, "effect removed", f"{lie.step}: {lie.what}", actions[lie.step], passes)


def _passes(run: Run, text: str) -> bool:
    broken = [f for f in validate(text, run.flows[0].file) if f.severity == "error"]
    return not broken and judged(judge, run, text).verdict == "passed"


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


def recordings(systems: Sequence[str]) -> Iterator[tuple[str, Run]]:
    """The green runs of samples, and of the corpus.

    Args:
        systems: samples, or ``corpus``.
    """
    for system in systems:
        if system == CORPUS:
            from evals.corpus.places import places
            from evals.corpus.running import NEGATIVE, flows, run

            with places() as up:
                yield system, run([flow.file for flow in flows(up) if NEGATIVE not in flow.tags], up)
        else:
            made = sample(system)
            yield system, execute(Trial(made, made.hashes[history(system).main[-1].id]))


def measure(systems: Sequence[str]) -> dict[str, object]:
    """Everything the eval says.

    Args:
        systems: samples, or ``corpus``.
    """
    found: list[Mutant] = []
    undecided: list[str] = []
    for system, run in recordings(systems):
        for flow in run.flows:
            recording = alone(run, only_what_passed(flow))
            if flow.verdict != "passed" or judged(judge, recording, flow.source).verdict != "passed":
                undecided.append(f"{system}/{flow.file}: its green recording does not pass when judged again")
                continue
            found += mutants(system, recording)
    return {
        "mutants": len(found),
        "still_passing": sum(m.passes for m in found),
        "by_system": _shares(found, lambda m: m.system),
        "by_kind": _shares(found, lambda m: m.kind),
        "by_action": _shares(found, lambda m: m.action),
        "undecided": undecided,
        "survivors": [asdict(m) for m in found if m.passes],
    }


def _shares(found: Sequence[Mutant], key: Callable[[Mutant], str]) -> dict[str, str]:
    """Of how many mutants how many still pass."""
    groups: dict[str, list[bool]] = {}
    for mutant in found:
        groups.setdefault(key(mutant), []).append(mutant.passes)
    return {name: f"{sum(passes)}/{len(passes)}" for name, passes in sorted(groups.items())}


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
