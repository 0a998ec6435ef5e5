"""Hurl files: one flow a file, one step an entry."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping

from flows.importers import Draft, DraftStep, Imported, Importer, Note, Source
from flows.importers.draft import NotCarried, literal, names_in, variable
from flows.importers.hurl_asserts import FUNCTIONS, assertion, capture, coerced
from flows.importers.hurl_grammar import Body, Entry, Line, Part, Reader, pair
from flows.importers.naming import Names
from flows.importers.requests import Pairs, WebRequest, filled, named_by
from flows.importers.templated_json import templated, templated_literal
from flows.language.expressions.functions import seconds
from testmesh.kernel.errors import DiagnosticsError, UserError

_UNLIMITED = 1000
_UNDERSCORE = re.compile(r"(?<![A-Za-z0-9])_(?![A-Za-z0-9])")


class _Entries:
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
        settings = _Settings(self, entry)
        settings.read(entry.request.sections.get("options", []))
        step = self.draft.step(named_by(entry.method, entry.url), "http_request")
        filled(step, self._request(entry))
        step.config.update(settings.config)
        step.more.update(settings.more)
        if entry.response is not None:
            self._expected(step, entry, entry.response)
        settings.finish(step)

    def _request(self, entry: Entry) -> WebRequest:
        part = entry.request
        request = WebRequest(entry.method, self.names.template(entry.url), self._pairs(part.headers))
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
        return [(self.names.template(name), self.names.template(value)) for name, value in found]

    def _part(self, line: Line) -> tuple[str, object]:
        name, value = pair(line.text)
        file = re.match(r"file,([^;]*);\s*(.*)\Z", value)
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
            content = self.source.beside(body.text)
            if content is None:
                raise UserError(f"{self.source.file}:{body.number}: the file {body.text} is not there")
            request.body = content.replace("${", "$${").replace("{{", '{{ "{{" }}')
        elif body.kind in ("base64", "hex"):
            raise UserError(f"{self.source.file}:{body.number}: a body of bytes cannot be sent by a flow")
        elif body.kind == "graphql":
            request.body = {"query": self.names.template(body.text)}
        else:
            request.body = self.names.template(body.text)
            if body.kind == "xml" and request.header("content-type") is None:
                request.headers.append(("Content-Type", "application/xml"))

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
        if entry.version:
            step.check(f'http_version == "{entry.version.removesuffix(".0")}"')
            if entry.version.startswith("2"):
                step.config["http2"] = True
        for line in part.headers:
            name, value = pair(line.text)
            step.check(f"headers[{literal(name)}] == {self.names.operand(value)}")
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
        later: dict[str, object] = {}
        for line in part.sections.get("captures", []):
            name, _, text = line.text.partition(":")
            try:
                self._capture(step, variable(name.strip()), text.strip(), later)
            except NotCarried as reason:
                self.draft.env.setdefault(variable(name.strip()), None)
                self.refuse(step, line, str(reason))
        if later:
            self.draft.step(f"{step.id}_values", "set").config.update(later)

    def _capture(self, step: DraftStep, name: str, text: str, later: dict[str, object]) -> None:
        path, expression = capture(text, self.names)
        if text.startswith("variable"):
            raise NotCarried("a variable needs no capture")
        operand = path
        if path.startswith("$"):
            operand = coerced(literal(path))
            expression = expression or "_"
        if not expression:
            step.output[name] = path
            self.names.own[name] = path
            return
        raw = f"{name}_found"
        step.output[raw] = path
        inner = coerced(raw) if path.startswith("$") else raw
        self.names.own[name] = _UNDERSCORE.sub(lambda found: operand, expression)
        later[name] = "${" + _UNDERSCORE.sub(lambda found: inner, expression) + "}"

    def _expected_body(self, step: DraftStep, body: Body) -> None:
        line = Line(body.number, body.text.strip().split("\n")[0])
        if body.kind == "json":
            text = templated_literal(body.text, self.names.expression)
            # Hurl compares texts: the order of keys counts there
            compared = f"to_json(body) == to_json({text})"
            step.check(compared) if text is not None else self.refuse(step, line, "this is no JSON")
        elif body.kind == "file":
            content = self.source.beside(body.text)
            if content is None:
                self.refuse(step, line, f"the file {body.text} is not there")
            else:
                step.check(f"body == {self.names.operand(content)}")
        elif body.kind in ("base64", "hex"):
            self.refuse(step, line, "the bytes of a body are not seen")
        else:
            step.check(f"body == {self.names.operand(body.text)}")


class _Settings:
    """``[Options]`` of one entry."""

    def __init__(self, entries: _Entries, entry: Entry) -> None:
        self.entries = entries
        self.entry = entry
        self.config: dict[str, object] = {}
        self.more: dict[str, object] = {}
        self.repeat = 0

    def read(self, lines: list[Line]) -> None:
        """Takes every option.

        Args:
            lines: of the section.
        """
        values: dict[str, object] = {}
        for line in lines:
            name, value = pair(line.text)
            if name == "variable":
                variable_name, _, given = value.partition("=")
                values[variable(variable_name.strip())] = _typed(self.entries.names.template(given.strip()))
            else:
                self._one(line, name, value)
        if values:
            self.entries.draft.step("values", "set").config.update(values)

    def _one(self, line: Line, name: str, value: str) -> None:
        shown = self.entries.names.template(value)
        on = value != "false"
        if name in _CONFIG and on:
            key, made = _CONFIG[name]
            self.config[key] = made(shown)
        elif name == "user":
            user, _, password = shown.partition(":")
            self.config["auth"] = {"basic": {"username": user, "password": password}}
        elif name in ("cacert", "cert", "key"):
            tls = self.config.setdefault("tls", {})
            if isinstance(tls, dict):
                tls["ca" if name == "cacert" else name] = shown
        elif name == "skip" and on:
            self.more["disabled"] = True
        elif name == "delay":
            self.entries.draft.step("pause", "delay").config["duration"] = _duration(value, "ms")
        elif name in ("retry", "retry-interval"):
            self._retry(name, value)
        elif name == "repeat":
            self.repeat = int(value) if value.isdigit() else 0
        elif name not in _SILENT:
            note = Note(line.number, line.text, "there is no setting for it", checks=False)
            self.entries.notes.append(note)

    def _retry(self, name: str, value: str) -> None:
        found = self.more.setdefault("retry", {"max_attempts": 1, "delay": "1s"})
        if not isinstance(found, dict):
            return
        if name == "retry":
            found["max_attempts"] = int(value) + 1 if value.isdigit() else _UNLIMITED
        else:
            found["delay"] = _duration(value, "ms")

    def finish(self, step: DraftStep) -> None:
        """Wraps a step that is repeated.

        Args:
            step: made of the entry.
        """
        if self.repeat < 2:
            return
        draft = self.entries.draft
        at = draft.steps.index(step)
        loop = DraftStep(draft.id(f"repeat_{step.id}"), "for_each")
        loop.config = {"range": {"from": 1, "to": self.repeat}, "steps": [step.document()]}
        draft.steps[at] = loop


def _duration(text: str, unit: str) -> str:
    text = text.strip()
    return text if seconds(text) is not None else f"{text}{unit}" if text.isdigit() and int(text) else "1ms"


def _typed(text: str) -> object:
    from flows.language.values import typed_text

    return typed_text(text.strip('"')) if not text.startswith('"') else text.strip('"')


_CONFIG: Mapping[str, tuple[str, Callable[[str], object]]] = {
    "location": ("follow_redirects", lambda text: True),
    "location-trusted": ("follow_redirects", lambda text: True),
    "insecure": ("verify_ssl", lambda text: False),
    "http2": ("http2", lambda text: True),
    "proxy": ("proxy", lambda text: text),
    "max-time": ("timeout", lambda text: _duration(text, "s")),
    "connect-timeout": ("timeout", lambda text: _duration(text, "s")),
}
_SILENT = ("verbose", "very-verbose", "verbosity", "output", "compressed", "http1.1", "http1.0", "ipv4", "ipv6",
           "path-as-is", "http2", "location", "insecure", "skip")  # fmt: skip


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
    taking = _Entries(source, draft)
    for entry in entries:
        taking.add(entry)
    draft.share_cookies()
    return Imported((draft,), tuple(taking.notes))


def _environment(file: str, text: str) -> Mapping[str, object]:
    from flows.language.values import typed_text

    pairs = [line.partition("=") for line in text.splitlines() if "=" in line and not line.lstrip().startswith("#")]
    return {name.strip(): typed_text(value.strip()) for name, _, value in pairs}


def _detect(file: str, text: str) -> bool:
    return file.lower().endswith(".hurl")


IMPORTER = Importer("Hurl files", _detect, read, _environment)
