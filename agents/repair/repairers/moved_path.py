"""An operation is served under another path now."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator

from agents.repair.flow_text import Replacement, Written, written
from agents.repair.repairer import Broken, Repairer

_PARAMETER = re.compile(r"^(?:\{(?P<a>\w+)[^}]*\}|:(?P<b>\w+)|<(?:\w+:)?(?P<c>\w+)>)$")
_TEMPLATE = re.compile(r"\$\{[^{}]*\}|\{\{[^{}]*\}\}")
_QUOTES = "\"'"


def _edits(broken: Broken) -> Iterable[Replacement]:
    places = written(broken.text)
    methods = {p.step: str(p.value).upper() for p in places if p.role == "config" and p.key == "method"}
    for place in places:
        if place.role == "config" and place.key == "url":
            if methods.get(place.step, "GET") == broken.method:
                yield from _url(place, broken)
        elif place.role == "config" and place.key == "endpoint":
            yield from _endpoint(place, broken)


def _url(place: Written, broken: Broken) -> Iterator[Replacement]:
    lead = 1 if place.raw[:1] in _QUOTES else 0
    raw = place.raw[lead : len(place.raw) - lead]
    ends = [raw.find(mark) for mark in "?#" if mark in _masked(raw)]
    path = raw[: min(ends)] if ends else raw
    moved = _moved(path, broken.edit.old, broken.edit.new)
    if moved is not None:
        start, text = moved
        yield Replacement(place.start + lead + start, place.start + lead + len(path), text)


def _masked(raw: str) -> str:
    """Templates blanked, so that what is inside them is not read as URL syntax."""
    return _TEMPLATE.sub(lambda m: "_" * len(m.group()), raw)


def _endpoint(place: Written, broken: Broken) -> Iterator[Replacement]:
    method, _, path = str(place.value).partition(" ")
    if method.upper() != broken.method or _shape(path) != _shape(broken.edit.old):
        return
    at = place.raw.rfind(path)
    if at >= 0:
        yield Replacement(place.start + at, place.start + at + len(path), broken.edit.new)


def _shape(template: str) -> list[str]:
    return ["{}" if _PARAMETER.match(part) else part for part in template.split("/") if part]


def _moved(path: str, old: str, new: str) -> tuple[int, str] | None:
    """Where the old template's part of a URL begins, and what comes there; None when it is another path."""
    have = _segments(path)
    want = [part for part in old.split("/") if part]
    if not want or len(have) < len(want):
        return None
    tail = have[len(have) - len(want) :]
    values: dict[str, str] = {}
    for part, (_, text) in zip(want, tail, strict=True):
        name = _name(part)
        if name is None and part != text:
            return None
        if name is not None:
            values[name] = text
    filled = _filled(new, values)
    return None if filled is None else (tail[0][0], filled)


def _segments(path: str) -> list[tuple[int, str]]:
    """Index and text of each path segment; a scheme and host, or a leading template, are none."""
    masked = _masked(path)
    scheme = masked.find("://")
    begin = masked.find("/", scheme + 3 if scheme >= 0 else 0)
    if begin < 0:
        return []
    found, at = [], begin
    for text in masked[begin:].split("/")[1:]:
        at += 1
        if text:
            found.append((at, path[at : at + len(text)]))
        at += len(text)
    return found


def _name(part: str) -> str | None:
    match = _PARAMETER.match(part)
    return next((n for n in match.groups() if n), None) if match else None


def _filled(template: str, values: dict[str, str]) -> str | None:
    """The new path with the values of the old one: by name, else the only one left."""
    left = dict(values)
    out = []
    for part in (p for p in template.split("/") if p):
        name = _name(part)
        if name is None:
            out.append(part)
        elif name in left:
            out.append(left.pop(name))
        elif len(left) == 1:
            out.append(left.popitem()[1])
        else:
            return None
    return "/".join(out)


REPAIRER = Repairer("moved path", "Asks for an operation under its new path.", "path", _edits)
