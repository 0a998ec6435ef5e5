"""A flow's record once more without secrets: what a late step gave away may stand in the evidence of an early one."""

from __future__ import annotations

from dataclasses import replace

from flows.engine.masking import Masks
from graph.runs import AssertionResult, Exchange, FlowRun, StepRun


def remasked(masks: Masks, flow: FlowRun) -> FlowRun:
    """The record with everything masked that is known by now.

    Args:
        masks: of the run.
        flow: its record; a record without secrets is given back as it is.
    """
    steps = tuple([_step(masks, step) for step in flow.steps])
    message = masks.text(flow.message)
    variables = masks.evidence(dict(flow.variables))
    same = message == flow.message and variables == flow.variables
    if same and all(a is b for a, b in zip(steps, flow.steps, strict=True)):
        return flow
    return replace(flow, steps=steps, message=message, variables=variables if isinstance(variables, dict) else {})


def _step(masks: Masks, step: StepRun) -> StepRun:
    inner = tuple([_step(masks, found) for found in step.steps])
    changed: dict[str, object] = {}
    if any(a is not b for a, b in zip(inner, step.steps, strict=True)):
        changed["steps"] = inner
    for name, value in (
        ("exchanges", tuple([_exchange(masks, found) for found in step.exchanges])),
        ("assertions", tuple([_assertion(masks, found) for found in step.assertions])),
        ("result", masks.evidence(step.result)),
        ("outputs", masks.evidence(dict(step.outputs))),
        ("message", masks.text(step.message)),
    ):
        if value != getattr(step, name):
            changed[name] = value
    return replace(step, **changed) if changed else step  # type: ignore[arg-type]


def _exchange(masks: Masks, exchange: Exchange) -> Exchange:
    return replace(
        exchange,
        request=masks.evidence(exchange.request),
        candidates=tuple([masks.evidence(candidate) for candidate in exchange.candidates]),
        error=masks.text(exchange.error),
    )


def _assertion(masks: Masks, line: AssertionResult) -> AssertionResult:
    left, right = masks.evidence(line.left), masks.evidence(line.right)
    return replace(line, left=left, right=right, message=masks.text(line.message))
