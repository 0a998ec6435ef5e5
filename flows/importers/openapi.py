"""OpenAPI 3.0 and 3.1, Swagger 2: one flow an operation, with an example to send and the schema to expect."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from functools import partial
from typing import Any

from flows.importers import Draft, Imported, Importer, Note, Source
from flows.importers.draft import escape_all, identifier, literal, variable
from flows.importers.openapi_schemas import Document
from flows.importers.swagger import as_openapi
from testmesh.guard.yaml import FOREIGN
from testmesh.guard.yaml import read as read_yaml
from testmesh.guard.yaml_nodes import MapNode, plain
from testmesh.kernel.errors import DiagnosticsError, UserError

_METHODS = ("get", "put", "post", "delete", "options", "head", "patch", "trace")
_LONGEST_SCHEMA = 6_000
_PARAMETER = re.compile(r"\{([^{}]+)\}")
MAX_OPERATIONS = 2_000


class _Operation:
    """One operation as a flow of one step.

    Args:
        document: it stands in.
        where: path and method.
        line: in the file.
        notes: what cannot be said.
    """

    def __init__(self, document: Document, where: tuple[str, str], line: int, notes: list[Note]) -> None:
        self.document = document
        self.path, self.method = where
        self.line = line
        self.notes = notes
        item = document.resolved(document.paths[self.path])
        self.operation = document.resolved(item.get(self.method))
        self.item = item
        name = str(self.operation.get("summary") or self.operation.get("operationId") or self.shown)
        self.draft = Draft(str(escape_all(name)))
        self.draft.stem = identifier(str(self.operation.get("operationId") or self.shown), "operation")
        self.step = self.draft.step(self.draft.stem, "http_request", "request")

    @property
    def shown(self) -> str:
        """``GET /orders/{id}``."""
        return f"{self.method.upper()} {self.path}"

    def read(self, base: str) -> Draft:
        """The flow.

        Args:
            base: address of the server.
        """
        self.draft.env["BASE_URL"] = "${BASE_URL:" + base + "}"
        tags = [str(tag) for tag in self.operation.get("tags") or [] if isinstance(tag, str)]
        if tags:
            self.draft.more["tags"] = tags
        if self.method != "get":
            self.step.config["method"] = self.method.upper()
        self.step.config["url"] = "${BASE_URL}" + self.path
        self._security()
        self._parameters()
        self._body()
        self._response()
        return self.draft

    def _parameters(self) -> None:
        found: dict[tuple[str, str], Mapping[str, Any]] = {}
        for raw in [*(self.item.get("parameters") or []), *(self.operation.get("parameters") or [])]:
            parameter = self.document.resolved(raw)
            found[(str(parameter.get("in")), str(parameter.get("name")))] = parameter
        url = self.path
        for (place, name), parameter in found.items():
            value = self._example(parameter)
            if place == "path":
                url = url.replace("{" + name + "}", "${" + self._given(name, value) + "}")
            elif place in ("query", "header", "cookie") and (parameter.get("required") or "example" in parameter):
                key = {"query": "query", "header": "headers", "cookie": "cookies"}[place]
                values = self.step.config.setdefault(key, {})
                if isinstance(values, dict):
                    values[name] = value
        for name in _PARAMETER.findall(re.sub(r"\$\{[^}]*\}", "", url)):
            url = url.replace("{" + name + "}", "${" + self._given(name, "1") + "}")
        self.step.config["url"] = "${BASE_URL}" + url

    def _given(self, name: str, value: object) -> str:
        """A variable for a part of the path, which only a person knows."""
        known = variable(identifier(name, "value").upper())
        text = str(value) if isinstance(value, str | int) else "1"
        self.draft.env[known] = text if text.startswith("${") else "${" + f"{known}:{text}" + "}"
        return known

    def _example(self, parameter: Mapping[str, Any]) -> object:
        if "example" in parameter:
            return escape_all(parameter["example"])
        for example in (
            (parameter.get("examples") or {}).values() if isinstance(parameter.get("examples"), Mapping) else ()
        ):
            return escape_all(self.document.resolved(example).get("value"))
        return self.document.example(parameter.get("schema"))

    def _body(self) -> None:
        body = self.document.resolved(self.operation.get("requestBody"))
        content = body.get("content")
        if not isinstance(content, Mapping) or not content:
            return
        kind = next((name for name in content if "json" in name), next(iter(content)))
        media = self.document.resolved(content[kind])
        value = self._media_example(media)
        if "json" in kind:
            self._json(kind, value)
        elif kind == "application/x-www-form-urlencoded" and isinstance(value, Mapping):
            self.step.config["form"] = dict(value)
        elif kind.startswith("multipart/") and isinstance(value, Mapping):
            self.step.config["multipart"] = dict(value)
        else:
            self._header("Content-Type", kind)
            self.step.config["body"] = value if isinstance(value, str) else ""

    def _json(self, kind: str, value: object) -> None:
        if kind != "application/json" or not isinstance(value, Mapping | list):
            self._header("Content-Type", kind)
        self.step.config["body"] = value if isinstance(value, Mapping | list) else literal(value)

    def _header(self, name: str, value: str) -> None:
        headers = self.step.config.setdefault("headers", {})
        if isinstance(headers, dict):
            headers[name] = value

    def _media_example(self, media: Mapping[str, Any]) -> object:
        if "example" in media:
            return escape_all(media["example"])
        examples = media.get("examples")
        for example in examples.values() if isinstance(examples, Mapping) else ():
            return escape_all(self.document.resolved(example).get("value"))
        return self.document.example(media.get("schema"))

    def _response(self) -> None:
        responses = self.operation.get("responses")
        codes = [str(code) for code in responses] if isinstance(responses, Mapping) else []
        code = next((code for code in sorted(codes) if code.startswith("2")), None)
        if code is None:
            self.step.check("status < 400")
            return
        self.step.check(f"status == {code}" if code.isdigit() else "status >= 200")
        if not code.isdigit():
            self.step.check("status < 300")
        content = self.document.resolved(responses[_key(responses, code)]).get("content") if responses else None
        kind = next((name for name in content if "json" in name), None) if isinstance(content, Mapping) else None
        if kind is not None and isinstance(content, Mapping):
            self._schema(self.document.resolved(content[kind]).get("schema"))

    def _schema(self, schema: object) -> None:
        asked = self.document.json_schema(schema)
        if not asked:
            return
        text = literal(asked)
        if len(text) <= _LONGEST_SCHEMA:
            self.step.check(f"body matches_schema {text}")
            return
        names = asked.get("required") or []
        for name in names if isinstance(names, list) else []:
            self.step.check(f"body[{literal(str(name))}] exists")
        self.notes.append(Note(self.line, self.shown, "its schema is too long for a line; put it into a file and "
                               "assert 'body matches_schema \"FILE\"'", checks=False))  # fmt: skip

    def _security(self) -> None:
        asked = self.operation.get("security", self.document.root.get("security"))
        first = asked[0] if isinstance(asked, list) and asked and isinstance(asked[0], Mapping) else {}
        components = self.document.resolved(self.document.root.get("components"))
        schemes = components.get("securitySchemes")
        for name in first:
            scheme = self.document.resolved(schemes.get(name)) if isinstance(schemes, Mapping) else {}
            self._scheme(str(name), scheme)

    def _scheme(self, name: str, scheme: Mapping[str, Any]) -> None:
        secret = f"${{secret('{variable(identifier(name, 'token').upper())}')}}"
        kind, how = scheme.get("type"), str(scheme.get("scheme", "")).lower()
        if kind == "apiKey":
            named = {"name": str(scheme.get("name", "")), "value": secret, "in": str(scheme.get("in", "header"))}
            self.step.config["auth"] = {"api_key": named}
        elif kind == "http" and how == "basic":
            self.draft.env["API_USER"] = "${API_USER:user}"
            self.step.config["auth"] = {"basic": {"username": "${API_USER}", "password": secret}}
        elif kind in ("http", "oauth2", "openIdConnect"):
            self.step.config["auth"] = {"bearer": secret}
        else:
            why = "this way of signing in has no counterpart"
            self.notes.append(Note(self.line, f"{self.shown}: security {name}", why, checks=False))


def _key(responses: Mapping[str, Any], code: str) -> Any:
    return next(key for key in responses if str(key) == code)


def read(source: Source) -> Imported:
    """One flow for each operation.

    Args:
        source: the document, YAML or JSON.

    Raises:
        DiagnosticsError: it is no YAML.
        UserError: it is no OpenAPI 3 document.
    """
    parsed = read_yaml(source.text, source.file, FOREIGN)
    if parsed.findings:
        raise DiagnosticsError(parsed.findings)
    root = parsed.roots[0] if parsed.roots else None
    data: Any = plain(root) if root is not None else None
    version = str(data.get("openapi") or data.get("swagger") or "") if isinstance(data, Mapping) else ""
    if not isinstance(root, MapNode) or not version.startswith(("3.", "2.")):
        raise UserError(f"{source.file} is no OpenAPI document", hint="it begins with 'openapi: 3' or 'swagger: 2'")
    document = Document(data, partial(_other, source))
    if version.startswith("2."):
        document.root = as_openapi(data, document.resolved)
    notes: list[Note] = []
    drafts = [
        _Operation(document, where, _line(root, where), notes).read(_base(document)) for where in _operations(document)
    ]
    if not drafts or len(drafts) > MAX_OPERATIONS:
        raise UserError(f"{source.file} describes {len(drafts) or 'no'} operations", hint="one file, some operations")
    for reference in document.unfollowed:
        at = source.text.find(reference)
        line = source.text.count("\n", 0, at) + 1 if at >= 0 else 1
        notes.append(Note(line, f"$ref: {reference}", "what it leads to is not there", checks=False))
    return Imported(tuple(drafts), tuple(notes))


def _other(source: Source, name: str) -> object:
    """A file that references lead to; None when there is none of that name."""
    text = source.beside(name) if "://" not in name else None
    parsed = read_yaml(text, name, FOREIGN) if text is not None else None
    return plain(parsed.roots[0]) if parsed is not None and parsed.roots and not parsed.findings else None


def _operations(document: Document) -> Iterator[tuple[str, str]]:
    for path, raw in document.paths.items():
        item = document.resolved(raw)
        for method in _METHODS:
            if isinstance(item.get(method), Mapping):
                yield str(path), method


def _line(root: MapNode, where: tuple[str, str]) -> int:
    paths = root.get("paths")
    item = paths.get(where[0]) if isinstance(paths, MapNode) else None
    entry = item.entries.get(where[1]) if isinstance(item, MapNode) else None
    return entry.key.at[0] if entry is not None else 1


def _base(document: Document) -> str:
    servers = document.root.get("servers")
    first = document.resolved(servers[0]) if isinstance(servers, list) and servers else {}
    url = str(first.get("url") or "")
    for name, raw in (first.get("variables") or {}).items() if isinstance(first.get("variables"), Mapping) else ():
        url = url.replace("{" + str(name) + "}", str(document.resolved(raw).get("default", "")))
    url = url.rstrip("/")
    return url if "://" in url else f"http://localhost:8080{url}"


def _detect(file: str, text: str) -> bool:
    return bool(re.search(r"^\s*[\"']?(openapi[\"']?\s*:\s*[\"']?3|swagger[\"']?\s*:\s*[\"']?2)\.", text, re.MULTILINE))


IMPORTER = Importer("OpenAPI 3 and Swagger 2 documents", _detect, read)
