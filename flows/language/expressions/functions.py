"""The pure functions, one entry of a table each."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from flows.language.comparing import ordered
from flows.language.errors import NotEvaluable, TooMuch, TypeMismatch
from flows.language.expressions.arithmetic import add
from flows.language.masked_text import hiding
from flows.language.values import (
    MAX_TEXT,
    as_text,
    decimals,
    described,
    exact,
    parse_json,
    simplest,
    to_json,
    type_name,
)

_UNITS = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0}


def seconds(text: str) -> float | None:
    """Seconds of a duration such as ``10s``; None when it is not one.

    Args:
        text: digits and ``ms``, ``s``, ``m`` or ``h``; positive.
    """
    unit = text.lstrip("0123456789")
    digits = text[: len(text) - len(unit)]
    if not digits.isascii() or not digits or unit not in _UNITS or len(digits) > 12 or int(digits) == 0:
        return None
    return int(digits) / 1000 if unit == "ms" else int(digits) * _UNITS[unit]


def _need(function: str, value: Any, *names: str) -> Any:
    if type_name(value) not in names:
        raise TypeMismatch(f"{function}() needs {' or '.join(names)}, not {described(value)}")
    return value


def length(value: Any) -> int:
    """``len``: characters, elements or keys."""
    return len(_need("len", value, "string", "array", "object"))


def _total(values: Any) -> object:
    total: object = 0
    for value in _need("sum", values, "array"):
        total = add(total, _need("sum", value, "number"))
    return total


def _average(values: Any) -> object:
    if not _need("avg", values, "array"):
        raise NotEvaluable("avg() of an empty array")
    total: Any = _total(values)
    return simplest(decimals().divide(exact(total), exact(len(values))))


def _extreme(name: str, values: Any, first_wins: Callable[[Any, Any], bool]) -> object:
    if not _need(name, values, "array"):
        raise NotEvaluable(f"{name}() of an empty array")
    best = values[0]
    ordered(best, best)
    for value in values[1:]:
        a, b = ordered(best, value)
        if not first_wins(a, b):
            best = value
    return best


def _least(values: Any) -> object:
    return _extreme("min", values, lambda a, b: bool(a <= b))


def _greatest(values: Any) -> object:
    return _extreme("max", values, lambda a, b: bool(a >= b))


def _absolute(value: Any) -> object:
    return simplest(abs(exact(_need("abs", value, "number"))))


def _round(value: Any, digits: Any = 0) -> object:
    _need("round", digits, "number")
    places = exact(digits)
    if places != int(places) or abs(places) > 100:
        raise NotEvaluable(f"round() to {digits} digits")
    return _quantized(_need("round", value, "number"), int(places), "ROUND_HALF_UP")


def _quantized(value: Any, digits: int, rounding: str) -> object:
    from decimal import Decimal, InvalidOperation

    try:
        step = Decimal(1).scaleb(-digits)
        return simplest(Decimal(exact(value)).quantize(step, rounding=rounding, context=decimals()))
    except InvalidOperation:
        raise TooMuch("the number has too many digits to be rounded") from None


def _floor(value: Any) -> object:
    return _quantized(_need("floor", value, "number"), 0, "ROUND_FLOOR")


def _ceil(value: Any) -> object:
    return _quantized(_need("ceil", value, "number"), 0, "ROUND_CEILING")


def _whole(value: Any) -> object:
    number = _as_number("int", value)
    if isinstance(value, str) and number != number.__trunc__():
        raise NotEvaluable(f'int("{value}"): not a whole number')
    return int(number)


def _fraction(value: Any) -> object:
    return _as_number("float", value)


def _as_number(function: str, value: Any) -> Any:
    from decimal import Decimal, InvalidOperation

    if type_name(value) == "number":
        return exact(value)
    text = _need(function, value, "string", "number").strip()
    try:
        number = Decimal(text) if len(text) <= 400 and "_" not in text else None
    except InvalidOperation:
        number = None
    if number is None or not number.is_finite():
        raise NotEvaluable(f"{function}() of {described(value)}: not a number")
    simplest(number)
    return number


def _replace(text: Any, old: Any, new: Any) -> object:
    for part in (text, old, new):
        _need("replace", part, "string")
    if not old:
        raise NotEvaluable("replace() of an empty text")
    if len(text) + text.count(old) * len(new) > MAX_TEXT:
        raise TooMuch(f"text of more than {MAX_TEXT:,} characters")
    return text.replace(old, new)


def _split(text: Any, separator: Any) -> object:
    if not _need("split", separator, "string"):
        raise NotEvaluable("split() at an empty text")
    return _need("split", text, "string").split(separator)


def _join(values: Any, separator: Any) -> object:
    parts = [as_text(value) for value in _need("join", values, "array")]
    _need("join", separator, "string")
    if sum(map(len, parts)) + len(separator) * len(parts) > MAX_TEXT:
        raise TooMuch(f"text of more than {MAX_TEXT:,} characters")
    return hiding(separator.join(parts), parts)


def _regex_find(text: Any, pattern: Any) -> object:
    """The first group of the first match, without groups the match itself; null when there is none."""
    from testmesh.guard.regex import compile_pattern
    from testmesh.kernel.errors import UserError

    try:
        found = compile_pattern(_need("regex_find", pattern, "string")).search(_need("regex_find", text, "string"))
    except UserError as problem:
        raise NotEvaluable(problem.message) from None
    if found is None:
        return None
    return found.group(1) if found.re.groups else found.group(0)


def date(value: Any) -> object:
    """``date``: an instant from ISO text; without a zone it is UTC."""
    from datetime import UTC, datetime

    if type_name(value) == "instant":
        return value
    try:
        moment = datetime.fromisoformat(_need("date", value, "string"))
    except ValueError:
        raise NotEvaluable(f"date() of {described(value)}: not ISO 8601") from None
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)


def _duration(value: Any) -> object:
    from datetime import timedelta

    found = seconds(_need("duration", value, "string"))
    if found is None:
        raise NotEvaluable(f"duration() of {described(value)}: write it like 500ms, 10s, 2m or 1h")
    try:
        return timedelta(seconds=found)
    except OverflowError:
        raise NotEvaluable(f"duration() of {described(value)}: more than 999,999,999 days") from None


def _json(value: Any) -> object:
    try:
        return parse_json(_need("json", value, "string"))
    except ValueError as problem:
        raise NotEvaluable(f"json(): {problem}") from None


def _bytes(function: str, value: Any) -> bytes:
    try:
        data: bytes = _need(function, value, "string").encode()
    except UnicodeEncodeError:
        raise NotEvaluable(f"{function}(): half of a surrogate pair has no bytes in UTF-8") from None
    return data


def _base64(value: Any) -> object:
    import base64

    return base64.b64encode(_bytes("base64", value)).decode()


def _base64_decode(value: Any) -> object:
    import base64

    try:
        return base64.b64decode(_need("base64_decode", value, "string"), validate=True).decode()
    except ValueError:
        raise NotEvaluable("base64_decode(): not base64 of UTF-8 text") from None


def _sha256(value: Any) -> object:
    import hashlib

    return hashlib.sha256(_bytes("sha256", value)).hexdigest()


PURE: Mapping[str, Callable[..., object]] = {
    "len": length,
    "length": length,
    "sum": _total,
    "avg": _average,
    "min": _least,
    "max": _greatest,
    "abs": _absolute,
    "round": _round,
    "floor": _floor,
    "ceil": _ceil,
    "keys": lambda value: list(_need("keys", value, "object")),
    "values": lambda value: list(_need("values", value, "object").values()),
    "int": _whole,
    "float": _fraction,
    "string": as_text,
    "upper": lambda value: _need("upper", value, "string").upper(),
    "lower": lambda value: _need("lower", value, "string").lower(),
    "trim": lambda value: _need("trim", value, "string").strip(),
    "replace": _replace,
    "split": _split,
    "join": _join,
    "regex_find": _regex_find,
    "date": date,
    "duration": _duration,
    "json": _json,
    "to_json": to_json,
    "base64": _base64,
    "base64_decode": _base64_decode,
    "sha256": _sha256,
    "text": lambda value: _need("text", value, "string"),
}
