"""JSON in which another tool's templates stand, quoted or not."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping

from flows.importers.draft import literal
from flows.language.values import parse_json

_TOKEN = re.compile(r'"(?:\\.|[^"\\])*"|\{\{\s*([^{}]+?)\s*\}\}')
_MARK = "\u0001"
_QUOTED = re.compile(r"\{\{\s*([^{}]+?)\s*\}\}")


def marked(text: str) -> object | None:
    """The value of a JSON text, bare templates as texts that begin with a mark; None when it is no JSON.

    Args:
        text: as written.
    """

    def shown(found: re.Match[str]) -> str:
        return found.group() if found[1] is None else f'"\\u0001{found[1]}"'

    try:
        return parse_json(_TOKEN.sub(shown, text))
    except ValueError:
        return None


def templated(text: str, template: Callable[[str], str]) -> object | None:
    """A JSON body as a value with our templates; a bare one keeps its type. None when it must stay text.

    Args:
        text: as written.
        template: text with their templates → with ours.
    """
    found = marked(text)
    return None if found is None or _named_late(found) else _with(found, template)


def _named_late(value: object) -> bool:
    """Whether a name of a field is only known when the test runs: flows know such names before."""
    if isinstance(value, Mapping):
        return any(_QUOTED.search(str(key)) or _named_late(item) for key, item in value.items())
    return isinstance(value, list) and any(_named_late(item) for item in value)


def _with(value: object, template: Callable[[str], str]) -> object:
    if isinstance(value, str):
        return template("{{" + value[1:] + "}}") if value.startswith(_MARK) else _kept_text(template(value), value)
    if isinstance(value, Mapping):
        return {str(key): _with(item, template) for key, item in value.items()}
    if isinstance(value, list):
        return [_with(item, template) for item in value]
    return value


def _kept_text(shown: str, written: str) -> str:
    """A quoted template is text whatever its value is."""
    only = _QUOTED.fullmatch(written)
    inner = shown[2:-1]
    return f"${{string({inner})}}" if only is not None and shown.startswith("${") else shown


def templated_literal(text: str, expression: Callable[[str], str]) -> str | None:
    """A JSON text as a literal of an expression, templates as names; None when it is no JSON.

    Args:
        text: as written.
        expression: what stands between the braces → an expression.
    """
    found = marked(text)
    if (found is None and text.strip() != "null") or _named_late(found):
        return None
    return _literal(found, expression)


def _literal(value: object, expression: Callable[[str], str]) -> str:
    if isinstance(value, str):
        if value.startswith(_MARK):
            return expression(value[1:])
        parts = _QUOTED.split(value)
        pieces = [literal(part) if at % 2 == 0 else f"string({expression(part)})"
                  for at, part in enumerate(parts) if at % 2 or part or len(parts) == 1]  # fmt: skip
        return pieces[0] if len(pieces) == 1 else "(" + " + ".join(pieces) + ")"
    if isinstance(value, Mapping):
        return (
            "{" + ", ".join(f"{literal(str(key))}: {_literal(item, expression)}" for key, item in value.items()) + "}"
        )
    if isinstance(value, list):
        return "[" + ", ".join(_literal(item, expression) for item in value) + "]"
    return literal(value)
