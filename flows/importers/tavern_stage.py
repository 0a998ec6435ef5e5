"""One stage of a Tavern test: its request, what is kept, and what the answer must hold."""

from __future__ import annotations

import base64
import re
from collections.abc import Callable, Iterator, Mapping
from typing import NamedTuple

from flows.importers import Source
from flows.importers.draft import Draft, DraftStep, NotCarried, escaped, literal, variable
from flows.importers.naming import safe
from flows.importers.requests import Pairs, WebRequest, file_text, filled
from flows.importers.tavern_values import (
    INCLUDED,
    checked_pattern,
    formatted,
    operand,
    plain_key,
    saved_path,
    tag_of,
    value,
)
from flows.importers.tavern_values import expected as expected_values
from flows.importers.yaml_looks import items, maps, seconds_text, source_text, text
from testmesh.guard.yaml_nodes import Entry, ListNode, MapNode, Node, ScalarNode, plain


class Strict(NamedTuple):
    """What may hold nothing else than what is written."""

    json: bool = True
    headers: bool = False


def strictness(node: Node | None, *, default: Strict) -> Strict:
    """What a ``strict`` says.

    Args:
        node: true, false, or words such as ``json:off``.
        default: for what it says nothing of.
    """
    if isinstance(node, ScalarNode) and isinstance(node.value, bool):
        return Strict(node.value, node.value)
    for word in [text(item) for item in items(node)] or ([node.text] if isinstance(node, ScalarNode) else []):
        name, _, how = word.partition(":")
        if name == "json":
            default = default._replace(json=how in ("", "on"))
        elif name == "headers":
            default = default._replace(headers=how in ("", "on"))
    return default


class Stage:
    """Fills one step.

    Args:
        source: the file.
        draft: it belongs to.
        step: an `http_request`.
        strict: of the test.
    """

    def __init__(self, source: Source, draft: Draft, step: DraftStep, strict: Strict) -> None:
        self.source = source
        self.draft = draft
        self.step = step
        self.strict = strict
        self.own: dict[str, str] = {}
        self.later: dict[str, object] = {}
        self.refused: list[tuple[Node, str, str]] = []

    def take(self, stage: MapNode) -> None:
        """Fills the step.

        Args:
            stage: with its request and response.

        Raises:
            NotCarried: the request is none that a flow can send.
        """
        asked = stage.get("request")
        if not isinstance(asked, MapNode):
            raise NotCarried("only HTTP stages are taken over")
        request = WebRequest("GET")
        for key, entry in asked.entries.items():
            take = _REQUEST.get(key)
            if take is None:
                raise NotCarried(f"'{key}' of a request has no counterpart")
            take(self, request, entry.value)
        filled(self.step, request)
        node = stage.get("response")
        answer = node.entries if isinstance(node, MapNode) else {}
        strict = self.strict
        if "strict" in answer:
            strict = strictness(answer["strict"].value, default=self.strict)
        if "save" in answer:
            self._save(answer["save"].value)
        if "status_code" not in answer:
            self._status(None)
        for key, entry in answer.items():
            if key not in ("save", "strict"):
                try:
                    self._held(key, entry, strict)
                except NotCarried as reason:
                    self._refuse(entry.key, f"response: {key}", str(reason))

    def _refuse(self, node: Node, what: str, why: str) -> None:
        self.refused.append((node, what, why))

    def _held(self, key: str, entry: Entry, strict: Strict) -> None:
        node = entry.value
        if isinstance(node, ScalarNode) and node.value is None:
            return  # nothing is expected
        if key == "status_code":
            self._status(node)
        elif key in ("json", "body", "text"):
            for expression in expected_values("body", node, strict.json or key == "text", self.own):
                self.step.check(expression)
        elif key == "headers" and isinstance(node, MapNode):
            self._headers(node, strict)
        elif key == "cookies":
            for cookie in items(node):
                self.step.check(f'cookies["{text(cookie)}"] exists')
        elif key == "verify_response_with":
            self._verified(node)
        else:
            raise NotCarried("it has no counterpart")

    def _headers(self, node: MapNode, strict: Strict) -> None:
        if strict.headers:
            raise NotCarried("that there are no further headers")
        for name, header in node.entries.items():
            for expression in expected_values(f'headers["{name}"]', header.value, False, self.own):
                self.step.check(expression)

    def _status(self, node: Node | None) -> None:
        step = self.step
        if isinstance(node, ListNode):
            step.check("status in [" + ", ".join(str(plain(item)) for item in node.items) + "]")
        elif isinstance(node, ScalarNode) and isinstance(node.value, str) and tag_of(node) != "int":
            raise NotCarried("a status is a number")
        elif isinstance(node, ScalarNode) and isinstance(node.value, str):
            step.check(f"status == int({operand(node, self.own)})")
        elif isinstance(node, ScalarNode):
            step.check(f"status == {node.value}")
        else:
            step.check("status == 200")

    def _save(self, node: Node) -> None:
        for kind, entry in (node.entries if isinstance(node, MapNode) else {}).items():
            if kind == "$ext":
                self._saved_by_function(entry)
                continue
            if kind not in ("json", "body", "headers") or not isinstance(entry.value, MapNode):
                self._unknown_later([kind])
                self._refuse(entry.key, f"save: {kind}", "only values of the body and headers are kept")
                continue
            for name, saved in entry.value.entries.items():
                written = text(saved.value)
                if not isinstance(saved.value, ScalarNode) or not isinstance(saved.value.value, str):
                    self._unknown_later([name])
                    self._refuse(saved.key, f"save: {name}", "this is no path")
                    continue
                path = f'headers["{written}"]' if kind == "headers" else saved_path(written)
                if path is None:
                    self._unknown_later([name])
                    self._refuse(saved.key, f"save: {name}: {written}", "this JMESPath names no single place")
                    continue
                self.step.output[variable(name)] = {"path": path, "default": None}
                self.own[name] = path

    def _unknown_later(self, names: list[str]) -> None:
        for name in names:
            self.draft.env.setdefault(variable(name), None)

    def _saved_by_function(self, entry: Entry) -> None:
        """Named groups of a regex are kept as ``regex.NAME``."""
        function, given = _called(entry.value)
        found: dict[str, object] = {}
        if function == "validate_regex":
            self._verified(entry.value)
            pattern = text(given.get("expression"))
            for name in re.findall(r"\(\?P<(\w+)>", pattern):
                where = _searched(given, f"{self.step.id}.")
                found[name] = f"${{regex_find({where}, {safe(literal(_only_group(pattern, name)))})}}"
        else:
            self._refuse(entry.key, "save: $ext", "a Python function cannot be called")
        if found:
            self.later["regex"] = found
        else:
            self._unknown_later(["regex"])

    def _verified(self, node: Node) -> None:
        for item in items(node) if isinstance(node, ListNode) else [node]:
            function, given = _called(item)
            check = _CHECKS.get(function)
            try:
                if check is None:
                    raise NotCarried("a Python function cannot be called")
                for expression in check(given):
                    self.step.check(expression)
            except NotCarried as reason:
                self._refuse(item, f"verify_response_with: {function}", str(reason))

    def url(self, request: WebRequest, node: Node) -> None:
        """The address."""
        address = formatted(text(node), self.own)
        request.url = address if "://" in address or address.startswith("${") else f"http://{address}"

    def method(self, request: WebRequest, node: Node) -> None:
        """The method."""
        request.method = formatted(text(node), self.own)

    def json(self, request: WebRequest, node: Node) -> None:
        """A JSON body."""
        found = value(node, self.own)
        if tag_of(node) in INCLUDED or isinstance(found, Mapping | list):
            request.body = found
            return
        request.headers.append(("Content-Type", "application/json"))
        request.body = found if isinstance(found, str) and "${" in found else literal(found)

    def data(self, request: WebRequest, node: Node) -> None:
        """A form, or text."""
        if isinstance(node, MapNode):
            fields = _pairs(node, self.own)
            if request.multipart is not None:
                request.multipart = [*fields, *request.multipart]
            else:
                request.form = fields
        elif source_text(node).startswith("!!binary"):
            request.body = escaped(_decoded(text(node)))
        else:
            request.body = formatted(text(node), self.own)

    def files(self, request: WebRequest, node: Node) -> None:
        """Parts of a multipart form."""
        given = node.entries.items() if isinstance(node, MapNode) else ()
        named = [(name, entry.value) for name, entry in given]
        named += [(text(item.get("form_field_name")), item) for item in maps(node)]
        request.multipart, request.form = list(request.form or []), None
        for name, file in named:
            described: dict[str, object] = {"file": formatted(text(file), self.own)}
            if isinstance(file, MapNode):
                described = {"file": formatted(text(file.get("file_path")), self.own)}
                if file.get("content_type") is not None:
                    described["content_type"] = text(file.get("content_type"))
                if file.get("content_encoding") is not None:
                    raise NotCarried("a part of a form has no encoding of its own here")
            request.multipart.append((name, described))

    def file_body(self, request: WebRequest, node: Node) -> None:
        """A body from a file."""
        if formatted(text(node), self.own) != text(node):
            raise NotCarried("which file it is, is only known when the test runs")
        request.body = escaped(file_text(self.source, text(node)))

    def auth(self, request: WebRequest, node: Node) -> None:
        """User and password."""
        names = [formatted(text(item), self.own) for item in items(node)]
        if len(names) != 2:
            raise NotCarried("only a user with a password")
        request.settings["auth"] = {"basic": {"username": names[0], "password": names[1]}}

    def cookies(self, request: WebRequest, node: Node) -> None:
        """Cookies to send; a bare name is one of the session."""
        for item in items(node):
            if not isinstance(item, MapNode):
                raise NotCarried("cookies of the session are not kept; write their value")
            request.cookies += _pairs(item, self.own)


def _setting(name: str, make: Callable[[Node], object]) -> Callable[[Stage, WebRequest, Node], None]:
    def take(stage: Stage, request: WebRequest, node: Node) -> None:
        request.settings[name] = make(node)

    return take


def _headers(stage: Stage, request: WebRequest, node: Node) -> None:
    request.headers += _pairs(node, stage.own)


def _params(stage: Stage, request: WebRequest, node: Node) -> None:
    request.query = _pairs(node, stage.own)


def _decoded(coded: str) -> str:
    try:
        return base64.b64decode(coded).decode()
    except ValueError:
        raise NotCarried("a body that is no text has no place in a flow") from None


Given = Mapping[str, Node]


def _called(node: Node) -> tuple[str, Given]:
    """A function of Tavern's own, and what it is given."""
    module, _, function = text(node.get("function")).rpartition(":") if isinstance(node, MapNode) else ("", "", "")
    given = node.get("extra_kwargs") if isinstance(node, MapNode) else None
    known = module.endswith("tavern.helpers") or function == "validate_jsonschema"
    arguments = given.entries if isinstance(given, MapNode) else {}
    return function if known else f"{module}:{function}", {key: entry.value for key, entry in arguments.items()}


def _schema(given: Given) -> Iterator[str]:
    schema = given.get("schema")
    if schema is None:
        raise NotCarried("the schema is not written here")
    yield f"body matches_schema {literal(plain(schema))}"


def _regex(given: Given) -> Iterator[str]:
    pattern = checked_pattern(text(given.get("expression")))
    yield f"{_searched(given, '')} matches {safe(literal(pattern))}"


def _searched(given: Given, step: str) -> str:
    """What a regex is looked for in."""
    header, path = text(given.get("header")), text(given.get("in_jmespath"))
    where = saved_path(path) if path else f'headers["{header}"]' if header else "body"
    if where is None:
        raise NotCarried("this JMESPath names no single place")
    return f"{step}{where}"


def _only_group(pattern: str, name: str) -> str:
    """A pattern in which only one group is kept, so that it is the first."""
    alone = re.sub(r"(?<!\\)\((?!\?)", "(?:", pattern)
    return re.sub(r"\(\?P<(\w+)>", lambda found: "(" if found[1] == name else "(?:", alone)


def _content(given: Given) -> Iterator[str]:
    for item in maps(given.get("comparisons")):
        where, expected = saved_path(text(item.get("jmespath"))), item.get("expected")
        compared = _OPERATORS.get(text(item.get("operator")))
        if where is None or expected is None:
            raise NotCarried("this JMESPath names no single place")
        if compared is None:
            raise NotCarried(f"the operator '{text(item.get('operator'))}' has no counterpart")
        yield compared.format(where, literal(plain(expected)))


_OPERATORS = {
    **dict.fromkeys(("eq", "equals"), "{0} == {1}"), **dict.fromkeys(("ne", "not_equals"), "{0} != {1}"),
    **dict.fromkeys(("lt", "less_than"), "{0} < {1}"), **dict.fromkeys(("gt", "greater_than"), "{0} > {1}"),
    "contains": "{0} contains {1}", "contained_by": "{0} in {1}", "count_eq": "len({0}) == {1}",
    "regex": "{0} matches {1}",
}  # fmt: skip
_CHECKS: Mapping[str, Callable[[Given], Iterator[str]]] = {
    "validate_jsonschema": _schema,
    "validate_regex": _regex,
    "validate_content": _content,
}
_REQUEST: Mapping[str, Callable[[Stage, WebRequest, Node], None]] = {
    "url": Stage.url,
    "method": Stage.method,
    "json": Stage.json,
    "data": Stage.data,
    "params": _params,
    "headers": _headers,
    "files": Stage.files,
    "file_body": Stage.file_body,
    "auth": Stage.auth,
    "cookies": Stage.cookies,
    "follow_redirects": _setting("follow_redirects", lambda node: plain(node) is True),
    "verify": _setting("verify_ssl", lambda node: plain(node) is not False),
    "timeout": _setting("timeout", seconds_text),
}


def _pairs(node: Node, own: Mapping[str, str]) -> Pairs:
    if not isinstance(node, MapNode):
        raise NotCarried("a map is expected")
    if "$ext" in node.entries:
        raise NotCarried("a Python function cannot be called")
    return [(plain_key(name), value(entry.value, own)) for name, entry in node.entries.items()]
