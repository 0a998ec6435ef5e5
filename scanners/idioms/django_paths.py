"""Django's URL patterns as path templates: regular expressions read as far as a path goes."""

from __future__ import annotations

from graph.values import Concat, Format, Lit, Value

_CLASSES = {"d": "{}", "w": "{}", "s": "{}", "S": "{}", "D": "{}", "W": "{}", "Z": "", "A": "", "b": ""}
_REPEATS = "+*?{"
_ENDS = ("", "$", "/$", "/?$")
_LONGEST = 2000
_DEEPEST = 20


def pattern(text: str) -> str:
    """A regular expression as a path template.

    Args:
        text: the expression.
    """
    return _read(text[:_LONGEST])


def template(value: Value) -> Value:
    """A regular expression as a path template; anything that is no literal stays as it is.

    Args:
        value: what is given to ``re_path``.
    """
    if isinstance(value, Lit) and isinstance(value.value, str):
        return Lit(pattern(value.value))
    if isinstance(value, Concat):
        return Concat(tuple(template(p) for p in value.parts))
    if isinstance(value, Format):
        return Format(value.template.removeprefix("^").removesuffix("$"), value.args, value.named)
    return value


def _read(pattern: str, depth: int = 0) -> str:
    out: list[str] = []
    at = 0
    while at < len(pattern):
        piece, after = _piece(pattern, at, depth)
        repeat, after = _repeat(pattern, after)
        if piece == "." and repeat:
            piece = "{**}" if pattern[after:] in _ENDS else "{}"
        elif repeat in ("?", "*") and not piece.startswith("{"):
            piece = "" if repeat == "?" else "{}"
        out.append(piece)
        at = after
    return "".join(out)


def _piece(pattern: str, at: int, depth: int) -> tuple[str, int]:
    """The template of the expression at a place, and where it ends."""
    char = pattern[at]
    if char in "^$":
        return "", at + 1
    if char == "\\" and at + 1 < len(pattern):
        following = pattern[at + 1]
        return _CLASSES.get(following, following), at + 2
    if char == "[":
        end = pattern.find("]", at + 2)
        return "{}", (end + 1 if end > 0 else len(pattern))
    if char == "(":
        end = _closing(pattern, at)
        return _group(pattern[at + 1 : end - 1], depth + 1), end
    return char, at + 1


def _repeat(pattern: str, at: int) -> tuple[str, int]:
    if at >= len(pattern) or pattern[at] not in _REPEATS:
        return "", at
    if pattern[at] == "{":
        end = pattern.find("}", at)
        return "+", (end + 1 if end > 0 else len(pattern))
    after = at + 1
    return pattern[at], after + 1 if pattern[after : after + 1] == "?" else after


def _closing(pattern: str, at: int) -> int:
    depth = 0
    skip = False
    for position in range(at, len(pattern)):
        char = pattern[position]
        if skip:
            skip = False
        elif char == "\\":
            skip = True
        elif char == "(":
            depth += 1
        elif char == ")":
            depth -= 1
            if depth == 0:
                return position + 1
    return len(pattern)


def _group(inside: str, depth: int) -> str:
    if inside.startswith("?P<"):
        name, _, rest = inside[3:].partition(">")
        return "{" + name + (":path}" if rest in (".*", ".+", ".*?") else "}")
    if inside.startswith("?:"):
        return _read(inside[2:], depth) if "|" not in inside and depth < _DEEPEST else "{}"
    return "" if inside.startswith(("?=", "?!", "?<", "?i", "?#")) else "{}"
