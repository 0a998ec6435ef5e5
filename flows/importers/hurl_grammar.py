"""The grammar of Hurl files (https://hurl.dev/docs/grammar.html): entries, sections, bodies, and words of a line."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import NamedTuple

from testmesh.kernel.diagnostics import Diagnostic
from testmesh.kernel.errors import DiagnosticsError

REQUEST_SECTIONS = {
    "QueryStringParams": "query", "Query": "query", "FormParams": "form", "Form": "form",
    "MultipartFormData": "multipart", "Multipart": "multipart", "Cookies": "cookies", "BasicAuth": "auth",
    "Options": "options", "Captures": "captures", "Asserts": "asserts",
}  # fmt: skip
_METHOD = re.compile(r"([A-Z]{3,20})[ \t]+(\S.*)\Z")
_RESPONSE = re.compile(r"HTTP(?:/([0-9.]+|\*))?[ \t]+(\*|[0-9]{1,3})\s*(?:#.*)?\Z")
_SECTION = re.compile(r"\[([A-Za-z]+)\]\s*(?:#.*)?\Z")
_COMMENT = re.compile(r"\s#.*\Z|\A#.*\Z")
_JSON_START = re.compile(r"[\[{\"]|-?[0-9]|true\b|false\b|null\b|\{\{")
_PAIR = re.compile(r"(?:\{\{[^}]*\}\}|\\.|[^\s:#{\[\"`<\\])(?:\{\{[^}]*\}\}|\\.|[^:])*+:")
_TAG = re.compile(r"<!--.*?-->|<!\[CDATA\[.*?\]\]>|<(?:[^<>\"']|\"[^\"]*\"|'[^']*')+>", re.DOTALL)
_BYTES = ("file,", "hex,", "base64,")
_ESCAPES = {"n": "\n", "t": "\t", "r": "\r", "b": "\b", "f": "\f"}


class Line(NamedTuple):
    """A line of a section, with its place."""

    number: int
    text: str


class Body(NamedTuple):
    """A body as written.

    Args:
        number: of its first line.
        kind: json, xml, text, file, base64, hex.
        text: its content.
    """

    number: int
    kind: str
    text: str


@dataclass(slots=True)
class Part:
    """A request or what is expected of its response."""

    number: int
    headers: list[Line] = field(default_factory=list)
    sections: dict[str, list[Line]] = field(default_factory=dict)
    body: Body | None = None


@dataclass(slots=True)
class Entry:
    """One request with what is expected.

    Args:
        method: of the request.
        url: as written.
        version: that the response must have, or empty.
        status: ``*``, a number, or empty when no response is described.
    """

    method: str
    url: str
    request: Part
    version: str = ""
    status: str = ""
    response: Part | None = None
    comments: list[str] = field(default_factory=list)


class Reader:
    """Reads a file, line by line.

    Args:
        text: of the file.
        file: shown in errors.
    """

    def __init__(self, text: str, file: str) -> None:
        self.lines = text.removeprefix("\ufeff").replace("\r\n", "\n").split("\n")
        self.file = file
        self.at = 0

    def wrong(self, message: str, number: int | None = None) -> DiagnosticsError:
        """An error at a line.

        Args:
            message: what is wrong.
            number: 1-based; the current line when it is None.
        """
        return DiagnosticsError([Diagnostic(self.file, number or self.at + 1, 1, "import/hurl", message)])

    def entries(self) -> list[Entry]:
        """All entries, in order."""
        found: list[Entry] = []
        while (line := self._significant()) is not None:
            match = _METHOD.match(_bare(line))
            if match is None or match[1] == "HTTP":
                raise self.wrong("a request ('GET https://...') is expected here")
            entry = Entry(match[1], match[2].strip(), Part(self.at + 1))
            self.at += 1
            self._part(entry.request)
            self._response(entry)
            found.append(entry)
        return found

    def _response(self, entry: Entry) -> None:
        line = self._significant()
        match = _RESPONSE.match(line.strip()) if line is not None else None
        if match is None:
            return
        entry.version, entry.status = match[1] or "", match[2]
        entry.response = Part(self.at + 1)
        self.at += 1
        self._part(entry.response)

    def _significant(self) -> str | None:
        while self.at < len(self.lines):
            line = self.lines[self.at].strip()
            if line and not line.startswith("#"):
                return line
            self.at += 1
        return None

    def _part(self, part: Part) -> None:
        """Headers, sections and body until the next request or response."""
        section: list[Line] | None = part.headers
        while (line := self._significant()) is not None:
            named = _SECTION.match(line)
            if named is not None and named[1] in REQUEST_SECTIONS:
                section = part.sections.setdefault(REQUEST_SECTIONS[named[1]], [])
                self.at += 1
            elif self._begins_next(line):
                return
            elif section is part.headers and not _is_pair(line):
                part.body = self._body(line)
                section = None
            elif section is None:
                raise self.wrong("after a body only a response or another request can follow")
            elif section is not part.headers and _is_body(line, section, part):
                part.body = self._body(line)
                section = None
            else:
                section.append(self._line(line))

    def _line(self, line: str) -> Line:
        """A line of a section, with the lines of a text in ``` that begins in it."""
        number = self.at + 1
        self.at += 1
        found = [line]
        while "\n".join(found).count("```") % 2:
            if self.at == len(self.lines):
                raise self.wrong("this text is not closed with ```", number)
            found.append(self.lines[self.at])
            self.at += 1
        return Line(number, "\n".join(found))

    def _begins_next(self, line: str) -> bool:
        return bool(_RESPONSE.match(line)) or (
            bool(_METHOD.match(_bare(line))) and ":" not in line.split(maxsplit=1)[0]
        )

    def _body(self, line: str) -> Body:
        number = self.at + 1
        for kind in ("file", "base64", "hex"):
            if line.startswith(f"{kind},"):
                self.at += 1
                return Body(number, kind, line.partition(",")[2].rpartition(";")[0].strip())
        if line.startswith("```"):
            return self._fenced(number, line)
        if line.startswith("`"):
            self.at += 1
            return Body(number, "text", unescaped(line[1 : line.rindex("`")] if line.count("`") > 1 else line[1:]))
        if line.startswith("<"):
            return Body(number, "xml", self._xml())
        if _JSON_START.match(line):
            return Body(number, "json", self._json())
        raise self.wrong(f"this is neither a header nor a body: {line[:60]}")

    def _fenced(self, number: int, line: str) -> Body:
        language = line[3:].strip().partition(",")[0]
        if line.count("```") > 1:
            self.at += 1
            return Body(number, "text", line[3 : line.rindex("```")])
        self.at += 1
        found: list[str] = []
        while self.at < len(self.lines):
            text = self.lines[self.at]
            self.at += 1
            if text.strip().startswith("```") or text.rstrip().endswith("```"):
                rest = text.rstrip().removesuffix("```")
                found += [rest] if rest.strip() else []
                content = "".join(f"{item}\n" for item in found)
                return Body(number, language if language in ("json", "xml", "graphql") else "text", content)
            found.append(text)
        raise self.wrong("this text is not closed with ```", number)

    def _xml(self) -> str:
        """Lines until the root element is closed."""
        text = "\n".join(self.lines[self.at :])
        depth = 0
        for tag in _TAG.finditer(text):
            if tag[0][1] in "!?":
                continue
            depth += -1 if tag[0][1] == "/" else not tag[0].endswith("/>")
            if depth <= 0:
                found = text[: tag.end()]
                self.at += found.count("\n") + 1
                return found
        raise self.wrong("this XML is not closed")

    def _json(self) -> str:
        """Lines until every bracket is closed."""
        found: list[str] = []
        depth, inside, escaped = 0, False, False
        while self.at < len(self.lines):
            line = self.lines[self.at]
            found.append(line)
            self.at += 1
            for character in line:
                if inside:
                    inside = escaped or character != '"'
                    escaped = not escaped and character == "\\"
                else:
                    inside = character == '"'
                    depth += (character in "[{") - (character in "]}")
            if depth <= 0 and not inside:
                return "\n".join(found)
        raise self.wrong("this JSON is not closed")


def _bare(line: str) -> str:
    return line if "{{" in line and " #" not in line else _COMMENT.sub("", line).rstrip()


def _is_pair(line: str) -> bool:
    return bool(_PAIR.match(line)) and not line.startswith(_BYTES)


def _is_body(line: str, section: list[Line], part: Part) -> bool:
    asserting = section is part.sections.get("asserts") or section is part.sections.get("captures")
    if asserting and not line.startswith(("{", "[", "<", "`", '"', *_BYTES)):
        return False
    return not _is_pair(line) and (bool(_JSON_START.match(line)) or line[0] in "`<" or line.startswith(_BYTES))


def halves(line: str) -> tuple[str, str]:
    """What stands before the colon of a line and what stands behind it, as written.

    Args:
        line: of a section.
    """
    match = _PAIR.match(line)
    at = match.end() - 1 if match is not None else line.find(":") % (len(line) + 1)
    return line[:at].strip(), line[at + 1 :].strip()


def pair(line: str) -> tuple[str, str]:
    """``name: value`` without its comment; both still with templates, escapes resolved.

    Args:
        line: of a section.
    """
    name, value = halves(line)
    return unescaped(name), unescaped(_COMMENT.sub("", value).strip())


def unescaped(text: str) -> str:
    """A key or value with its escapes resolved.

    Args:
        text: as written.
    """
    return re.sub(
        r"\\(u\{([0-9a-fA-F]+)\}|.)",
        lambda found: chr(int(found[2], 16)) if found[2] else _ESCAPES.get(found[1], found[1]),
        text,
    )


class Word(NamedTuple):
    """A word of an assert or capture.

    Args:
        kind: name, text, regex, number, template, or other (base64, hex, file).
        text: its content.
    """

    kind: str
    text: str


_WORD = re.compile(
    r'\s*(?:```[a-z]*\n?(?P<fenced>.*?)```|"(?P<text>(?:\\.|[^"\\])*)"|/(?P<regex>(?:\\.|[^/\\])*)/|`(?P<raw>[^`]*)`'
    r"|\{\{(?P<template>[^}]*)\}\}"
    r"|(?P<other>(?:base64|hex|file),[^;]*;)|(?P<number>-?[0-9]+(?:\.[0-9]+)?(?:[eE][-+]?[0-9]+)?)(?![\w.])"
    r"|(?P<name>==|!=|>=|<=|>|<|[A-Za-z][A-Za-z0-9_.-]*)|(?P<comment>#[^\n]*))",
    re.DOTALL,
)

_AS_WRITTEN: Mapping[str, Callable[[str], str]] = {"text": unescaped, "raw": unescaped, "fenced": str}


def words(line: str) -> Iterator[Word] | None:
    """The words of a line, or None when it cannot be read.

    Args:
        line: without the name of a capture.
    """
    found: list[Word] = []
    position = 0
    while line[position:].strip():
        match = _WORD.match(line, position)
        if match is None:
            return None
        kind = match.lastgroup or "name"
        position = match.end()
        if kind == "comment":
            break
        content = match[kind]
        found.append(Word("text", _AS_WRITTEN[kind](content)) if kind in _AS_WRITTEN else Word(kind, content.strip()))
    return iter(found)
