"""Seeded changes of a sample's own code, made by rules that know nothing of the sample."""

from __future__ import annotations

import ast
import hashlib
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass

_STATUSES = {200: 201, 201: 200, 202: 200, 204: 200, 400: 422, 402: 403, 404: 410, 409: 422, 422: 400}
_OPERATORS = {ast.Add: "-", ast.Sub: "+", ast.Mult: "+", ast.Div: "*"}
_COMPARISONS = {
    "Eq": "!=",
    "NotEq": "==",
    "Lt": ">=",
    "GtE": "<",
    "Gt": "<=",
    "LtE": ">",
    "Is": "is not",
    "IsNot": "is",
}
_SQL = re.compile(r"^\s*(select|insert|update|delete|with)\b", re.I)
_SQL_EDITS = (
    (re.compile(r" - (?=%|\$|\w)"), " + "),
    (re.compile(r" \+ (?=%|\$|\w)"), " - "),
    (re.compile(r" >= "), " < "),
    (re.compile(r" and not (\w+)"), ""),
    (re.compile(r"\border by (\w+)(?! desc)"), r"order by \1 desc"),
    (re.compile(r"= true\b"), "= false"),
)
_SQL_FILE: tuple[tuple[re.Pattern[str], str, Callable[[str], str]], ...] = (
    (
        re.compile(r"(?m)^\s+([a-z]\w*)\s+(?:text|integer|int|uuid|numeric|timestamptz)\b"),
        "column",
        lambda n: f"{n}_new",
    ),
    (re.compile(r"(?<=, )(\d+(?:\.\d+)?)(?=[,)])"), "seed-value", lambda n: f"{n}1"),
)
_TS: tuple[tuple[str, re.Pattern[str], Callable[[re.Match[str]], str]], ...] = (
    ("status", re.compile(r"\.status\((\d{3})\)"), lambda m: f".status({_STATUSES.get(int(m[1]), 418)})"),
    ("rename-field", re.compile(r"(?<=[{,\n] )(\w+): (?=[\w.]+[,\s}])"), lambda m: f"{m[1]}_new: "),
    ("path", re.compile(r"(\.(?:get|post|put|delete)\(\s*[\"'`])(/[\w/]+)"), lambda m: f"{m[1]}{m[2]}-v2"),
    ("comparison", re.compile(r" === "), lambda _: " !== "),
)


@dataclass(frozen=True, slots=True)
class Mutant:
    """One seeded change.

    Args:
        rule: which rule made it.
        path: file it changes.
        line: first line changed, 1-based.
        text: the whole file afterwards.
        what: one clause for people.
    """

    rule: str
    path: str
    line: int
    text: str
    what: str

    @property
    def name(self) -> str:
        """Stable name: rule, place and a digest of the text."""
        short = hashlib.sha256(self.text.encode()).hexdigest()[:6]
        return f"{self.rule}:{self.path}:{self.line}:{short}"


@dataclass(frozen=True, slots=True)
class _Source:
    path: str
    text: str
    tree: ast.Module

    def offset(self, line: int, column: int) -> int:
        lines = self.text.encode().splitlines(keepends=True)
        return sum(map(len, lines[: line - 1])) + column

    def edit(self, rule: str, node: ast.expr | ast.stmt, new: str, what: str) -> Mutant:
        start = self.offset(node.lineno, node.col_offset)
        end = self.offset(node.end_lineno or node.lineno, node.end_col_offset or 0)
        data = self.text.encode()
        text = (data[:start] + new.encode() + data[end:]).decode()
        return Mutant(rule, self.path, node.lineno, text, what)


def mutants(path: str, text: str) -> list[Mutant]:
    """Every change the rules can make to a file, in order.

    Args:
        path: repository-relative.
        text: its text.
    """
    if path.endswith(".ts"):
        return list(_typescript(path, text))
    if path.endswith(".sql"):
        return list(_sql_file(path, text))
    if not path.endswith(".py") or not text.strip():
        return []
    source = _Source(path, text, ast.parse(text))
    found = [m for rule in _RULES.values() for m in rule(source)]
    return [m for m in found if m.text != text and _parses(m)]


def _parses(mutant: Mutant) -> bool:
    try:
        ast.parse(mutant.text)
    except SyntaxError:
        return False
    return True


def chosen(candidates: Sequence[Mutant], seed: str, most: int) -> list[Mutant]:
    """A fair choice: rules take turns, and within a rule the order is a hash of the seed and the name.

    Args:
        candidates: all of a system.
        seed: text that decides the order.
        most: how many.
    """
    by_rule: dict[str, list[Mutant]] = {}
    for mutant in sorted(candidates, key=lambda m: hashlib.sha256(f"{seed}|{m.name}".encode()).hexdigest()):
        by_rule.setdefault(mutant.rule, []).append(mutant)
    picked: list[Mutant] = []
    while len(picked) < most and any(by_rule.values()):
        for rule in sorted(by_rule):
            if by_rule[rule] and len(picked) < most:
                picked.append(by_rule[rule].pop(0))
    return picked


def _status(source: _Source) -> Iterator[Mutant]:
    """A status answered: an argument of that name, of an exception, or the second item of a returned pair."""
    for node in ast.walk(source.tree):
        for value in _status_places(node):
            if isinstance(value, ast.Constant) and value.value in _STATUSES:
                new = _STATUSES[int(str(value.value))]
                yield source.edit("status", value, str(new), f"status {value.value} becomes {new}")


def _status_places(node: ast.AST) -> list[ast.expr]:
    if isinstance(node, ast.Call):
        named = [k.value for k in node.keywords if k.arg in ("status_code", "status")]
        return named + node.args[:1]
    if isinstance(node, ast.Return) and isinstance(node.value, ast.Tuple) and len(node.value.elts) == 2:
        return [node.value.elts[1]]
    return []


def _fields(source: _Source) -> Iterator[Mutant]:
    """A field of a literal payload, dropped or renamed."""
    for node in ast.walk(source.tree):
        if not isinstance(node, ast.Dict) or len(node.keys) < 2:
            continue
        for position, key in enumerate(node.keys):
            if isinstance(key, ast.Constant) and isinstance(key.value, str) and key.value.isidentifier():
                yield source.edit("rename-field", key, f'"{key.value}_new"', f"field {key.value} renamed")
                rest = [(k, v) for i, (k, v) in enumerate(zip(node.keys, node.values, strict=True)) if i != position]
                parts = [f"{ast.unparse(k)}: {ast.unparse(v)}" if k else f"**{ast.unparse(v)}" for k, v in rest]
                yield source.edit("drop-field", node, "{" + ", ".join(parts) + "}", f"field {key.value} dropped")


def _model_fields(source: _Source) -> Iterator[Mutant]:
    """A field of a response or request class gets another type."""
    for node in ast.walk(source.tree):
        if isinstance(node, ast.ClassDef) and any("Model" in ast.unparse(b) for b in node.bases):
            for field in node.body:
                if isinstance(field, ast.AnnAssign) and ast.unparse(field.annotation) in ("int", "float"):
                    what = f"{node.name}.{ast.unparse(field.target)} becomes text"
                    yield source.edit("model-type", field.annotation, "str", what)


def _sql(source: _Source) -> Iterator[Mutant]:
    for node in ast.walk(source.tree):
        if not isinstance(node, ast.Constant) or not isinstance(node.value, str) or not _SQL.match(node.value):
            continue
        old = ast.get_source_segment(source.text, node) or ""
        for pattern, new in _SQL_EDITS:
            changed = pattern.sub(new, old, count=1)
            if changed != old:
                yield source.edit("sql", node, changed, f"SQL: {pattern.pattern} becomes {new}")


def _arithmetic(source: _Source) -> Iterator[Mutant]:
    for node in ast.walk(source.tree):
        if isinstance(node, ast.BinOp) and type(node.op) in _OPERATORS and not _is_text(node):
            left, right = (ast.get_source_segment(source.text, n) or "" for n in (node.left, node.right))
            new = f"{left} {_OPERATORS[type(node.op)]} {right}"
            yield source.edit("arithmetic", node, new, f"operator in {ast.unparse(node)[:50]} changed")


def _is_text(node: ast.BinOp) -> bool:
    return any(isinstance(n, ast.JoinedStr) or (isinstance(n, ast.Constant) and isinstance(n.value, str))
               for n in ast.walk(node))  # fmt: skip


def _comparison(source: _Source) -> Iterator[Mutant]:
    for node in ast.walk(source.tree):
        if isinstance(node, ast.Compare) and len(node.ops) == 1 and type(node.ops[0]).__name__ in _COMPARISONS:
            left, right = (ast.get_source_segment(source.text, n) or "" for n in (node.left, node.comparators[0]))
            if "__name__" in left:
                continue
            new = f"{left} {_COMPARISONS[type(node.ops[0]).__name__]} {right}"
            yield source.edit("comparison", node, new, f"{ast.unparse(node)[:50]} turned round")


def _dropped_call(source: _Source) -> Iterator[Mutant]:
    """A call made for its effect: a message not published, a cache not cleared, a row not written."""
    for function in ast.walk(source.tree):
        if not isinstance(function, ast.FunctionDef | ast.AsyncFunctionDef):
            continue
        for node in ast.walk(function):
            if isinstance(node, ast.Expr) and isinstance(node.value, ast.Call):
                yield source.edit("drop-call", node, "pass", f"call {ast.unparse(node)[:50]} removed")


def _words(source: _Source) -> Iterator[Mutant]:
    """Text in code: messages, key patterns, states."""
    docs = {id(b.value) for n in ast.walk(source.tree) if isinstance(n, ast.FunctionDef | ast.ClassDef | ast.Module)
            for b in n.body[:1] if isinstance(b, ast.Expr)}  # fmt: skip
    for function in ast.walk(source.tree):
        if not isinstance(function, ast.FunctionDef | ast.AsyncFunctionDef):
            continue
        for node in ast.walk(function):
            if not isinstance(node, ast.Constant) or not isinstance(node.value, str) or id(node) in docs:
                continue
            old = ast.get_source_segment(source.text, node) or ""
            if len(node.value) > 2 and old[:1] in "\"'" and old[-1:] == old[:1] and not _SQL.match(node.value):
                yield source.edit("text", node, f"{old[:-1]}x{old[-1]}", f"text {old[:40]} changed")


def _key(source: _Source) -> Iterator[Mutant]:
    """The fixed part of a composed text: cache keys, paths, messages."""
    for node in ast.walk(source.tree):
        if isinstance(node, ast.JoinedStr):
            old = ast.get_source_segment(source.text, node) or ""
            new = re.sub(r"^(f[\"'])([a-z/]\w*)", r"\1\2x", old)
            if new != old:
                yield source.edit("key", node, new, f"composed text {old[:40]} changed")


def _constants(source: _Source) -> Iterator[Mutant]:
    for node in source.tree.body:
        if isinstance(node, ast.Assign) and isinstance(node.value, ast.Constant):
            old, value = ast.get_source_segment(source.text, node.value) or "", node.value.value
            if isinstance(value, str) and old[:1] in "\"'" and not old.startswith(('"""', "'''")):
                yield source.edit("constant", node.value, f"{old[:-1]}X{old[-1]}", f"constant {ast.unparse(node)[:40]}")
            elif isinstance(value, int) and not isinstance(value, bool):
                yield source.edit("constant", node.value, str(value + 7), f"constant {ast.unparse(node)[:40]}")


def _routes(source: _Source) -> Iterator[Mutant]:
    for node in ast.walk(source.tree):
        for decorator in getattr(node, "decorator_list", ()):
            if isinstance(decorator, ast.Call) and decorator.args and isinstance(decorator.args[0], ast.Constant):
                first = decorator.args[0]
                if isinstance(first.value, str) and first.value.startswith("/"):
                    new = f'"{first.value}-v2"' if "{" not in first.value[-1:] else f'"/v2{first.value}"'
                    yield source.edit("path", first, new, f"path {first.value} moved")


def _harmless(source: _Source) -> Iterator[Mutant]:
    """A comment inside a function, and a new function that nothing uses."""
    lines = source.text.splitlines(keepends=True)
    for node in ast.walk(source.tree):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            first = node.body[0]
            indent = " " * first.col_offset
            text = "".join([*lines[: first.lineno - 1], f"{indent}# reviewed\n", *lines[first.lineno - 1 :]])
            yield Mutant("comment", source.path, first.lineno, text, f"a comment in {node.name}")
    unused = "\n\ndef halved(amount):\n    return amount / 2\n"
    yield Mutant("unused", source.path, len(lines) + 3, source.text.rstrip("\n") + "\n" + unused, "an unused function")


_Rule = Callable[[_Source], Iterator[Mutant]]
_RULES: Mapping[str, _Rule] = {
    "status": _status,
    "fields": _fields,
    "model-type": _model_fields,
    "sql": _sql,
    "arithmetic": _arithmetic,
    "comparison": _comparison,
    "drop-call": _dropped_call,
    "text": _words,
    "key": _key,
    "constant": _constants,
    "path": _routes,
    "harmless": _harmless,
}


def _sql_file(path: str, text: str) -> Iterator[Mutant]:
    """A migration's column renamed, a default or a seeded value changed."""
    for pattern, rule, new in _SQL_FILE:
        for found in pattern.finditer(text):
            changed = text[: found.start(1)] + new(found[1]) + text[found.end(1) :]
            yield Mutant(rule, path, text.count("\n", 0, found.start(1)) + 1, changed, f"{found[1]} changed")


def _typescript(path: str, text: str) -> Iterator[Mutant]:
    for rule, pattern, new in _TS:
        for found in pattern.finditer(text):
            changed = text[: found.start()] + new(found) + text[found.end() :]
            line = text.count("\n", 0, found.start()) + 1
            if changed != text:
                yield Mutant(rule, path, line, changed, f"{found[0].strip()} changed")
