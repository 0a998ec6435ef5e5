"""Which contract the change edited, read from what differs and from the hunks that explain it."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Literal
from urllib.parse import urlsplit

from agents.diagnosis.candidates import Candidate
from agents.diagnosis.case import Case
from agents.diagnosis.differences import Difference, last_exchange, last_result
from agents.diagnosis.failure import leaves
from agents.diagnosis.requests import renamed_requests
from agents.diagnosis.words import counted
from graph.answers import ContractEdit
from graph.runs import Json, StepRun
from graph.values import Fact, Lit

Kind = Literal["field", "status", "path", "value", "request"]
_QUOTED_PATH = re.compile(r"[\"'`](/[^\"'`\s]*)[\"'`]")
_REFUSED = 400
_NOBODY = (404, 405)
_SERVER = 500
_MOST = 6


@dataclass(frozen=True, slots=True)
class Seen:
    """An edit of the contract with what showed it.

    Args:
        edit: the edit.
        difference: what showed it.
        candidates: indexes of hunks that take the old or bring the new.
    """

    edit: ContractEdit
    difference: Difference
    candidates: tuple[int, ...] = ()

    @property
    def kind(self) -> str:
        """field, status, path or value."""
        return self.edit.kind

    @property
    def old(self) -> str:
        """As it was."""
        return self.edit.old

    @property
    def new(self) -> str:
        """As it is now, or empty."""
        return self.edit.new

    @property
    def words(self) -> tuple[str, str]:
        """What to look for in code and prose: of a path only the part that moved."""
        if self.edit.kind != "path":
            return self.edit.old, self.edit.new
        old, new = _literals(self.edit.old), _literals(self.edit.new)
        gone = [part for part in old if part not in new]
        came = [part for part in new if part not in old]
        return (gone[-1] if gone else self.edit.old), (came[-1] if came else self.edit.new)


def _literals(template: str) -> list[str]:
    return [part for part in _segments(template) if not _parameter(part)]


def contract_edits(case: Case) -> tuple[Seen, ...]:
    """What the failure shows to have been edited, most telling first.

    Args:
        case: the failure.
    """
    found: dict[ContractEdit, Seen] = {}
    for edit in _unseen_move(case):
        found[_same(edit)] = edit
    for item in case.failure.differences:
        if item.asserted:
            for edit in _of(case, item):
                found.setdefault(_same(edit), edit)
    return tuple(found.values())[:_MOST]


def _same(seen: Seen) -> ContractEdit:
    """The edit without the index of the element that showed it."""
    return replace(seen.edit, path=re.sub(r"\[\d+\]", "[]", seen.edit.path))


def _unseen_move(case: Case) -> Iterator[Seen]:
    """A step that is meant to get 404 gets it from nobody now: the path moved although the status is the same."""
    step = case.failure.step
    result = last_result(step)
    status = result.get("status") if isinstance(result, dict) else None
    if status in _NOBODY and not any(d.kind == "status" and d.step == step.id for d in case.failure.differences):
        item = Difference("status", step.id, "status", status, status, True)
        moved = moved_path(case, item)
        if moved is not None:
            yield _edit(case, "path", moved, item)


def _of(case: Case, item: Difference) -> Iterator[Seen]:
    if item.kind == "missing":
        if not refused(case, item.step):
            yield _edit(case, "field", (item.name, item.renamed_to), item)
    elif item.kind == "status" and isinstance(item.new, int) and item.new < _SERVER:
        moved = moved_path(case, item) if item.new >= _REFUSED else None
        asked = list(renamed_requests(case, item)) if moved is None and item.new >= _REFUSED else []
        if moved is not None:
            yield _edit(case, "path", moved, item)
        elif asked:
            yield from (_edit(case, "request", names, item) for names in asked)
        elif _same_sort(item):
            yield _edit(case, "status", (str(item.old), str(item.new)), item)
    elif item.kind == "value" and not refused(case, item.step) and isinstance(item.new, str | int | float):
        yield _edit(case, "value", (str(item.old), str(item.new)), item)


def refused(case: Case, step: str) -> bool:
    """Whether a step that was answered is refused now; what it gets then is no contract.

    Args:
        case: the failure.
        step: its id.
    """
    return any(d.kind == "status" and d.step == step and not _same_sort(d) for d in case.failure.differences)


def _same_sort(item: Difference) -> bool:
    """Success that became an error is a failure, not another contract."""
    return isinstance(item.old, int) and isinstance(item.new, int) and (item.old < _REFUSED) == (item.new < _REFUSED)


def _edit(case: Case, kind: Kind, names: tuple[str, str], item: Difference) -> Seen:
    place = request_line(case, item)[1] if kind == "path" else "request" if kind == "request" else item.path
    seen = Seen(ContractEdit(kind, item.step, place, *names), item)
    old, new = seen.words
    product = [c for c in case.candidates if c.product]
    both = tuple(c.index for c in product if new and swaps(c, old, new))
    either = tuple(c.index for c in product if swaps(c, old, "") or _comes(c, new))
    if kind in ("field", "request") and new and product and not both:
        both = _together(product, old, new)
        if not both:
            return _edit(case, kind, (names[0], ""), item)
    return replace(seen, candidates=both or either)


def _together(product: list[Candidate], old: str, new: str) -> tuple[int, ...]:
    """Hunks of one commit of which some take the old word away and others bring the new one."""
    gone = {c.commit for c in product if c.commit and swaps(c, old, "")}
    came = {c.commit for c in product if c.commit and _comes(c, new)}
    commits = gone & came
    return tuple(c.index for c in product if c.commit in commits and (swaps(c, old, "") or _comes(c, new)))


def swaps(candidate: Candidate, old: str, new: str) -> bool:
    """Whether a hunk takes the old word away and brings the new one, when there is one.

    Args:
        candidate: a changed region.
        old: word before.
        new: word after, or empty.
    """
    gone = counted(candidate.removed, old) > counted(candidate.added, old)
    return gone and (not new or _comes(candidate, new))


def _comes(candidate: Candidate, word: str) -> bool:
    return bool(word) and counted(candidate.added, word) > counted(candidate.removed, word)


def step_of(case: Case, item: Difference) -> StepRun | None:
    """The execution a difference was seen at.

    Args:
        case: the failure.
        item: one of its differences.
    """
    return next((s for s in leaves(case.failure.flow.steps) if s.id == item.step), None)


def request_line(case: Case, item: Difference) -> tuple[str, str]:
    """Method and path a step asked for, both empty when it was no HTTP request.

    Args:
        case: the failure.
        item: one of its differences.
    """
    step = step_of(case, item)
    exchange = last_exchange(step) if step else None
    return asked_for(exchange.request) if exchange else ("", "")


def asked_for(request: Json) -> tuple[str, str]:
    """Method and path of a recorded request, both empty when it was no HTTP request.

    Args:
        request: an exchange's request.
    """
    url = str(request.get("url") or "") if isinstance(request, dict) else ""
    return str(request.get("method") or "GET").upper() if url else "", urlsplit(url).path


def fits(template: str, path: str) -> bool:
    """Whether a path template, possibly without its mount's prefix, matches a path.

    Args:
        template: `/orders/{id}`, `/orders/:id`, `/orders/<int:id>`.
        path: as requested.
    """
    want, have = _segments(template), _segments(path)
    if not want or len(want) > len(have):
        return False
    tail = have[len(have) - len(want) :]
    return all(w == h or _parameter(w) for w, h in zip(want, tail, strict=True)) and not all(map(_parameter, want))


def _segments(path: str) -> list[str]:
    return [part for part in path.split("/") if part]


def _parameter(segment: str) -> bool:
    return segment.startswith(("{", ":", "<", "${")) or segment == "%s"


def moved_path(case: Case, item: Difference) -> tuple[str, str] | None:
    """The template that served the path and the one that took its place, or None.

    Args:
        case: the failure.
        item: a status that became 404.
    """
    method, path = request_line(case, item)
    if not path:
        return None
    by_facts = _moved_by_facts(case, method, path)
    if by_facts is not None:
        return by_facts
    for candidate in case.candidates:
        if candidate.role not in ("code", "spec"):
            continue
        old = [t for line in candidate.removed for t in _QUOTED_PATH.findall(line) if fits(t, path)]
        new = [t for line in candidate.added for t in _QUOTED_PATH.findall(line) if not fits(t, path)]
        if len(set(old)) == 1 and new:
            return old[0], new[0]
    return None


def _moved_by_facts(case: Case, method: str, path: str) -> tuple[str, str] | None:
    """The handler that served the old path in the base and serves another one in the head."""
    base, head = case.inputs.views.base_facts, case.inputs.views.head_facts
    for fact in _endpoints(base, method):
        old = _literal(fact)
        if not old or not fits(old, path) or not fact.get("handler"):
            continue
        same = [
            _literal(f)
            for f in _endpoints(head, method)
            if f.at.file == fact.at.file and f.get("handler") == fact.get("handler")
        ]
        if same and old not in same and same[0]:
            return old, same[0]
    return None


def _endpoints(facts: tuple[Fact, ...], method: str) -> Iterator[Fact]:
    yield from (f for f in facts if f.kind == "endpoint" and f.get("method") in (method, "ANY"))


def _literal(fact: Fact) -> str:
    value = fact.get("path")
    return str(value.value) if isinstance(value, Lit) else ""
