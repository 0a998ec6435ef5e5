"""Postman collections (v2.0, v2.1): one flow a collection, one step a request."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any

from flows.importers import Draft, DraftStep, Imported, Importer, Note, Source
from flows.importers.draft import NotCarried, escaped, names_in, variable
from flows.importers.naming import TEMPLATE, Names
from flows.importers.places import JsonPlaces, json_of
from flows.importers.postman_scripts import DIALECT
from flows.importers.requests import METHODS, Pairs, WebRequest, file_text, filled
from flows.importers.scripts import Read, Script, value_or_template
from flows.importers.templated_json import templated
from testmesh.kernel.errors import UserError

DYNAMIC = {
    "$guid": "uuid()", "$randomUUID": "uuid()", "$timestamp": "TIMESTAMP_UNIX", "$isoTimestamp": "TIMESTAMP",
    "$randomInt": "RANDOM_INT", "$randomEmail": "FAKER.internet.email", "$randomFirstName": "FAKER.name.firstName",
    "$randomLastName": "FAKER.name.lastName", "$randomFullName": "FAKER.name.fullName",
    "$randomCity": "FAKER.address.city", "$randomCountry": "FAKER.address.country",
    "$randomUserName": "FAKER.internet.userName", "$randomPassword": "FAKER.internet.password",
    "$randomUrl": "FAKER.internet.url", "$randomIP": "FAKER.internet.ip", "$randomWord": "FAKER.lorem.word",
    "$randomWords": "FAKER.lorem.sentence", "$randomAlphaNumeric": "RANDOM_STRING",
    "$randomCompanyName": "FAKER.company.name", "$randomColor": "FAKER.commerce.color",
    "$randomStreetAddress": "FAKER.address.streetAddress", "$randomJobTitle": "FAKER.job.title",
}  # fmt: skip
MAX_ITEMS = 5_000
MAX_FOLDERS = 30


@dataclass(frozen=True, slots=True)
class _Around:
    """What a folder gives to what is in it: authorisation, scripts, names of folders."""

    auth: object = None
    scripts: tuple[tuple[str, str], ...] = ()
    folders: tuple[str, ...] = ()


class _Collection:
    def __init__(self, source: Source, data: Mapping[str, Any]) -> None:
        self.source = source
        self.places = JsonPlaces(source.text)
        title = str(_map(data.get("info")).get("name") or "Postman collection")
        self.draft = Draft(title, reserved=names_in(source.text))
        self.names = Names(DYNAMIC)
        self.notes: list[Note] = []
        self.count = 0

    def variables(self, data: Mapping[str, Any]) -> None:
        """Collection variables, and those of the environment file, which win."""
        for entry in _maps(data.get("variable")):
            if not entry.get("disabled") and entry.get("key"):
                self.draft.env[variable(str(entry["key"]))] = self._value(entry.get("value"))
        self.draft.env.update({variable(name): value for name, value in self.source.variables.items()})

    def _value(self, value: object) -> object:
        from flows.language.values import typed_text

        text = value if isinstance(value, str) else "" if value is None else str(value)
        return self.names.template(text) if TEMPLATE.search(text) else typed_text(text)

    def items(self, data: Mapping[str, Any], around: _Around) -> None:
        """Every request of a folder, in order."""
        inner = replace(around, auth=data.get("auth") or around.auth, scripts=(*around.scripts, *_scripts(data)))
        for item in _maps(data.get("item")):
            self.count += 1
            if self.count > MAX_ITEMS or len(inner.folders) > MAX_FOLDERS:
                raise UserError(f"{self.source.file} is too large", hint="import one folder at a time")
            if isinstance(item.get("item"), list):
                self.items(item, replace(inner, folders=(*inner.folders, str(item.get("name", "")))))
            elif item.get("request"):
                self.request(item, inner)

    def request(self, item: Mapping[str, Any], around: _Around) -> None:
        """One request."""
        title = str(item.get("name") or "request")
        raw = item["request"]
        asked: Mapping[str, Any] = raw if isinstance(raw, Mapping) else {"url": raw, "method": "GET"}
        line = self.places.after(title)
        scripts = (*around.scripts, *_scripts(item))
        self.before(title, [text for kind, text in scripts if kind == "prerequest"])
        step = self.draft.step(title, "http_request", "request")
        step.more["name"] = " / ".join([*around.folders, title]).replace("${", "$${")
        try:
            filled(step, self._web(asked, around.auth))
        except NotCarried as reason:
            self.refuse(step, line, title, str(reason))
            step.unsent(f"{self.source.file}:{line}: {title}: {reason}")
            for kind, text in scripts:
                if kind == "test":
                    self.notes.append(Note(self.places.within(text, 1), text, "its request is not sent"))
            return
        behaviour = _map(item.get("protocolProfileBehavior"))
        if behaviour.get("followRedirects", True):
            step.config["follow_redirects"] = True
        self.after(step, [text for kind, text in scripts if kind == "test"])

    def refuse(self, step: DraftStep, line: int, what: str, why: str) -> None:
        """Something that could have failed and cannot be said."""
        self.notes.append(Note(line, what, why))
        step.fail(f"{self.source.file}:{line}: {' '.join(what.split())[:120]}: {why}")

    def before(self, title: str, scripts: list[str]) -> None:
        """Pre-request scripts: variables they set."""
        for text in scripts:
            found = Script(DIALECT).read(text)
            if found.sets:
                step = self.draft.step(f"{title}_values", "set")
                step.config.update({name: value_or_template(value.text, "") for name, value in found.sets.items()})
            if found.checks or found.refused:
                step = self.draft.step(f"{title}_script", "assert")
                for number, statement, why in found.refused:
                    self.refuse(step, self.places.within(text, number), statement, why)
                for expression, _ in found.checks:
                    step.check(expression)

    def after(self, step: DraftStep, scripts: list[str]) -> None:
        """Test scripts: assertions and variables."""
        later: dict[str, object] = {}
        for text in scripts:
            found = Script(DIALECT).read(text)
            for expression, title in found.checks:
                step.check(expression, title.replace("${", "$${").replace("{{", '{{ "{{" }}') or None)
            self._keep(step, found, later)
            for number, statement, why in found.refused:
                self.refuse(step, self.places.within(text, number), statement, why)
        if later:
            self.draft.step(f"{step.id}_values", "set").config.update(later)

    def _keep(self, step: DraftStep, found: Read, later: dict[str, object]) -> None:
        for name, value in found.sets.items():
            if value.path and re.match(r"(body|headers|cookies)\b", value.text):
                step.output[name] = value.text
            else:
                later[name] = value_or_template(value.text, step.id)

    def _web(self, asked: Mapping[str, Any], inherited: object) -> WebRequest:
        names = self.names
        if str(asked.get("method") or "GET").upper() not in METHODS:
            raise NotCarried(f"the method '{asked.get('method')}' is none that a flow can send")
        request = WebRequest(str(asked.get("method") or "GET").upper(), self._url(asked.get("url")))
        headers = asked.get("header")
        request.headers = [
            (names.key(str(entry.get("key", ""))), names.template(str(entry.get("value", ""))))
            for entry in _maps(headers) if not entry.get("disabled") and entry.get("key")
        ]  # fmt: skip
        self._auth(request, asked.get("auth") or inherited)
        body = asked.get("body")
        if isinstance(body, Mapping) and not body.get("disabled"):
            self._body(request, body)
        return request

    def _url(self, url: object) -> str:
        parts = url if isinstance(url, Mapping) else {}
        raw = str(parts.get("raw") or "") if parts else str(url or "")
        if not raw:
            raise NotCarried("the request has no URL")
        for entry in _maps(parts.get("variable")):
            key, value = str(entry.get("key", "")), str(entry.get("value") or "")
            raw = re.sub(rf"/:{re.escape(key)}(?=[/?#]|$)", "/" + value.replace("\\", r"\\"), raw)
        text = self.names.template(raw)
        return text if "://" in text or text.startswith("${") else f"http://{text}"

    def _auth(self, request: WebRequest, auth: object) -> None:
        kind = str(auth.get("type", "")) if isinstance(auth, Mapping) else ""
        given = _fields(auth.get(kind)) if isinstance(auth, Mapping) else {}
        shown = {key: self.names.template(str(value)) for key, value in given.items() if isinstance(value, str | int)}
        if kind in ("basic", "digest"):
            login = {"username": shown.get("username", ""), "password": shown.get("password", "")}
            request.settings["auth"] = {kind: login}
        elif kind == "bearer":
            request.settings["auth"] = {"bearer": shown.get("token", "")}
        elif kind == "apikey":
            named = {"name": shown.get("key", ""), "value": shown.get("value", ""), "in": shown.get("in", "header")}
            request.settings["auth"] = {"api_key": named}
        elif kind == "oauth2" and "accessToken" in shown:
            request.settings["auth"] = {"bearer": shown["accessToken"]}
        elif kind not in ("", "noauth"):
            raise NotCarried(f"there is no authorisation '{kind}'")

    def _body(self, request: WebRequest, body: Mapping[str, Any]) -> None:
        mode = body.get("mode")
        if mode == "urlencoded":
            request.form = self._pairs(body.get("urlencoded"))
        elif mode == "formdata":
            request.multipart = [self._part(entry) for entry in _enabled(body.get("formdata"))]
        elif mode == "raw":
            self._raw(request, str(body.get("raw") or ""), _map(_map(body.get("options")).get("raw")).get("language"))
        elif mode == "graphql":
            asked = _map(body.get("graphql"))
            variables = templated(str(asked.get("variables") or "{}"), self.names.template)
            request.body = {"query": self.names.template(str(asked.get("query", ""))), "variables": variables or {}}
        elif mode == "file":
            request.body = escaped(file_text(self.source, str(_map(body.get("file")).get("src") or "")))
        elif mode:
            raise NotCarried(f"there is no body of the kind '{mode}'")

    def _pairs(self, entries: object) -> Pairs:
        names = self.names
        return [
            (names.key(str(e.get("key", ""))), names.template(str(e.get("value") or ""))) for e in _enabled(entries)
        ]

    def _part(self, entry: Mapping[str, Any]) -> tuple[str, object]:
        name, kind = self.names.key(str(entry.get("key", ""))), entry.get("contentType")
        if entry.get("type") == "file":
            source = entry.get("src")
            described: dict[str, object] = {"file": str(source[0] if isinstance(source, list) and source else source)}
        else:
            value = self.names.template(str(entry.get("value") or ""))
            if not kind:
                return name, value
            described = {"content": value}
        return name, {**described, "content_type": str(kind)} if kind else described

    def _raw(self, request: WebRequest, text: str, language: object) -> None:
        if not text:
            return
        kind = (request.header("content-type") or "").lower()
        if "json" in kind or (not kind and language == "json"):
            value = templated(text, self.names.template)
            if isinstance(value, Mapping | list):
                request.body = value
                if kind == "application/json":
                    request.without("content-type")
                return
            if not kind:
                request.headers.append(("Content-Type", "application/json"))
        elif not kind and language in ("xml", "html", "javascript"):
            request.headers.append(("Content-Type", {"xml": "application/xml", "html": "text/html"}.get(
                str(language), "application/javascript")))  # fmt: skip
        request.body = self.names.template(text)


def _map(value: object) -> Mapping[str, Any]:
    return value if isinstance(value, Mapping) else {}


def _maps(value: object) -> list[Mapping[str, Any]]:
    return [item for item in value if isinstance(item, Mapping)] if isinstance(value, list) else []


def _enabled(value: object) -> list[Mapping[str, Any]]:
    return [entry for entry in _maps(value) if not entry.get("disabled") and entry.get("key")]


def _fields(value: object) -> Mapping[str, Any]:
    """v2.1 writes a list of ``{key, value}``, v2.0 a map."""
    if isinstance(value, Mapping):
        return value
    return {str(entry.get("key")): entry.get("value") for entry in _maps(value)}


def _scripts(item: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    for event in _maps(item.get("event")):
        script = _map(event.get("script"))
        lines = script.get("exec")
        text = "\n".join(str(line) for line in lines) if isinstance(lines, list) else str(lines or "")
        if text.strip() and not event.get("disabled"):
            yield str(event.get("listen", "")), text


def read(source: Source) -> Imported:
    """One flow.

    Args:
        source: the exported collection.

    Raises:
        UserError: it is no collection.
    """
    data = json_of(source.file, source.text, "export the collection as v2.1")
    collection: Any = data.get("collection", data) if isinstance(data, Mapping) else None
    if not isinstance(collection, Mapping) or not isinstance(collection.get("item"), list):
        raise UserError(f"{source.file} is no Postman collection", hint="export the collection as v2.1")
    taking = _Collection(source, collection)
    taking.variables(collection)
    taking.items(collection, _Around())
    if not taking.draft.steps:
        raise UserError(f"{source.file} holds no request", hint="export a collection that has one")
    taking.draft.share_cookies()
    return Imported((taking.draft,), tuple(taking.notes))


def _environment(file: str, text: str) -> Mapping[str, object]:
    from flows.language.values import typed_text

    data = json_of(file, text, "export the environment again")
    found: dict[str, object] = {}
    for entry in _maps(_map(data).get("values")):
        name = str(entry.get("key", ""))
        if name and entry.get("enabled", True):
            secret = entry.get("type") == "secret"
            found[name] = f"${{secret('{variable(name).upper()}')}}" if secret else typed_text(str(entry.get("value")))
    return found


def _detect(file: str, text: str) -> bool:
    return "schema.getpostman.com" in text or ('"_postman_id"' in text and '"item"' in text)


IMPORTER = Importer("Postman collections (v2.0, v2.1)", _detect, read, _environment)
