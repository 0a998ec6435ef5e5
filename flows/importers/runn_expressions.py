"""Expressions of runn (expr-lang) as ours: names of results, closures, and what is nil there and missing here."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field

from flows.importers.draft import NotCarried, variable
from flows.importers.naming import safe

_TOKEN = re.compile(
    r"\s*(?:(?P<comment>//[^\n]*|/\*.*?\*/)|(?P<text>\"(?:\\.|[^\"\\])*\"|'(?:\\.|[^'\\])*'|`[^`]*`)"
    r"|(?P<number>[0-9]+(?:\.[0-9]+)?(?:[eE][+-]?[0-9]+)?)|(?P<name>[A-Za-z_$][\w$]*)|(?P<mark>\?\?|\?\.|&&|\|\||[=!<>]=|\.\.|[-+*/%<>!?:.,()\[\]{}#|]))"
)
_RAW = ".raw_text_of_body"
_RAW_PATH = re.compile(r"\b((?:\w+\.)?)raw_text_of_body\b")
_LITERAL = re.compile(r'"((?:\\.|[^"\\])*)"')
_NEEDS_TEXT = re.compile(r"[\s,:{}\[\]\\]")
_SIMPLE = {"count": "len", "lower": "lower", "upper": "upper", "trim": "trim", "len": "len", "int": "int",
           "float": "float", "string": "string", "abs": "abs", "round": "round", "floor": "floor", "ceil": "ceil",
           "keys": "keys", "values": "values", "split": "split", "join": "join", "now": "now", "date": "date",
           "toJSON": "to_json", "fromJSON": "json", "toBase64": "base64", "min": "min", "max": "max", "sum": "sum",
           "replace": "replace"}  # fmt: skip
_CLOSURES = frozenset({"all", "any", "none", "one", "filter", "map", "count"})
_WORDS = frozenset({"and", "or", "not", "in", "contains", "startsWith", "endsWith", "matches", "true", "false", "nil"})


@dataclass(slots=True)
class Results:
    """What names of results mean where an expression stands.

    Args:
        steps: name or number of a step → id.
        kinds: id → http, sql, grpc or none.
        current: id of the step the expression belongs to.
        previous: id of the one before.
        own: the expression stands in that step itself.
        bound: names bound by the step itself → expression there.
    """

    steps: Mapping[str, str]
    kinds: Mapping[str, str]
    current: str
    previous: str
    own: bool = True
    bound: dict[str, str] = field(default_factory=dict)


def tokens(text: str) -> list[tuple[str, str]]:
    """Kind and text of every token.

    Args:
        text: an expression.

    Raises:
        NotCarried: it cannot be read.
    """
    text = re.sub(r"(?m)^\s*#.*$", "", text)
    found: list[tuple[str, str]] = []
    position = 0
    while text[position:].strip():
        match = _TOKEN.match(text, position)
        if match is None:
            raise NotCarried(f"this cannot be read: {text[position : position + 20].strip()}")
        kind = match.lastgroup or "mark"
        if kind != "comment":
            found.append((kind, match[kind]))
        position = match.end()
    return found


class Translator:
    """Translates one expression.

    Args:
        text: of the expression.
        results: what names mean.
    """

    def __init__(self, text: str, results: Results) -> None:
        self.tokens = tokens(text)
        self.results = results
        self.at = 0
        self.braces: list[bool] = []

    def translated(self) -> str:
        """The whole expression."""
        parts: list[str] = []
        while self.at < len(self.tokens):
            parts.append(self._next())
        return _nil(_spaced(parts))

    def _next(self) -> str:
        kind, text = self.tokens[self.at]
        self.at += 1
        if kind == "text":
            return _quoted(text)
        if kind == "number":
            return text
        if kind == "name":
            return self._name(text)
        return self._mark(text)

    def _mark(self, text: str) -> str:
        if text == "#":
            rest = self._members()
            return f"{rest}" if rest.startswith(".") else f".{rest}"
        if text == "." and self._peek()[0] == "name":
            self.at += 1
            return f".{self.tokens[self.at - 1][1]}{self._members()}"
        if text == "{" and self.braces and self.braces[-1]:
            return ""
        if text == "}" and self.braces and self.braces[-1]:
            return ""
        if text == "(":
            self.braces.append(False)
        elif text == ")" and self.braces:
            self.braces.pop()
        elif text in ("|", ".."):
            raise NotCarried(f"'{text}' has no counterpart")
        return {"?.": "."}.get(text, text)

    def _peek(self) -> tuple[str, str]:
        return self.tokens[self.at] if self.at < len(self.tokens) else ("", "")

    def _name(self, name: str) -> str:
        if name in _WORDS:
            return "null" if name == "nil" else name
        if self._peek()[1] == "(":
            return self._call(name)
        if self._peek()[1] == ":" and self.tokens[self.at - 2 : self.at - 1] and self.tokens[self.at - 2][1] in "{,":
            return name
        found = self._root(name)
        if self._peek()[1] == "(":
            raise NotCarried(f"there is no function '{name}{found[len(name) :]}'")
        return found

    def _call(self, name: str) -> str:
        self.at += 1
        if name in _CLOSURES and "{" in [text for _, text in self.tokens[self.at : self._end()]]:
            self.braces.append(True)
            return f"{name}(" + self._until_closed()
        if name == "compare":
            inner = self._until_closed().removesuffix(")")
            left, comma, right = _split_comma(inner)
            if not comma or _split_comma(right)[1]:
                raise NotCarried("'compare' that ignores parts has no counterpart")
            return f"({left.strip()} == {right.strip()})"
        if name not in _SIMPLE:
            raise NotCarried(f"there is no function '{name}'")
        self.braces.append(False)
        return f"{_SIMPLE[name]}(" + self._until_closed()

    def _end(self) -> int:
        depth, at = 1, self.at
        while at < len(self.tokens) and depth:
            depth += (self.tokens[at][1] == "(") - (self.tokens[at][1] == ")")
            at += 1
        return at

    def _until_closed(self) -> str:
        end = self._end()
        parts: list[str] = []
        while self.at < end - 1:
            parts.append(self._next())
        self.at = end
        if self.braces:
            self.braces.pop()
        return _spaced(parts) + ")"

    def _members(self) -> str:
        """``.a[0]["b"]`` after a name."""
        text = ""
        while self._peek()[1] in (".", "?.", "["):
            self.at += 1
            if self.tokens[self.at - 1][1] == "[":
                inner: list[str] = []
                while self._peek()[1] not in ("]", ""):
                    inner.append(self._next())
                self.at += 1
                text += f"[{' '.join(inner)}]"
            else:
                text += f".{self._peek()[1]}"
                self.at += 1
        return text

    def _root(self, name: str) -> str:
        results = self.results
        if name == "current":
            return self._result(results.current, "" if results.own else results.current)
        if name == "previous":
            return self._result(results.previous, results.previous)
        if name == "steps":
            step = self._step()
            own = step == results.current and results.own
            return self._result(step, "" if own else step)
        if name == "vars":
            self.at += 1
            name = self._peek()[1]
            self.at += 1
            return variable(name) + self._members()
        if name == "i":
            return "index"
        if name in ("parent", "included", "runn", "env", "cookies", "store", "needs", "loopCountIndex"):
            raise NotCarried(f"'{name}' has no counterpart")
        return results.bound.get(name, variable(name)) + self._members()

    def _step(self) -> str:
        mark = self._peek()[1]
        self.at += 1
        key = self._peek()[1].strip("\"'")
        self.at += 1
        if mark == "[":
            self.at += 1
        found = self.results.steps.get(key)
        if found is None:
            raise NotCarried(f"there is no step '{key}' before this one")
        return found

    def _result(self, step: str, prefix: str) -> str:
        """``current.res.body.x`` is ``body.x`` here."""
        members = self._members()
        kind = self.results.kinds.get(step, "")
        if kind == "http":
            members = _http(members)
        elif kind == "sql":
            if members.startswith(".last_insert_id"):
                raise NotCarried("the last inserted id is not seen; use RETURNING")
        elif kind == "grpc":
            members = _grpc(members)
        text = f"{prefix}{members}" if prefix else members.removeprefix(".")
        if not text:
            raise NotCarried("a whole result has no counterpart")
        return text


def _spaced(parts: list[str]) -> str:
    text = ""
    for part in filter(None, parts):
        tight = not text or text[-1] in "([!" or part[0] in ",)]"
        text += part if tight else f" {part}"
    return text


def _http(members: str) -> str:
    if not members.startswith(".res."):
        raise NotCarried(f"'{members.lstrip('.')}' of a request has no counterpart")
    found = members.removeprefix(".res")
    if found == ".rawBody":
        return _RAW
    if found.startswith((".rawBody", ".cookies")):
        raise NotCarried(f"'res{found}' has no counterpart")
    return re.sub(r"^(\.headers(?:\[[^\]]*\]|\.[\w-]+))\[0\]", r"\1", found)


def _grpc(members: str) -> str:
    found = members.removeprefix(".res")
    for theirs, ours in ((".status", ".status_code"), (".message", ".body"), (".messages", ".messages")):
        if found == theirs or found.startswith((f"{theirs}.", f"{theirs}[")):
            return ours + found[len(theirs) :]
    return found


def _quoted(text: str) -> str:
    import json

    if text[0] == "`":
        return safe(json.dumps(text[1:-1], ensure_ascii=False))
    inner = text[1:-1]
    if text[0] == "'":
        inner = inner.replace("\\'", "'").replace('"', '\\"')
    return safe(f'"{inner}"')


def _split_comma(text: str) -> tuple[str, bool, str]:
    depth = 0
    for at, character in enumerate(text):
        depth += (character in "([{") - (character in ")]}")
        if character == "," and depth == 0:
            return text[:at], True, text[at + 1 :]
    return text, False, ""


_PATH = r"([A-Za-z_][\w]*(?:\.[\w-]+|\[[^\]]*\])+)"


def _nil(text: str) -> str:
    """A missing key is nil there and an error here."""
    return re.sub(rf"{_PATH}\s*(==|!=)\s*null\b", r"(\1 ?? null) \2 null", text)


def translated(text: str, results: Results) -> str:
    """One expression.

    Args:
        text: as written.
        results: what names mean.

    Raises:
        NotCarried: it has no counterpart.
    """
    return _raw_body(Translator(text, results).translated())


def _raw_body(text: str) -> str:
    """The text of a body: where spaces or quotes count, only a body that is no JSON has it here."""
    exact = bool(re.search(r"[!=]=", text)) or any(_NEEDS_TEXT.search(part) for part in _LITERAL.findall(text))
    return _RAW_PATH.sub(r"\1body" if exact else r"(\1body is string ? \1body : to_json(\1body))", text)


def conditions(text: str) -> list[str]:
    """A test split at its outermost ``&&`` that stand at the edge of a line.

    Args:
        text: as written.
    """
    parts = re.split(r"\s*\n\s*&&\s*|\s*&&\s*\n\s*|\s*\n\s*and\s+", text.strip())
    whole = all(part.count("(") == part.count(")") and part.count("{") == part.count("}") for part in parts)
    return [part.strip() for part in parts if part.strip()] if whole and "||" not in text else [text.strip()]
