"""A field of a response, message or row has another name now."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator

from agents.repair.flow_text import Replacement, Written, written
from agents.repair.repairer import Broken, Repairer

_OWN = ("assert", "assert_any", "assert_none", "until", "output")
_ALIASES = (
    (re.compile(r"^messages\[\d+\]\.(value|key|headers)\b"), r"\1"),
    (re.compile(r"^messages\[\d+\]\.value\b"), "json"),
    (re.compile(r"^rows\[0\]"), "first_row"),
)
_INDEX = re.compile(r"\[\d+\]")


def _edits(broken: Broken) -> Iterable[Replacement]:
    edit = broken.edit
    if not edit.new:
        return
    parents = _parents(edit.path, edit.old)
    for place in written(broken.text):
        own = place.step == edit.step and (place.role in _OWN or _is_match(place))
        patterns = [*(_own(p, edit.old) for p in parents if own), *(_foreign(edit.step, p, edit.old) for p in parents)]
        if own:
            lists = [p for p in parents if _names_list(p, place.raw, edit.path)]
            patterns += [pattern for _ in lists for pattern in (_in_closure(edit.old), _of_call(edit.old))]
        yield from _replaced(place, patterns, edit.new)


def _is_match(place: Written) -> bool:
    return place.role == "config" and place.key in ("match", "filter")


def _parents(path: str, old: str) -> list[str]:
    """The path above the field, under every name it may be written by."""
    parent = path.removesuffix("." + old) if path.endswith("." + old) else path.rpartition(".")[0]
    found = [parent]
    for pattern, alias in _ALIASES:
        if pattern.search(parent):
            found.append(pattern.sub(alias, parent))
    return found


def _written_as(parent: str) -> str:
    """A pattern for the parent with any index where the recording had one."""
    parts = [re.escape(part) for part in _INDEX.split(parent)]
    return r"\[[^\[\]]*\]".join(parts)


def _own(parent: str, old: str) -> re.Pattern[str]:
    start = r"(?<![\w.\]])(?:\$\.)?(?:(?:response|result)\.)?"
    return re.compile(rf"({start}{_written_as(parent)}\s*\.\s*){re.escape(old)}\b")


def _foreign(step: str, parent: str, old: str) -> re.Pattern[str]:
    start = rf"(?<![\w.\]-]){re.escape(step)}\.(?:(?:response|result)\.)?"
    return re.compile(rf"({start}{_written_as(parent)}\s*\.\s*){re.escape(old)}\b")


def _in_closure(old: str) -> re.Pattern[str]:
    """`.total` with nothing before the dot, as inside `all(body.items, .total > 0)`."""
    return re.compile(rf"((?<![\w\]\)\}}\"'])\.){re.escape(old)}\b")


def _of_call(old: str) -> re.Pattern[str]:
    """The field of what a function gives, as `filter(body.items, .id == 1)[0].total`."""
    return re.compile(rf"(\)(?:\[[^\[\]]*\])?\.){re.escape(old)}\b")


def _names_list(parent: str, raw: str, path: str) -> bool:
    return parent.endswith("]") and _INDEX.sub("", parent) in raw and path.startswith(parent)


def _replaced(place: Written, patterns: Iterable[re.Pattern[str]], new: str) -> Iterator[Replacement]:
    for pattern in patterns:
        for match in pattern.finditer(place.raw):
            yield Replacement(place.start + match.end(1), place.start + match.end(), new)


REPAIRER = Repairer("renamed field", "Reads a renamed field by its new name.", "field", _edits)
