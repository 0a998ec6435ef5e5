"""HAProxy: which backend answers for which paths, and where its servers are."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field

from graph.facts import SourceFile
from graph.values import Fact, Location
from scanners.idioms.gateways import REST, Passed, below, of_expression, replaced

_FILE = re.compile(r"(^|/)haproxy[\w.-]*\.(cfg|conf)(\.[\w]+)?$")
_SECTIONS = ("global", "defaults", "frontend", "backend", "listen", "resolvers", "userlist", "peers", "cache")
_INLINE = re.compile(r"\{\s*+([^{}]*)\}")
_MOST = 5_000


class HaProxy:
    """HAProxy's configuration."""

    name: str = "haproxy"
    version: int = 1

    def matches(self, path: str) -> bool:
        """Whether a path is such a file.

        Args:
            path: relative to the repository.
        """
        return bool(_FILE.search(path))

    def facts(self, source: SourceFile) -> Iterator[Fact]:
        """Routes.

        Args:
            source: the file.
        """
        sections = _sections(source.data.decode("utf-8", "replace"))
        backends = {s.name: s for s in sections if s.sort in ("backend", "listen")}
        usual = next((s.mode() for s in sections if s.sort == "defaults" and s.mode()), "tcp")
        given = 0
        for section in sections:
            if section.sort not in ("frontend", "listen") or (section.mode() or usual) != "http":
                continue
            for number, passed in _rules(section, backends):
                given += 1
                if given <= _MOST:
                    yield Fact("route", passed.fields(""), Location(source.path, number))


@dataclass(slots=True)
class _Section:
    sort: str
    name: str
    line: int
    lines: list[tuple[int, list[str]]] = field(default_factory=list)

    def mode(self) -> str:
        """What it speaks, empty when it does not say."""
        return next((w[1] for _, w in self.lines if w[0] == "mode" and len(w) > 1), "")

    def server(self) -> str:
        """The address of its first server."""
        return next((w[2] for _, w in self.lines if w[0].startswith("server") and len(w) > 2), "").replace('"', "")


def _sections(text: str) -> list[_Section]:
    found: list[_Section] = []
    for number, line in enumerate(text.splitlines(), 1):
        words = re.sub(r"(^|\s)#.*", "", line).split()
        if not words:
            continue
        if words[0] in _SECTIONS:
            found.append(_Section(words[0], words[1] if len(words) > 1 else "", number))
        elif found:
            found[-1].lines.append((number, words))
    return found


def _paths(condition: list[str]) -> list[str]:
    """Templates of an ACL's test; empty when it is about something else."""
    test, values = condition[0], [w for w in condition[1:] if not w.startswith("-")]
    if test in ("path_beg", "path,path_beg"):
        return [below(v) for v in values]
    if test in ("path", "path_str"):
        return values
    if test in ("path_reg", "path_regex"):
        return [of_expression(v) for v in values]
    return []


def _rules(section: _Section, backends: dict[str, _Section]) -> Iterator[tuple[int, Passed]]:
    tests: dict[str, list[str]] = {}
    for _, words in section.lines:
        if words[0] == "acl" and len(words) > 2:
            tests.setdefault(words[1], []).extend(_paths(words[2:]))
    for number, words in section.lines:
        if words[0] == "use_backend" and len(words) > 1:
            condition = " ".join(words[3:])
            inline = [p for test in _INLINE.findall(condition) for p in _paths(test.split() or [""])]
            named = [
                p for name in re.findall(r"(?<!!)\b[\w-]+\b", _INLINE.sub("", condition)) for p in tests.get(name, ())
            ]
            for path in inline or named or [REST]:
                yield number, _passed(path, words[1], backends)
        elif words[0] == "default_backend" and len(words) > 1:
            yield number, _passed(REST, words[1], backends)
    if section.sort == "listen" and section.server():
        yield section.line, _passed(REST, section.name, backends)


def _passed(path: str, name: str, backends: dict[str, _Section]) -> Passed:
    backend = backends.get(name)
    to = backend.server() if backend is not None else ""
    target = path
    for _, words in backend.lines if backend is not None else ():
        if words[:2] == ["http-request", "replace-path"] and len(words) > 3:
            target = replaced(target, words[2], words[3])
    return Passed(path, re.sub(r"\$\{?(\w+)\}?", r"${\1}", to) or name, target)


MANIFEST = HaProxy()
