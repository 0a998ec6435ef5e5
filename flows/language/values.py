"""The values of the flow language: exact numbers, no silent conversions, one text form."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping, Sequence
from functools import cache
from typing import TYPE_CHECKING, Any

from flows.language.errors import NotEvaluable, TooMuch, Undecided
from flows.language.foreign_json import escaped, too_deep, too_many
from flows.language.masked_text import MaskedNumber, hiding

if TYPE_CHECKING:
    from decimal import Context, Decimal

MAX_TEXT = 10 * 1024 * 1024
MAX_DIGITS = 400
_NUMBER = re.compile(r"-?(?:0|[1-9][0-9]*)(?:\.[0-9]+)?\Z")
_WORDS: dict[str, object] = {"true": True, "false": False, "null": None}
_NAMES: dict[type, str] = {
    type(None): "null",
    bool: "boolean",
    int: "number",
    float: "number",
    str: "string",
    list: "array",
    tuple: "array",
    dict: "object",
    MaskedNumber: "number",
}


class _Nothing:
    """The absence of a value where an absence is no error (JSONPath filters)."""

    __slots__ = ()


NOTHING = _Nothing()


class Headers(dict[str, object]):
    """A mapping whose lookup ignores case; repeated values were joined by whoever filled it."""

    def __init__(self, values: Mapping[str, object] | Iterable[tuple[str, object]] = ()) -> None:
        super().__init__(values)
        self._lower = {key.lower(): key for key in self}

    @classmethod
    def of(cls, pairs: Iterable[tuple[str, str]]) -> Headers:
        """From wire order; repeated names are joined with ``, `` under their first spelling.

        Args:
            pairs: name, value.
        """
        joined: dict[str, list[str]] = {}
        names: dict[str, str] = {}
        for name, value in pairs:
            joined.setdefault(names.setdefault(name.lower(), name), []).append(value)
        return cls({name: ", ".join(values) for name, values in joined.items()})

    def __missing__(self, key: str) -> object:
        return super().__getitem__(self._lower[key.lower()])

    def __contains__(self, key: object) -> bool:
        return isinstance(key, str) and key.lower() in self._lower


def type_name(value: object) -> str:
    """The type as the language calls it: null, boolean, number, string, array, object, instant, duration.

    Args:
        value: any value of the language.

    Raises:
        NotEvaluable: of no type the language knows.
    """
    found = _NAMES.get(type(value))
    return found if found is not None else _slow_type_name(value)


def _slow_type_name(value: object) -> str:
    kind = type(value)
    outer = {
        ("decimal", "Decimal"): "number",
        ("datetime", "datetime"): "instant",
        ("datetime", "timedelta"): "duration",
    }
    found = next((outer[key] for base in kind.__mro__ if (key := (base.__module__, base.__name__)) in outer), None)
    if found is None and isinstance(value, Mapping):
        found = "object"
    if found is None and isinstance(value, Sequence) and not isinstance(value, str | bytes):
        found = "array"
    if found is None:
        found = next((name for base, name in _NAMES.items() if isinstance(value, base)), None)
    if found is None:
        raise NotEvaluable(f"a value of the Python type {kind.__name__} has no place in a flow")
    _NAMES[kind] = found
    return found


@cache
def decimals() -> Context:
    """The context of all decimal arithmetic: 60 digits, ties to even."""
    from decimal import Context

    return Context(prec=60)


def exact(value: Any) -> Any:
    """The number as an int or a Decimal, so that ``0.1 + 0.2 == 0.3`` and ``40.00 == 40``.

    Args:
        value: int, float or Decimal.

    Raises:
        NotEvaluable: infinite or not a number.
        Undecided: it is hidden.
    """
    if type(value) is int:
        return value
    if isinstance(value, MaskedNumber):
        raise Undecided
    from decimal import Decimal

    number = Decimal(repr(value)) if isinstance(value, float) else Decimal(value)
    if not number.is_finite():
        raise NotEvaluable(f"{value} is not a finite number")
    return number


def simplest(number: Decimal | int) -> object:
    """A computed number as an int when it is whole, else without trailing zeros.

    Args:
        number: finite.

    Raises:
        TooMuch: more than 400 digits.
    """
    if isinstance(number, int):
        if number.bit_length() > 1330:
            raise TooMuch(f"a number of more than {MAX_DIGITS} digits")
        return number
    if abs(number.adjusted()) > MAX_DIGITS:
        raise TooMuch(f"a number of more than {MAX_DIGITS} digits")
    whole = number.to_integral_value()
    return int(whole) if whole == number else number.normalize(decimals())


def described(value: object) -> str:
    """Type and, when short, the value: ``number 200``, ``string "200"``.

    Args:
        value: any value.
    """
    name = type_name(value)
    if name in ("array", "object") or value is None:
        return name
    shown = to_json(value)
    return f"{name} {shown}" if len(shown) <= 60 else f"{name} {shown[:57]}..."


def as_text(value: object) -> str:
    """How a value stands inside longer text: text as it is, everything else as compact JSON.

    Args:
        value: any value.
    """
    if isinstance(value, str):
        return value
    return instant_text(value) if type_name(value) == "instant" else to_json(value)


def to_json(value: object) -> str:
    """Compact JSON with exact numbers.

    Args:
        value: any value; instants become ISO text, durations seconds.

    Raises:
        TooMuch: more than 10 MiB.
    """
    parts: list[str] = []
    try:
        _write(value, parts)
    except RecursionError:
        raise TooMuch("a value nested too deep to be written as JSON") from None
    text = "".join(parts)
    if len(text) > MAX_TEXT:
        raise TooMuch(f"text of more than {MAX_TEXT:,} characters")
    return hiding(text, value)


def _write(value: Any, parts: list[str]) -> None:
    name = type_name(value)
    if name == "array":
        _write_list(value, parts)
    elif name == "object":
        _write_map(value, parts)
    else:
        parts.append(_scalar_text(value, name))


def _write_list(value: Any, parts: list[str]) -> None:
    separator = "["
    for item in value:
        parts.append(separator)
        _write(item, parts)
        separator = ","
    parts.append("]" if separator == "," else "[]")


def _write_map(value: Any, parts: list[str]) -> None:
    separator = "{"
    for key, item in value.items():
        parts.append(f"{separator}{escaped(json.dumps(str(key), ensure_ascii=False))}:")
        _write(item, parts)
        separator = ","
    parts.append("}" if separator == "," else "{}")


def _scalar_text(value: Any, name: str) -> str:
    if name == "string":
        return escaped(json.dumps(value, ensure_ascii=False))
    if name == "number":
        return _number_text(value)
    if name == "instant":
        return json.dumps(instant_text(value))
    if name == "duration":
        return _number_text(simplest(seconds_of(value)))
    return "null" if value is None else "true" if value else "false"


def _number_text(value: Any) -> str:
    if isinstance(value, int | MaskedNumber):
        return str(value)
    number = exact(value)
    if isinstance(value, float):
        return repr(value)
    return format(number, "f") if abs(number.adjusted()) <= 30 else str(number)


def instant_text(value: Any) -> str:
    """An instant as ISO text in UTC with ``Z``.

    Args:
        value: a datetime with a zone.
    """
    from datetime import UTC

    return str(value.astimezone(UTC).isoformat()).replace("+00:00", "Z")


def seconds_of(value: Any) -> Any:
    """A duration as exact seconds.

    Args:
        value: a timedelta.
    """
    whole = value.days * 86400 + value.seconds
    return whole if not value.microseconds else exact(whole) + exact(value.microseconds) / exact(1e6)


def parse_json(text: str | bytes, *, ours: bool = False) -> object:
    """JSON with exact numbers: a float only where it prints back the same, else a Decimal.

    Args:
        text: a JSON document (RFC 8259).
        ours: an artefact, whose own levels come on top of what a server sent.

    Raises:
        ValueError: not JSON (also NaN, Infinity, more than 128 levels or 500,000 values).
    """
    if not ours and too_many(text):
        raise ValueError("JSON of too many values")
    try:
        found: object = _DECODER.decode(text if isinstance(text, str) else _decoded(text))
    except RecursionError:
        raise ValueError("JSON nested too deep") from None
    if not ours and too_deep(text):
        raise ValueError("JSON nested too deep")
    return found


def _float(text: str) -> object:
    found = _number(text)
    if found is None:
        raise ValueError(f"a number of more than {MAX_DIGITS} digits")
    return found


def _number(text: str) -> float | Decimal | None:
    """A number with a fraction or an exponent; None when its digits would not end."""
    number = float(text)
    if repr(number) == text:
        return number
    from decimal import Decimal, InvalidOperation

    try:
        found = Decimal(text)
    except InvalidOperation:  # not even decimals have such an exponent
        return None
    return found if abs(found.adjusted()) <= MAX_DIGITS else None


def _int(text: str) -> int:
    if len(text) > MAX_DIGITS:
        raise ValueError(f"a number of {len(text)} digits")
    return int(text)


def _constant(text: str) -> object:
    raise ValueError(f"{text} is not JSON")


_DECODER = json.JSONDecoder(parse_float=_float, parse_int=_int, parse_constant=_constant)
"""One for all: making it costs as much as reading a small answer."""


def _decoded(data: bytes) -> str:
    return data.decode(json.detect_encoding(data), "surrogatepass")


def exact_literal(text: str) -> object:
    """The number that an expression or a default writes.

    Args:
        text: digits with an optional fraction and exponent.

    Raises:
        TooMuch: its exponent has more than 400 places.
    """
    if text.isdigit():
        return int(text)
    found = _number(text)
    if found is None:
        raise TooMuch(f"a number of more than {MAX_DIGITS} digits")
    return found


def typed_text(text: str) -> object:
    """What a text from a variable means: a number, true, false or null only when that prints back the same.

    Args:
        text: from ``--var``, the environment, an env file, CSV or a default (FLOWS §2).
    """
    if text in _WORDS:
        return _WORDS[text]
    if len(text) > MAX_DIGITS or not _NUMBER.match(text) or text == "-0":
        return text
    return _float(text) if "." in text else int(text)
