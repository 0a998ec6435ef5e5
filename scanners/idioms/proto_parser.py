"""Protocol Buffers text is read by hand: a broken statement is said and the next one still counts."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass

from scanners.idioms.protobuf import Binding, Enum, Message, ProtoField, ProtoFile, Rpc, camel

_TOKEN = re.compile(
    r"""\s+|//[^\n]*|/\*.*?(?:\*/|\Z)|"(?:[^"\\\n]|\\.)*"|'(?:[^'\\\n]|\\.)*'"""
    r"""|[A-Za-z_.][\w.]*|[-+]?\d[\w.]*|.""",
    re.DOTALL,
)
_DEEPEST = 40
_MOST_PROBLEMS = 20
_HTTP = ("get", "put", "post", "delete", "patch")
_PAIRS = {"{": "}", "[": "]", "(": ")", "<": ">"}


@dataclass(frozen=True, slots=True)
class Token:
    """A word of the text.

    Args:
        text: as written, quotes included.
        line: 1-based.
        column: 1-based.
    """

    text: str
    line: int
    column: int


class _Broken(Exception):
    def __init__(self, token: Token, message: str) -> None:
        super().__init__(message)
        self.token = token


def parse(text: str) -> ProtoFile:
    """What a file declares; a broken statement is a problem and the next one is read.

    Args:
        text: the file.
    """
    return _Parser(_tokens(text)).file()


def _tokens(text: str) -> list[Token]:
    found: list[Token] = []
    line, start = 1, 0
    for match in _TOKEN.finditer(text):
        word = match.group()
        if not word.isspace() and not word.startswith(("//", "/*")):
            found.append(Token(word, line, match.start() - start + 1))
        newlines = word.count("\n")
        if newlines:
            line += newlines
            start = match.start() + word.rindex("\n") + 1
    found.append(Token("", line, len(text) - start + 1))
    return found


class _Parser:
    def __init__(self, tokens: list[Token]) -> None:
        self._tokens = tokens
        self._at = 0
        self._cut_off = False
        self._out = ProtoFile()

    def file(self) -> ProtoFile:
        statements = {
            "message": lambda: self._message("", 1),
            "enum": lambda: self._enum(""),
            "service": self._service,
            "extend": self._skip,
            "option": self._skip,
            "package": self._package,
            "import": self._import,
            "syntax": self._syntax,
            "edition": self._syntax,
        }
        while self._peek.text:
            self._statement(statements, "a message, enum, service or option")
        return self._out

    @property
    def _peek(self) -> Token:
        return self._tokens[self._at]

    def _next(self) -> Token:
        token = self._tokens[self._at]
        if token.text:
            self._at += 1
        return token

    def _take(self, text: str) -> bool:
        if self._peek.text != text:
            return False
        self._at += 1
        return True

    def _expect(self, text: str) -> None:
        if not self._take(text):
            raise _Broken(self._peek, f"'{text}' is expected here, not {_shown(self._peek)}")

    def _word(self, what: str) -> str:
        token = self._peek
        if not token.text or not (token.text[0].isalpha() or token.text[0] in "_."):
            raise _Broken(token, f"{what} is expected here, not {_shown(token)}")
        return self._next().text

    def _statement(self, known: dict[str, Callable[[], None]], what: str) -> None:
        token = self._next()
        read = known.get(token.text)
        if token.text == ";":
            return
        try:
            if read is None:
                raise _Broken(token, f"{what} is expected here, not {_shown(token)}")
            read()
        except _Broken as problem:
            self._complain(problem.token, str(problem))
            self._skip()

    def _complain(self, token: Token, message: str) -> None:
        if len(self._out.problems) < _MOST_PROBLEMS:
            self._out.problems.append((token.line, token.column, message))

    def _skip(self) -> None:
        """Past the end of the statement: its `;`, or the block that closes it; a `}` of the enclosing block stays."""
        depth = 0
        while self._peek.text:
            if self._peek.text == "}" and depth == 0:
                return
            text = self._next().text
            depth += (text == "{") - (text == "}")
            if depth == 0 and text in (";", "}"):
                return

    def _block(self, known: dict[str, Callable[[], None]], other: Callable[[], None] | None, what: str) -> int:
        """Statements up to the closing brace; the line of it."""
        self._expect("{")
        while self._peek.text not in ("}", ""):
            if other is None or self._peek.text in known or self._peek.text == ";":
                self._statement(known, what)
                continue
            try:
                other()
            except _Broken as problem:
                self._complain(problem.token, str(problem))
                self._skip()
        line = self._peek.line
        if not self._take("}") and not self._cut_off:
            self._cut_off = True
            self._complain(self._peek, "the file ends inside a block; '}' is expected")
        return line

    def _syntax(self) -> None:
        self._expect("=")
        self._out.syntax = _unquoted(self._next().text)
        self._skip()

    def _package(self) -> None:
        self._out.package = self._word("a package name").strip(".")
        self._skip()

    def _import(self) -> None:
        if self._peek.text in ("public", "weak", "option"):
            self._at += 1
        self._out.imports.append(_unquoted(self._next().text))
        self._skip()

    def _message(self, outer: str, depth: int) -> None:
        line = self._peek.line
        name = _joined(outer, self._word("a message name"))
        message = Message(name, line)
        self._out.messages.append(message)
        self._fields(message, depth, "")

    def _fields(self, message: Message, depth: int, oneof: str) -> None:
        if depth > _DEEPEST:
            raise _Broken(self._peek, f"messages are nested deeper than {_DEEPEST} levels")
        known: dict[str, Callable[[], None]] = {"option": self._skip, "extend": self._skip, "extensions": self._skip}
        if not oneof:
            known["message"] = lambda: self._message(message.name, depth + 1)
            known["enum"] = lambda: self._enum(message.name)
            known["oneof"] = lambda: self._fields(message, depth, self._word("a oneof name"))
            known["reserved"] = lambda: self._reserved(message)
        end = self._block(known, lambda: self._field(message, (depth, oneof)), "a field")
        message.end_line = message.end_line if oneof else end

    def _field(self, message: Message, about: tuple[int, str]) -> None:
        depth, oneof = about
        first = self._peek
        label = self._next().text if first.text in ("optional", "required", "repeated") else ""
        kind = self._word("a field's type")
        if kind == "map" and self._take("<"):
            self._word("a key type")
            self._expect(",")
            label, kind = "map", self._word("a value type")
            self._expect(">")
        name = self._word("a field name")
        self._expect("=")
        number = self._next()
        if not number.text.isdigit() and not number.text.startswith("0x"):
            raise _Broken(number, f"a field number is expected here, not {_shown(number)}")
        json_name = self._field_options() or camel(name)
        if kind == "group":
            kind = _joined(message.name, name)
            inner = Message(kind, first.line)
            self._out.messages.append(inner)
            self._fields(inner, depth + 1, "")
            name = json_name = name.lower()
        else:
            self._end()
        value = int(number.text, 0) if number.text.isdigit() and not number.text.startswith("00") else 0
        message.fields.append(ProtoField(name, kind, value, label, json_name, oneof, first.line))

    def _end(self) -> None:
        if not self._take(";"):
            raise _Broken(self._peek, f"';' is expected here, not {_shown(self._peek)}")

    def _field_options(self) -> str:
        """Past the options in brackets; the JSON name they give, or empty."""
        if self._peek.text != "[":
            return ""
        given, depth = "", 0
        while self._peek.text:
            text = self._next().text
            depth += (text in "[{") - (text in "]}")
            if depth == 1 and text == "json_name" and self._take("="):
                given = _unquoted(self._next().text)
            if depth == 0:
                break
        return given

    def _reserved(self, message: Message) -> None:
        words: list[str] = []
        while self._peek.text not in (";", "}", ""):
            words.append(_unquoted(self._next().text))
        message.reserved += " ".join(words).replace(" ,", ",").split(", ")
        self._take(";")

    def _enum(self, outer: str) -> None:
        line = self._peek.line
        name = _joined(outer, self._word("an enum name"))
        values = self._out.enums.setdefault(name, Enum(line, [])).values

        def value() -> None:
            named = self._word("an enum value")
            self._expect("=")
            values.append((named, self._next().text))
            self._skip()

        self._block({"option": self._skip, "reserved": self._skip}, value, "an enum value")

    def _service(self) -> None:
        name = self._word("a service name")
        self._block({"option": self._skip, "rpc": lambda: self._rpc(name)}, None, "an rpc")

    def _rpc(self, service: str) -> None:
        line = self._peek.line
        name = self._word("an rpc name")
        client, request = self._endpoint_type()
        if not self._take("returns"):
            raise _Broken(self._peek, f"'returns' is expected here, not {_shown(self._peek)}")
        server, response = self._endpoint_type()
        streams = "both" if client and server else "client" if client else "server" if server else ""
        rpc = Rpc(service, name, request, response, streams, line)
        self._out.rpcs.append(rpc)
        if self._peek.text == "{":
            self._block({"option": lambda: self._rpc_option(rpc)}, None, "an option")
        else:
            self._end()

    def _endpoint_type(self) -> tuple[bool, str]:
        self._expect("(")
        word = self._word("a message type")
        streams = word == "stream" and self._peek.text != ")"
        kind = self._word("a message type") if streams else word
        self._expect(")")
        return streams, kind

    def _rpc_option(self, rpc: Rpc) -> None:
        given = []
        while self._peek.text not in ("=", ";", "}", ""):
            given.append(self._next().text)
        name = "".join(given)
        if not name.startswith("(google.api.http)") or not self._take("="):
            self._skip()
            return
        rest = name.removeprefix("(google.api.http)").strip(".")
        body: list[tuple[str, object]] = [(rest, _unquoted(self._next().text))] if rest else self._aggregate(1)
        rpc.bindings += _bindings(body)
        self._skip()

    def _aggregate(self, depth: int) -> list[tuple[str, object]]:
        """Entries of a text-format message `{ get: "/v1/x" additional_bindings { ... } }`."""
        opening = self._peek
        if depth > _DEEPEST or opening.text not in ("{", "<"):
            raise _Broken(opening, f"a block is expected here, not {_shown(opening)}")
        self._at += 1
        found: list[tuple[str, object]] = []
        while self._peek.text not in (_PAIRS[opening.text], ""):
            key = self._next().text
            if key in (",", ";"):
                continue
            self._take(":")
            found += [(key, value) for value in self._values(depth)]
        self._expect(_PAIRS[opening.text])
        return found

    def _values(self, depth: int) -> list[object]:
        if self._peek.text in ("{", "<"):
            return [self._aggregate(depth + 1)]
        if depth <= _DEEPEST and self._take("["):
            found: list[object] = []
            while self._peek.text not in ("]", ""):
                found += [] if self._take(",") else self._values(depth + 1)
            self._expect("]")
            return found
        text = ""
        while self._peek.text[:1] in ("'", '"') and self._peek.text:
            text += _unquoted(self._next().text)
        return [text or self._next().text]


def _bindings(body: list[tuple[str, object]]) -> list[Binding]:
    plain = {key: value for key, value in body if isinstance(value, str)}
    nested = {key: value for key, value in body if isinstance(value, list)}
    about = (plain.get("body", ""), plain.get("response_body", ""))
    found = [Binding(key.upper(), plain[key], *about) for key in _HTTP if plain.get(key)]
    custom = dict(nested.get("custom", ()))
    if isinstance(custom.get("kind"), str) and isinstance(custom.get("path"), str):
        method = "ANY" if custom["kind"] == "*" else custom["kind"].upper()
        found.append(Binding(method, custom["path"], *about))
    for key, value in body:
        if key == "additional_bindings" and isinstance(value, list):
            found += _bindings([(k, v) for k, v in value if k != "additional_bindings"])
    return found


def _joined(outer: str, name: str) -> str:
    return f"{outer}.{name}" if outer else name


def _unquoted(text: str) -> str:
    return text[1:-1] if text[:1] in ("'", '"') and text[-1:] == text[:1] and len(text) > 1 else text


def _shown(token: Token) -> str:
    return f"'{token.text[:40]}'" if token.text else "the end of the file"
