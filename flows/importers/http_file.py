"""`.http` and `.rest` files: one flow a file, one step a request."""

from __future__ import annotations

import re
from collections.abc import Mapping

from flows.importers import Draft, DraftStep, Imported, Importer, Note, Source
from flows.importers.draft import NotCarried, identifier, literal, names_in, variable
from flows.importers.http_file_grammar import METHODS, Line, Reader, Region
from flows.importers.http_scripts import DIALECT
from flows.importers.javascript import JsValue, Scope, named, parsed
from flows.importers.js_expressions import different, translated
from flows.importers.multipart import multipart_parts
from flows.importers.naming import TEMPLATE, Names
from flows.importers.paths import dotted, segments
from flows.importers.places import json_of
from flows.importers.requests import FORM, WebRequest, file_text, filled, named_by
from flows.importers.scripts import BODY_TEXT, Read, Script, value_or_template
from flows.importers.templated_json import templated
from testmesh.kernel.errors import UserError

_SILENT_META = frozenset({"name", "title", "description", "note", "ref", "forceRef", "no-log", "no-cookie-jar", "tag",
                          "debug", "verbose", "keep-streaming", "no-response-view", "save", "openWith", "noRedirect",
                          "no-redirect", "disabled", "sleep", "timeout", "jwt", "extension", "prompt"})  # fmt: skip
DYNAMIC = {
    "$guid": "uuid()", "$uuid": "uuid()", "$random.uuid": "uuid()", "$timestamp": "TIMESTAMP_UNIX",
    "$isoTimestamp": "TIMESTAMP", "$randomInt": "RANDOM_INT", "$random.integer": "RANDOM_INT",
    "$random.email": "FAKER.internet.email", "$random.alphanumeric": "RANDOM_STRING",
}  # fmt: skip
_NAME = re.compile(r"[A-Za-z_][\w-]*\Z")


class _Templates(Names):
    """Templates that may also ask earlier requests by name.

    Args:
        steps: name of a request → id of its step.
        inline: variables that are written out, as they depend on an answer.
    """

    def __init__(self) -> None:
        super().__init__(DYNAMIC)
        self.steps: dict[str, str] = {}
        self.inline: dict[str, str] = {}

    def expression(self, name: str) -> str:
        """What stands between the braces.

        Args:
            name: as written.
        """
        name = name.strip()
        head, _, rest = name.partition(".")
        if name in self.inline:
            return self.inline[name]
        if head in self.steps and rest:
            return self._answer(self.steps[head], rest)
        if name.startswith(("$processEnv ", "$dotenv ", "$env.")):
            return variable(name.split(" ")[-1].removeprefix("$env."))
        if name.startswith("$datetime"):
            return "TIMESTAMP"
        if name.startswith(("$randomInt", "$random.integer")):
            return "RANDOM_INT"
        if _NAME.match(name) or name in self.functions or name.startswith("$"):
            return super().expression(name)
        return self._script(name)

    def _answer(self, step: str, rest: str) -> str:
        for kind in ("response.body", "response.headers", "response.parsedBody"):
            if rest == kind or rest.startswith((f"{kind}.", f"{kind}[")):
                inner = rest[len(kind) :]
                root = f"{step}.{'headers' if kind.endswith('headers') else 'body'}"
                if root.endswith("headers"):
                    return dotted(root, [inner.strip(".")])
                found = segments("$" + inner.replace(".$", "", 1)) if inner else []
                if found is None:
                    raise NotCarried(f"'{rest}' is no path")
                return dotted(root, found)
        if rest in ("response.status", "response.statusCode"):
            return f"{step}.status"
        found = segments(f"$.{rest}")
        if found is None:
            raise NotCarried(f"'{rest}' is no path")
        return dotted(f"{step}.body", found)

    def _script(self, text: str) -> str:
        root = parsed(text)
        statements = named(root)
        if root.has_error or len(statements) != 1 or statements[0].type != "expression_statement":
            raise NotCarried(f"'{text}' has no counterpart")
        known = {name: JsValue(variable(name), True) for name in re.findall(r"[A-Za-z_]\w*", text)}
        known.update({name: JsValue(f"{step}.body", True) for name, step in self.steps.items()})
        return translated(named(statements[0])[0], Scope(known, {})).text


class _File:
    def __init__(self, source: Source) -> None:
        self.source = source
        name = source.file.replace("\\", "/").rpartition("/")[2]
        self.draft = Draft(re.sub(r"\.(http|rest)\Z", "", name), reserved=names_in(source.text))
        self.draft.env.update({variable(key): value for key, value in source.variables.items()})
        self.names = _Templates()
        self.notes: list[Note] = []

    def region(self, region: Region) -> None:
        """One region: its variables, and perhaps a request."""
        self._declared(region)
        if not region.method:
            if region.before:
                self._before(region)
            return
        self._step(region)

    def _declared(self, region: Region) -> None:
        for name, value in region.variables:
            try:
                self._variable(name, value)
            except NotCarried as reason:
                step = self.draft.step("not_carried_over", "assert")
                self._refuse(step, Line(region.number, f"@{name} = {value}"), str(reason))
        for key, value in region.meta.items():
            if key not in _SILENT_META:
                why = "there is nothing like it"
                note = Note(region.number, f"@{key} {value}", why, checks=key in ("loop", "import"))
                self.notes.append(note)

    def _step(self, region: Region) -> None:
        if "sleep" in region.meta:
            self.draft.step("pause", "delay").config["duration"] = f"{region.meta['sleep']}ms"
        self._before(region)
        step = self.draft.step(region.meta.get("name") or region.title or named_by(region.method, region.url),
                               "http_request", "request")  # fmt: skip
        if region.title:
            step.more["name"] = region.title.replace("${", "$${").replace("{{", '{{ "{{" }}')
        if "disabled" in region.meta:
            step.more["disabled"] = True
        try:
            self._request(step, region)
        except NotCarried as reason:
            self._refuse(step, Line(region.at, f"{region.method} {region.url}"), str(reason))
            step.unsent(f"{self.source.file}:{region.at}: {region.method} {region.url}: {reason}")
            for line in (*region.asserts, *region.after, *region.other):
                self.notes.append(Note(line.number, line.text, "its request is not sent"))
        else:
            self._after(step, region)
        if "name" in region.meta:
            self.names.steps[region.meta["name"]] = step.id

    def _variable(self, name: str, value: str) -> None:
        from flows.language.values import typed_text

        asked = [found[1].strip() for found in TEMPLATE.finditer(value)]
        if any(text.partition(".")[0] in self.names.steps or text in self.names.inline for text in asked):
            self.names.inline[name] = self.names.operand(value)
        elif TEMPLATE.search(value) is None:
            self.draft.env[variable(name)] = typed_text(value)
        else:
            self.draft.env[variable(name)] = self.names.template(value)

    def _before(self, region: Region) -> None:
        for line in region.before:
            found = Script(DIALECT).read(line.text)
            if found.sets:
                step = self.draft.step(f"{region.title or 'values'}_values", "set")
                step.config.update({name: value_or_template(value.text, "") for name, value in found.sets.items()})
            if found.refused or found.checks:
                step = self.draft.step("script", "assert")
                for number, statement, why in found.refused:
                    self._refuse(step, Line(line.number + number - 1, statement), why)
                for expression, _ in found.checks:
                    step.check(expression)

    def _request(self, step: DraftStep, region: Region) -> None:
        if region.method not in METHODS:
            raise NotCarried(f"a request of the kind '{region.method}' is no HTTP request")
        url = self.names.template(region.url)
        url = url if "://" in url or url.startswith("${") else f"http://{url}"
        request = WebRequest(region.method, url)
        for name, value in region.headers:
            self._header(request, name, value)
        if region.body:
            self._body(request, region)
        filled(step, request)
        if not {"no-redirect", "noRedirect"} & set(region.meta):
            step.config["follow_redirects"] = True
        if "timeout" in region.meta and region.meta["timeout"].split(" ")[0].isdigit():
            step.config["timeout"] = f"{region.meta['timeout'].split(' ')[0]}s"

    def _header(self, request: WebRequest, name: str, value: str) -> None:
        login = re.fullmatch(r"(Basic|Digest)\s+([^\s:]+)[\s:]+(\S+)", value, re.IGNORECASE)
        if name.lower() == "authorization" and login is not None:
            user, password = self.names.template(login[2]), self.names.template(login[3])
            request.settings["auth"] = {login[1].lower(): {"username": user, "password": password}}
            return
        request.headers.append((self.names.key(name), self.names.template(value)))

    def _body(self, request: WebRequest, region: Region) -> None:
        kind = (request.header("content-type") or "").lower()
        body = region.body
        file = re.fullmatch(r"<@?\w*\s+(\S.*)", body.strip())
        if file is not None:
            body = file_text(self.source, file[1].strip())
            if not region.body.startswith("<@"):
                request.body = body.replace("${", "$${").replace("{{", '{{ "{{" }}')
                return
        if "json" in kind or (not kind and body.lstrip()[:1] in "{["):
            value = templated(body, self.names.template)
            if isinstance(value, Mapping | list):
                request.body = value
                if kind == "application/json":
                    request.without("content-type")
                return
        if FORM in kind:
            body = "".join(line.strip() for line in body.split("\n"))
        elif kind.startswith("multipart/"):
            parts = list(multipart_parts(request.header("content-type") or "", body))
            if parts:
                request.without("content-type")
                request.multipart = [(part["name"], self._part(part)) for part in parts]
                return
        request.body = self.names.template(body)

    def _part(self, part: Mapping[str, str]) -> object:
        file = re.fullmatch(r"<@?\s+(\S.*)", part["value"].strip())
        described: dict[str, object] = {}
        if file is not None:
            described["file"] = file[1].strip()
        elif "fileName" in part or "contentType" in part:
            described["content"] = self.names.template(part["value"])
        else:
            return self.names.template(part["value"])
        named = {"filename": part.get("fileName"), "content_type": part.get("contentType")}
        return {**described, **{key: value for key, value in named.items() if value}}

    def _after(self, step: DraftStep, region: Region) -> None:
        later: dict[str, object] = {}
        for line in region.asserts:
            try:
                step.check(_asserted(line.text, self.names))
            except NotCarried as reason:
                self._refuse(step, line, str(reason))
        for line in region.other:
            self._other(step, line, later)
        for line in region.after:
            self._script(step, line, later)
        if later:
            self.draft.step(f"{step.id}_values", "set").config.update(later)

    def _other(self, step: DraftStep, line: Line, later: dict[str, object]) -> None:
        if line.text.startswith(">>"):
            self.notes.append(Note(line.number, line.text, "answers are kept in the run, not in files", checks=False))
            return
        content = self.source.beside(line.text[1:].strip())
        if content is None:
            self._refuse(step, line, "the script is not there")
        else:
            self._script(step, Line(line.number, content), later)

    def _script(self, step: DraftStep, line: Line, later: dict[str, object]) -> None:
        found = Script(DIALECT).read(line.text)
        for expression, title in found.checks:
            step.check(expression, title.replace("${", "$${").replace("{{", '{{ "{{" }}') or None)
        self._keep(step, found, later)
        for number, statement, why in found.refused:
            self._refuse(step, Line(line.number + number - 1, statement), why)

    def _keep(self, step: DraftStep, found: Read, later: dict[str, object]) -> None:
        for name, value in found.sets.items():
            if value.path and re.match(r"(body|headers|cookies)\b", value.text):
                step.output[name] = value.text
            else:
                later[name] = value_or_template(value.text, step.id)

    def _refuse(self, step: DraftStep, line: Line, why: str) -> None:
        self.notes.append(Note(line.number, line.text, why))
        step.fail(f"{self.source.file}:{line.number}: {' '.join(line.text.split())[:120]}: {why}")


_ASSERT = re.compile(
    r"(?P<what>status|duration|header\s+\S+|body(?:\s+(?!==|!=|>|<|includes\b|contains\b|matches\b|exists\b|"
    r"startsWith\b|endsWith\b|is[A-Z])\S+)?|js\s+.+?)\s+(?P<how>==|!=|>=|<=|>|<|includes|contains|matches|startsWith|"
    r"endsWith|exists|isTrue|isFalse|isNumber|isString|isBoolean|isArray|isNull)(?:\s+(?P<value>.*))?\Z"
)
_TESTS = {"exists": "exists", "isNumber": "is number", "isString": "is string", "isBoolean": "is boolean",
          "isArray": "is array", "isNull": "is null", "isTrue": "== true", "isFalse": "== false"}  # fmt: skip


def _asserted(text: str, names: _Templates) -> str:
    """An assertion of httpyac (``?? status == 200``)."""
    match = _ASSERT.match(text)
    if match is None:
        raise NotCarried("this line cannot be read")
    left = _looked_at(match["what"], names)
    how, value = match["how"], (match["value"] or "").strip()
    if how in _TESTS:
        return f"{left.text} {_TESTS[how]}"
    right = _value(value, names)
    if how == "!=":
        return different(left, right)
    if how in ("includes", "contains", "startsWith", "endsWith", "matches") and left.text == "body":
        if re.search(r'[\s",:{}]', value):
            raise NotCarried("the text of a JSON body is not seen as it came")
        left = JsValue(BODY_TEXT)
    return f"{left.text} {'contains' if how == 'includes' else how} {right}"


def _looked_at(what: str, names: _Templates) -> JsValue:
    kind, _, rest = what.partition(" ")
    rest = rest.strip()
    if kind in ("status", "duration"):
        return JsValue("status" if kind == "status" else "duration_ms")
    if kind == "header":
        return JsValue(dotted("headers", [rest]), True)
    if kind == "body":
        found = segments(f"$.{rest}") if rest else []
        if found is None:
            raise NotCarried(f"'{rest}' is no path")
        return JsValue(dotted("body", found), True)
    root = parsed(rest)
    statements = named(root)
    if root.has_error or len(statements) != 1:
        raise NotCarried("this script cannot be read")
    return translated(named(statements[0])[0], Scope(DIALECT.known, DIALECT.calls))


def _value(text: str, names: _Templates) -> str:
    from flows.language.values import typed_text

    if TEMPLATE.search(text):
        return names.operand(text)
    value = typed_text(text)
    if isinstance(value, str) and len(text) > 1 and text[0] == text[-1] and text[0] in "\"'":
        value = text[1:-1]
    return literal(value)


def read(source: Source) -> Imported:
    """One flow.

    Args:
        source: the file.

    Raises:
        UserError: it holds no request.
    """
    taking = _File(source)
    for region in Reader(source.text).regions():
        taking.region(region)
    if not taking.draft.steps:
        raise UserError(f"{source.file} holds no request", hint="requests look like 'GET https://...'")
    taking.draft.share_cookies()
    return Imported((taking.draft,), tuple(taking.notes))


def _environment(file: str, text: str) -> Mapping[str, object]:
    """The first environment of ``http-client.env.json``, on top of its ``$shared``."""
    data = json_of(file, text, "give http-client.env.json")
    found: dict[str, object] = {}
    tables = [table for table in data.values() if isinstance(table, Mapping)] if isinstance(data, Mapping) else []
    for table in tables[:2]:
        found.update({identifier(str(name)) if not _NAME.match(str(name)) else str(name): value
                      for name, value in table.items()})  # fmt: skip
    return found


def _detect(file: str, text: str) -> bool:
    return file.lower().endswith((".http", ".rest"))


IMPORTER = Importer(".http and .rest files", _detect, read, _environment)
