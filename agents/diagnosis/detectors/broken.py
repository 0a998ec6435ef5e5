"""A hunk takes away what another service on the way still expects: that break may show anywhere downstream."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence

from agents.diagnosis.callers import service_of
from agents.diagnosis.candidates import Candidate
from agents.diagnosis.case import CLEAR, STRONG, Case, Detector, Finding
from agents.diagnosis.walk import Reached
from agents.diagnosis.words import counted
from graph.answers import Clue
from graph.schema import Edge

_STATUS = re.compile(r"(?<![\w.])([1-5]\d\d)(?![\w.])")
_KEY = re.compile(r"[\"'](\w+)[\"']\s*:|(?<![\w.\[\"'])(\w+)\s*[:=](?![=])")
_COMPARED = re.compile(r"\bstatus(?:_?[cC]ode)?\b[^#]*(?:===?|!==?|\bin\b)[^#]*\b([1-5]\d\d)\b")
_Waiting = tuple[str, int, str]
_READERS = ("CALLS", "CONSUMES")


def _find(case: Case) -> Iterable[Finding]:
    way = case.head.reached(case.trail) if case.head is not None else None
    waiting = _comparisons(case)
    reading = _reading(way) if way is not None else []
    for candidate in case.candidates:
        if candidate.role == "code" and not candidate.inert:
            yield from _of_status(candidate, way, waiting)
            if way is not None:
                yield from _of_keys(candidate, way, reading)


def _of_status(candidate: Candidate, way: Reached | None, waiting: Sequence[_Waiting]) -> Iterator[Finding]:
    gone = {s for line in candidate.removed for s in _STATUS.findall(line)}
    gone = {s for s in gone if counted(candidate.removed, s) > counted(candidate.added, s)}
    for path, number, status in waiting if gone else ():
        elsewhere = service_of(path) != service_of(candidate.file)
        if status in gone and elsewhere and (way is None or way.of_file(path) is not None):
            text = f"this hunk takes status {status} away, {path}:{number} still waits for it"
            yield Finding(Clue(DETECTOR.name, text, candidate.place, STRONG), candidate.index)


def _comparisons(case: Case) -> list[_Waiting]:
    """Every place of the code that compares an answer's status with a number."""
    sources = case.inputs.sources
    found: list[_Waiting] = []
    for path in sources.head_files() if sources else ():
        if sources is not None and path.endswith((".py", ".ts", ".js", ".go", ".java")):
            for number, line in enumerate((sources.head(path) or "").splitlines(), 1):
                found += [(path, number, match[1]) for match in _COMPARED.finditer(line)]
    return found


def _of_keys(candidate: Candidate, way: Reached, reading: Sequence[Edge]) -> Iterator[Finding]:
    names = {a or b for line in candidate.removed for a, b in _KEY.findall(line)}
    gone = {n for n in names if counted(candidate.removed, n) > counted(candidate.added, n)}
    for edge in reading if gone else ():
        source = way.graph.nodes[edge.source]
        reads = gone & {r.partition(".")[0] for r in edge.props["reads"]}
        if reads and service_of(source.key[1]) != service_of(candidate.file) and _gives(candidate, way, edge.target):
            place = edge.evidence[0].place() if edge.evidence else ""
            text = f"this hunk takes `{sorted(reads)[0]}` away, {source.label} still reads it ({place})"
            yield Finding(Clue(DETECTOR.name, text, candidate.place, CLEAR), candidate.index)


def _reading(way: Reached) -> list[Edge]:
    """Links on the way whose source is known to read fields of the answer or message."""
    found = []
    for key in sorted(way.graph.edges):
        edge = way.graph.edges[key]
        known = edge.kind in _READERS and edge.source in way.distance and bool(edge.props.get("reads"))
        if known and way.graph.nodes[edge.source].kind == "Symbol":
            found.append(edge)
    return found


def _gives(candidate: Candidate, way: Reached, target: str) -> bool:
    """Whether code of the candidate's service handles the endpoint or fills the topic."""
    for edge in way.graph.edges.values():
        other = edge.target if edge.kind == "HANDLED_BY" and edge.source == target else ""
        if edge.kind == "PUBLISHES" and edge.target == target:
            other = edge.source
        node = way.graph.nodes.get(other)
        if node is not None and node.kind == "Symbol" and service_of(node.key[1]) == service_of(candidate.file):
            return True
    return False


DETECTOR = Detector("broken promise", "A hunk takes away what another service still expects.", _find)
