"""Values that a contract wants made anew for each request (example generators)."""

from __future__ import annotations

import random
import string
import uuid
from collections.abc import Callable, Mapping
from datetime import UTC, datetime

from flows.clients.pact.matchers import Unverifiable
from flows.clients.pact.paths import tokens
from flows.clients.pact.records import STAR, Json, Part, Tokens

_EXPRESSION_MARKS = ("${", "}")
_JAVA = {"yyyy": "%Y", "MM": "%m", "dd": "%d", "HH": "%H", "mm": "%M", "ss": "%S", "SSS": "%f", "XXX": "Z", "X": "Z"}


def generated(request: Part, given: Mapping[str, Json]) -> tuple[Part, Json]:
    """The request with its generated values, and its body's content.

    Args:
        request: of the contract.
        given: values that provider states answered.

    Raises:
        Unverifiable: a generator is not known.
    """
    makers = request.generators
    path = request.path
    for generator in makers.get("path", {}).values():
        path = str(_made(generator, path, given))
    query = {
        name: [_replaced(value, (name, index), makers.get("query", {}), given) for index, value in enumerate(values)]
        for name, values in request.query.items()
    }
    headers = {name: _replaced(v, (name,), makers.get("header", {}), given) for name, v in request.headers.items()}
    content = None if request.body is None else request.body.content
    return (
        Part(request.method, path, query, headers, body=request.body),
        _replaced(content, (), makers.get("body", {}), given),
    )


def _replaced(value: Json, at: Tokens, makers: Mapping[str, Json], given: Mapping[str, Json]) -> Json:
    for path, generator in makers.items():
        if _fits(tokens(path), at):
            return _made(generator, value, given)
    if not makers:
        return value
    if isinstance(value, Mapping):
        return {key: _replaced(inner, (*at, key), makers, given) for key, inner in value.items()}
    if isinstance(value, list | tuple):
        return [_replaced(inner, (*at, index), makers, given) for index, inner in enumerate(value)]
    return value


def _fits(path: Tokens, at: Tokens) -> bool:
    """The whole path; of a parameter with several values also each of them."""
    same = len(path) == len(at) or (len(path) == 1 and len(at) == 2 and isinstance(at[1], int))
    return same and all(mine in (STAR, theirs) for mine, theirs in zip(path, at, strict=False))


def _made(generator: Mapping[str, Json], value: Json, given: Mapping[str, Json]) -> Json:
    kind = str(generator.get("type"))
    if kind == "ProviderState":
        return _from_state(generator, value, given)
    make = _MAKERS.get(kind)
    if make is None:
        raise Unverifiable(f"generator '{kind}' is not known here")
    return make(generator, value)


def _from_state(generator: Mapping[str, Json], value: Json, given: Mapping[str, Json]) -> Json:
    """An expression over what provider states answered; the example where they answered nothing of that name."""
    expression = str(generator.get("expression", ""))
    start, end = _EXPRESSION_MARKS
    if expression.startswith(start) and expression.find(end) == len(expression) - 1:
        return given.get(expression[2:-1], value)
    if start not in expression:
        return given.get(expression, value)
    for name, known in given.items():
        expression = expression.replace(f"{start}{name}{end}", str(known))
    return value if start in expression else expression


def _text(generator: Mapping[str, Json], key: str, alphabet: str, default: int) -> str:
    return "".join(random.choices(alphabet, k=min(int(generator.get(key, default)), 4096)))


def _now(pattern: str, default: str) -> str:
    now = datetime.now(UTC)
    if not pattern:
        return now.strftime(default)
    names = {
        "yyyy": "%Y",
        "MM": "%m",
        "dd": "%d",
        "HH": "%H",
        "mm": "%M",
        "ss": "%S",
        "SSS": "%f",
        "XXX": "Z",
        "X": "Z",
    }
    for java, python in names.items():
        pattern = pattern.replace(java, python)
    return now.strftime(pattern.replace("'", ""))


_MAKERS: Mapping[str, Callable[[Mapping[str, Json], Json], Json]] = {
    "RandomInt": lambda g, v: random.randint(int(g.get("min", 0)), int(g.get("max", 2147483647))),
    "RandomDecimal": lambda g, v: round(random.uniform(1, 9), max(int(g.get("digits", 6)) - 1, 1)),
    "RandomHexadecimal": lambda g, v: _text(g, "digits", "0123456789abcdef", 8),
    "RandomString": lambda g, v: _text(g, "size", string.ascii_letters + string.digits, 20),
    "RandomBoolean": lambda g, v: random.random() < 0.5,
    "Uuid": lambda g, v: str(uuid.uuid4()),
    "Date": lambda g, v: _now(str(g.get("format") or ""), "%Y-%m-%d"),
    "Time": lambda g, v: _now(str(g.get("format") or ""), "%H:%M:%S"),
    "DateTime": lambda g, v: _now(str(g.get("format") or ""), "%Y-%m-%dT%H:%M:%S"),
    "Regex": lambda g, v: v,
}
