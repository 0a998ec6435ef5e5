"""A diagnosed failure in, a fix with its gates and counts out, or a refusal that says what the product should do."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from agents.agent import Agent
from agents.repair import confidence
from agents.repair.draft import Draft, draft
from agents.repair.gates import JUDGED, Trial, through
from agents.repair.inputs import RepairInputs
from graph.answers import Cause, Confidence, ContractEdit, Diagnosis, Fix, FixStatus, GateResult

_OURS = ("contract change", "test defect")
THRESHOLD = 0.5
_WORDS_ONLY = "that it was meant: only the commit's own words say so, no specification and no caller; decide first"


def repair(inputs: RepairInputs) -> Fix:
    """The fix of a failing flow. A product regression never leads to an edit of the test.

    Args:
        inputs: diagnosis, runs, text and seams.
    """
    diagnosis = inputs.diagnosis
    if diagnosis.failure == "product regression":
        return _refusal(inputs)
    if diagnosis.failure not in _OURS:
        text = f"Nothing to repair in the flow: {diagnosis.summary}"
        return _without(inputs, f"no fix for a failure of class {diagnosis.failure}", text)
    made = draft(inputs)
    if made is None:
        text = f"No repairer follows this change. {diagnosis.summary}"
        return _without(inputs, "no repairer knows this change", text)
    if made.stuck:
        return _without(inputs, "the edit was not enough", made.stuck)
    return _tried(inputs, made)


def _tried(inputs: RepairInputs, made: Draft) -> Fix:
    trial = Trial(inputs, made)
    gates = through(trial)
    counted = _confidence(inputs, made, gates)
    return Fix(
        run=inputs.run.id,
        status=_status(gates, counted.low if counted else None, inputs.diagnosis),
        repairer=" + ".join(made.repairers),
        title=_title(inputs, made.edits),
        explanation=_explained(inputs.diagnosis, made.edits),
        edits=(trial.edit,),
        gates=gates,
        confidence=counted,
        not_checked=(
            *(f"{g.gate}: {g.detail}" for g in gates if g.outcome == "not checked"),
            *([_WORDS_ONLY] if _by_words_alone(inputs.diagnosis) else []),
        ),
        diagnosis=inputs.diagnosis,
    )


def _by_words_alone(diagnosis: Diagnosis) -> bool:
    """Whether only the author's own words say that a change of contract was meant: no spec, no caller, nothing else."""
    signs = [c for c in diagnosis.clues if c.detector == "intent"]
    return bool(signs) and all(c.place.startswith("commit ") for c in signs)


def _status(gates: Sequence[GateResult], low: float | None, diagnosis: Diagnosis) -> FixStatus:
    """Verified when every gate that can be asked passed, more than words says it was meant, and no count objects."""
    if any(g.outcome == "failed" for g in gates):
        return "abstained"
    if _by_words_alone(diagnosis):
        return "suggestion"
    return "verified" if _asked(gates) == "live" and (low is None or low >= THRESHOLD) else "suggestion"


def _asked(gates: Sequence[GateResult]) -> str:
    """Whether the live gates were asked; a recording cannot answer a request that itself had to change."""
    return "recorded" if any(g.outcome == "not checked" and g.gate != JUDGED for g in gates) else "live"


def _confidence(inputs: RepairInputs, made: Draft, gates: Sequence[GateResult]) -> Confidence | None:
    """Of several repairers the one that held least often counts."""
    if any(g.outcome == "failed" for g in gates):
        return None
    path = inputs.outcomes or confidence.SHIPPED
    outcomes = confidence.load(path)
    found = [
        confidence.confidence(outcomes, system=inputs.system, repairer=name, gates=_asked(gates), source=path.name)
        for name in made.repairers
    ]
    known = [c for c in found if c is not None]
    return min(known, key=lambda c: c.low) if known and len(known) == len(found) else None


def _title(inputs: RepairInputs, edits: Sequence[ContractEdit]) -> str:
    name = inputs.path.rsplit("/", 1)[-1]
    swaps = dict.fromkeys(f"{e.old} -> {e.new}" for e in edits)
    return f"{name}: follow " + ", ".join(list(swaps)[:3])


def _explained(diagnosis: Diagnosis, edits: Sequence[ContractEdit]) -> str:
    signs = "; ".join(c.text for c in diagnosis.clues[:4])
    changed = "; ".join(_edit(e) for e in edits)
    return f"{changed}. It was meant: {signs}." if signs else f"{changed}. {diagnosis.summary}"


def _edit(edit: ContractEdit) -> str:
    what = "request field" if edit.kind == "request" else edit.kind
    return f"{what} `{edit.old}` is `{edit.new}` now ({edit.step}: {edit.path})"


def _without(inputs: RepairInputs, title: str, explanation: str) -> Fix:
    return Fix(inputs.run.id, "abstained", "", title, explanation, diagnosis=inputs.diagnosis)


def _refusal(inputs: RepairInputs) -> Fix:
    diagnosis = inputs.diagnosis
    should = _should(diagnosis)
    top = diagnosis.causes[0] if diagnosis.causes else None
    parts = [f"The product is at fault, the flow is not edited. {should}"]
    if top is not None:
        parts.append(_culprit(top))
    if inputs.suggestion:
        parts.append(f"Suggestion for the product, not verified (takes the culprit back):\n{inputs.suggestion}")
    return Fix(
        run=inputs.run.id,
        status="refused",
        repairer="",
        title=f"{diagnosis.step}: the product broke, not the test",
        explanation="\n".join(parts),
        diagnosis=diagnosis,
    )


def _culprit(top: Cause) -> str:
    by = f", commit {top.commit[:10]}" if top.commit else ""
    symbol = f" (`{top.symbol}`)" if top.symbol else ""
    place = f"{top.file}:{top.line}" if top.line else top.file
    return f"Look at {place}{symbol}{by}: {top.clues[0].text if top.clues else top.text}."


def _should(diagnosis: Diagnosis) -> str:
    """What the flow, and the callers it stands for, had been promised."""
    told = [_promise(e) for e in diagnosis.contract[:3]]
    if told:
        return "It should have " + "; ".join(told) + "."
    return f"It should still do what {diagnosis.flow} asks at step {diagnosis.step}. {diagnosis.summary}"


def _promise(edit: ContractEdit) -> str:
    if edit.kind == "status":
        return f"answered {edit.step} with status {edit.old}, it answered {edit.new}"
    if edit.kind == "path":
        return f"served {edit.step} under {edit.old}"
    if edit.kind == "request":
        return f"accepted `{edit.old}` in what {edit.step} sends"
    if edit.kind == "field":
        instead = f", it has `{edit.new}` instead" if edit.new else ""
        return f"kept `{edit.path}` in what {edit.step} gets{instead}"
    return f"kept `{edit.path}` of {edit.step} at {edit.old}, it is {edit.new}"


def _facts(fix: Fix) -> dict[str, str]:
    gates = "\n".join(f"{g.gate}: {g.outcome}: {g.detail}" for g in fix.gates)
    return {"status": fix.status, "title": fix.title, "explanation": fix.explanation, "gates": gates}


def _reworded(fix: Fix, text: str) -> Fix:
    return replace(fix, explanation=text)


AGENT: Agent[RepairInputs, Fix] = Agent(
    name="repair",
    summary="What is the fix, and how sure are we?",
    prompt="repair",
    answer=repair,
    facts=_facts,
    reword=_reworded,
)
