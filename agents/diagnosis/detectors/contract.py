"""A hunk that takes away the very field, status, path or topic that is now missing is the likeliest cause."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from urllib.parse import urlsplit

from agents.diagnosis.candidates import Candidate
from agents.diagnosis.case import CLEAR, HINT, STRONG, SUGGESTIVE, WEAK, Case, Detector, Finding
from agents.diagnosis.differences import Difference, last_exchange, last_result
from agents.diagnosis.edits import asked_for, request_line
from agents.diagnosis.failure import counterpart, leaves
from agents.diagnosis.words import counted, dataset_names, spellings
from graph.answers import Clue
from graph.runs import Json

_MOVED = 404
_ASIDE = 0.35
_MANY_GONE = 3


@dataclass(frozen=True, slots=True)
class _Looked:
    """A word whose coming or going in a hunk explains a difference."""

    word: str
    gone: bool
    weight: float
    why: str
    gives: bool = False


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
            weight = looked.weight * (1.0 if difference.asserted else _ASIDE)
            if looked.gives and _gives_otherwise(candidate, looked.word):
                weight = max(weight, CLEAR if difference.asserted else HINT)
            if _shows(candidate, looked):
                text = f"{difference.sentence()}; this hunk {looked.why}"
                yield Finding(Clue(DETECTOR.name, text, candidate.place, round(weight, 4)), candidate.index)


def _words(case: Case, item: Difference) -> Iterator[_Looked]:
    if item.kind == "missing" and _replaced_whole(case, item):
        yield _Looked(item.name, True, WEAK, f"takes `{item.name}` away")
    elif item.kind == "missing":
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


def _replaced_whole(case: Case, item: Difference) -> bool:
    """Most fields of the object are gone at once: another answer came, not a renamed field."""
    parent = item.path.rpartition(".")[0]
    gone = [d for d in case.failure.differences if d.kind == "missing" and d.path.rpartition(".")[0] == parent]
    return len(gone) >= _MANY_GONE and not item.renamed_to


def _of_status(case: Case, item: Difference) -> Iterator[_Looked]:
    if item.new == _MOVED:
        for word in _path_words(case, item):
            yield _Looked(word, True, CLEAR, f"takes `{word}` out of a path")
    usual = _usual(case, item)
    yield _Looked(str(item.new), False, WEAK if usual else STRONG, f"brings status {item.new}")
    yield _Looked(str(item.old), True, CLEAR, f"takes status {item.old} away")


def _usual(case: Case, item: Difference) -> bool:
    """Whether some step of the same method and folder of paths answered so when all was well."""
    asked = request_line(case, item)
    for flow in case.inputs.green.flows if case.inputs.green else ():
        for step in leaves(flow.steps):
            result, exchange = last_result(step), last_exchange(step)
            if isinstance(result, dict) and result.get("status") == item.new and exchange is not None:
                method, path = asked_for(exchange.request)
                if method == asked[0] and path.split("/")[:2] == asked[1].split("/")[:2]:
                    return True
    return False


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
    yield _Looked(item.name, True, SUGGESTIVE, f"changes `{item.name}`", gives=True)
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


def _gives_otherwise(candidate: Candidate, word: str) -> bool:
    """Whether the name is given something else than before: `total: a * b` for `total: a`."""
    names = "|".join(re.escape(form) for form in spellings(word))
    given = re.compile(rf"(?<![\w{{])[\"']?(?:{names})[\"']?\s*(?::|=(?!=))\s*(\S.*)")
    before = {m.group(1) for line in candidate.removed for m in given.finditer(line)}
    after = {m.group(1) for line in candidate.added for m in given.finditer(line)}
    return bool(before and after and before != after)


DETECTOR = Detector("contract", "A hunk takes away or brings exactly what differs.", _find)
