"""Swagger 2 documents in the words of OpenAPI 3, so that one importer reads both."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any

_METHODS = ("get", "put", "post", "delete", "options", "head", "patch")
_FLOWS = {"implicit": "implicit", "password": "password", "application": "clientCredentials",
          "accessCode": "authorizationCode"}  # fmt: skip
_PLACES = frozenset({"name", "in", "description", "required", "x-example", "example", "examples", "allowEmptyValue"})
Json = Mapping[str, Any]
Resolved = Callable[[object], Json]


def as_openapi(root: Json, resolved: Resolved) -> dict[str, Any]:
    """The same document as OpenAPI 3.0; references still lead to its own ``definitions``.

    Args:
        root: with ``swagger: "2.0"``.
        resolved: follows a reference of it.
    """
    schemes = root.get("schemes") or ["http"]
    host = str(root.get("host") or "")
    base = str(root.get("basePath") or "").rstrip("/")
    security = {name: _scheme(scheme) for name, scheme in _map(root.get("securityDefinitions")).items()}
    return {
        **root,
        "openapi": "3.0.0",
        "servers": [{"url": f"{schemes[0]}://{host}{base}" if host else base}],
        "paths": {path: _item(root, resolved(item), resolved) for path, item in resolved(root.get("paths")).items()},
        "components": {"securitySchemes": security},
    }


def _map(value: object) -> Json:
    return value if isinstance(value, Mapping) else {}


def _scheme(scheme: object) -> Json:
    given = _map(scheme)
    if given.get("type") == "basic":
        return {"type": "http", "scheme": "basic"}
    if given.get("type") == "oauth2":
        return {"type": "oauth2", "flows": {_FLOWS.get(str(given.get("flow")), "implicit"): {}}}
    return given


def _item(root: Json, item: Json, resolved: Resolved) -> dict[str, Any]:
    shared = [resolved(raw) for raw in item.get("parameters") or []]
    found: dict[str, Any] = {key: value for key, value in item.items() if key not in (*_METHODS, "parameters")}
    for method in _METHODS:
        if isinstance(item.get(method), Mapping):
            found[method] = _operation(root, item[method], shared, resolved)
    return found


def _operation(root: Json, operation: Json, shared: list[Json], resolved: Resolved) -> dict[str, Any]:
    own = [resolved(raw) for raw in operation.get("parameters") or []]
    named = {(str(one.get("in")), str(one.get("name"))): one for one in (*shared, *own)}
    found: dict[str, Any] = {**operation, "parameters": [], "responses": {}}
    body = list(_body(root, operation, named.values()))
    if body:
        found["requestBody"] = {"content": dict(body)}
    for (place, _), parameter in named.items():
        if place not in ("body", "formData"):
            schema = {key: value for key, value in parameter.items() if key not in _PLACES}
            kept = {key: value for key, value in parameter.items() if key in _PLACES and key != "x-example"}
            example = {"example": parameter["x-example"]} if "x-example" in parameter else {}
            found["parameters"].append({**kept, **example, "schema": schema})
    for code, raw in _map(operation.get("responses")).items():
        found["responses"][str(code)] = _response(root, operation, resolved(raw))
    return found


def _body(root: Json, operation: Json, parameters: Any) -> Iterator[tuple[str, Json]]:
    kinds = operation.get("consumes") or root.get("consumes") or ["application/json"]
    fields = {str(one.get("name")): one for one in parameters if one.get("in") == "formData"}
    for one in parameters:
        if one.get("in") == "body":
            yield from ((str(kind), {"schema": one.get("schema")}) for kind in kinds)
    if fields:
        files = any(one.get("type") == "file" for one in fields.values())
        kind = "multipart/form-data" if files or "multipart/form-data" in kinds else "application/x-www-form-urlencoded"
        shown = {name: {k: v for k, v in one.items() if k not in ("name", "in", "required")}
                 for name, one in fields.items()}  # fmt: skip
        required = [name for name, one in fields.items() if one.get("required")]
        yield kind, {"schema": {"type": "object", "properties": shown, "required": required}}


def _response(root: Json, operation: Json, given: Json) -> Json:
    if "schema" not in given:
        return given
    kinds = operation.get("produces") or root.get("produces") or ["application/json"]
    return {**given, "content": {str(kind): {"schema": given["schema"]} for kind in kinds}}
