"""Payload shapes written as a line: ``id!:string total?:number lines:[sku!:string] ...`` (``...`` holds more)."""

from __future__ import annotations

import re
from collections.abc import Iterator

from graph.values import Field, Shape

_TOKEN = re.compile(r"\.\.\.|\[|\]|\{|\}|([A-Za-z_][\w-]*)([!?]?)(?::(\w+))?(:?)")


def shape(text: str) -> Shape:
    """An object shape; closed unless the line ends with ``...``.

    Args:
        text: fields; ``!`` required, ``?`` optional; ``name:[...]`` array of objects, ``name:{...}`` object.
    """
    return _object(iter(list(_TOKEN.finditer(text))))


def _object(tokens: Iterator[re.Match[str]]) -> Shape:
    fields: list[Field] = []
    is_open = False
    for token in tokens:
        if token.group() == "...":
            is_open = True
        elif token.group() in ("]", "}"):
            break
        else:
            fields.append(_field(token, tokens))
    return Shape("object", tuple(fields), None, is_open)


def _field(token: re.Match[str], tokens: Iterator[re.Match[str]]) -> Field:
    required = {"!": True, "?": False, "": None}[token.group(2)]
    if not token.group(4):
        return Field(token.group(1), Shape(token.group(3) or "unknown"), required)
    opening = next(tokens).group()
    inner = _object(tokens)
    return Field(token.group(1), Shape("array", item=inner) if opening == "[" else inner, required)
