"""Assertion lines that would notice a change, most telling first; which of them hold is found out by judging."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from decimal import Decimal

from flows.language.values import as_text, simplest
from flows.strength.answers import unordered
from flows.strength.links import Links
from flows.strength.mutation import Mutation
from flows.strength.places import ALL, Each, Place, found, lists, shown
from flows.strength.volatile import pattern
from graph.runs import Json, StepRun

_LONGEST = 80
_LONGEST_LIST = 6
_BEGINNING = 40
_EXACT = 4
"""Digits after the point; what has more was computed, and its last ones are the machine's."""


def lines_for(lie: Mutation, step: StepRun, links: Links) -> tuple[str, ...]:
    """Candidate assertions.

    Args:
        lie: what is not noticed.
        step: its step, with the true result.
        links: names of values.
    """
    if links.others((lie.step, lie.inside), lie.path, step.result):
        return tuple(dict.fromkeys(_whatever_it_says(lie, step.result)))
    make = {
        "status": _status,
        "absent": _absent,
        "endless": _endless,
        "empty": _length,
        "fewer": _length,
        "more": _length,
        "order": _order,
        "header": _header,
    }.get(lie.kind, _field)
    elements = any(isinstance(part, Each | int) for part in lie.path) and make is _field
    listed = _in_list(lie, step, links) if elements else ()
    told = () if elements and lie.path[0] == "rows" and unordered(step) else make(lie, step.result, links)
    known = _in_known(lie, step.result, links) if _each(lie.path) else ()
    return tuple(dict.fromkeys((*known, *listed, *told)))


def _whatever_it_says(lie: Mutation, result: Json) -> Iterator[str]:
    """Of what others made another run sees others: that it is there, and its form."""
    path, value = _first(lie.path), next(found(result, lie.path), None)
    if lists(value) and value:
        yield f"len({path}) > 0"
    at = max((i for i, part in enumerate(lie.path) if isinstance(part, Each | int)), default=0)
    inner = shown(lie.path[at + 1 :])
    if not at:
        yield from _of_value(path, value, fresh=True)
    elif inner[:1].isalpha():
        yield from (f"all({_first(lie.path[:at])}, .{inner} is {kind})" for kind in _kinds(value))


def _status(lie: Mutation, result: Json, links: Links) -> Iterator[str]:
    yield f"status == {_literal(result['status'])}"


def _absent(lie: Mutation, result: Json, links: Links) -> Iterator[str]:
    yield "exists == true"


def _endless(lie: Mutation, result: Json, links: Links) -> Iterator[str]:
    yield f"{shown(lie.path)} > 0"


def _length(lie: Mutation, result: Json, links: Links) -> Iterator[str]:
    values = list(found(result, lie.path))
    if not values:
        return
    count = len(values[0])
    if count and count <= _LONGEST_LIST and not _each(lie.path) and all(map(_plain, values[0])):
        literal = _literal(values[0])
        if len(literal) <= _LONGEST and not any(links.fresh(lie.path, item) for item in values[0]):
            yield f"{shown(lie.path)} == {literal}"
    whole = not _shared(lie, lie.path, result, links)
    if len(lie.path) == 1 and lie.path[0] in ("rows", "messages") and "count" in result:
        yield from [f"count == {count}"] if whole else []
        yield "count > 0"
    path = shown(lie.path) if not _each(lie.path) else _first(lie.path)
    yield from [f"len({path}) == {count}"] if whole else []
    if count:
        yield f"len({path}) > 0"


def _order(lie: Mutation, result: Json, links: Links) -> Iterator[str]:
    for items in list(found(result, lie.path))[:1]:
        path = _first(lie.path)
        if all(not isinstance(item, Mapping) and not lists(item) for item in items):
            yield f"{path} == {_literal(items)}"
            return
        ours = not _shared(lie, lie.path, result, links)
        for name, place in _told_apart(items):
            listed = [next(iter(found(item, place)), None) for item in items]
            if ours and len(listed) <= _LONGEST_LIST and not any(links.fresh((name,), v) for v in listed):
                yield f"map({path}, .{shown(place)}) == {_literal(listed)}"
            for index in (0, len(items) - 1) if ours else ():
                if not links.fresh((name,), listed[index]):
                    yield f"{path}[{index}].{shown(place)} == {_literal(listed[index])}"
            plain = [v for v in listed if isinstance(v, int | float | Decimal) and not isinstance(v, bool)]
            pinned = ours and len(listed) <= _LONGEST_LIST
            if not pinned and len(plain) == len(listed) and plain in (sorted(plain), sorted(plain, reverse=True)):
                sign = "<=" if plain == sorted(plain) else ">="
                yield f"{path}[0].{shown(place)} {sign} {path}[-1].{shown(place)}"


def _told_apart(items: list[Json]) -> Iterator[tuple[str, Place]]:
    """Plain fields that every element has and that differ between the first and the last."""
    first, last = items[0], items[-1]
    if not isinstance(first, Mapping) or not isinstance(last, Mapping):
        return
    for name, value in first.items():
        other = last.get(name)
        if isinstance(value, Mapping) and isinstance(other, Mapping):
            for inner, deeper in value.items():
                if _plain(deeper) and inner in other and other[inner] != deeper:
                    yield inner, (name, inner)
        elif _plain(value) and value is not None and other != value and name.isidentifier():
            yield name, (name,)


def _plain(value: Json) -> bool:
    return not isinstance(value, Mapping) and not lists(value)


def _header(lie: Mutation, result: Json, links: Links) -> Iterator[str]:
    for value in found(result, lie.path):
        path, text = shown(lie.path), str(value)
        kind = text.partition(";")[0].strip()
        if str(lie.path[-1]).lower() == "content-type" and kind:
            yield f"{path} startsWith {_literal(kind)}"
        elif not links.fresh(lie.path, text) and len(text) <= _LONGEST and "/" not in text:
            yield f"{path} == {_literal(text)}"
    yield f"{shown(lie.path)} exists"


def _field(lie: Mutation, result: Json, links: Links) -> Iterator[str]:
    values = list(found(result, lie.path))
    if not values:
        return
    value = values[0]
    if _each(lie.path):
        outer = lie.path[: next(i for i, part in enumerate(lie.path) if isinstance(part, Each))]
        fresh = not _plain(value) or any(links.fresh(lie.path, v) for v in values)
        fresh = fresh or _shared(lie, outer, result, links)
        yield from _of_value(_first(lie.path), value, fresh=fresh)
        return
    path = shown(lie.path)
    name, fresh = links.name((lie.step, lie.inside), lie.path, value), links.fresh(lie.path, value)
    if name and fresh:
        yield f"{path} == {name}"
    yield from _of_value(path, value, fresh=fresh)


def _of_value(path: str, value: Json, *, fresh: bool) -> Iterator[str]:
    if value is None:
        yield f"{path} is null"
    elif isinstance(value, Mapping):
        yield f"{path} is object"
    elif lists(value):
        yield f"{path} is array"
    else:
        yield from _of_scalar(path, value, fresh=fresh)


def _of_scalar(path: str, value: Json, *, fresh: bool) -> Iterator[str]:
    kind = "string" if isinstance(value, str) else "boolean" if isinstance(value, bool) else "number"
    if not fresh and kind == "number" and _fraction_digits(value) > _EXACT:
        yield f"round({path}, {_EXACT}) == {_literal(round(float(value), _EXACT))}"
    elif not fresh:
        if not isinstance(value, str) or (len(value) <= _LONGEST and "\n" not in value):
            yield f"{path} == {_literal(value)}"
        else:
            yield f"{path} startsWith {_literal(value.partition(chr(10))[0][:_BEGINNING])}"
    shape = pattern(value)
    if shape:
        yield f"{path} matches {_literal(shape)}"
    yield f"{path} is {kind}"
    if kind == "number" and isinstance(value, int | float | Decimal) and value > 0:
        yield f"{path} > 0"


def _fraction_digits(value: Json) -> int:
    text = as_text(simplest(Decimal(str(value)))) if isinstance(value, float | Decimal) else ""
    return len(text.partition(".")[2])


def _in_known(lie: Mutation, result: Json, links: Links) -> Iterator[str]:
    """The element that an earlier step made, found again by its id: holds whatever else is in the list."""
    at = next(i for i, part in enumerate(lie.path) if isinstance(part, Each))
    outer, inner = lie.path[:at], lie.path[at + 1 :]
    if not inner or _each(inner) or shown(inner)[0] == "[":
        return
    for item in next(found(result, outer), ()):
        value = next(found(item, inner), None)
        if not _plain(value) or value is None or links.fresh(inner, value) or not isinstance(item, Mapping):
            continue
        for key, known in item.items():
            name = links.name((lie.step, lie.inside), (*outer, ALL, key), known) if key.isidentifier() else ""
            alike = [other for other in next(found(result, outer)) if next(found(other, (key,)), None) == known]
            if name and (key,) != inner and len(alike) == 1:
                yield f"one({shown(outer)}, .{key} == {name} && .{shown(inner)} == {_literal(value)})"


def _kinds(value: Json) -> list[str]:
    lines = _of_value("x", value, fresh=True)
    return [line.rpartition(" is ")[2] for line in lines if line.startswith("x is ")]


def _in_list(lie: Mutation, step: StepRun, links: Links) -> Iterator[str]:
    """What all elements of the innermost list say, in one line; where they come in no order, that one says it."""
    at = max(i for i, part in enumerate(lie.path) if isinstance(part, Each | int))
    outer, inner = lie.path[:at], lie.path[at + 1 :]
    values = list(found(step.result, (*outer, ALL, *inner)))
    if _each(outer) or not inner or not shown(inner)[0].isalpha() or len(values) < 2:
        return
    said = [_said(lie, value, links) for value in values]
    path, field = shown(outer), shown(inner)
    if all(said) and not _shared(lie, outer, step.result, links):
        if len(set(said)) == 1:
            yield f"all({path}, .{field} == {said[0]})"
        elif outer == ("rows",) and unordered(step):
            yield f"any({path}, .{field} == {said[0]})"
        elif len(said) <= _LONGEST_LIST:
            yield f"map({path}, .{field}) == [{', '.join(said)}]"
    kinds = [_kinds(value) for value in values]
    if all(kind == kinds[0] for kind in kinds):
        yield from (f"all({path}, .{field} is {kind})" for kind in kinds[0])


def _said(lie: Mutation, value: Json, links: Links) -> str:
    """A plain value as an assertion may write it; empty where another run would answer another one."""
    if not _plain(value) or value is None:
        return ""
    fresh = links.fresh(lie.path, value)
    return links.name((lie.step, lie.inside), lie.path, value) if fresh else _literal(value)


def _shared(lie: Mutation, outer: Place, result: Json, links: Links) -> bool:
    """Whether a list holds what this flow made, found by a known id, beside what others made: its whole is not ours."""
    items = next(found(result, outer), ())
    maps = [item for item in items if isinstance(item, Mapping)] if lists(items) else []
    where = (lie.step, lie.inside)
    ours = [any(links.name(where, (*outer, ALL, key), value) for key, value in item.items()) for item in maps]
    return any(ours) and not all(ours)


def _each(place: Place) -> bool:
    return any(isinstance(part, Each) for part in place)


def _first(place: Place) -> str:
    """The place with the first element where every element was meant."""
    return shown(tuple(0 if isinstance(part, Each) else part for part in place))


def _literal(value: Json) -> str:
    """A value as the expression language writes it."""
    if lists(value):
        return "[" + ", ".join(_literal(item) for item in value) + "]"
    if isinstance(value, Mapping):
        return "{" + ", ".join(f"{json.dumps(str(k))}: {_literal(v)}" for k, v in value.items()) + "}"
    if isinstance(value, float | Decimal):
        return as_text(simplest(Decimal(str(value))))
    return _escaped(json.dumps(value, ensure_ascii=False))


def _escaped(text: str) -> str:
    """Texts that would be read as templates or paths are written so that they are not."""
    if text.startswith(('"$.', '"$[')):
        return f"text({text})"
    return text.replace("${", "$${") if "${" in text else text
