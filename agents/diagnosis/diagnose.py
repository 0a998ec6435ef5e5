"""A failing run in, its diagnosis out: every detector looks once, then the arithmetic decides."""

from __future__ import annotations

from dataclasses import replace

from agents.agent import Agent
from agents.diagnosis.candidates import candidates
from agents.diagnosis.case import Case, Detector, Finding
from agents.diagnosis.edits import contract_edits
from agents.diagnosis.failure import Failure, leaves, locate
from agents.diagnosis.inputs import DiagnosisInputs
from agents.diagnosis.ranking import Ranked, Verdict, causes, classify, rank
from agents.diagnosis.walk import Atlas, Trail
from graph.answers import Diagnosis
from testmesh.kernel.discovery import declared
from testmesh.kernel.errors import UserError

_CALLED = {
    "product regression": "The product broke: the flow asks for what the system still promises.",
    "contract change": "The contract was changed on purpose and this flow is a stale test: it has to follow.",
    "test defect": "The test is at fault: the product answers as before.",
    "data/state": "The data are at fault: something was left over or is missing, the code is the same.",
    "environment": "The environment is at fault: something the system needs cannot be reached.",
    "flaky": "The flow is flaky: the same revision passed and failed.",
    "unknown": "The evidence does not carry a conclusion.",
}


def diagnose(inputs: DiagnosisInputs) -> Diagnosis:
    """Why a run failed.

    Args:
        inputs: the run and all that is known around it.

    Raises:
        UserError: nothing in the run failed, or not the flow asked for.
    """
    failure = locate(inputs.run, inputs.green, inputs.flow)
    if failure is None:
        what = f"flow {inputs.flow} of run {inputs.run.id}" if inputs.flow else f"run {inputs.run.id}"
        raise UserError(f"{what} did not fail", hint="diagnose a run that did")
    flows = frozenset(f.file for f in inputs.run.flows)
    case = _with_graphs(Case(inputs, failure, candidates(inputs, flows)))
    findings, blind = _look(case)
    ranked = rank(case, findings)
    verdict = classify(case, findings, ranked)
    return Diagnosis(
        run=inputs.run.id,
        flow=failure.flow.file,
        step=failure.step.id,
        failure=verdict.failure,
        summary=_summary(failure, verdict, ranked),
        causes=causes(ranked) if verdict.failure not in ("environment", "flaky", "data/state") else (),
        clues=verdict.clues,
        base=inputs.change.base if inputs.change else "",
        head=inputs.change.head if inputs.change else "",
        not_checked=(*blind, *_missing(inputs, failure)),
        contract=tuple(seen.edit for seen in contract_edits(case)),
    )


def _with_graphs(case: Case) -> Case:
    views = case.inputs.views
    trails = [case.trail, *(Trail(f.file, tuple(leaves(f.steps))) for f in case.inputs.run.flows)]
    base = Atlas(views.base, [case.green_trail, *trails]) if views.base is not None else None
    head = Atlas(views.head, trails) if views.head is not None else None
    return replace(case, base=base, head=head)


def _look(case: Case) -> tuple[list[Finding], list[str]]:
    findings: list[Finding] = []
    blind: list[str] = []
    for detector in declared("agents.diagnosis.detectors", "DETECTOR", Detector).values():
        reason = detector.blind(case)
        if reason:
            blind.append(reason)
        findings += detector.find(case)
    return findings, blind


def _missing(inputs: DiagnosisInputs, failure: Failure) -> list[str]:
    out: list[str] = []
    if inputs.change is None:
        out.append("the change: no earlier revision is known to compare with")
    elif inputs.sources is None:
        out.append("texts of the change: they were not given")
    if failure.green is None:
        out.append("comparison with a passing run: this flow has none")
    unknown = sorted(s for s, revision in inputs.run.deployed.items() if revision == "unknown")
    if unknown:
        out.append(f"what is deployed of {', '.join(unknown)}: the environment does not say")
    return out


def _summary(failure: Failure, verdict: Verdict, ranked: tuple[Ranked, ...]) -> str:
    parts = [f"{failure.flow.name or failure.flow.file} failed at {failure.step.id or 'its start'}."]
    parts += [failure.differences[0].sentence() + "."] if failure.differences else _told(failure)
    parts.append(_CALLED[verdict.failure])
    if verdict.failure in ("product regression", "contract change") and ranked:
        top = ranked[0]
        by = f", commit {top.candidate.commit[:10]}" if top.candidate.commit else ""
        symbol = f" (`{top.candidate.symbol}`)" if top.candidate.symbol else ""
        parts.append(f"Most likely cause: {top.candidate.place}{symbol}{by}, score {top.score:.2f}.")
    elif verdict.clues and verdict.failure != "unknown":
        parts.append(f"Because {verdict.clues[0].text}.")
    return " ".join(parts)


def _told(failure: Failure) -> list[str]:
    first = next((a for a in failure.failed_assertions), None)
    if first is not None:
        return [f"`{first.expression}` did not hold."]
    return [failure.step.message.splitlines()[0] + "."] if failure.step.message else []


def _facts(answer: Diagnosis) -> dict[str, str]:
    lines = [f"{c.text} [{c.place}]" for c in answer.clues]
    lines += [f"{cause.text} {cause.file}:{cause.line} {cause.score}" for cause in answer.causes]
    return {"class": answer.failure, "summary": answer.summary, "evidence": "\n".join(lines)}


def _reworded(answer: Diagnosis, text: str) -> Diagnosis:
    return replace(answer, summary=text)


AGENT: Agent[DiagnosisInputs, Diagnosis] = Agent(
    name="diagnosis",
    summary="Why did this run fail?",
    prompt="diagnosis",
    answer=diagnose,
    facts=_facts,
    reword=_reworded,
)
