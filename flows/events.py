"""The JSON form of runs and events: one artefact opens anywhere, with exact numbers and defaults left out."""

from __future__ import annotations

import json
import os
import re
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from typing import Any, cast, get_args

from flows.language.foreign_json import escaped
from flows.language.values import instant_text, parse_json, seconds_of, simplest, type_name
from graph.runs import (
    AssertionResult,
    Event,
    Exchange,
    FlowFinished,
    FlowRun,
    FlowStarted,
    Run,
    RunFinished,
    RunStarted,
    RunVerdict,
    StepFinished,
    StepRun,
    StepStarted,
    StepVerdict,
)
from testmesh.kernel.errors import UserError

_VERDICTS = frozenset((*get_args(StepVerdict), *get_args(RunVerdict)))
_MARK = f"exact-number-{os.urandom(16).hex()}:"
_EXACT = re.compile(rf'"{_MARK}([^"]+)"')


def to_json(data: object) -> str:
    """JSON text of any values of the language: Decimals as the numbers they are, instants as ISO text.

    Args:
        data: JSON-shaped, or an instant or duration in the place of text or a number.
    """
    text = escaped(_ENCODER.encode(data))
    return _EXACT.sub(r"\1", text) if _MARK in text else text


def _plain(value: object) -> object:
    """An exact number marked, an instant as ISO text, a duration as seconds: expressions have them, JSON does not."""
    if type(value).__name__ == "Decimal":
        return _MARK + str(value)
    name = type_name(value)
    if name == "instant":
        return instant_text(value)
    if name == "duration":
        return simplest(seconds_of(value))
    return dict(cast("Mapping[str, object]", value)) if name == "object" else list(cast("Sequence[object]", value))


_ENCODER = json.JSONEncoder(default=_plain, ensure_ascii=False, check_circular=False, separators=(",", ":"))


def run_to_json(run: Run) -> str:
    """The artefact's text.

    Args:
        run: a finished run.
    """
    return to_json(run_data(run))


def run_from_json(text: str | bytes) -> Run:
    """The run in an artefact.

    Args:
        text: what :func:`run_to_json` made.

    Raises:
        UserError: not an artefact, or of a newer version.
    """
    if not text.strip():
        raise UserError("not a run artefact: it is empty")
    try:
        data: Any = parse_json(text, ours=True)
        version = data["version"]
    except (ValueError, KeyError, TypeError) as error:
        raise UserError(f"not a run artefact: {error}") from error
    if version != 1:
        raise UserError(f"run artefact of version {version}; this TestMesh reads version 1", hint="upgrade TestMesh")
    try:
        return _run(data)
    except (KeyError, TypeError, AttributeError, ValueError) as error:
        raise UserError(f"not a run artefact: {type(error).__name__} {error}") from error


def run_data(run: Run) -> dict[str, object]:
    """The artefact as JSON-shaped data.

    Args:
        run: a finished run.
    """
    return {
        "version": run.version,
        "id": run.id,
        "started": run.started,
        "finished": run.finished,
        "verdict": run.verdict,
        "seed": run.seed,
        "environment": run.environment,
        "deployed": dict(run.deployed),
        "revision": run.revision,
        "options": dict(run.options),
        "logs": {service: list(lines) for service, lines in run.logs.items()},
        **({"log_times": {service: list(at) for service, at in run.log_times.items()}} if run.log_times else {}),
        "flows": [flow_data(flow) for flow in run.flows],
    }


def flow_data(flow: FlowRun) -> dict[str, object]:
    """A flow execution as JSON-shaped data.

    Args:
        flow: the execution.
    """
    data: dict[str, object] = {
        "file": flow.file,
        "name": flow.name,
        "row": flow.row,
        "verdict": flow.verdict,
        "duration_ms": flow.duration_ms,
        "steps": [step_data(step) for step in flow.steps],
    }
    rest = {
        "message": flow.message,
        "source": flow.source,
        "variables": dict(flow.variables),
        "builtins": dict(flow.builtins),
        "problems": list(flow.problems),
        "started_ms": flow.started_ms,
    }
    return data | {key: value for key, value in rest.items() if value}


def step_data(step: StepRun) -> dict[str, object]:
    """A step execution as JSON-shaped data.

    Args:
        step: the execution.
    """
    data: dict[str, object] = {
        "id": step.id,
        "phase": step.phase,
        "action": step.action,
        "verdict": step.verdict,
        "started_ms": step.started_ms,
        "duration_ms": step.duration_ms,
    }
    if step.iteration is not None:
        data["iteration"] = step.iteration
    if step.result is not None:
        data["result"] = step.result
    rest = {
        "message": step.message,
        "exchanges": [_exchange_data(exchange) for exchange in step.exchanges],
        "outputs": dict(step.outputs),
        "assertions": [assertion_data(found) for found in step.assertions],
        "steps": [step_data(inner) for inner in step.steps],
        "trace_id": step.trace_id,
        "line": step.line,
        "optional": step.optional,
    }
    return data | {key: value for key, value in rest.items() if value}


def _exchange_data(exchange: Exchange) -> dict[str, object]:
    data: dict[str, object] = {
        "request": exchange.request,
        "candidates": list(exchange.candidates),
        "at_ms": list(exchange.at_ms),
        "ended": exchange.ended,
        "error": exchange.error,
        "error_type": exchange.error_type,
    }
    return data | ({"span_id": exchange.span_id} if exchange.span_id else {})


def assertion_data(found: AssertionResult) -> dict[str, object]:
    """An assertion's verdict as JSON-shaped data.

    Args:
        found: the verdict.
    """
    return {
        "list": found.list,
        "expression": found.expression,
        "passed": found.passed,
        "left": found.left,
        "right": found.right,
        "message": found.message,
        "line": found.line,
    }


def _text(value: Any) -> str:
    if not isinstance(value, str):
        raise TypeError(f"{value!r} where a text belongs")
    return value


def _moment(value: Any) -> str:
    datetime.fromisoformat(value)
    return _text(value)


def _verdict(value: Any) -> Any:
    if value not in _VERDICTS:
        raise ValueError(f"the verdict {value!r} is unknown")
    return value


def _run(data: Any) -> Run:
    return Run(
        id=_text(data["id"]),
        started=_moment(data["started"]),
        finished=_moment(data["finished"]),
        verdict=_verdict(data["verdict"]),
        flows=tuple(flow_from(flow) for flow in data["flows"]),
        seed=data.get("seed", 0),
        environment=data.get("environment", ""),
        deployed=data.get("deployed", {}),
        revision=data.get("revision", "unknown"),
        options=data.get("options", {}),
        logs=data.get("logs", {}),
        version=data["version"],
        log_times=data.get("log_times", {}),
    )


def flow_from(data: Any) -> FlowRun:
    """The flow execution of its JSON form.

    Args:
        data: what :func:`flow_data` made.
    """
    return FlowRun(
        file=_text(data["file"]),
        name=_text(data["name"]),
        row=data["row"],
        verdict=_verdict(data["verdict"]),
        duration_ms=data["duration_ms"],
        steps=tuple(step_from(step) for step in data["steps"]),
        message=data.get("message", ""),
        source=data.get("source", ""),
        variables=data.get("variables", {}),
        builtins=data.get("builtins", {}),
        problems=tuple(data.get("problems", ())),
        started_ms=data.get("started_ms", 0.0),
    )


def step_from(data: Any) -> StepRun:
    """The step execution of its JSON form.

    Args:
        data: what :func:`step_data` made.
    """
    return StepRun(
        id=_text(data["id"]),
        phase=data["phase"],
        action=_text(data["action"]),
        verdict=_verdict(data["verdict"]),
        message=data.get("message", ""),
        started_ms=data["started_ms"],
        duration_ms=data["duration_ms"],
        exchanges=tuple(_exchange(found) for found in data.get("exchanges", ())),
        result=data.get("result"),
        outputs=data.get("outputs", {}),
        assertions=tuple(AssertionResult(**found) for found in data.get("assertions", ())),
        steps=tuple(step_from(inner) for inner in data.get("steps", ())),
        iteration=data.get("iteration"),
        trace_id=data.get("trace_id", ""),
        line=data.get("line", 0),
        optional=data.get("optional", False),
    )


def _exchange(data: Any) -> Exchange:
    return Exchange(
        request=data["request"],
        candidates=tuple(data["candidates"]),
        at_ms=tuple(data["at_ms"]),
        ended=data["ended"],
        error=data["error"],
        error_type=data["error_type"],
        span_id=data.get("span_id", ""),
    )


def _place(event: StepStarted | StepFinished) -> dict[str, object]:
    return {"run": event.run, "file": event.file, "row": event.row, "path": list(event.path)}


_EVENTS: Mapping[type, Callable[[Any], dict[str, object]]] = {
    RunStarted: lambda e: {"run": e.run, "at": e.at, "flows": list(e.flows), "seed": e.seed},
    FlowStarted: lambda e: {"run": e.run, "file": e.file, "name": e.name, "row": e.row},
    StepStarted: lambda e: _place(e) | {"id": e.id, "phase": e.phase, "action": e.action},
    StepFinished: lambda e: _place(e) | {"step": step_data(e.step)},
    FlowFinished: lambda e: {"run": e.run, "flow": flow_data(e.flow)},
    RunFinished: lambda e: {"run": run_data(e.run)},
}


def event_data(event: Event) -> dict[str, object]:
    """An event as JSON-shaped data; ``type`` is its class name.

    Args:
        event: any event of a run.
    """
    return {"type": type(event).__name__} | _EVENTS[type(event)](event)


def run_report(run: Run) -> dict[str, object]:
    """What ``run --json`` prints (FLOWS §8).

    Args:
        run: a finished run.
    """
    return {"run": run.id, "verdict": run.verdict, "flows": [flow_report(flow) for flow in run.flows]}


def flow_report(flow: FlowRun) -> dict[str, object]:
    """A flow execution as ``run --json`` prints it.

    Args:
        flow: the execution.
    """
    report: dict[str, object] = {
        "file": flow.file,
        "name": flow.name,
        "row": flow.row,
        "verdict": flow.verdict,
        "duration_ms": round(flow.duration_ms, 3),
        "steps": [step_report(step) for step in flow.steps],
    }
    if flow.message:
        report["message"] = flow.message
    if flow.problems:
        report["findings"] = list(flow.problems)
    return report


def step_report(step: StepRun) -> dict[str, object]:
    """A step execution as ``run --json`` prints it.

    Args:
        step: the execution.
    """
    report: dict[str, object] = {
        "id": step.id,
        "phase": step.phase,
        "verdict": step.verdict,
        "duration_ms": round(step.duration_ms, 3),
        "message": step.message,
        "assertions": [
            {
                "list": found.list,
                "expression": found.expression,
                "passed": found.passed,
                "left": found.left,
                "right": found.right,
            }
            for found in step.assertions
        ],
        "steps": _inner(step.steps),
    }
    if step.iteration is not None:
        report["iteration"] = step.iteration
    return report


def _inner(steps: Sequence[StepRun]) -> list[dict[str, object]]:
    return [step_report(step) for step in steps]
