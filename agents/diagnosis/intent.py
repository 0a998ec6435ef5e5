"""Signs that a changed contract was meant, or was not: the spec, the callers, what changed with it, the words."""

from __future__ import annotations

import re
from collections.abc import Iterator

from agents.diagnosis.callers import left_behind, service_of
from agents.diagnosis.candidates import Candidate
from agents.diagnosis.case import CLEAR, PROOF, STRONG, SUGGESTIVE, Case
from agents.diagnosis.edits import Seen, fits, request_line, swaps
from agents.diagnosis.signs import Sign
from agents.diagnosis.walk import Atlas, handling, uids_at
from agents.diagnosis.words import spellings
from graph.schema import Edge, Node
from graph.values import Fact, Shape

_AT_THE_DOOR = 3
_ASKS = ("CALLS", "CONSUMES", "READS")


def of_spec(case: Case, edit: Seen) -> Iterator[Sign]:
    """Does the description of the API agree with the new answer?

    Args:
        case: the failure.
        edit: what was edited.
    """
    method, path = request_line(case, edit.difference)
    head = _operations(case.inputs.views.head_facts, method, path, edit)
    for fact in head:
        old, new = _says(fact, edit, edit.old), bool(edit.new) and _says(fact, edit, edit.new)
        if new and not old:
            yield Sign(True, f"{fact.at.file} describes `{edit.new}`, as the system now answers", str(fact.at), STRONG)
        elif old and not new:
            yield Sign(False, f"{fact.at.file} still promises `{edit.old}`", str(fact.at), PROOF)
    if head:
        return
    for candidate in case.candidates:
        if candidate.role == "spec" and swaps(candidate, *edit.words):
            yield Sign(True, f"the API description changed with it ({candidate.file})", candidate.place, STRONG)


def _operations(facts: tuple[Fact, ...], method: str, path: str, edit: Seen) -> tuple[Fact, ...]:
    if not path:
        return ()
    same = [f for f in facts if f.kind == "operation" and f.get("method") in (method, "ANY")]
    here = [f for f in same if fits(f.get("path", ""), path)]
    if edit.kind == "path":
        here += [f for f in same if f.get("path", "").endswith(_bare(edit.new))]
    return tuple(here)


def _bare(template: str) -> str:
    return template if template.startswith("/") else "/" + template


def _says(fact: Fact, edit: Seen, word: str) -> bool:
    if edit.kind == "path":
        return fits(fact.get("path", ""), word) or str(fact.get("path", "")).endswith(_bare(word))
    returns = fact.get("returns") or {}
    if edit.kind == "status":
        return word in returns or (word[:1] + "XX") in returns
    shapes = [s for s in returns.values() if isinstance(s, Shape)]
    if edit.kind == "request":
        return any(name in spellings(word) for name in _names(fact.get("accepts")))
    if edit.kind == "value":
        return any(word in map(str, values) for shape in shapes for values in _enums(shape))
    return any(name in spellings(word) for shape in shapes for name in _names(shape))


def _names(shape: Shape | None) -> Iterator[str]:
    if shape is None:
        return
    for field in shape.fields:
        yield field.name
        yield from _names(field.shape)
    yield from _names(shape.item)


def _enums(shape: Shape) -> Iterator[tuple[object, ...]]:
    for field in shape.fields:
        yield field.enum
        yield from _enums(field.shape)


def of_callers(case: Case, edit: Seen) -> Iterator[Sign]:
    """Do those who read the answer expect the old or the new one?

    Args:
        case: the failure.
        edit: what was edited.
    """
    if edit.kind == "field":
        yield from _of_readers(case, edit)
    if edit.kind != "value":
        yield from left_behind(case, edit, _producers(case, edit), _linked(case, edit))


def _linked(case: Case, edit: Seen) -> frozenset[str] | None:
    """Folders of the services that ask for what the step touched, on either side; None when links are missing."""
    found: set[str] = set()
    known = False
    for atlas in case.atlases:
        way = atlas.reached(case.trail_of(edit.difference.step))
        if way is None or way.open:
            continue
        known = True
        near = uids_at(way, 1)
        asking = (e.source for e in way.graph.edges.values() if e.kind in _ASKS and e.target in near)
        found |= {service_of(way.graph.nodes[u].key[1]) for u in asking if way.graph.nodes[u].kind == "Symbol"}
    return frozenset(found) if known else None


def _of_readers(case: Case, edit: Seen) -> Iterator[Sign]:
    head, base = case.head, case.base
    if head is None:
        return
    before = {r for _, reads in _readers(base, case, edit) for r in reads} if base else set()
    for place, reads in _readers(head, case, edit):
        if _among(edit.old, reads) and not _among(edit.new, reads):
            yield Sign(False, f"{place[0]} still reads `{edit.old}`", place[1], PROOF)
        elif edit.new and _among(edit.new, reads) and (not before or _among(edit.old, before)):
            yield Sign(True, f"{place[0]} reads `{edit.new}`", place[1], STRONG)


def _among(name: str, reads: set[str]) -> bool:
    names = {r.rpartition(".")[2].removesuffix("[]") for r in reads}
    return bool(name) and any(form in names for form in spellings(name))


def _readers(atlas: Atlas, case: Case, edit: Seen) -> Iterator[tuple[tuple[str, str], set[str]]]:
    """Who reads from the endpoint, topic or table the step exercised, with the fields read."""
    way = atlas.reached(case.trail_of(edit.difference.step))
    if way is None:
        return
    near = uids_at(way, 1)
    for key in sorted(way.graph.edges):
        edge = way.graph.edges[key]
        reads: set[str] = set(edge.props.get("reads") or edge.props.get("columns") or ())
        if edge.target in near and edge.kind in ("CALLS", "CONSUMES", "READS") and reads:
            yield _shown(way.graph.nodes[edge.source], edge), reads


def _shown(source: Node, edge: Edge) -> tuple[str, str]:
    place = edge.evidence[0].place() if edge.evidence else source.label
    return source.label, place


def _producers(case: Case, edit: Seen) -> frozenset[str]:
    """Folders of the services that give the answer: those the step leads to, else those that write the name."""
    files = {case.candidates[i].file for i in edit.candidates}
    near: set[str] = set()
    for atlas in case.atlases:
        way = atlas.reached(case.trail_of(edit.difference.step))
        if way is not None:
            near |= {n.key[1] for n in handling(way, _AT_THE_DOOR)}
    services = {service_of(f) for f in files} & {service_of(f) for f in near}
    if services:
        return frozenset(services)
    writing = {case.candidates[i].file for i in edit.candidates if _writes(case.candidates[i], edit)}
    return frozenset(service_of(f) for f in (writing or files))


def _writes(candidate: Candidate, edit: Seen) -> bool:
    """A key of a literal, a keyword, a declared field or a route, and not only something read."""
    lines = (*candidate.removed, *candidate.added)
    if edit.kind == "path":
        return any(re.search(r"^\s*@|=>|\bfunction\b", line) for line in lines)
    if edit.kind not in ("field", "request"):
        return True
    names = "|".join(re.escape(f) for word in (edit.old, edit.new) if word for f in spellings(word))
    pattern = re.compile(rf"(?<![\w.\[\"'])[\"']?(?:{names})[\"']?\s*(?::|=(?!=))")
    return any(pattern.search(line) for line in lines)


def of_companions(case: Case, edit: Seen) -> Iterator[Sign]:
    """What changed along with it, elsewhere, in the same direction.

    Args:
        case: the failure.
        edit: what was edited.
    """
    producers = _producers(case, edit)
    commits = {case.candidates[i].commit for i in edit.candidates if case.candidates[i].commit}
    seen: set[str] = set()
    for candidate in case.candidates:
        what = _companion(case, candidate, producers)
        if what is None or what[0] in seen or not swaps(candidate, *edit.words):
            continue
        seen.add(what[0])
        together = not commits or not candidate.commit or candidate.commit in commits
        weight = what[1] if together else what[1] / 2
        yield Sign(True, f"{what[0]} changed with it ({candidate.file})", candidate.place, weight)


def _companion(case: Case, candidate: Candidate, producers: frozenset[str]) -> tuple[str, float] | None:
    if candidate.role == "flow" and not candidate.file.endswith(case.failure.flow.file):
        return "another flow", SUGGESTIVE
    if candidate.role == "docs":
        return "the documentation", SUGGESTIVE
    if candidate.role == "test":
        return "a test of the code", SUGGESTIVE
    if candidate.role == "code" and producers and service_of(candidate.file) not in producers:
        return "code of another service", CLEAR
    return None
