"""Dotenv files: quotes, `export` and `#`, and nothing that is evaluated."""

from __future__ import annotations

import re
from collections.abc import Mapping

_LINE = re.compile(r"\s*(?:export\s+)?(?P<name>[A-Za-z_][A-Za-z0-9_.-]*)\s*=\s*(?P<rest>.*)\Z", re.DOTALL)
_COMMENT = re.compile(r"(?:^|\s+)#.*\Z")
_ESCAPES = {"n": "\n", "r": "\r", "t": "\t", '"': '"', "\\": "\\", "$": "$"}
_AFTER = re.compile(r"\s*(?:#.*)?\Z")


class EnvFileProblem(ValueError):
    """A line that is no assignment.

    Args:
        line: 1-based.
        message: what is wrong.
    """

    def __init__(self, line: int, message: str) -> None:
        super().__init__(message)
        self.line = line
        self.message = message


def parse_dotenv(text: str) -> Mapping[str, str]:
    """Name → text; the last assignment of a name wins.

    Args:
        text: the file's content; a quoted value may span lines; ``$NAME`` stays as it is.

    Raises:
        EnvFileProblem: a line that is no assignment, or a quote that is not closed.
    """
    found: dict[str, str] = {}
    lines = text.splitlines()
    number = 0
    while number < len(lines):
        line = lines[number]
        number += 1
        if not line.strip() or line.lstrip().startswith("#"):
            continue
        match = _LINE.match(line)
        if match is None:
            raise EnvFileProblem(number, "NAME=value is expected")
        rest = match.group("rest")
        if rest[:1] in ("'", '"'):
            first = number
            while (end := _closing(rest)) < 0:
                if number >= len(lines):
                    raise EnvFileProblem(first, "the quote is not closed")
                rest = f"{rest}\n{lines[number]}"
                number += 1
            if not _AFTER.match(rest, end + 1):
                raise EnvFileProblem(number, "something stands after the closing quote")
            found[match.group("name")] = _unquoted(rest[: end + 1])
        else:
            found[match.group("name")] = _COMMENT.sub("", rest).strip()
    return found


def _closing(rest: str) -> int:
    quote = rest[0]
    at = 1
    while at < len(rest):
        if rest[at] == "\\" and quote == '"':
            at += 2
            continue
        if rest[at] == quote:
            return at
        at += 1
    return -1


def _unquoted(quoted: str) -> str:
    inner = quoted[1:-1]
    if quoted[0] == "'":
        return inner
    return re.sub(r"\\(.)", lambda match: _ESCAPES.get(match.group(1), match.group(0)), inner, flags=re.DOTALL)
