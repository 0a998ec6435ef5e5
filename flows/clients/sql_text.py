"""Placeholders in SQL, found by a lexer: never inside quotes, comments or casts, as each dialect writes these."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from flows.clients.errors import ClientError

Kind = Literal["text", "numbered", "question", "named"]
Dialect = Literal["postgres", "mysql", "sqlite", "other"]
Params = Sequence[object] | Mapping[str, object] | None
_PLACEHOLDERS = r"""
    | (?P<cast>::|:=)
    | (?P<numbered>(?<![\w$])\$[0-9]+)
    | (?P<named>(?<![:\w]):(?P<name>[A-Za-z_]\w*))
    | (?P<operator>\?[|&?])
    | (?P<question>\?)
"""
_DOUBLED = r"""'(?:[^']|'')*'|"(?:[^"]|"")*"|`(?:[^`]|``)*`"""
_ESCAPED = r"""'(?:[^'\\]|\\.|'')*'|"(?:[^"\\]|\\.|"")*"|`(?:[^`]|``)*`"""
_SQLITE = rf"(?P<comment>--[^\n]*) | (?P<quoted>{_DOUBLED}|(?<![\w\]])\[[^\]]*\])"
_TOKENS: Mapping[Dialect, str] = {
    "postgres": rf"""
      (?P<comment>--[^\n]*)
    | (?P<dollar>(?<![\w$])\$(?P<tag>[A-Za-z_]\w*)?\$)
    | (?P<escape>\b[eE]'(?:[^'\\]|\\.|'')*')
    | (?P<quoted>{_DOUBLED})""",
    "mysql": rf"(?P<comment>(?:--(?=[\s]|\Z)|\#)[^\n]*) | (?P<quoted>{_ESCAPED})",
    "sqlite": _SQLITE,
    "other": _SQLITE,
}
_COMPILED: dict[Dialect, re.Pattern[str]] = {}
_NESTING: frozenset[Dialect] = frozenset(["postgres"])


@dataclass(frozen=True, slots=True)
class Piece:
    """A part of a statement.

    Args:
        kind: text, or the kind of placeholder.
        text: as written.
        name: of a named placeholder, or the number's digits.
    """

    kind: Kind
    text: str
    name: str = ""


def _pattern(dialect: Dialect) -> re.Pattern[str]:
    found = _COMPILED.get(dialect)
    if found is None:
        found = _COMPILED[dialect] = re.compile(_TOKENS[dialect] + _PLACEHOLDERS, re.VERBOSE | re.DOTALL)
    return found


def pieces(query: str, dialect: Dialect = "postgres") -> Iterator[Piece]:
    """A statement in parts; everything that is no placeholder is text.

    Args:
        query: SQL.
        dialect: whose quotes and comments it has.
    """
    token = _pattern(dialect)
    start = place = 0
    while place < len(query):
        if query.startswith("/*", place):
            place = _after_comment(query, place, dialect in _NESTING)
            continue
        match = token.match(query, place)
        if match is None:
            place += 1
            continue
        end = match.end()
        if match.lastgroup in ("dollar", "tag"):
            closing = query.find(match["dollar"], end)
            end = len(query) if closing < 0 else closing + len(match["dollar"])
        elif match.lastgroup in ("numbered", "question", "name", "named"):
            if start < place:
                yield Piece("text", query[start:place])
            yield _placeholder(match)
            start = end
        place = end
    if start < len(query):
        yield Piece("text", query[start:])


def _placeholder(match: re.Match[str]) -> Piece:
    if match["numbered"]:
        return Piece("numbered", match.group(), match.group()[1:])
    if match["question"]:
        return Piece("question", "?")
    return Piece("named", match.group(), match["name"])


def _after_comment(query: str, place: int, nesting: bool) -> int:
    """The place after a block comment; only PostgreSQL's nest."""
    if not nesting:
        closing = query.find("*/", place + 2)
        return len(query) if closing < 0 else closing + 2
    depth = 0
    while place < len(query):
        if query.startswith("/*", place):
            depth += 1
            place += 2
        elif query.startswith("*/", place):
            depth -= 1
            place += 2
            if depth == 0:
                return place
        else:
            place += 1
    return len(query)


@dataclass(frozen=True, slots=True)
class Bound:
    """A statement with its values in order.

    Args:
        parts: text parts and, between them, indexes into `values`.
        values: each distinct value once.
    """

    parts: tuple[str | int, ...]
    values: tuple[object, ...]

    def rendered(self, mark: str = "$") -> str:
        """The statement with placeholders ``$1`` or ``:p1``.

        Args:
            mark: ``$`` or ``:p``.
        """
        return "".join(part if isinstance(part, str) else f"{mark}{part + 1}" for part in self.parts)


def bind(query: str, params: Params, dialect: Dialect = "postgres") -> Bound:
    """Finds the placeholders of a statement and the value for each.

    Args:
        query: SQL.
        params: a list for ``$1`` and ``?``, a map for ``:name``, None when there are none.
        dialect: whose quotes and comments it has.

    Raises:
        ClientError: of type ``config``: a placeholder without a value, or a value without a placeholder.
    """
    if params is None:
        return Bound((query,), ())
    found = list(pieces(query, dialect))
    if isinstance(params, Mapping):
        return _bind_named(found, params)
    numbered = any(piece.kind == "numbered" for piece in found)
    return _bind_listed(found, list(params), "numbered" if numbered else "question")


def params_of(given: object) -> list[object] | dict[str, object] | None:
    """A step's `params` as a list or a map; one value alone is a list of it.

    Args:
        given: rendered.
    """
    if given is None:
        return None
    if isinstance(given, Mapping):
        return dict(given)
    return list(given) if isinstance(given, list | tuple) else [given]


def unbindable(query: object, params: object) -> str:
    """Why a statement as it is written takes no such params in any dialect; empty when one may take them.

    Args:
        query: SQL; with a template in it nothing is known.
        params: a list or a map.
    """
    if not isinstance(query, str) or "${" in query or "{{" in query or not isinstance(params, list | tuple | Mapping):
        return ""
    problem = ""
    for dialect in _TOKENS:
        try:
            bind(query, params, dialect)
        except ClientError as error:
            problem = problem or error.message
        else:
            return ""
    return problem


def _bind_named(found: list[Piece], params: Mapping[str, object]) -> Bound:
    names = list(params)
    parts: list[str | int] = []
    used: set[str] = set()
    for piece in found:
        if piece.kind == "named" and piece.name in params:
            used.add(piece.name)
            parts.append(names.index(piece.name))
        elif piece.kind == "named":
            raise ClientError(f"the query uses :{piece.name}, but params has no '{piece.name}'", "config")
        else:
            parts.append(piece.text)
    unused = [name for name in names if name not in used]
    if unused:
        raise ClientError(f"params has '{unused[0]}', but the query has no :{unused[0]}", "config")
    return Bound(tuple(parts), tuple(params.values()))


def _bind_listed(found: list[Piece], params: list[object], kind: Kind) -> Bound:
    parts: list[str | int] = []
    used: set[int] = set()
    for piece in found:
        if piece.kind != kind:
            parts.append(piece.text)
            continue
        index = int(piece.name) - 1 if kind == "numbered" else len(used)
        if not 0 <= index < len(params):
            raise ClientError(f"the query uses {piece.text}, but params has {len(params)} value(s)", "config")
        used.add(index)
        parts.append(index)
    if len(used) != len(params):
        raise ClientError(f"params has {len(params)} value(s), but the query uses {len(used)}", "config")
    return Bound(tuple(parts), tuple(params))
