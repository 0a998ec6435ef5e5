"""Caddyfiles: which paths are passed on, and what is taken off them."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field

from graph.facts import SourceFile
from graph.values import Fact, Location
from scanners.idioms.gateways import REST, Passed, below, of_expression, onto, replaced, without

_FILE = re.compile(r"(^|/)(Caddyfile([.-][\w.-]+)?|[\w.-]+\.[Cc]addyfile)$")
_TOKEN = re.compile(r'"(?:[^"\\]|\\.)*"|`[^`]*`|(?:\{\$[^}]*\}|\{[\w.]+\}|[^\s{}])+|[{}]')
_GROUPS = ("handle", "handle_path", "route")
_SITE = re.compile(r"^(?:https?://)?([\w.-]+\.[a-z]{2,}|[\w-]+)(?::\d+)?$")


class Caddy:
    """Caddyfiles."""

    name: str = "caddy"
    version: int = 1

    def matches(self, path: str) -> bool:
        """Whether a path is a Caddyfile.

        Args:
            path: relative to the repository.
        """
        return bool(_FILE.search(path))

    def facts(self, source: SourceFile) -> Iterator[Fact]:
        """Routes.

        Args:
            source: the file.
        """
        root = _parse(source.data.decode("utf-8", "replace"))
        sites = [b for b in root.inner if b.inner] or [root]
        for site in sites:
            yield from _site(source, site)


@dataclass(slots=True)
class _Block:
    words: list[str]
    line: int
    inner: list[_Block] = field(default_factory=list)


def _parse(text: str) -> _Block:
    root = _Block([], 1)
    stack = [root]
    for number, line in enumerate(text.splitlines(), 1):
        tokens = _TOKEN.findall(re.sub(r"(^|\s)#.*", "", line))
        words: list[str] = []
        for token in tokens:
            if token == "}":
                stack = stack[:-1] if len(stack) > 1 else stack
            elif token != "{":
                words.append(token.strip('"`'))
        if not words and "{" not in tokens:
            continue
        block = _Block(words, number)
        stack[-1].inner.append(block)
        if tokens and tokens[-1] == "{":
            stack.append(block)
    return root


def _site(source: SourceFile, site: _Block) -> Iterator[Fact]:
    named = [m[1] for w in site.words if (m := _SITE.match(w.rstrip(","))) and m[1] != "localhost"]
    host = named[0] if len(named) == 1 else ""
    matchers = {b.words[0]: b for b in site.inner if b.words and b.words[0].startswith("@")}
    todo: list[tuple[_Block, str, str]] = [(site, "", "")]
    while todo:
        block, outer, taken = todo.pop()
        taken = taken or next(
            (b.words[2] for b in block.inner if b.words[:2] == ["uri", "strip_prefix"] and b.words[2:]), ""
        )
        rewrite = next((b.words[-1] for b in block.inner if b.words[:1] == ["rewrite"] and len(b.words) > 1), "")
        for item in block.inner:
            head, rest = (item.words[0], item.words[1:]) if item.words else ("", [])
            if head in _GROUPS:
                paths = _paths(rest[:1], matchers) or [outer or REST]
                for path in paths:
                    strip = path.removesuffix(REST) if head == "handle_path" else taken
                    todo.append((item, path, strip))
            elif head in ("reverse_proxy", "php_fastcgi"):
                yield from _proxy(source, item, (_paths(rest[:1], matchers) or [outer or REST], taken, rewrite, host))


def _paths(words: list[str], matchers: dict[str, _Block]) -> list[str]:
    """Templates of a matcher: a path, `*`, or the name of one."""
    if not words or words[0] == "*":
        return [REST] if words else []
    if words[0].startswith("/"):
        return [_template(words[0])]
    block = matchers.get(words[0])
    if block is None:
        return []
    lines = [block.words[1:], *(b.words for b in block.inner)]
    found: list[str] = []
    for line in lines:
        if line[:1] == ["path"]:
            found += [_template(p) for p in line[1:]]
        elif line[:1] == ["path_regexp"] and len(line) > 1:
            found.append(of_expression(line[-1]))
    return found


def _template(path: str) -> str:
    return below(path.rstrip("*")) if path.endswith("*") else path


def _proxy(source: SourceFile, item: _Block, about: tuple[list[str], str, str, str]) -> Iterator[Fact]:
    paths, taken, rewrite, host = about
    given = [w for w in item.words[1:] if not w.startswith(("/", "@")) and w != "*"]
    given += [w for b in item.inner if b.words[:1] == ["to"] for w in b.words[1:]]
    inner = next((b.words[-1] for b in item.inner if b.words[:1] == ["rewrite"]), "")
    to = re.sub(r"\{\$(\w+)(?::([^}]*))?\}", lambda m: m[2] or f"${{{m[1]}}}", given[0]) if given else ""
    for path in paths if to and not to.startswith("unix/") else ():
        target = without(path, taken) if taken else path
        change = inner or rewrite
        if change.endswith("{uri}") or change.endswith("{path}"):
            target = onto(target, change.split("{", 1)[0])
        elif change and "{" not in change:
            target = change
        elif change:
            target = replaced(target, "^(.*)$", change)
        yield Fact("route", Passed(path, to, target, host=host).fields(""), Location(source.path, item.line))


MANIFEST = Caddy()
