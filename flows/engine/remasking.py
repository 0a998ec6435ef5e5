"""A flow's record once more without secrets: what a late step gave away may stand in the evidence of an early one."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from flows.engine.log import Keeper, Log
from flows.engine.masking import Masks
from graph.runs import AssertionResult, Exchange, FlowRun, StepRun


def remasked(masks: Masks, flow: FlowRun, keeper: Keeper | None = None) -> FlowRun:
    """The record with everything masked that is known by now.

    Args:
        masks: of the run.
        flow: its record; a record without secrets is given back as it is.
        keeper: where steps of a long run are kept.
    """
    own, masks.own = masks.own, None  # every text was seen before; one with a mask in it has none of its own
    try:
        return _remasked(masks, flow, keeper)
    finally:
        masks.own = own


def _remasked(masks: Masks, flow: FlowRun, keeper: Keeper | None) -> FlowRun:
    steps = _steps(masks, flow.steps, keeper)
    message = masks.text(flow.message)
    variables = masks.evidence(dict(flow.variables))
    if steps is flow.steps and message == flow.message and variables == flow.variables:
        return flow
    return replace(flow, steps=steps, message=message, variables=variables if isinstance(variables, dict) else {})


def _steps(masks: Masks, steps: Sequence[StepRun], keeper: Keeper | None) -> Sequence[StepRun]:
    log, same = Log(keeper if not isinstance(steps, tuple) else None), True
    for step in steps:
        again = _step(masks, step, keeper)
        same = same and again is step
        log.append(again)
    return steps if same else log.sealed()


def _step(masks: Masks, step: StepRun, keeper: Keeper | None) -> StepRun:
    inner = _steps(masks, step.steps, keeper)
    changed: dict[str, object] = {} if inner is step.steps else {"steps": inner}
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
