"""`run --dry-run` for people and for programs: what would be sent, and what is known only later."""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Iterator
from dataclasses import asdict

from flows.runner.options import RunOptions
from flows.runner.planning import PlannedFlow, PlannedStep, every, exit_code, plan
from testmesh.cli._options import counted
from testmesh.kernel.diagnostics import Diagnostic, render

_SHOWN = {"partly": "  (partly known)", "maybe": "  (maybe: {})", "skipped": "  skipped: {}", "error": "  ERROR: {}"}
_KEYS = ("file", "line", "column", "rule", "message", "severity", "suggestion")


def dry_run(options: argparse.Namespace, wanted: RunOptions) -> int:
    """Prints every request; sends nothing, starts nothing, keeps nothing.

    Args:
        options: of the command.
        wanted: as for a run.
    """
    flows = plan(wanted)
    code = exit_code(flows)
    if options.json:
        from flows.events import to_json

        data = {"dry_run": True, "exit_code": code, "flows": [_flow_data(flow) for flow in flows]}
        sys.stdout.write(to_json(data) + "\n")
        return code
    for flow in flows:
        print("\n".join(_flow_lines(flow)))
    print(_summary(flows))
    return code


def _flow_data(flow: PlannedFlow) -> dict[str, object]:
    data = asdict(flow)
    del data["source"]
    return data


def _flow_lines(flow: PlannedFlow) -> Iterator[str]:
    row = "" if flow.row is None else f" [row {flow.row}]"
    yield f"{flow.file}: {flow.name}{row}"
    for problem in flow.problems:
        shown = render(Diagnostic(**{key: problem[key] for key in _KEYS}), flow.source)
        yield from (f"    {line}" for line in shown.splitlines())
    if flow.message:
        yield f"    ERROR: {_visible(flow.message)}"
    for step in flow.steps:
        yield from _step_lines(step, "    ")


def _step_lines(step: PlannedStep, indent: str) -> Iterator[str]:
    name = step.id if step.iteration is None else f"{step.id}[{step.iteration}]"
    phase = "" if step.phase == "steps" else f"{step.phase} "
    state = _SHOWN.get(step.state, "").format(_visible(step.message))
    yield f"{indent}{phase}{name}  {step.action}, line {step.line}{state}"
    for key, value in step.request.items() if isinstance(step.request, dict) else ():
        text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False, default=str)
        yield from (f"{indent}    {line}" for line in _visible(f"{key}: {text}").splitlines())
    if step.later:
        yield f"{indent}    known later: {', '.join(step.later)}"
    for inner in step.steps:
        yield from _step_lines(inner, indent + "    ")
    if step.message and step.state in ("known", "partly"):
        yield f"{indent}    {_visible(step.message)}"


def _summary(flows: list[PlannedFlow]) -> str:
    steps = [step for flow in flows for step in every(flow.steps)]
    counts = {state: sum(step.state == state for step in steps) for state in ("known", "partly", "maybe", "error")}
    wrong = sum(bool(flow.problems or flow.message) for flow in flows)
    text = f"{counted(len(flows), 'flow')}, {counted(len(steps), 'step')}: "
    text += f"{counts['known']} fully known, {counts['partly']} partly"
    text += f", {counts['maybe']} may run" if counts["maybe"] else ""
    text += f", {counts['error']} cannot be evaluated" if counts["error"] else ""
    text += f"; {counted(wrong, 'flow')} cannot run" if wrong else ""
    return f"dry run: {text}; nothing was sent"


def _visible(text: str) -> str:
    return "".join(char if char.isprintable() or char == "\n" else json.dumps(char)[1:-1] for char in text)
