"""Progress and result on a terminal: one line per flow, what failed with both sides, one line at the end."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from flows.reports.places import Placed, flow_name, placed, texts_near, texts_of
from flows.reports.visible import visible
from graph.runs import (
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

if TYPE_CHECKING:
    from flows.engine.masked_stream import Writable
    from flows.reports.surroundings import Surroundings
    from graph.spans import Span

FULLY_TOLD = 10
BRIEFLY_TOLD = 40
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
        later: keep what failed back until :meth:`failures`, when logs and spans are at hand.
    """

    def __init__(
        self, out: Writable, *, colour: bool = False, live: bool = False, verbose: bool = False, later: bool = False
    ) -> None:
        self._out = out
        self._colour = colour
        self._live = live
        self._verbose = verbose
        self._later = later
        self._steps = 0
        self._status = False
        self.root = Path()
        """Folder that flow files are relative to, where it is not the working folder."""

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
            from shutil import get_terminal_size

            where = "/".join((*event.path, event.id))
            line = visible(f"{self._steps} steps  {event.file}: {where}")
            self._out.write(f"\r\x1b[2K{line[: get_terminal_size().columns - 1]}")
            self._out.flush()
            self._status = True

    def finished(self, event: StepFinished) -> None:
        """Counts."""
        self._steps += 1

    def flow(self, event: FlowFinished) -> None:
        """A flow's line, and what failed in it."""
        self.clear()
        texts = {} if self._later or event.flow.verdict == "passed" else texts_near(event.flow, self.root)
        for line in flow_lines(event.flow, How(self._paint, self._verbose, brief=self._later, texts=texts)):
            self._out.write(line + "\n")
        self._out.flush()

    def run(self, event: RunFinished) -> None:
        """The last line; after what failed when that was kept back."""
        self.clear()
        if not self._later:
            self._out.write(summary_line(event.run, self._paint) + "\n")
        self._out.flush()

    def failures(self, run: Run, spans: Sequence[Span] = ()) -> None:
        """What failed, with logs and spans, and the last line, when they were kept back; otherwise nothing.

        Args:
            run: finished.
            spans: that it caused.
        """
        if not self._later:
            return
        from flows.reports.surroundings import surroundings

        how = How(self._paint, around=surroundings(run, spans, kept=False), texts=texts_of(run))
        for flow in run.flows:
            if flow.verdict != "passed":
                self._out.write("".join(line + "\n" for line in ("", *flow_lines(flow, how))))
        self._out.write(summary_line(run, self._paint) + "\n")
        self._out.flush()

    def clear(self) -> None:
        """Removes the status line."""
        if self._status:
            self._out.write("\r\x1b[2K")
            self._status = False

    def _paint(self, text: str, code: str) -> str:
        return coloured(text, code) if self._colour else text


_HANDLERS: Mapping[type, Callable[[Terminal, Any], None]] = {
    StepStarted: Terminal.started,
    StepFinished: Terminal.finished,
    FlowFinished: Terminal.flow,
    RunFinished: Terminal.run,
}
Paint = Callable[[str, str], str]


def coloured(text: str, code: str) -> str:
    """In colour.

    Args:
        text: shown.
        code: of ANSI.
    """
    return f"\x1b[{code}m{text}\x1b[0m"


def plain(text: str, code: str) -> str:
    """No colours.

    Args:
        text: shown.
        code: ignored.
    """
    return text


class How(NamedTuple):
    """How a flow execution is written.

    Args:
        paint: colours text.
        verbose: every step, not only what did not pass.
        brief: the flow's line and its log steps only.
        around: logs and spans.
        texts: the files of the run, by name.
    """

    paint: Paint = plain
    verbose: bool = False
    brief: bool = False
    around: Surroundings | None = None
    texts: Mapping[str, str] = {}


_AS_IT_IS = How()


def run_lines(run: Run, paint: Paint = plain, *, verbose: bool = False, spans: Sequence[Span] = ()) -> Iterator[str]:
    """A finished run, for `testmesh show`.

    Args:
        run: a finished run.
        paint: colours text.
        verbose: every step.
        spans: kept with it.
    """
    from flows.reports.surroundings import surroundings

    how = How(paint, verbose, around=surroundings(run, spans, kept=False), texts=texts_of(run))
    for flow in run.flows:
        yield from flow_lines(flow, how)
    yield summary_line(run, paint)


def flow_lines(flow: FlowRun, how: How = _AS_IT_IS) -> Iterator[str]:
    """A flow's line, and below it what did not pass.

    Args:
        flow: a finished execution.
        how: colours, and how much.
    """
    name = flow.file if flow.name == flow.file else f"{flow.file}: {flow_name(flow)}"
    yield f"{_marked(flow.verdict, how.paint)}  {visible(name)}  ({flow.duration_ms:.0f} ms)"
    for problem in flow.problems:
        known = {key: problem[key] for key in ("file", "line", "column", "rule", "message", "severity", "suggestion")}
        yield from _indented(render(Diagnostic(**known), flow.source), 4)
    if flow.message and not flow.problems:
        yield from _indented(flow.message, 4)
    told = 0
    for found in placed(flow, how.texts):
        broken = found.step.verdict in ("failed", "error") and not how.brief
        if broken and not how.verbose and _only_around(found.step):
            continue
        told += broken
        if not broken or told <= FULLY_TOLD:
            yield from _step_lines(found, how)
        elif told <= BRIEFLY_TOLD:
            yield " " * 4 + how.paint(_brief(found), "31")
    if told > BRIEFLY_TOLD:
        yield f"    … and {told - BRIEFLY_TOLD} more steps failed: testmesh show RUN --html has all of them"


def _only_around(step: StepRun) -> bool:
    """A container that says nothing but that a step in it failed; that step is told with its whole path."""
    from flows.reports.failures import failure_lines, told_inside

    return told_inside(step) and len(failure_lines("", step)) == 1


def _brief(found: Placed) -> str:
    from flows.reports.failures import brief

    return visible(f"{found.file}:{found.step.line}: {found.path}: {brief(found.step)}")


def _step_lines(found: Placed, how: How) -> Iterator[str]:
    step = found.step
    if step.action == "log" and step.verdict == "passed" and isinstance(step.result, dict):
        yield from _indented(f"[{step.result.get('level')}] {step.result.get('message')}", 4)
    elif step.verdict in ("failed", "error") and not how.brief:
        from flows.reports.failures import NOWHERE, failure_lines

        named = replace(step, id=found.path, iteration=None) if found.depth else step
        first, *rest = failure_lines(found.file, named, how.around or NOWHERE)
        yield " " * 4 + how.paint(first, "31")
        yield from (" " * 4 + line for line in rest)
    elif how.verbose:
        name = found.path if step.phase == "steps" else f"{step.phase} {found.path}"
        about = f"{step.action}, line {step.line} ({step.duration_ms:.0f} ms)"
        yield f"    {_marked(step.verdict, how.paint)}  {visible(f'{name}  {about}')}"
        if step.verdict != "passed" and step.message:
            yield from _indented(step.message, 8)


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
    line = f"{_marked(run.verdict, paint)}  run {run.id}: {text}"
    if run.verdict in ("failed", "error"):
        line += f"\n         next: testmesh show {run.id} --html, testmesh diagnose {run.id}"
    return line


def _marked(verdict: str, paint: Paint) -> str:
    word, code = _MARKS[verdict]
    return paint(f"{word:<7}", code)


def _indented(text: str, indent: int) -> Iterator[str]:
    for line in text.splitlines():
        yield " " * indent + visible(line)
