"""The five functions of RFC 9535 §2.4; patterns run on RE2, and one that does not compile matches nothing."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Literal, NamedTuple

from flows.language.errors import Undecided
from flows.language.masked_text import Masked
from flows.language.values import NOTHING

Kind = Literal["value", "nodes", "logical"]


class Function(NamedTuple):
    """A function's types and code."""

    parameters: tuple[Kind, ...]
    result: Kind
    run: Callable[..., Any]


def _length(value: Any) -> Any:
    if isinstance(value, Masked):
        raise Undecided
    return len(value) if isinstance(value, str | list | tuple | dict) else NOTHING


def _value(nodes: list[Any]) -> Any:
    return nodes[0] if len(nodes) == 1 else NOTHING


def _matching(whole: bool) -> Callable[[Any, Any], bool]:
    def run(text: Any, pattern: Any) -> bool:
        if not isinstance(text, str) or not isinstance(pattern, str):
            return False
        if isinstance(text, Masked) or isinstance(pattern, Masked):
            raise Undecided
        from testmesh.guard.regex import compile_pattern
        from testmesh.kernel.errors import UserError

        try:
            compiled = compile_pattern(as_re2(pattern))
        except UserError:
            return False
        found = compiled.fullmatch(text) if whole else compiled.search(text)
        return found is not None

    return run


def as_re2(pattern: str) -> str:
    """An I-Regexp (RFC 9485) in RE2's syntax: there a dot matches neither line feed nor carriage return.

    Args:
        pattern: as written.
    """
    parts: list[str] = []
    inside = False
    at = 0
    while at < len(pattern):
        character = pattern[at]
        if character == "\\":
            parts.append(pattern[at : at + 2])
            at += 2
            continue
        if character == "." and not inside:
            parts.append(r"[^\n\r]")
        else:
            inside = character == "[" or (inside and character != "]")
            parts.append(character)
        at += 1
    return "".join(parts)


FUNCTIONS: Mapping[str, Function] = {
    "length": Function(("value",), "value", _length),
    "count": Function(("nodes",), "value", len),
    "value": Function(("nodes",), "value", _value),
    "match": Function(("value", "value"), "logical", _matching(True)),
    "search": Function(("value", "value"), "logical", _matching(False)),
}
