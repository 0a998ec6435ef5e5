"""Code that speaks of the same things as the failing step: its path, topic, tables and asserted fields."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from urllib.parse import urlsplit

from agents.diagnosis.candidates import Candidate
from agents.diagnosis.case import HINT, WEAK, Case, Detector, Finding
from agents.diagnosis.differences import last_exchange
from agents.diagnosis.failure import target
from agents.diagnosis.words import dataset_names
from graph.answers import Clue
from graph.runs import StepRun

_AROUND = 12
_COMMON = frozenset({"api", "http", "https", "id", "status", "body", "value", "rows", "count", "result", "localhost"})
_PART = re.compile(r"[A-Za-z][a-z]+|[A-Z]+(?![a-z])|[a-z]+")


def _find(case: Case) -> Iterable[Finding]:
    wanted = _words(case)
    if not wanted:
        return
    for candidate in case.candidates:
        if not candidate.product or candidate.inert:
            continue
        named = wanted & _parts(f"{candidate.file} {candidate.symbol}")
        written = wanted & _parts(_surroundings(case, candidate))
        weight = WEAK * len(named) / len(wanted) + HINT * len(written) / len(wanted)
        if weight:
            words = ", ".join(sorted(named | written)[:4])
            text = f"it speaks of what the failing step asks for: {words}"
            yield Finding(Clue(DETECTOR.name, text, candidate.place, round(weight, 4)), candidate.index)


def _words(case: Case) -> frozenset[str]:
    found: set[str] = set()
    for text in _texts(case.failure.step):
        found |= _parts(text)
    for item in case.failure.differences:
        if item.asserted:
            found |= _parts(item.name)
    return frozenset(found)


def _texts(step: StepRun) -> Iterator[str]:
    exchange = last_exchange(step)
    if exchange is None:
        return
    aimed = target(exchange.request)
    if "://" in aimed:
        yield " ".join(p for p in urlsplit(aimed).path.split("/") if re.fullmatch(r"[A-Za-z][\w-]*", p))
    elif isinstance(exchange.request, dict) and exchange.request.get("query") == aimed:
        yield " ".join(dataset_names(aimed))
    else:
        yield aimed


def _parts(text: str) -> frozenset[str]:
    """Words without their plural s, so that `/payments` and `create_payment` meet."""
    words = (w.lower() for w in _PART.findall(text))
    return frozenset(w.removesuffix("s") for w in words if len(w) > 2 and w not in _COMMON)


def _surroundings(case: Case, candidate: Candidate) -> str:
    near = "\n".join((*candidate.removed, *candidate.added))
    sources, hunk = case.inputs.sources, candidate.hunk
    text = sources.head(candidate.file) if sources and hunk else None
    if text is None or hunk is None:
        return near
    lines = text.split("\n")
    return near + "\n" + "\n".join(lines[max(0, hunk.new_start - _AROUND) : hunk.new_start + hunk.new_lines + 4])


DETECTOR = Detector("affinity", "Code that speaks of what the failing step asks for.", _find)
