"""Which types each operator and function takes and gives, as tables."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from flows.language.shapes import (
    ANYTHING,
    ARRAY,
    BOOLEAN,
    DURATION,
    INSTANT,
    NUMBER,
    STRING,
    Kind,
    Shape,
    listing,
    with_article,
)

Judged = tuple[Shape, str | None]
_ORDERED: tuple[Kind, ...] = ("number", "string", "instant", "duration")
_SUMS: Mapping[tuple[str, Kind, Kind], Shape] = {
    ("+", "number", "number"): NUMBER,
    ("+", "string", "string"): STRING,
    ("+", "array", "array"): ARRAY,
    ("+", "instant", "duration"): INSTANT,
    ("+", "duration", "instant"): INSTANT,
    ("+", "duration", "duration"): DURATION,
    ("-", "number", "number"): NUMBER,
    ("-", "instant", "duration"): INSTANT,
    ("-", "instant", "instant"): DURATION,
    ("-", "duration", "duration"): DURATION,
    ("*", "number", "number"): NUMBER,
    ("*", "duration", "number"): DURATION,
    ("/", "number", "number"): NUMBER,
    ("%", "number", "number"): NUMBER,
}


def unlike(left: Shape, right: Shape) -> bool:
    """Whether two types are known and differ; null goes with anything.

    Args:
        left: one side.
        right: the other.
    """
    loose = ("any", "null")
    return left.kind not in loose and right.kind not in loose and left.kind != right.kind


def _equality(operator: str, left: Shape, right: Shape) -> Judged:
    if unlike(left, right):
        return BOOLEAN, f"{with_article(left.kind)} is compared with {with_article(right.kind)}; they are never equal"
    return BOOLEAN, None


def _order(operator: str, left: Shape, right: Shape) -> Judged:
    for side in (left, right):
        if side.kind != "any" and side.kind not in _ORDERED:
            return BOOLEAN, f"'{operator}' does not order values of type {side.kind}"
    if unlike(left, right):
        return BOOLEAN, f"'{operator}' cannot compare {with_article(left.kind)} with {with_article(right.kind)}"
    return BOOLEAN, None


def _membership(operator: str, left: Shape, right: Shape) -> Judged:
    item, container = (right, left) if operator == "contains" else (left, right)
    if container.kind not in ("any", "array", "string", "object"):
        return BOOLEAN, f"{with_article(container.kind)} contains nothing; a string, array or object does"
    if container.kind in ("string", "object") and item.kind not in ("any", "string"):
        return BOOLEAN, f"{with_article(container.kind)} contains strings, not values of type {item.kind}"
    if container.kind == "array" and container.items is not None and unlike(container.items, item):
        return BOOLEAN, f"an array of type {container.items.kind} never contains {with_article(item.kind)}"
    return BOOLEAN, None


def _text(operator: str, left: Shape, right: Shape) -> Judged:
    for side in (left, right):
        if side.kind not in ("any", "string"):
            return BOOLEAN, f"'{operator}' needs strings, not {with_article(side.kind)}"
    return BOOLEAN, None


def _arithmetic(operator: str, left: Shape, right: Shape) -> Judged:
    if "any" in (left.kind, right.kind):
        return (NUMBER if operator in ("/", "%") else ANYTHING), None
    result = _SUMS.get((operator, left.kind, right.kind))
    if result is None:
        return ANYTHING, f"'{operator}' does not work on {with_article(left.kind)} and {with_article(right.kind)}"
    return result, None


OPERATIONS: Mapping[str, Callable[[str, Shape, Shape], Judged]] = {
    **dict.fromkeys(["==", "!="], _equality),
    **dict.fromkeys(["<", "<=", ">", ">="], _order),
    **dict.fromkeys(["in", "not in", "contains"], _membership),
    **dict.fromkeys(["startsWith", "endsWith", "matches"], _text),
    **dict.fromkeys(["+", "-", "*", "/", "%"], _arithmetic),
}

PARAMETERS: Mapping[str, tuple[Kind, ...]] = {
    "len": ("string", "array", "object"),
    "length": ("string", "array", "object"),
    **dict.fromkeys(["sum", "avg", "min", "max", "join"], ("array",)),
    **dict.fromkeys(["abs", "round", "floor", "ceil"], ("number",)),
    **dict.fromkeys(["keys", "values"], ("object",)),
    **dict.fromkeys(["int", "float"], ("number", "string")),
    **dict.fromkeys(["upper", "lower", "trim", "replace", "split", "duration", "json"], ("string",)),
    **dict.fromkeys(["base64", "base64_decode", "sha256", "secret", "path", "text", "regex_find"], ("string",)),
    "date": ("string", "instant"),
}

LATER: Mapping[str, tuple[Kind, ...]] = {
    "round": ("number",),
    **dict.fromkeys(["join", "split", "replace"], ("string",)),
}
"""What the arguments after the first must be."""

RESULTS: Mapping[str, Shape] = {
    **dict.fromkeys(["len", "length", "sum", "avg", "abs", "round", "floor", "ceil", "int", "float"], NUMBER),
    **dict.fromkeys(["upper", "lower", "trim", "replace", "join", "string", "to_json", "base64"], STRING),
    **dict.fromkeys(["base64_decode", "sha256", "uuid", "text", "secret"], STRING),
    **dict.fromkeys(["keys", "split"], listing(STRING)),
    "values": ARRAY,
    "now": INSTANT,
    "date": INSTANT,
    "duration": DURATION,
}
