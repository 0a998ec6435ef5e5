"""A traceback in a service's log, or the exception of an error span, names the line that broke."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from agents.diagnosis.candidates import Candidate
from agents.diagnosis.case import CLEAR, PROOF, STRONG, SUGGESTIVE, WEAK, Case, Detector, Finding
from agents.diagnosis.failure import leaves
from agents.diagnosis.signatures import unreachable
from agents.diagnosis.words import counted
from graph.answers import Clue
from testmesh.kernel.stacks import NODE, PYTHON

_STAMP = re.compile(r"^\d{4}-\d\d-\d\dT[\d:.]+Z?\t")
_NEAR = 3
_FADING = 0.08
_NAMED = re.compile(
    r"KeyError: '([^']+)'|has no attribute '(\w+)'|name '(\w+)' is not defined|column \"?([\w.]+)\"? does not exist"
    r"|\(reading '(\w+)'\)|unexpected keyword argument '(\w+)'|'(\w+)' is undefined|Field required.*'(\w+)'"
)


@dataclass(frozen=True, slots=True)
class Frame:
    """One line of a stack.

    Args:
        file: as printed.
        line: 1-based.
        depth: 0 for the innermost frame.
        error: last line of the traceback.
        source: service or span.
    """

    file: str
    line: int
    depth: int
    error: str
    source: str


def frames(lines: Sequence[str], source: str) -> Iterator[Frame]:
    """The frames of every traceback in a log, innermost first within each.

    Args:
        lines: as printed, stamped or not.
        source: service or span id.
    """
    block: list[tuple[str, int]] = []
    for raw in (*lines, ""):
        text = _STAMP.sub("", raw)
        match = PYTHON.search(text) or NODE.search(text)
        if match:
            block.append((match["file"], int(match["line"])))
        elif block and not text.startswith((" ", "\t")):
            yield from _ordered(block, text, source)
            block = []


def _ordered(block: list[tuple[str, int]], error: str, source: str) -> Iterator[Frame]:
    """Python prints the innermost frame last; Node prints it first and its message before."""
    python = block[-1][0].endswith(".py")
    for depth, (file, line) in enumerate(reversed(block) if python else block):
        yield Frame(file, line, depth, error, source)


def _stacks(case: Case) -> Iterator[Frame]:
    for service, lines in case.inputs.run.logs.items():
        green = case.inputs.green
        known = set(frames(green.logs.get(service, ()), service)) if green else set()
        yield from (f for f in frames(lines, service) if f not in known)
    source = case.inputs.spans
    if source is None:
        return
    for trace in sorted({s.trace_id for s in leaves(case.failure.flow.steps) if s.trace_id}):
        for span in source.trace(trace):
            if span.error:
                stack = span.attributes.get("exception.stacktrace", "") or span.message
                yield from frames([*stack.splitlines(), span.message], span.span_id)


def _find(case: Case) -> Iterable[Finding]:
    best: dict[int, Finding] = {}
    for frame in _stacks(case):
        for candidate in case.candidates:
            found = _match(frame, candidate)
            if found and found.clue.weight > _weight(best.get(candidate.index)):
                best[candidate.index] = found
    return [*best.values(), *_of_names(case)]


def _weight(finding: Finding | None) -> float:
    return finding.clue.weight if finding else 0.0


def _match(frame: Frame, candidate: Candidate) -> Finding | None:
    if not _same_file(frame.file, candidate.file) or candidate.hunk is None:
        return None
    start, count = candidate.hunk.new_start, candidate.hunk.new_lines
    if start <= frame.line < start + count:
        weight = (PROOF, STRONG, STRONG)[min(frame.depth, 2)]
    elif (away := _distance(frame.line, start, count)) <= _NEAR:
        weight = CLEAR - _FADING * (away - 1)
    else:
        weight = WEAK
    if unreachable(frame.error):
        weight = min(weight, SUGGESTIVE)
    if (names := named(frame.error)) and not any(_about(candidate, name) for name in names):
        weight = min(weight, CLEAR)
    text = f"{frame.source} failed at {candidate.file}:{frame.line}: {frame.error[:160]}"
    return Finding(Clue(DETECTOR.name, text, f"{candidate.file}:{frame.line}", round(weight, 4)), candidate.index)


def _distance(line: int, start: int, count: int) -> int:
    """Lines between a line and a region; a pure deletion lies behind its first line."""
    last = start + max(count, 1) - 1
    return start - line if line < start else line - last


def _about(candidate: Candidate, name: str) -> bool:
    return counted(candidate.removed, name) != counted(candidate.added, name)


def named(error: str) -> tuple[str, ...]:
    """The key, attribute, variable or column an error says is missing.

    Args:
        error: last line of a traceback.
    """
    return tuple(dict.fromkeys(n for match in _NAMED.finditer(error) for n in match.groups() if n))


def _of_names(case: Case) -> Iterable[Finding]:
    """A hunk elsewhere that takes away the very name somebody now misses."""
    missed = {(n, f.error, f.source) for f in _stacks(case) if f.depth == 0 for n in named(f.error)}
    for name, error, source in sorted(missed):
        for candidate in case.candidates:
            if candidate.product and counted(candidate.removed, name) > counted(candidate.added, name):
                text = f"{source} misses `{name}` ({error[:120]}), which this hunk takes away"
                yield Finding(Clue(DETECTOR.name, text, candidate.place, PROOF), candidate.index)


def _same_file(printed: str, path: str) -> bool:
    return printed == path or printed.endswith("/" + path) or (path.endswith("/" + printed) and "/" in printed)


def _blind(case: Case) -> str:
    if case.inputs.run.logs or case.inputs.spans is not None:
        return ""
    return "service logs and traces: the run has none"


DETECTOR = Detector("error origin", "A log traceback or error span names the line that broke.", _find, _blind)
