"""Progress and result on a terminal: one line per flow, what failed with both sides, one line at the end."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from typing import Any, TextIO

from flows.engine.judging import short
from graph.runs import (
    AssertionResult,
    Event,
    FlowFinished,
    FlowRun,
    Run,
    RunFinished,
    StepFinished,
    StepRun,
    StepStarted,
)
from testmesh.kernel.diagnostics import Diagnostic, render

_MARKS: Mapping[str, tuple[str, str]] = {
    "passed": ("ok", "32"),
    "failed": ("FAILED", "31"),
    "error": ("ERROR", "31"),
    "cancelled": ("cancelled", "33"),
    "skipped": ("skipped", "33"),
    "not_run": ("not run", "33"),
}


class Terminal:
    """A listener that writes a run for people.

    Args:
        out: where to.
        colour: use ANSI colours.
        live: rewrite a status line while steps run (only on a real terminal).
        verbose: every step, not only those that failed.
    """

    def __init__(self, out: TextIO, *, colour: bool = False, live: bool = False, verbose: bool = False) -> None:
        self._out = out
        self._colour = colour
        self._live = live
        self._verbose = verbose
        self._steps = 0
        self._status = False

    def __call__(self, event: Event) -> None:
        """Writes what the event says.

        Args:
            event: of a run.
        """
        handler = _HANDLERS.get(type(event))
        if handler is not None:
            handler(self, event)

    def started(self, event: StepStarted) -> None:
        """The status line."""
        if self._live:
            where = "/".join((*event.path, event.id))
            self._out.write(f"\r\x1b[2K{self._steps} steps  {event.file}: {where}")
            self._out.flush()
            self._status = True

    def finished(self, event: StepFinished) -> None:
        """Counts."""
        self._steps += 1

    def flow(self, event: FlowFinished) -> None:
        """A flow's line, and what failed in it."""
        self.clear()
        for line in flow_lines(event.flow, self._paint, verbose=self._verbose):
            self._out.write(line + "\n")

    def run(self, event: RunFinished) -> None:
        """The last line."""
        self.clear()
        self._out.write(summary_line(event.run, self._paint) + "\n")
        self._out.flush()

    def clear(self) -> None:
        """Removes the status line."""
        if self._status:
            self._out.write("\r\x1b[2K")
            self._status = False

    def _paint(self, text: str, code: str) -> str:
        return f"\x1b[{code}m{text}\x1b[0m" if self._colour else text


_HANDLERS: Mapping[type, Callable[[Terminal, Any], None]] = {
    StepStarted: Terminal.started,
    StepFinished: Terminal.finished,
    FlowFinished: Terminal.flow,
    RunFinished: Terminal.run,
}
Paint = Callable[[str, str], str]


def plain(text: str, code: str) -> str:
    """No colours.

    Args:
        text: shown.
        code: ignored.
    """
    return text


def run_lines(run: Run, paint: Paint = plain, *, verbose: bool = False) -> Iterator[str]:
    """A finished run, for `testmesh show`.

    Args:
        run: a finished run.
        paint: colours text.
        verbose: every step.
    """
    for flow in run.flows:
        yield from flow_lines(flow, paint, verbose=verbose)
    yield summary_line(run, paint)


def flow_lines(flow: FlowRun, paint: Paint = plain, *, verbose: bool = False) -> Iterator[str]:
    """A flow's line, and below it what did not pass.

    Args:
        flow: a finished execution.
        paint: colours text.
        verbose: every step.
    """
    row = "" if flow.row is None else f" [row {flow.row}]"
    yield f"{_marked(flow.verdict, paint)}  {flow.file}: {flow.name}{row}  ({flow.duration_ms:.0f} ms)"
    for problem in flow.problems:
        known = {key: problem[key] for key in ("file", "line", "column", "rule", "message", "severity", "suggestion")}
        yield from _indented(render(Diagnostic(**known), flow.source), 4)
    if flow.message and not flow.problems:
        yield from _indented(_visible(flow.message), 4)
    for step in flow.steps:
        yield from _step_lines(step, paint, verbose, 4)


def _step_lines(step: StepRun, paint: Paint, verbose: bool, indent: int) -> Iterator[str]:
    if step.action == "log" and step.verdict == "passed" and isinstance(step.result, dict):
        yield from _indented(_visible(f"[{step.result.get('level')}] {step.result.get('message')}"), indent)
        return
    inner_shown = any(_shown(inner, verbose) or inner.action == "log" for inner in _all(step.steps))
    if not _shown(step, verbose) and not inner_shown:
        return
    name = step.id if step.iteration is None else f"{step.id}[{step.iteration}]"
    phase = "" if step.phase == "steps" else f"{step.phase} "
    mark = _marked(step.verdict, paint)
    yield f"{' ' * indent}{mark}  {phase}{name}  {step.action}, line {step.line} ({step.duration_ms:.0f} ms)"
    if step.verdict != "passed" and step.message:
        yield from _indented(_visible(step.message), indent + 4)
    if step.verdict in ("failed", "error"):
        for line in step.assertions:
            if not line.passed:
                yield from _indented(_assertion_text(line), indent + 4)
    for inner in step.steps:
        yield from _step_lines(inner, paint, verbose, indent + 4)


def _assertion_text(line: AssertionResult) -> str:
    shown = f"- {line.list}: {line.expression}"
    if line.left is None and line.right is None:
        return _visible(shown)
    return _visible(f"{shown}\n    left:  {short(line.left)}\n    right: {short(line.right)}")


def _shown(step: StepRun, verbose: bool) -> bool:
    return verbose or step.verdict in ("failed", "error")


def _all(steps: tuple[StepRun, ...]) -> Iterator[StepRun]:
    for step in steps:
        yield step
        yield from _all(step.steps)


def summary_line(run: Run, paint: Paint = plain) -> str:
    """The last line of a run.

    Args:
        run: a finished run.
        paint: colours text.
    """
    counts: dict[str, int] = {}
    for flow in run.flows:
        counts[flow.verdict] = counts.get(flow.verdict, 0) + 1
    order = ("passed", "failed", "error", "cancelled")
    text = ", ".join(f"{counts[verdict]} {verdict}" for verdict in order if verdict in counts)
    return f"{_marked(run.verdict, paint)}  run {run.id}: {text}"


def _marked(verdict: str, paint: Paint) -> str:
    word, code = _MARKS[verdict]
    return paint(f"{word:<7}", code)


def _indented(text: str, indent: int) -> Iterator[str]:
    for line in text.splitlines():
        yield " " * indent + line


def _visible(text: str) -> str:
    """Text from strangers without control characters that could drive the terminal."""
    return "".join(char if char.isprintable() or char == "\n" else json.dumps(char)[1:-1] for char in text)
