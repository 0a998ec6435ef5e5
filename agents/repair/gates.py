"""What a fix has to survive, in the order of DESIGN §7; a gate that cannot be asked says so."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from itertools import takewhile

from agents.repair import policy, strength
from agents.repair.draft import Draft, leaves
from agents.repair.flow_text import changed_lines
from agents.repair.inputs import RepairInputs, alone
from agents.repair.inputs import judged as rejudge
from graph.answers import FileEdit, GateResult
from graph.runs import Run, StepRun

_FAILING = ("failed", "error")


@dataclass(frozen=True, slots=True)
class Trial:
    """A draft with what it came from.

    Args:
        inputs: the failing flow.
        draft: the edited text.
    """

    inputs: RepairInputs
    draft: Draft

    @property
    def edit(self) -> FileEdit:
        """The one file of the fix."""
        return FileEdit(self.inputs.path, self.inputs.text, self.draft.text)


def _passed(gate: str, detail: str) -> GateResult:
    return GateResult(gate, "passed", detail)


def _failed(gate: str, detail: str) -> GateResult:
    return GateResult(gate, "failed", detail)


def _unchecked(gate: str, detail: str) -> GateResult:
    return GateResult(gate, "not checked", detail)


VALID = "parses and validates"
JUDGED = "re-judged on the recording"
TURNS = "fails before, passes after"
GREEN = "impacted flows still green"
STRONG = "test strength not reduced"
MINIMAL = "minimal patch"
POLICY = "path and mode policy"


def valid(trial: Trial) -> GateResult:
    """The edited text is a flow without findings it did not have before.

    Args:
        trial: the draft.
    """
    old = {(f.rule, f.message) for f in trial.inputs.seams.validate(trial.inputs.text, trial.inputs.path)}
    found = trial.inputs.seams.validate(trial.draft.text, trial.inputs.path)
    new = [f for f in found if f.severity == "error" or (f.rule, f.message) not in old]
    if new:
        return _failed(VALID, f"{new[0].file}:{new[0].line}: {new[0].message}")
    return _passed(VALID, "no findings")


def judged(trial: Trial) -> GateResult:
    """On what was recorded when it failed, the edited text passes every step whose request is the same.

    Args:
        trial: the draft.
    """
    recorded = trial.inputs.execution(trial.inputs.run)
    if trial.inputs.seams.judge is None or recorded is None:
        return _unchecked(JUDGED, "no recording or no judge was given")
    again = rejudge(trial.inputs.seams.judge, recorded, trial.draft.text)
    steps = list(takewhile(lambda s: s.verdict != "not_run", (s for s in leaves(again.steps) if s.phase != "teardown")))
    bad = [s for s in steps if s.verdict in _FAILING and not _undecided(s)]
    if bad:
        return _failed(JUDGED, f"{bad[0].id} does not hold on the recording: {bad[0].message}")
    failing = trial.inputs.diagnosis.step
    if not any(s.id == failing and s.verdict == "passed" for s in steps):
        return _unchecked(JUDGED, f"{failing} asks for something else now, which was not recorded")
    held = sum(s.verdict == "passed" for s in steps)
    return _passed(JUDGED, f"{held} recorded steps hold, {failing} among them")


def _undecided(step: StepRun) -> bool:
    """Whether nothing in a step failed whatever the recording hides; only its attempts are counted beside that."""
    return all(line.startswith(("undecided: ", "(after ")) for line in step.message.split("\n"))


def turns(trial: Trial) -> GateResult:
    """Live, the old text fails every time and the new one passes every time.

    Args:
        trial: the draft.
    """
    inputs = trial.inputs
    if inputs.seams.live is None:
        return _unchecked(TURNS, "no live system was given")
    before = [inputs.seams.live.run({}, [inputs.path]) for _ in range(inputs.times)]
    after = [inputs.seams.live.run({inputs.path: trial.draft.text}, [inputs.path]) for _ in range(inputs.times)]
    failed = sum(r.verdict in _FAILING for r in before)
    passed = sum(r.verdict == "passed" for r in after)
    detail = f"failed {failed}/{inputs.times} before, passed {passed}/{inputs.times} after"
    return (_passed if failed == passed == inputs.times else _failed)(TURNS, detail)


def green(trial: Trial) -> GateResult:
    """Every impacted flow that passed with the old text passes with the new one.

    Args:
        trial: the draft.
    """
    inputs = trial.inputs
    if inputs.seams.live is None:
        return _unchecked(GREEN, "no live system was given")
    flows = tuple(dict.fromkeys((*inputs.impacted, inputs.path)))
    if not inputs.impacted:
        return _unchecked(GREEN, "no impacted flows were named")
    before = _verdicts(inputs.seams.live.run({}, flows))
    after = _verdicts(inputs.seams.live.run({inputs.path: trial.draft.text}, flows))
    broken = sorted(f for f, v in after.items() if v != "passed" and before.get(f) == "passed")
    if broken:
        return _failed(GREEN, f"{broken[0]} passed before and does not now")
    red = sorted(f for f, v in after.items() if v != "passed")
    others = f"; {len(red)} failed before and still do ({', '.join(red[:3])})" if red else ""
    return _passed(GREEN, f"{len(after) - len(red)} of {len(after)} pass{others}")


def _verdicts(run: Run) -> Mapping[str, str]:
    verdicts: dict[str, str] = {}
    for flow in run.flows:
        if verdicts.get(flow.file, "passed") == "passed":
            verdicts[flow.file] = flow.verdict
    return verdicts


def strong(trial: Trial) -> GateResult:
    """What the old text noticed in mutated evidence, the new one notices.

    Args:
        trial: the draft.
    """
    inputs = trial.inputs
    old, new = inputs.execution(inputs.green), _recorded_after(trial)
    if inputs.seams.judge is None:
        return _unchecked(STRONG, "no judge was given")
    if old is None or new is None:
        missing = "a green recording from before" if old is None else "a green recording with the new text"
        return _unchecked(STRONG, f"there is no {missing}")
    found = strength.compare(
        inputs.seams.judge, (old, old.flows[0].source or inputs.text), (new, trial.draft.text), trial.draft.edits
    )
    if found is None:
        return _unchecked(STRONG, "a green recording does not pass when judged again")
    return (_failed if found.lost else _passed)(STRONG, strength.summary(found))


def _recorded_after(trial: Trial) -> Run | None:
    run = trial.draft.run
    if run is None:
        return None
    passed = next((f for f in run.flows if f.verdict == "passed"), None)
    return None if passed is None else alone(run, passed)


def minimal(trial: Trial) -> GateResult:
    """Only lines that name what changed are touched; no line comes or goes.

    Args:
        trial: the draft.
    """
    count = changed_lines(trial.inputs.text, trial.draft.text)
    if count < 0:
        return _failed(MINIMAL, "lines were added or removed")
    old, new = trial.inputs.text.split("\n"), trial.draft.text.split("\n")
    words = [w for e in trial.draft.edits for w in (e.old, e.new) if w]
    stray = [i for i, (a, b) in enumerate(zip(old, new, strict=True), 1) if a != b and not _about(a + b, words)]
    if stray:
        return _failed(MINIMAL, f"line {stray[0]} has nothing to do with the change")
    return _passed(MINIMAL, f"{count} of {len(old)} lines, comments and layout kept")


def _about(lines: str, words: Sequence[str]) -> bool:
    return any(part in lines for word in words for part in word.split("/") if part)


def allowed(trial: Trial) -> GateResult:
    """The patch touches what a fix may touch.

    Args:
        trial: the draft.
    """
    found = policy.problems((trial.edit,))
    return _failed(POLICY, found[0]) if found else _passed(POLICY, f"an existing flow, mode {policy.MODE}")


GATES: tuple[Callable[[Trial], GateResult], ...] = (valid, judged, turns, green, strong, minimal, allowed)


def through(trial: Trial) -> tuple[GateResult, ...]:
    """Results up to the first gate that fails.

    Args:
        trial: the draft.
    """
    results: list[GateResult] = []
    for gate in GATES:
        results.append(gate(trial))
        if results[-1].outcome == "failed":
            break
    return tuple(results)
