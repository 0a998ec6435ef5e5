"""From a diagnosis to an edited text, following every place the same change shows, one run after the other."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from agents.repair.flow_text import Replacement, apply
from agents.repair.inputs import RepairInputs
from agents.repair.repairer import Broken, Repairer
from graph.answers import ContractEdit, Diagnosis
from graph.runs import Run, StepRun
from testmesh.kernel.discovery import declared

ROUNDS = 8


@dataclass(frozen=True, slots=True)
class Draft:
    """An edited text on its way through the gates.

    Args:
        text: the flow's text now.
        repairers: which ones made it, in order of use.
        edits: which contract edits it follows.
        run: the last live run with this text, or None.
        stuck: why it went no further, or empty.
    """

    text: str
    repairers: tuple[str, ...]
    edits: tuple[ContractEdit, ...]
    run: Run | None = None
    stuck: str = ""


def draft(inputs: RepairInputs) -> Draft | None:
    """The edited text, or None when no repairer knows what to do.

    Live, a flow that gets further and meets the same sort of change again is edited again, as long as the diagnosis of
    that run says that it was meant.

    Args:
        inputs: the failing flow.
    """
    first = _step(inputs, inputs.diagnosis, inputs.run, Draft(inputs.text, (), ()))
    live = inputs.seams.live
    if first is None or live is None:
        return first
    now = first
    for _ in range(ROUNDS):
        run = live.run({inputs.path: now.text}, [inputs.path])
        now = Draft(now.text, now.repairers, now.edits, run)
        if run.verdict == "passed":
            return now
        following = _follow(inputs, now, run)
        if following is None or following.stuck:
            return following or Draft(now.text, now.repairers, now.edits, run, "the edited flow still fails")
        now = following
    return Draft(now.text, now.repairers, now.edits, now.run, f"still failing after {ROUNDS} rounds")


def _follow(inputs: RepairInputs, now: Draft, run: Run) -> Draft | None:
    if inputs.seams.again is None:
        return None
    diagnosis = inputs.seams.again(run)
    if diagnosis.failure != "contract change":
        stuck = f"further on, at {diagnosis.step}, it is a {diagnosis.failure}: {diagnosis.summary}"
        return Draft(now.text, now.repairers, now.edits, run, stuck)
    return _step(inputs, diagnosis, run, now)


def _step(inputs: RepairInputs, diagnosis: Diagnosis, run: Run, now: Draft) -> Draft | None:
    replacements: list[Replacement] = []
    used: list[tuple[str, ContractEdit]] = []
    execution = inputs.execution(run)
    for edit in diagnosis.contract:
        for repairer in declared("agents.repair.repairers", "REPAIRER", Repairer).values():
            if repairer.kind != edit.kind:
                continue
            found = list(repairer.edits(_broken(now.text, edit, execution)))
            if found:
                replacements += found
                used.append((repairer.name, edit))
    text = apply(now.text, replacements)
    if text == now.text:
        return None
    names = tuple(dict.fromkeys((*now.repairers, *(name for name, _ in used))))
    edits = tuple(dict.fromkeys((*now.edits, *(edit for _, edit in used))))
    return Draft(text, names, edits)


def _broken(text: str, edit: ContractEdit, execution: Run | None) -> Broken:
    method, request = "", ""
    for step in leaves(execution.flows[0].steps) if execution else ():
        if step.id == edit.step and step.exchanges and isinstance(step.exchanges[-1].request, dict):
            method = str(step.exchanges[-1].request.get("method", "GET")).upper()
            request = str(step.exchanges[-1].request.get("url", ""))
    return Broken(text, edit, method, request)


def leaves(steps: Sequence[StepRun]) -> Iterator[StepRun]:
    """Step executions without nested ones, in order.

    Args:
        steps: executions.
    """
    for step in steps:
        if step.steps:
            yield from leaves(step.steps)
        else:
            yield step
