"""Tavern tests: one flow a document, one step a stage (https://tavern.readthedocs.io)."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from itertools import product

from flows.importers import Draft, DraftStep, Imported, Importer, Note, Source
from flows.importers.draft import NotCarried, names_in, variable
from flows.importers.requests import Pairs, WebRequest, filled
from flows.importers.tavern_values import expected as expected_values
from flows.importers.tavern_values import formatted, operand, plain_key, saved_path, tag_of, value
from flows.importers.yaml_looks import is_true, items, maps, seconds_text, source_text, text
from testmesh.guard.yaml import FOREIGN
from testmesh.guard.yaml import read as read_yaml
from testmesh.guard.yaml_nodes import Entry, ListNode, MapNode, Node, ScalarNode, plain
from testmesh.kernel.errors import DiagnosticsError, UserError

_STAGE = frozenset({"name", "id", "skip", "only", "delay_before", "delay_after", "max_retries", "request", "response",
                    "timeout"})  # fmt: skip


class _Test:
    """One document.

    Args:
        source: the file.
        node: the document.
        draft: that is filled.
    """

    def __init__(self, source: Source, node: MapNode, draft: Draft) -> None:
        self.source = source
        self.node = node
        self.draft = draft
        self.notes: list[Note] = []
        self.own: dict[str, str] = {}
        self.strict = _strict(node.get("strict"), default=True)

    def read(self) -> None:
        """Everything in it."""
        self._includes()
        self._marks()
        stages = maps(self.node.get("stages"))
        only = [stage for stage in stages if is_true(stage.get("only"))]
        for stage in stages:
            step = self._stage(stage)
            if only and stage not in only:
                step.more["disabled"] = True
        main = self.draft.steps
        self.draft.steps = self.draft.teardown
        for stage in maps(self.node.get("finally")):
            self._stage(stage)
        self.draft.teardown, self.draft.steps = self.draft.steps, main
        for key, entry in self.node.entries.items():
            if key not in ("test_name", "stages", "includes", "marks", "strict", "finally", "_xfail"):
                self._note(entry.key, f"{key}:", "there is nothing like it", checks=True)
        if "_xfail" in self.node.entries:
            self._refuse_flow(self.node.entries["_xfail"].key, "_xfail", "a test that must fail has no counterpart")

    def _note(self, node: Node, what: str, why: str, *, checks: bool) -> None:
        self.notes.append(Note(node.at[0], what, why, checks))
        if checks:
            self._failing(node.at[0], what, why)

    def _failing(self, line: int, what: str, why: str) -> None:
        step = self.draft.step("not_carried_over", "assert")
        step.fail(f"{self.source.file}:{line}: {what}: {why}")

    def _refuse_flow(self, node: Node, what: str, why: str) -> None:
        self._note(node, what, why, checks=True)

    def _refuse(self, step: DraftStep, node: Node, what: str, why: str) -> None:
        self.notes.append(Note(node.at[0], what, why))
        step.fail(f"{self.source.file}:{node.at[0]}: {what}: {why}")

    def _includes(self) -> None:
        for item in items(self.node.get("includes")):
            include = item
            if tag_of(item) == "include" and isinstance(item, ScalarNode):
                content = self.source.beside(item.text)
                parsed = read_yaml(content, item.text, FOREIGN) if content is not None else None
                include = parsed.roots[0] if parsed is not None and parsed.roots else item
            if not isinstance(include, MapNode):
                self._refuse_flow(item, "includes", "the included file is not there")
                continue
            variables = include.get("variables")
            for key, entry in (variables.entries if isinstance(variables, MapNode) else {}).items():
                self.draft.env[variable(key)] = self._safely(entry.value, self.draft)
            if include.get("stages") is not None:
                self._refuse_flow(item, "includes: stages", "stages of included files are not taken over")

    def _safely(self, node: Node, draft: Draft) -> object:
        try:
            return value(node, {})
        except NotCarried as reason:
            self._refuse_flow(node, "a variable", str(reason))
            return None

    def _marks(self) -> None:
        rows: list[list[dict[str, object]]] = []
        for mark in items(self.node.get("marks")):
            if isinstance(mark, ScalarNode):
                self._plain_mark(mark)
                continue
            for key, entry in (mark.entries if isinstance(mark, MapNode) else {}).items():
                if key == "parametrize" and isinstance(entry.value, MapNode):
                    rows.append(_rows(entry.value))
                elif key not in ("filterwarnings",):
                    self._note(entry.key, f"marks: {key}", "pytest decides this", checks=True)
        if rows:
            merged = [{name: item for row in chosen for name, item in row.items()} for chosen in product(*rows)]
            self.draft.more["data"] = merged

    def _plain_mark(self, mark: ScalarNode) -> None:
        if mark.text == "skip":
            self._note(mark, "marks: skip", "remove the flow, or disable its steps", checks=True)
        elif mark.text == "xfail":
            self._refuse_flow(mark, "marks: xfail", "a test that must fail has no counterpart")
        else:
            tags = self.draft.more.setdefault("tags", [])
            if isinstance(tags, list):
                tags.append(mark.text)

    def _stage(self, stage: MapNode) -> DraftStep:
        self._pause(stage.get("delay_before"))
        title = text(stage.get("name")) or "stage"
        step = self.draft.step(title, "http_request", "request")
        step.more["name"] = formatted(title, {})
        if is_true(stage.get("skip")):
            step.more["disabled"] = True
        self.own = {}
        try:
            self._request(step, stage)
            self._response(step, stage.get("response"))
        except NotCarried as reason:
            step.config.setdefault("url", "http://localhost")
            self._refuse(step, stage, f"stage '{title}'", str(reason))
        for key, entry in stage.entries.items():
            if key not in _STAGE:
                self._refuse(step, entry.key, f"{key}:", "there is nothing like it")
        self._retries(step, stage)
        self._pause(stage.get("delay_after"))
        return step

    def _retries(self, step: DraftStep, stage: MapNode) -> None:
        retries, pause = stage.get("max_retries"), stage.get("delay_after")
        if isinstance(retries, ScalarNode) and isinstance(retries.value, int):
            step.more["retry"] = {"max_attempts": max(1, retries.value + 1), "delay": seconds_text(pause) or "1ms"}

    def _pause(self, node: Node | None) -> None:
        duration = seconds_text(node)
        if duration:
            self.draft.step("pause", "delay").config["duration"] = duration

    def _request(self, step: DraftStep, stage: MapNode) -> None:
        asked = stage.get("request")
        if not isinstance(asked, MapNode):
            raise NotCarried("only HTTP stages are taken over")
        request = WebRequest("GET")
        for key, entry in asked.entries.items():
            take = _REQUEST.get(key)
            if take is None:
                raise NotCarried(f"'{key}' of a request has no counterpart")
            take(self, request, entry.value)
        filled(step, request)

    def _response(self, step: DraftStep, node: Node | None) -> None:
        answer = node.entries if isinstance(node, MapNode) else {}
        strict = self.strict
        if "strict" in answer:
            strict = _strict(answer["strict"].value, default=self.strict)
        if "save" in answer:
            self._save(step, answer["save"].value)
        self._status(step, answer["status_code"].value if "status_code" in answer else None)
        for key, entry in answer.items():
            if key not in ("status_code", "save", "strict"):
                self._held(step, key, entry, strict)

    def _held(self, step: DraftStep, key: str, entry: Entry, strict: bool) -> None:
        node = entry.value
        if key in ("json", "body"):
            for expression in expected_values("body", node, strict, self.own):
                step.check(expression)
        elif key == "headers" and isinstance(node, MapNode):
            for name, header in node.entries.items():
                for expression in expected_values(f'headers["{name}"]', header.value, False, self.own):
                    step.check(expression)
        elif key == "cookies":
            for cookie in items(node):
                step.check(f'cookies["{text(cookie)}"] exists')
        elif key == "verify_response_with":
            self._verified(step, node)
        else:
            self._refuse(step, entry.key, f"response: {key}", "it has no counterpart")

    def _status(self, step: DraftStep, node: Node | None) -> None:
        if isinstance(node, ListNode):
            step.check("status in [" + ", ".join(str(plain(item)) for item in node.items) + "]")
        elif isinstance(node, ScalarNode):
            step.check(
                f"status == {operand(node, self.own)}" if isinstance(node.value, str) else f"status == {node.value}"
            )
        else:
            step.check("status == 200")

    def _save(self, step: DraftStep, node: Node) -> None:
        for kind, entry in (node.entries if isinstance(node, MapNode) else {}).items():
            if kind not in ("json", "body", "headers") or not isinstance(entry.value, MapNode):
                names = re.findall(r"\(\?P<(\w+)>", source_text(entry.value)) or ["regex"]
                self.draft.env.update({variable(name): None for name in names})
                self._refuse(step, entry.key, f"save: {kind}", "only values of the body and headers are kept")
                continue
            for name, saved in entry.value.entries.items():
                written = text(saved.value)
                path = f'headers["{written}"]' if kind == "headers" else saved_path(written)
                if path is None:
                    self.draft.env.setdefault(variable(name), None)
                    self._refuse(step, saved.key, f"save: {name}: {written}", "this JMESPath names no single place")
                    continue
                step.output[variable(name)] = {"path": path, "default": None}
                self.own[name] = path

    def _verified(self, step: DraftStep, node: Node) -> None:
        for item in items(node) if isinstance(node, ListNode) else [node]:
            function = text(item.get("function")) if isinstance(item, MapNode) else ""
            given = item.get("extra_kwargs") if isinstance(item, MapNode) else None
            schema = given.get("schema") if isinstance(given, MapNode) else None
            if function.endswith(":validate_jsonschema") and schema is not None:
                from flows.importers.draft import literal

                step.check(f"body matches_schema {literal(plain(schema))}")
            else:
                self._refuse(step, item, f"verify_response_with: {function}", "a Python function cannot be called")

    def url(self, request: WebRequest, node: Node) -> None:
        """The address."""
        address = formatted(text(node), self.own)
        request.url = address if "://" in address or address.startswith("${") else f"http://{address}"

    def method(self, request: WebRequest, node: Node) -> None:
        """The method."""
        request.method = text(node).upper()

    def json(self, request: WebRequest, node: Node) -> None:
        """A JSON body."""
        request.method = "POST" if request.method == "GET" and request.body is None else request.method
        found = value(node, self.own)
        if not isinstance(found, Mapping | list):
            raise NotCarried("a JSON body that is neither a map nor a list")
        request.body = found

    def data(self, request: WebRequest, node: Node) -> None:
        """A form, or text."""
        if isinstance(node, MapNode):
            request.form = _pairs(node, self.own)
        else:
            request.body = formatted(text(node), self.own)

    def files(self, request: WebRequest, node: Node) -> None:
        """Parts of a multipart form."""
        request.multipart = []
        for name, entry in (node.entries if isinstance(node, MapNode) else {}).items():
            described: dict[str, object] = {"file": text(entry.value)}
            if isinstance(entry.value, MapNode):
                described = {"file": text(entry.value.get("file_path"))}
                if entry.value.get("content_type") is not None:
                    described["content_type"] = text(entry.value.get("content_type"))
            request.multipart.append((name, described))

    def file_body(self, request: WebRequest, node: Node) -> None:
        """A body from a file."""
        content = self.source.beside(text(node))
        if content is None:
            raise NotCarried(f"the file {text(node)} is not there")
        request.body = content.replace("${", "$${").replace("{{", '{{ "{{" }}')

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


def _setting(name: str, make: Callable[[Node], object]) -> Callable[[_Test, WebRequest, Node], None]:
    def take(test: _Test, request: WebRequest, node: Node) -> None:
        request.settings[name] = make(node)

    return take


def _headers(test: _Test, request: WebRequest, node: Node) -> None:
    request.headers = _pairs(node, test.own)


def _params(test: _Test, request: WebRequest, node: Node) -> None:
    request.query = _pairs(node, test.own)


_REQUEST: Mapping[str, Callable[[_Test, WebRequest, Node], None]] = {
    "url": _Test.url,
    "method": _Test.method,
    "json": _Test.json,
    "data": _Test.data,
    "params": _params,
    "headers": _headers,
    "files": _Test.files,
    "file_body": _Test.file_body,
    "auth": _Test.auth,
    "cookies": _Test.cookies,
    "follow_redirects": _setting("follow_redirects", lambda node: plain(node) is True),
    "verify": _setting("verify_ssl", lambda node: plain(node) is not False),
    "timeout": _setting("timeout", seconds_text),
}


def _pairs(node: Node, own: Mapping[str, str]) -> Pairs:
    if not isinstance(node, MapNode):
        raise NotCarried("a map is expected")
    return [(plain_key(name), value(entry.value, own)) for name, entry in node.entries.items()]


def _strict(node: Node | None, *, default: bool) -> bool:
    if isinstance(node, ScalarNode):
        return node.value is True if isinstance(node.value, bool) else _word_strict([node.text], default)
    return _word_strict([text(item) for item in items(node)], default) if node is not None else default


def _word_strict(words: list[str], default: bool) -> bool:
    for word in words:
        if word.startswith("json"):
            return word in ("json", "json:on")
    return default


def _rows(node: MapNode) -> list[dict[str, object]]:
    keys, values = node.get("key"), items(node.get("vals"))
    if isinstance(keys, ListNode):
        names = [variable(text(key)) for key in keys.items]
        return [dict(zip(names, [plain(item) for item in items(row)], strict=False)) for row in values]
    return [{variable(text(keys)): plain(item)} for item in values]


def read(source: Source) -> Imported:
    """One flow for each document.

    Args:
        source: the file.

    Raises:
        DiagnosticsError: it is no YAML.
        UserError: it holds no test.
    """
    parsed = read_yaml(source.text, source.file, replace(FOREIGN, shared_anchors=True))
    if parsed.findings:
        raise DiagnosticsError(parsed.findings)
    drafts: list[Draft] = []
    notes: list[Note] = []
    for node in _tests(parsed.roots):
        draft = Draft(text(node.get("test_name")), reserved=names_in(source.text))
        draft.env.update({variable(key): given for key, given in source.variables.items()})
        test = _Test(source, node, draft)
        test.read()
        drafts.append(draft)
        notes += test.notes
        draft.share_cookies()
    if not drafts:
        raise UserError(f"{source.file} holds no test", hint="a Tavern test has 'test_name' and 'stages'")
    return Imported(tuple(drafts), tuple(notes))


def _tests(roots: tuple[Node, ...]) -> Iterator[MapNode]:
    for root in roots:
        if isinstance(root, MapNode) and root.get("test_name") is not None and root.get("stages") is not None:
            yield root


def _detect(file: str, text: str) -> bool:
    return bool(re.search(r"^test_name\s*:", text, re.MULTILINE) and re.search(r"^stages\s*:", text, re.MULTILINE))


IMPORTER = Importer("Tavern tests", _detect, read)
