"""The YAML 1.2 core schema (section 10.3.2): only what it names is anything but text."""

from __future__ import annotations

import re

from testmesh.guard.yaml_nodes import Scalar

_WORDS: dict[str, Scalar] = {
    "": None,
    "~": None,
    "null": None,
    "Null": None,
    "NULL": None,
    "true": True,
    "True": True,
    "TRUE": True,
    "false": False,
    "False": False,
    "FALSE": False,
}
_INT = re.compile(r"[-+]?[0-9]+\Z")
_BASED = re.compile(r"0o[0-7]+\Z|0x[0-9a-fA-F]+\Z")
_FLOAT = re.compile(r"[-+]?(?:\.[0-9]+|[0-9]+(?:\.[0-9]*)?)(?:[eE][-+]?[0-9]+)?\Z")
_SPECIAL = re.compile(r"[-+]?\.(?:inf|Inf|INF)\Z|\.(?:nan|NaN|NAN)\Z")
_MAX_DIGITS = 400
_STARTS = frozenset("0123456789+-.")


class OutOfRange(Exception):
    """A number that cannot be held."""


def core_value(text: str) -> Scalar:
    """The value of a plain scalar.

    Args:
        text: its characters.

    Raises:
        OutOfRange: a number that is infinite, not a number, or has more than 400 digits.
    """
    if text in _WORDS:
        return _WORDS[text]
    if text[0] not in _STARTS:
        return text
    if len(text) > _MAX_DIGITS and (_INT.match(text) or _FLOAT.match(text) or _BASED.match(text)):
        raise OutOfRange(f"a number of {len(text)} characters; at most {_MAX_DIGITS} are read")
    if _INT.match(text):
        return int(text)
    if _BASED.match(text):
        return int(text, 0)
    if _FLOAT.match(text):
        return _finite(text)
    if _SPECIAL.match(text):
        raise OutOfRange(f"'{text}' is no number that JSON knows; quote it if it is text")
    return text


def tagged_value(tag: str, text: str) -> Scalar:
    """The value of a scalar with a core tag; unknown tags leave it text.

    Args:
        tag: full, such as ``tag:yaml.org,2002:str``.
        text: its characters.

    Raises:
        OutOfRange: the text is not of that type.
    """
    kind = tag.removeprefix("tag:yaml.org,2002:")
    wanted = {"int": ("int",), "float": ("int", "float"), "bool": ("bool",), "null": ("NoneType",)}.get(kind)
    if wanted is None:
        return text
    value = core_value(text)
    if type(value).__name__ not in wanted:
        raise OutOfRange(f"'{text}' is not of the type !!{kind}")
    return value


def _finite(text: str) -> float:
    value = float(text)
    if value in (float("inf"), float("-inf")):
        raise OutOfRange(f"'{text}' is too large for a number; quote it if it is text")
    return value
