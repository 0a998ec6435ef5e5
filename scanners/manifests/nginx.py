"""nginx configuration: which paths a gateway passes on, to whom, and what it answers itself."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field

from graph.facts import SourceFile
from graph.values import Fact, Lit, Location

_FILE = re.compile(r"(^|/)([\w.-]+\.(conf|nginx)|sites-(enabled|available)/[\w.-]+)(\.\w+)?$")
_TOKEN = re.compile(r"""#[^\n]*|"(?:[^"\\]|\\.)*"|'(?:[^'\\]|\\.)*'|(?:\$\{\w+\}|[^\s{};#])+|[{};]""")
_REWRITE_TAIL = re.compile(r"\(\.[*+]\)\$?$")


@dataclass(frozen=True, slots=True)
class Nginx:
    """nginx configuration files and templates of them."""

    name: str = "nginx"
    version: int = 1

    def matches(self, path: str) -> bool:
        """Whether a path may be nginx configuration.

        Args:
            path: relative to the repository.
        """
        return bool(_FILE.search(path))

    def facts(self, source: SourceFile) -> Iterator[Fact]:
        """Routes and own endpoints.

        Args:
            source: the file.
        """
        if b"location" not in source.data or b"{" not in source.data:
            return
        root = _parse(source.data.decode("utf-8", "replace"))
        upstreams = {b.words[1]: _server(b) for b in root.walk() if b.words[:1] == ["upstream"] and len(b.words) > 1}
        for block in root.walk():
            if block.words[:1] == ["location"] and len(block.words) > 1:
                yield from _location(source, block, upstreams)


@dataclass(slots=True)
class _Block:
    words: list[str]
    line: int
    inner: list[_Block] = field(default_factory=list)

    def walk(self) -> Iterator[_Block]:
        todo: list[_Block] = [self]
        while todo:
            block = todo.pop()
            yield block
            todo.extend(reversed(block.inner))

    def directive(self, name: str) -> _Block | None:
        return next((b for b in self.inner if b.words[:1] == [name]), None)


def _parse(text: str) -> _Block:
    root = _Block([], 1)
    stack = [root]
    words: list[str] = []
    line = counted = 0
    for match in _TOKEN.finditer(text):
        token = match.group()
        if token.startswith("#"):
            continue
        if not words:
            line += text.count("\n", counted, match.start())
            counted = match.start()
        if token in ("{", ";"):
            block = _Block(words, line + 1)
            stack[-1].inner.append(block)
            words = []
            if token == "{":
                stack.append(block)
        elif token == "}":
            words = []
            if len(stack) > 1:
                stack.pop()
        else:
            words.append(token.strip("\"'"))
    return root


def _server(upstream: _Block) -> str:
    server = upstream.directive("server")
    return server.words[1] if server is not None and len(server.words) > 1 else ""


def _location(source: SourceFile, block: _Block, upstreams: dict[str, str]) -> Iterator[Fact]:
    modifier, path = (block.words[1], block.words[2]) if len(block.words) > 2 else ("", block.words[1])
    template = _template(modifier, path)
    passed = block.directive("proxy_pass") or block.directive("grpc_pass") or block.directive("uwsgi_pass")
    if passed is not None and len(passed.words) > 1:
        host, slash, rest = passed.words[1].split("://", 1)[-1].partition("/")
        to = upstreams.get(host, host)
        to_path = _to_path(template, (modifier, path), f"/{rest}" if slash else "", block)
        route = {"gateway": "", "path": template, "to": to, "to_path": to_path}
        yield Fact("route", route, Location(source.path, passed.line))
    elif block.directive("stub_status") is not None or block.directive("return") is not None:
        returned = block.directive("return")
        if returned is not None and returned.words[1:2] and not returned.words[1].startswith("2"):
            return
        fields = {
            "protocol": "http",
            "method": "GET",
            "path": Lit(template.removesuffix("/**") or "/"),
            "handler": "",
            "framework": "nginx",
            "operational": True,
        }
        yield Fact("endpoint", fields, Location(source.path, block.line))


def _template(modifier: str, path: str) -> str:
    if modifier == "=":
        return path
    if modifier in ("~", "~*"):
        bare = _REWRITE_TAIL.sub("", path.lstrip("^").rstrip("$"))
        return re.sub(r"\([^)]*\)|\[[^\]]*\][*+]?|\.[*+]", "{}", bare).rstrip("/") + "/**"
    return path.rstrip("/") + "/**"


def _to_path(template: str, location: tuple[str, str], uri: str, block: _Block) -> str:
    """Where a request goes: a URI in proxy_pass or a rewrite replaces the location's prefix."""
    modifier, path = location
    rewrite = block.directive("rewrite")
    if rewrite is not None and len(rewrite.words) > 2 and not uri:
        tail = "/**" if "$1" in rewrite.words[2] else ""
        return rewrite.words[2].split("$1", 1)[0].rstrip("/") + tail or "/"
    if not uri or modifier in ("~", "~*"):
        return template
    if modifier == "=":
        return uri
    base = uri if uri.endswith("/") or not path.endswith("/") else uri + "/"
    return base.rstrip("/") + "/**"


MANIFEST = Nginx()
