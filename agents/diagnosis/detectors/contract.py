"""A hunk that takes away the very field, status, path or topic that is now missing is the likeliest cause."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from urllib.parse import urlsplit

from agents.diagnosis.candidates import Candidate
from agents.diagnosis.case import CLEAR, STRONG, SUGGESTIVE, WEAK, Case, Detector, Finding
from agents.diagnosis.differences import Difference, last_exchange
from agents.diagnosis.failure import counterpart
from agents.diagnosis.words import counted, dataset_names
from graph.answers import Clue
from graph.runs import Json

_MOVED = 404


@dataclass(frozen=True, slots=True)
class _Looked:
    """A word whose coming or going in a hunk explains a difference."""

    word: str
    gone: bool
    weight: float
    why: str


def _find(case: Case) -> Iterable[Finding]:
    for candidate in case.candidates:
        if not candidate.product or candidate.inert:
            continue
        best = max(_explained(case, candidate), key=lambda f: f.clue.weight, default=None)
        if best is not None:
            yield best


def _explained(case: Case, candidate: Candidate) -> Iterator[Finding]:
    for difference in case.failure.differences:
        for looked in _words(case, difference):
            weight = looked.weight * (1.0 if difference.asserted or difference.step == case.failure.step.id else 0.9)
            if _shows(candidate, looked):
                text = f"{difference.sentence()}; this hunk {looked.why}"
                yield Finding(Clue(DETECTOR.name, text, candidate.place, round(weight, 4)), candidate.index)


def _words(case: Case, item: Difference) -> Iterator[_Looked]:
    if item.kind == "missing":
        yield _Looked(item.name, True, STRONG, f"takes `{item.name}` away")
        yield _Looked(item.name, False, SUGGESTIVE, f"brings `{item.name}`")
        if item.renamed_to:
            yield _Looked(item.renamed_to, False, STRONG, f"brings `{item.renamed_to}`")
    elif item.kind == "status":
        yield from _of_status(case, item)
    elif item.kind in ("value", "type", "length"):
        yield from _of_value(case, item)
    elif item.kind == "added":
        yield _Looked(item.name, False, SUGGESTIVE, f"brings `{item.name}`")
    elif item.kind == "silent":
        yield from _of_silence(case, item)


def _of_status(case: Case, item: Difference) -> Iterator[_Looked]:
    if item.new == _MOVED:
        for word in _path_words(case, item):
            yield _Looked(word, True, CLEAR, f"takes `{word}` out of a path")
    yield _Looked(str(item.new), False, STRONG, f"brings status {item.new}")
    yield _Looked(str(item.old), True, CLEAR, f"takes status {item.old} away")


def _path_words(case: Case, item: Difference) -> tuple[str, ...]:
    step = next((s for s in (case.failure.step, *case.failure.earlier) if s.id == item.step), case.failure.step)
    exchange = last_exchange(step)
    url = exchange.request.get("url", "") if exchange and isinstance(exchange.request, dict) else ""
    parts = [p for p in urlsplit(str(url)).path.split("/") if re.fullmatch(r"[A-Za-z][\w-]*", p)]
    return tuple(parts)


def _of_value(case: Case, item: Difference) -> Iterator[_Looked]:
    if _literal(item.new):
        yield _Looked(str(item.new), False, CLEAR, f"brings {item.new!r}")
    if _literal(item.old):
        yield _Looked(str(item.old), True, CLEAR, f"takes {item.old!r} away")
    yield _Looked(item.name, True, SUGGESTIVE, f"changes `{item.name}`")
    yield _Looked(item.name, False, SUGGESTIVE, f"changes `{item.name}`")
    for name in _datasets(case, item):
        yield _Looked(name, True, WEAK, f"changes how `{name}` is used")


def _literal(value: Json) -> bool:
    """Values distinctive enough to be found in code; a lone digit is everywhere."""
    if isinstance(value, str):
        return 2 < len(value) < 60
    return isinstance(value, int | float) and not isinstance(value, bool) and len(str(value)) > 1


def _of_silence(case: Case, item: Difference) -> Iterator[_Looked]:
    for name in _datasets(case, item):
        yield _Looked(name, True, CLEAR, f"takes a use of `{name}` away")
        yield _Looked(name, False, SUGGESTIVE, f"changes how `{name}` is used")
    if re.fullmatch(r"[\w.:-]+", item.path):
        yield _Looked(item.path, True, STRONG, f"takes `{item.path}` away")
        last = re.split(r"[.:-]", item.path)[-1]
        yield _Looked(last, True, SUGGESTIVE, f"takes `{last}` away")


def _datasets(case: Case, item: Difference) -> tuple[str, ...]:
    step = next((s for s in (case.failure.step, *case.failure.earlier) if s.id == item.step), None)
    exchange = last_exchange(step) if step else None
    if exchange is None and step is not None:
        passed = counterpart(case.failure.green, step)
        exchange = last_exchange(passed) if passed else None
    request = exchange.request if exchange and isinstance(exchange.request, dict) else {}
    return dataset_names(str(request.get("query", "")))


def _shows(candidate: Candidate, looked: _Looked) -> bool:
    """Whether the word leaves with the hunk (gone) or comes with it, not merely stays."""
    before, after = counted(candidate.removed, looked.word), counted(candidate.added, looked.word)
    if looked.weight <= SUGGESTIVE and before and after:
        return True
    return before > after if looked.gone else after > before


DETECTOR = Detector("contract", "A hunk takes away or brings exactly what differs.", _find)
