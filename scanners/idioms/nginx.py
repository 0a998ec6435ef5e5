"""nginx configuration: which paths a gateway passes on, to whom, and what it answers itself."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import islice

from graph.facts import SourceFile
from graph.values import Fact, Lit, Location
from scanners.idioms.gateways import REST, Passed, alternatives, below, of_expression, replaced

_TOKEN = re.compile(r"""#[^\n]*|"(?:[^"\\]|\\.)*"|'(?:[^'\\]|\\.)*'|(?:\$\{\w+\}|\{\{[^\n]*?\}\}|[^\s{};#])+|[{};]""")
_PASSES = ("proxy_pass", "grpc_pass", "uwsgi_pass", "fastcgi_pass", "scgi_pass")
_VARIABLE = re.compile(r"\$(\w+)|\$\{(\w+)\}")
_REQUEST = re.compile(r"\$(request_uri|uri|is_args|args|query_string)|\?\$args")
_RUNNING = re.compile(r"\$\w")
_SCRIPTS = ("content_by_lua_block", "content_by_lua_file", "content_by_lua", "js_content", "perl", "echo")
_EXPRESSIONS = ("~", "~*")
_DEEPEST = 12
_MOST = 2_000
_LONGEST = 2_000
_NO_HOST = frozenset(("_", "localhost", "default_server", "127.0.0.1", "$hostname", '""', ""))


@dataclass(slots=True)
class Block:
    """A directive, with what stands in its braces.

    Args:
        words: its name and arguments, quotes taken off.
        line: 1-based.
        inner: directives in its braces.
        outer: the block it stands in.
    """

    words: list[str]
    line: int
    outer: Block | None = None
    inner: list[Block] = field(default_factory=list)

    def walk(self) -> Iterator[Block]:
        """It and everything below, in order."""
        todo: list[Block] = [self]
        while todo:
            block = todo.pop()
            yield block
            todo.extend(reversed(block.inner))

    def around(self) -> Iterator[Block]:
        """It and the blocks it stands in, from the inside."""
        block: Block | None = self
        for _ in range(_DEEPEST):
            if block is None:
                return
            yield block
            block = block.outer

    def directive(self, *names: str) -> Block | None:
        """The first directive of one of these names, in conditions too but not in locations below.

        Args:
            names: of directives.
        """
        todo = list(reversed(self.inner))
        while todo:
            block = todo.pop()
            if block.words and block.words[0] in names:
                return block
            if block.words[:1] in (["if"], ["limit_except"]):
                todo.extend(reversed(block.inner))
        return None

    def argument(self, index: int = 1) -> str:
        """A word after the name, or empty.

        Args:
            index: from 1.
        """
        return self.words[index] if len(self.words) > index else ""


def facts(source: SourceFile) -> Iterator[Fact]:
    """Routes, own endpoints, and braces that do not fit.

    Args:
        source: the file.
    """
    root, problem = _parse(source.data.decode("utf-8", "replace"))
    upstreams = {b.argument(): _server(b) for b in root.walk() if b.words[:1] == ["upstream"] and b.argument()}
    locations = [b for b in root.walk() if b.words[:1] == ["location"] and b.argument()][:_MOST]
    named: set[str] = set()
    for block in locations:
        again = block.argument() in named
        if block.argument().startswith("@"):
            named.add(block.argument())
        if not again and len(named) <= _DEEPEST * 4:
            yield from _location(source, block, _Around(upstreams, locations))
    if problem is not None and locations:
        line, message = problem
        fields = {"rule": "nginx/syntax", "message": message, "severity": "warning"}
        yield Fact("problem", fields, Location(source.path, line))


def _parse(text: str) -> tuple[Block, tuple[int, str] | None]:
    root = Block([], 1)
    stack = [root]
    words: list[str] = []
    problem: tuple[int, str] | None = None
    line = counted = 0
    for match in _TOKEN.finditer(text):
        token = match.group()
        if token.startswith("#"):
            continue
        if not words:
            line += text.count("\n", counted, match.start())
            counted = match.start()
        if token in ("{", ";"):
            block = Block(words, line + 1, stack[-1])
            stack[-1].inner.append(block)
            words = []
            if token == "{":
                stack.append(block)
        elif token == "}":
            words = []
            if len(stack) > 1:
                stack.pop()
            else:
                problem = problem or (line + 1, "this '}' closes nothing")
        else:
            words.append(token.strip("\"'"))
    if len(stack) > 1:
        problem = problem or (stack[-1].line, f"the block of '{' '.join(stack[-1].words)[:60]}' is never closed")
    return root, problem


def _server(upstream: Block) -> str:
    server = upstream.directive("server")
    return server.argument() if server is not None else ""


@dataclass(frozen=True, slots=True)
class _Around:
    upstreams: dict[str, str]
    locations: list[Block]


def _location(source: SourceFile, block: Block, around: _Around) -> Iterator[Fact]:
    modifier, path = (block.words[1], block.words[2]) if len(block.words) > 2 else ("", block.words[1])
    if modifier == "" and path.startswith(("~", "=")) and len(path) > 1:
        modifier, path = path[: 2 if path.startswith("~*") else 1], path.lstrip("~*=")
    passed = block.directive(*_PASSES)
    if passed is not None and passed.argument():
        line = Location(source.path, passed.line)
        for template, written in _templates(modifier, path, around.locations):
            rule = _passed(block, passed, (template, modifier, written), around.upstreams)
            if rule is not None:
                yield Fact("route", rule.fields(""), line)
        return
    own = {b.words[0]: b for b in block.inner if b.words}
    returned = own.get("return")
    scripted = any(name in own for name in _SCRIPTS)
    answers = returned is not None and (not returned.words[1:2] or returned.words[1].startswith("2"))
    if not scripted and "stub_status" not in own and not answers:
        return
    for template, _ in _templates(modifier, path, around.locations)[:1]:
        fields: dict[str, object] = {
            "protocol": "http",
            "method": "ANY" if scripted else "GET",
            "path": Lit(template.removesuffix(REST) or "/"),
            "handler": "",
            "framework": "nginx",
        }
        yield Fact(
            "endpoint", fields if scripted else {**fields, "operational": True}, Location(source.path, block.line)
        )


def _templates(modifier: str, path: str, locations: list[Block]) -> list[tuple[str, str]]:
    """What a location serves, and the path or expression each comes from; a named one serves for those that name it."""
    if path.startswith("@"):
        users = list(islice((b for b in locations if _uses(b, path)), _DEEPEST))
        found = []
        for user in users:
            inner = (user.words[1], user.words[2]) if len(user.words) > 2 else ("", user.words[1])
            found += [] if inner[1].startswith("@") else _templates(*inner, locations)
        return found
    if modifier == "=":
        return [(path, path)]
    if modifier in _EXPRESSIONS:
        return [(of_expression(e), e) for e in alternatives(path)]
    return [(below(path), path)]


def _uses(block: Block, name: str) -> bool:
    return any(name in d.words for d in block.inner[:_MOST] if d.words[:1] != ["location"])


def _passed(block: Block, passed: Block, served: tuple[str, str, str], upstreams: dict[str, str]) -> Passed | None:
    template, modifier, path = served
    target = _filled(block, passed.argument())
    variable = _RUNNING.search(passed.argument().split("://", 1)[-1].split("/", 1)[0]) is not None
    host, slash, rest = target.split("://", 1)[-1].partition("/")
    if host.startswith("unix:") or target.startswith("unix:"):
        return None
    uri = f"/{_REQUEST.sub('', rest)}" if slash else ""
    whole = not uri or "$request_uri" in rest or "$uri" in rest or (variable and uri == "/")
    if modifier in _EXPRESSIONS and "$" in uri:
        to_path = replaced(template, path, uri)
    elif whole or modifier in _EXPRESSIONS:
        to_path = _rewritten(block, template)
    elif modifier == "=":
        to_path = uri
    else:
        base = uri if uri.endswith("/") or not path.endswith("/") else uri + "/"
        to_path = base.rstrip("/") + REST
    return Passed(template, upstreams.get(host) or host, to_path, host=_host(block))


def _filled(block: Block, text: str) -> str:
    """Variables that `set` gives a value in the location or around it."""
    values: dict[str, str] = {}
    for outer in block.around():
        for item in outer.inner[:_MOST]:
            if item.words[:1] == ["set"] and len(item.words) > 2:
                values.setdefault(item.words[1].lstrip("$"), item.words[2])
    for _ in range(4):
        text = _VARIABLE.sub(lambda m: values.get(m[1] or m[2], m[0]), text[:_LONGEST])
    return text[:_LONGEST]


def _rewritten(block: Block, template: str) -> str:
    for holder in (block, block.outer):
        rewrite = holder.directive("rewrite") if holder is not None else None
        if rewrite is not None and len(rewrite.words) > 2:
            expression, replacement = rewrite.words[1], rewrite.words[2]
            inside = holder is block or template.startswith(of_expression(expression).removesuffix(REST) + "/")
            if inside and not replacement.startswith("http"):
                return replaced(template, expression, replacement)
    return template


def _host(block: Block) -> str:
    outer = next((b for b in block.around() if b.words[:1] == ["server"]), None)
    named = outer.directive("server_name") if outer is not None else None
    names = [w for w in named.words[1:] if w not in _NO_HOST and w[0] not in "~*$."] if named is not None else []
    return names[0] if len(names) == 1 else ""
