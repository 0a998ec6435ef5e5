"""Hurl files: one flow a file, one step an entry."""

from __future__ import annotations

import base64
import re
from collections.abc import Callable, Mapping

from flows.importers import Draft, DraftStep, Imported, Importer, Note, Source
from flows.importers.draft import NotCarried, escaped, literal, names_in, variable
from flows.importers.hurl_asserts import HERE, assertion, capture, coerced
from flows.importers.hurl_grammar import Body, Entry, Line, Part, Reader, halves, pair
from flows.importers.hurl_options import Settings
from flows.importers.hurl_queries import FUNCTIONS, SINGLE
from flows.importers.naming import TEMPLATE, Names, safe
from flows.importers.requests import METHODS, Pairs, WebRequest, file_text, filled, named_by, without_dots
from flows.importers.templated_json import templated, templated_literal
from testmesh.kernel.errors import DiagnosticsError

_HIDDEN = re.compile(r"\s*#\s*@cookie_storage_(set|clear)\b")


class Entries:
    """Turns the entries of one file into steps.

    Args:
        source: the file.
        draft: that is filled.
    """

    def __init__(self, source: Source, draft: Draft) -> None:
        self.source = source
        self.draft = draft
        self.names = Names(FUNCTIONS)
        self.notes: list[Note] = []

    def add(self, entry: Entry) -> None:
        """One entry.

        Args:
            entry: as read.
        """
        self.names.own = {}
        settings = Settings(self.draft, self.names)
        settings.read(entry.request.sections.get("options", []))
        step = self.draft.step(named_by(entry.method, entry.url), "http_request")
        try:
            filled(step, self._request(entry, settings))
        except NotCarried as reason:
            self._unsent(step, entry, str(reason))
        else:
            step.config.update(settings.config)
            if entry.response is not None:
                self._expected(step, entry, entry.response)
        self.notes += [Note(line.number, line.text, why, checks=False) for line, why in settings.unsaid]
        for line, why in settings.refused:
            self.refuse(step, line, why)
        sent = step.action == "http_request"
        step.more.update({key: value for key, value in settings.more.items() if sent or key == "disabled"})
        settings.finish(step)

    def _unsent(self, step: DraftStep, entry: Entry, why: str) -> None:
        """A request that no flow can send: its step fails, and every line about its answer is named."""
        self.notes.append(Note(entry.request.number, f"{entry.method} {entry.url}", why))
        step.unsent(f"{self.source.file}:{entry.request.number}: {entry.method} {entry.url}: {why}")
        part = entry.response or Part(0)
        for line in part.sections.get("captures", []):
            self.draft.env.setdefault(variable(pair(line.text)[0]), None)
        body = [Line(part.body.number, part.body.text)] if part.body is not None else []
        if entry.response is not None:
            self.notes.append(Note(part.number, f"HTTP {entry.status}", "its request is not sent"))
        for line in [*part.headers, *(line for lines in part.sections.values() for line in lines), *body]:
            self.notes.append(Note(line.number, line.text, "its request is not sent"))

    def _request(self, entry: Entry, settings: Settings) -> WebRequest:
        if entry.method not in METHODS:
            raise NotCarried(f"the method '{entry.method}' is none that a flow can send")
        part = entry.request
        url = entry.url if settings.as_it_is else without_dots(entry.url)
        request = WebRequest(entry.method, self.names.template(url), self._pairs(part.headers))
        request.headers += settings.headers
        request.query = self._pairs(part.sections.get("query", []))
        request.cookies = self._pairs(part.sections.get("cookies", []))
        if "form" in part.sections:
            request.form = self._pairs(part.sections["form"])
        if "multipart" in part.sections:
            request.multipart = [self._part(line) for line in part.sections["multipart"]]
        for line in part.sections.get("auth", []):
            user, password = pair(line.text)
            login = {"username": self.names.template(user), "password": self.names.template(password)}
            request.settings["auth"] = {"basic": login}
        if part.body is not None:
            self._body(request, part.body)
        return request

    def _pairs(self, lines: list[Line]) -> Pairs:
        found = [pair(line.text) for line in lines]
        return [(self.names.key(name), self.names.template(value)) for name, value in found]

    def _part(self, line: Line) -> tuple[str, object]:
        name, value = pair(line.text)
        file = re.match(r"file,([^;]*);\s*(.*)\Z", value)
        name = self.names.key(name)
        if file is None:
            return name, self.names.template(value)
        described: dict[str, object] = {"file": file[1].strip()}
        if file[2].strip():
            described["content_type"] = file[2].strip()
        return name, described

    def _body(self, request: WebRequest, body: Body) -> None:
        if body.kind == "json":
            self._json_body(request, body)
        elif body.kind == "file":
            request.body = escaped(self._file(body.text))
        elif body.kind in ("base64", "hex"):
            request.body = escaped(_text_of_bytes(body))
        elif body.kind == "graphql":
            asked, variables, given = body.text.strip().partition("\nvariables ")
            query: dict[str, object] = {"query": self.names.template(asked.strip())}
            values = templated(given, self.names.template) if variables else None
            if variables and not isinstance(values, Mapping):
                raise NotCarried("these variables are no JSON")
            request.body = {**query, "variables": values} if variables else query
        else:
            request.body = self.names.template(body.text)
            if body.kind == "xml" and request.header("content-type") is None:
                request.headers.append(("Content-Type", "application/xml"))

    def _file(self, name: str) -> str:
        """A file that is sent or expected as a whole."""
        if "{{" in name:
            raise NotCarried("which file it is, is only known when the test runs")
        return file_text(self.source, name)

    def _json_body(self, request: WebRequest, body: Body) -> None:
        value = templated(body.text, self.names.template)
        if isinstance(value, Mapping | list):
            request.body = value
            return
        request.body = self.names.template(body.text)
        if request.header("content-type") is None:
            request.headers.append(("Content-Type", "application/json"))

    def _expected(self, step: DraftStep, entry: Entry, part: Part) -> None:
        self._captures(step, part)
        if entry.status != "*":
            step.check(f"status == {entry.status}")
        if entry.version not in ("", "*"):
            step.check(f'http_version == "{entry.version.removesuffix(".0")}"')
            if entry.version.startswith("2"):
                step.config["http2"] = True
        for line in part.headers:
            name, value = pair(line.text)
            alone = name.lower() in SINGLE
            where = f"headers[{literal(name)}] ==" if alone else f"headers_all[{literal(name)}] contains"
            step.check(f"{where} {self.names.operand(value)}")
        for line in part.sections.get("asserts", []):
            self._try(step, line, self._assert)
        if part.body is not None:
            self._expected_body(step, part.body)

    def _try(self, step: DraftStep, line: Line, take: Callable[[DraftStep, Line], None]) -> None:
        try:
            take(step, line)
        except NotCarried as reason:
            self.refuse(step, line, str(reason))

    def refuse(self, step: DraftStep, line: Line, why: str) -> None:
        """Something that could have failed and cannot be said: the step fails in its place.

        Args:
            step: whose it is.
            line: as written.
            why: it cannot be said.
        """
        self.notes.append(Note(line.number, line.text, why))
        step.fail(f"{self.source.file}:{line.number}: {line.text}: {why}")

    def _assert(self, step: DraftStep, line: Line) -> None:
        step.check(assertion(line.text, self.names))

    def _captures(self, step: DraftStep, part: Part) -> None:
        later: dict[str, str] = {}
        for line in part.sections.get("captures", []):
            name = pair(line.text)[0]
            try:
                if TEMPLATE.search(name):
                    raise NotCarried("its name is only known when the test runs")
                self._capture(step, name, halves(line.text)[1], later)
            except NotCarried as reason:
                self.draft.env.setdefault(variable(name), None)
                self.refuse(step, line, str(reason))
        if later:
            values = {variable(name): f"${{{value}}}" for name, value in later.items()}
            self.draft.step(f"{step.id}_values", "set").config.update(values)

    def _capture(self, step: DraftStep, name: str, text: str, later: dict[str, str]) -> None:
        path, expression = capture(text, self.names)
        if "regex_find(" in expression:
            step.check(f"{expression.replace(HERE, path)} is not null", f"{name} is captured")
        if text.startswith("variable"):
            self.names.own[name] = (expression or HERE).replace(HERE, path)
            here = Names(FUNCTIONS)
            here.own = later
            path, expression = capture(text, here)
            later[name] = (expression or HERE).replace(HERE, path)
            return
        operand = path
        if path.startswith("$"):
            operand = coerced(literal(path))
            expression = expression or HERE
        self.names.own[name] = (expression or HERE).replace(HERE, operand)
        if not expression:
            step.output[variable(name)] = path
            return
        raw = f"{variable(name)}_found"
        step.output[raw] = path
        later[name] = expression.replace(HERE, coerced(raw) if path.startswith("$") else raw)

    def _expected_body(self, step: DraftStep, body: Body) -> None:
        line = Line(body.number, body.text.strip().split("\n")[0])
        if body.kind == "json":
            text = templated_literal(body.text, self.names.expression)
            # Hurl compares texts: the order of keys counts there
            compared = f"to_json(body) == to_json({text})"
            step.check(compared) if text is not None else self.refuse(step, line, "this is no JSON")
        elif body.kind in ("file", "base64", "hex"):
            try:
                text = self._file(body.text) if body.kind == "file" else _text_of_bytes(body)
                step.check(f"body == {safe(literal(text))}")
            except NotCarried as reason:
                self.refuse(step, line, str(reason))
        else:
            step.check(f"body == {self.names.operand(body.text)}")


def _text_of_bytes(body: Body) -> str:
    try:
        coded = "".join(body.text.split())
        return (bytes.fromhex(coded) if body.kind == "hex" else base64.b64decode(coded)).decode()
    except ValueError:
        raise NotCarried("a body that is no text has no place in a flow") from None


def read(source: Source) -> Imported:
    """One flow.

    Args:
        source: the file.

    Raises:
        DiagnosticsError: it is no Hurl file.
    """
    entries = Reader(source.text, source.file).entries()
    name = source.file.replace("\\", "/").rpartition("/")[2].removesuffix(".hurl")
    draft = Draft(
        name, reserved=names_in(source.text), env={variable(key): value for key, value in source.variables.items()}
    )
    if not entries:
        raise DiagnosticsError([Reader(source.text, source.file).wrong("there is no request in it", 1).diagnostics[0]])
    taking = Entries(source, draft)
    for entry in entries:
        taking.add(entry)
    draft.share_cookies()
    for number, text in enumerate(source.text.splitlines(), 1):
        if _HIDDEN.match(text):
            taking.refuse(
                draft.step("cookie_storage", "assert"), Line(number, text), "the cookies kept are not at hand"
            )
    return Imported((draft,), tuple(taking.notes))


def _environment(file: str, text: str) -> Mapping[str, object]:
    from flows.language.values import typed_text

    pairs = [line.partition("=") for line in text.splitlines() if "=" in line and not line.lstrip().startswith("#")]
    return {name.strip(): typed_text(value.strip()) for name, _, value in pairs}


def _detect(file: str, text: str) -> bool:
    return file.lower().endswith(".hurl")


IMPORTER = Importer("Hurl files", _detect, read, _environment)
