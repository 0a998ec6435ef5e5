"""`.http` files as JetBrains, the REST Client of VS Code and httpyac read them: regions, requests, bodies, scripts."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import NamedTuple

METHODS = ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE")
_REQUEST = re.compile(r"(?:([A-Z]{2,12})[ \t]+)?(\S.*?)(?:[ \t]+HTTP/[0-9.]+)?\s*\Z")
_HEADER = re.compile(r"([A-Za-z0-9!#$%&'*+.^_`|~-]+)\s*:\s*(.*)\Z")
_VARIABLE = re.compile(r"@([A-Za-z_][\w.-]*)\s*:?=\s*(.*)\Z")
_META = re.compile(r"(?:#|//)\s*@([\w-]+)\s*(.*)\Z")


class Line(NamedTuple):
    """A line with its number."""

    number: int
    text: str


@dataclass(slots=True)
class Region:
    """What stands between two ``###``.

    Args:
        number: of its first line.
        title: behind the ``###``.
        meta: ``# @name value`` directives.
        variables: ``@name = value``, in order.
        before: scripts ahead of the request: line, text.
        after: scripts behind it.
        method: empty when there is no request.
        asserts: lines that begin with ``??``.
        body: lines, joined.
    """

    number: int
    title: str = ""
    meta: dict[str, str] = field(default_factory=dict)
    variables: list[tuple[str, str]] = field(default_factory=list)
    before: list[Line] = field(default_factory=list)
    after: list[Line] = field(default_factory=list)
    method: str = ""
    url: str = ""
    at: int = 0
    headers: list[tuple[str, str]] = field(default_factory=list)
    body: str = ""
    body_at: int = 0
    asserts: list[Line] = field(default_factory=list)
    other: list[Line] = field(default_factory=list)


class Reader:
    """Reads a file.

    Args:
        text: of the file.
    """

    def __init__(self, text: str) -> None:
        self.lines = text.removeprefix("\ufeff").replace("\r\n", "\n").split("\n")

    def regions(self) -> list[Region]:
        """All regions, in order."""
        found: list[Region] = []
        region = Region(1)
        waiting: list[Line] = []
        for number, line in enumerate(self.lines, 1):
            if line.startswith("###"):
                self._fill(region, waiting)
                found.append(region)
                region, waiting = Region(number, line.strip("# \t")), []
            else:
                waiting.append(Line(number, line))
        self._fill(region, waiting)
        return [*found, region]

    def _fill(self, region: Region, lines: list[Line]) -> None:
        position = 0
        while position < len(lines):
            line = lines[position]
            text = line.text.strip()
            script = _script_end(lines, position)
            if script is not None:
                end, content, ahead = script
                (region.before if ahead or not region.method else region.after).append(Line(line.number, content))
                position = end
            elif text.startswith("??"):
                region.asserts.append(Line(line.number, text[2:].strip()))
                position += 1
            elif not region.method:
                position = self._head(region, lines, position)
            elif text.startswith((">>", ">")) and not text.startswith("> {%"):
                region.other.append(Line(line.number, text))
                position += 1
            else:
                position = self._body(region, lines, position)
        region.body = region.body.strip("\n")

    def _head(self, region: Region, lines: list[Line], position: int) -> int:
        line = lines[position]
        text = line.text.strip()
        meta, declared = _META.match(text), _VARIABLE.match(text)
        if meta is not None:
            region.meta[meta[1]] = meta[2].strip()
        elif declared is not None:
            region.variables.append((declared[1], declared[2].strip()))
        elif text and not text.startswith(("#", "//")):
            return self._request(region, lines, position)
        return position + 1

    def _request(self, region: Region, lines: list[Line], position: int) -> int:
        """The request line, its continued query, and the headers."""
        line = lines[position]
        match = _REQUEST.match(line.text.strip())
        method, url = (match[1] or "GET", match[2]) if match is not None else ("GET", line.text.strip())
        region.method, region.url, region.at = method, url, line.number
        position += 1
        while position < len(lines):
            text = lines[position].text.strip()
            header = _HEADER.match(text)
            if text.startswith(("?", "&")) and not text.startswith("??"):
                region.url += text
            elif text.startswith(("#", "//")):
                meta = _META.match(text)
                if meta is not None:
                    region.meta[meta[1]] = meta[2].strip()
            elif header is not None:
                region.headers.append((header[1], header[2]))
            else:
                break
            position += 1
        return position

    def _body(self, region: Region, lines: list[Line], position: int) -> int:
        line = lines[position]
        if not region.body and not line.text.strip():
            return position + 1
        if not region.body:
            region.body_at = line.number
        region.body += line.text + "\n"
        return position + 1


def _script_end(lines: list[Line], position: int) -> tuple[int, str, bool] | None:
    """Where a script that begins at a line ends, its text, and whether it stands ahead of the request."""
    text = lines[position].text.strip()
    for opening, closing in (("> {%", "%}"), ("< {%", "%}"), ("{{", "}}")):
        if opening == "{{" and not re.fullmatch(r"\{\{[+@]?\w*", text):
            continue
        if not text.startswith(opening):
            continue
        first = text[len(opening) :] if opening != "{{" else ""
        if closing in first:
            return position + 1, first[: first.rindex(closing)], opening == "< {%"
        found = [first]
        for at in range(position + 1, len(lines)):
            if lines[at].text.strip().endswith(closing) and (closing == "%}" or lines[at].text.strip() == closing):
                found.append(lines[at].text.rstrip()[: -len(closing)])
                return at + 1, "\n".join(found), opening == "< {%"
            found.append(lines[at].text)
    return None
