"""Splits text into what is literal and what is a template, the same way everywhere templates may stand."""

from __future__ import annotations

import re
from typing import NamedTuple

from flows.language.errors import SyntaxProblem

_OPEN = re.compile(r"\$\$\{|\$\{|\{\{")
_DEFAULT = re.compile(r"[^\W\d]\w*:")
_INSIDE = re.compile(r"[\"'{}]")
LITERAL_OPEN = frozenset(['"{{"', "'{{'", '"${"', "'${'"])


class Piece(NamedTuple):
    """One template.

    Args:
        body: the text between the braces.
        start: index of the body in the text.
        opened: index of the opening braces.
        end: index after the closing braces.
        default: for ``${NAME:default}``, the index of the colon in the body; else -1.
    """

    body: str
    start: int
    opened: int
    end: int
    default: int = -1


def pieces(text: str) -> list[str | Piece]:
    """Literal text and templates, in order; ``$${`` and ``{{ "{{" }}`` are already literal.

    Args:
        text: any text.

    Raises:
        SyntaxProblem: a template is not closed or empty.
    """
    if "${" not in text and "{{" not in text:
        return [text]
    found: list[str | Piece] = []
    literal: list[str] = []
    at = 0
    while match := _OPEN.search(text, at):
        literal.append(text[at : match.start()])
        if match.group() == "$${":
            literal.append("${")
            at = match.end()
            continue
        piece = _piece(text, match.start())
        at = piece.end
        if piece.body.strip() in LITERAL_OPEN:
            literal.append(piece.body.strip()[1:-1])
            continue
        if "".join(literal):
            found.append("".join(literal))
        literal.clear()
        found.append(piece)
    literal.append(text[at:])
    if "".join(literal) or not found:
        found.append("".join(literal))
    return found


def _piece(text: str, opened: int) -> Piece:
    start = opened + 2
    dollar = text[opened] == "$"
    named = _DEFAULT.match(text, start) if dollar else None
    if named is not None:
        end = text.find("}", named.end())
        if end < 0:
            raise SyntaxProblem("'${' is not closed", opened, 2, rule="template/unclosed")
        return Piece(text[start:end], start, opened, end + 1, named.end() - 1 - start)
    end = closing(text, start, "}" if dollar else "}}")
    if end < 0:
        shown = text[opened:start]
        hint = "$${" if dollar else '{{ "{{" }}'
        message = f"'{shown}' is not closed; a literal '{shown}' is written {hint}"
        raise SyntaxProblem(message, opened, 2, rule="template/unclosed")
    body = text[start:end]
    if not body.strip():
        raise SyntaxProblem("an empty template", opened, 2, rule="template/empty")
    return Piece(body, start, opened, end + (1 if dollar else 2))


def closing(text: str, start: int, close: str) -> int:
    """Index of the braces that end a template, -1 when there are none; quotes and inner braces are skipped.

    Args:
        text: any text.
        start: index after the opening braces.
        close: ``}`` or ``}}``.
    """
    depth = 0
    at = start
    while match := _INSIDE.search(text, at):
        character = match.group()
        at = match.end()
        if character == "{":
            depth += 1
        elif character != "}":
            at = end_of_string(text, match.start())
            if at < 0:
                return -1
        elif depth:
            depth -= 1
        elif text.startswith(close, match.start()):
            return match.start()
    return -1


def end_of_string(text: str, start: int) -> int:
    """Index after the closing quote, -1 when there is none.

    Args:
        text: any text.
        start: index of the opening quote.
    """
    quote = text[start]
    at = start + 1
    while at < len(text):
        if text[at] == "\\":
            at += 2
        elif text[at] == quote:
            return at + 1
        else:
            at += 1
    return -1
