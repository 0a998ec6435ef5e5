"""A hunk takes away what another service on the way still expects: that break may show anywhere downstream."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator

from agents.diagnosis.callers import service_of
from agents.diagnosis.candidates import Candidate
from agents.diagnosis.case import CLEAR, STRONG, Case, Detector, Finding
from agents.diagnosis.walk import Reached, reached
from agents.diagnosis.words import counted
from graph.answers import Clue

_STATUS = re.compile(r"(?<![\w.])([1-5]\d\d)(?![\w.])")
_KEY = re.compile(r"[\"'](\w+)[\"']\s*:|(?<![\w.\[\"'])(\w+)\s*[:=](?![=])")
_READERS = ("CALLS", "CONSUMES")


def _find(case: Case) -> Iterable[Finding]:
    store = case.inputs.views.head
    way = reached(store, case.trail) if store is not None else None
    for candidate in case.candidates:
        if candidate.role == "code" and not candidate.inert:
            yield from _of_status(case, candidate, way)
            if way is not None:
                yield from _of_keys(candidate, way)


def _of_status(case: Case, candidate: Candidate, way: Reached | None) -> Iterator[Finding]:
    gone = {s for line in candidate.removed for s in _STATUS.findall(line)}
    gone = {s for s in gone if counted(candidate.removed, s) > counted(candidate.added, s)}
    for path, number, status in _comparing(case, candidate, gone):
        if way is None or way.of_file(path) is not None:
            text = f"this hunk takes status {status} away, {path}:{number} still waits for it"
            yield Finding(Clue(DETECTOR.name, text, candidate.place, STRONG), candidate.index)


def _comparing(case: Case, candidate: Candidate, gone: set[str]) -> Iterator[tuple[str, int, str]]:
    sources = case.inputs.sources
    if sources is None or not gone:
        return
    numbers = "|".join(sorted(gone))
    pattern = re.compile(rf"\bstatus(?:_?[cC]ode)?\b[^#]*(?:===?|!==?|\bin\b)[^#]*\b({numbers})\b")
    for path in sources.head_files():
        if path.endswith((".py", ".ts", ".js", ".go", ".java")) and service_of(path) != service_of(candidate.file):
            for number, line in enumerate((sources.head(path) or "").splitlines(), 1):
                match = pattern.search(line)
                if match:
                    yield path, number, match[1]


def _of_keys(candidate: Candidate, way: Reached) -> Iterator[Finding]:
    names = {a or b for line in candidate.removed for a, b in _KEY.findall(line)}
    gone = {n for n in names if counted(candidate.removed, n) > counted(candidate.added, n)}
    for reader, place, name in _reading(candidate, way, gone):
        text = f"this hunk takes `{name}` away, {reader} still reads it ({place})"
        yield Finding(Clue(DETECTOR.name, text, candidate.place, CLEAR), candidate.index)


def _reading(candidate: Candidate, way: Reached, gone: set[str]) -> Iterator[tuple[str, str, str]]:
    """Readers in other services of an endpoint or topic whose code is in the candidate's service."""
    for key in sorted(way.graph.edges):
        edge = way.graph.edges[key]
        source = way.graph.nodes[edge.source]
        if edge.kind not in _READERS or edge.source not in way.distance or source.kind != "Symbol":
            continue
        reads = gone & {r.partition(".")[0] for r in edge.props.get("reads") or ()}
        if reads and service_of(source.key[1]) != service_of(candidate.file) and _gives(candidate, way, edge.target):
            yield source.label, edge.evidence[0].place() if edge.evidence else "", sorted(reads)[0]


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
