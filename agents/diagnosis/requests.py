"""Which field of a request the system calls by another name now, when it refuses what it accepted before."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING

from agents.diagnosis.candidates import Candidate
from agents.diagnosis.differences import Difference, last_exchange
from agents.diagnosis.failure import leaves
from agents.diagnosis.words import counted
from graph.runs import Json

if TYPE_CHECKING:
    from agents.diagnosis.case import Case

_READ = re.compile(r"""(?:\[|get\(|pop\()\s*["'](\w+)["']|\.(\w+)\b|^\s*(\w+)\s*:""")


def renamed_requests(case: Case, item: Difference) -> Iterator[tuple[str, str]]:
    """Old and new names of fields the step sends and a hunk reads under another name.

    Args:
        case: the failure.
        item: a status that became a refusal.
    """
    step = next((s for s in leaves(case.failure.flow.steps) if s.id == item.step), None)
    exchange = last_exchange(step) if step else None
    request = exchange.request if exchange and isinstance(exchange.request, Mapping) else {}
    sent = set(_keys(request.get("body"))) | set(_keys(request.get("query"))) | set(_keys(request.get("form")))
    seen: set[tuple[str, str]] = set()
    for candidate in case.candidates:
        for name in sorted(sent) if candidate.role == "code" else ():
            new = _new_name(candidate, name, sent)
            if new and (name, new) not in seen:
                seen.add((name, new))
                yield name, new


def _keys(value: Json) -> Iterator[str]:
    if isinstance(value, Mapping):
        for name, inner in value.items():
            yield str(name)
            yield from _keys(inner)
    elif isinstance(value, Sequence) and not isinstance(value, str):
        for inner in value:
            yield from _keys(inner)


def _new_name(candidate: Candidate, name: str, sent: set[str]) -> str:
    """The one name the hunk reads instead; empty when it does not read the old one or reads several new ones."""
    before, after = _reads(candidate.removed), _reads(candidate.added)
    if name not in before or counted(candidate.added, name) >= counted(candidate.removed, name):
        return ""
    came = after - before - sent
    return next(iter(came)) if len(came) == 1 else ""


def _reads(lines: tuple[str, ...]) -> set[str]:
    found = (n for line in lines for match in _READ.finditer(line) for n in match.groups() if n)
    return set(found)
