"""A request for an operation, from what the flow gives and the description's own examples."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any
from urllib.parse import quote

from flows.clients.errors import ClientError
from flows.clients.openapi.document import Json, Operation
from flows.language.values import as_text

_DEEP = 8
_BY_FORMAT = {
    "date-time": "2026-01-01T00:00:00Z",
    "date": "2026-01-01",
    "uuid": "3fa85f64-5717-4562-b3fc-2c963f66afa6",
    "email": "someone@example.com",
    "uri": "https://example.com/",
}
_BY_TYPE: Mapping[str, Json] = {"boolean": True, "null": None}


class Ask:
    """What is sent.

    Args:
        operation: which.
        given: the flow's `request`: `path`, `query`, `headers`, `body`; a name it gives is taken from there.
    """

    def __init__(self, operation: Operation, given: Mapping[str, Json]) -> None:
        self._operation = operation
        self._given = given
        unknown = set(given) - {"path", "query", "headers", "body"}
        if unknown:
            raise ClientError(f"'request' has no {sorted(unknown)[0]}; it has path, query, headers and body", "config")

    def path(self) -> str:
        """The path with its parameters filled in."""
        text = self._operation.path
        for name, value in self._values("path"):
            text = text.replace("{" + name + "}", quote(as_text(value), safe=""))
        if "{" in text:
            raise ClientError(
                f"{self._operation.name}: no value for {text[text.index('{') :]} (request: path)", "config"
            )
        return text

    def query(self) -> list[tuple[str, str]]:
        """Query parameters in order; a list is written once for each of its values."""
        pairs: list[tuple[str, str]] = []
        for name, value in self._values("query"):
            several = value if isinstance(value, list | tuple) else [value]
            pairs += [(name, as_text(one)) for one in several]
        return pairs

    def headers(self) -> list[tuple[str, str]]:
        """Header parameters, and those that the flow adds."""
        return [(name, as_text(value)) for name, value in self._values("header")]

    def _values(self, place: str) -> Iterator[tuple[str, Json]]:
        mine = self._given.get("headers" if place == "header" else place) or {}
        known = set()
        for parameter in self._operation.parameters:
            if parameter.get("in") != place:
                continue
            name = str(parameter.get("name"))
            known.add(name.lower() if place == "header" else name)
            value = next((v for k, v in mine.items() if _same(k, name, place)), _NONE)
            if value is _NONE and (parameter.get("required") or place == "path"):
                value = self._example(parameter, f"{place} parameter {name}")
            if value is not _NONE:
                yield name, value
        yield from ((k, v) for k, v in mine.items() if (k.lower() if place == "header" else k) not in known)

    def body(self) -> tuple[Json, str]:
        """The body's value and its media type; an empty type = no body."""
        described = self._operation.resolved(self._operation.data.get("requestBody")) or {}
        content = described.get("content") or {}
        kind = next((k for k in content if _json(k)), next(iter(content), ""))
        if "body" in self._given:
            return self._given["body"], kind or "application/json"
        if not kind or not described.get("required", True):
            return None, ""
        return self._example(content[kind], "request body"), kind

    def _example(self, described: Mapping[str, Json], what: str) -> Json:
        """The example that stands there, else one made from the schema."""
        if "example" in described:
            return described["example"]
        for one in (described.get("examples") or {}).values():
            found = self._operation.resolved(one)
            if isinstance(found, Mapping) and "value" in found:
                return found["value"]
        content = described.get("content")
        if isinstance(content, Mapping) and content:
            return self._example(next(iter(content.values())), what)
        if "schema" not in described:
            raise ClientError(f"{self._operation.name}: the {what} has neither example nor schema", "config")
        return self.sample(described["schema"])

    def sample(self, schema: Json, depth: int = 0) -> Json:
        """A value of a schema, as simple as it may be.

        Args:
            schema: of the description.
            depth: how far down.
        """
        schema = self._operation.resolved(schema)
        if not isinstance(schema, Mapping) or depth > _DEEP:
            return {}
        for key in ("example", "default", "const"):
            if key in schema:
                return schema[key]
        for key in ("examples", "enum"):
            if isinstance(schema.get(key), list | tuple) and schema[key]:
                return schema[key][0]
        for key in ("oneOf", "anyOf"):
            if schema.get(key):
                return self.sample(schema[key][0], depth + 1)
        return self._by_type(schema, depth)

    def _by_type(self, schema: Mapping[str, Json], depth: int) -> Json:
        named = schema.get("type")
        kinds = named if isinstance(named, list | tuple) else [named]
        kind = str(next((k for k in kinds if k != "null"), "null"))
        if kind in _BY_TYPE:
            return _BY_TYPE[kind]
        if kind in ("integer", "number"):
            return _number(schema)
        if kind == "string":
            return _string(schema)
        if kind == "array":
            return [self.sample(schema.get("items", {}), depth + 1)] * max(1, int(schema.get("minItems", 1)))
        return self._object(schema, depth)

    def _object(self, schema: Mapping[str, Json], depth: int) -> dict[str, Json]:
        """Every property that a client may send; of optional ones too, since an example shows the whole."""
        made: dict[str, Json] = {}
        for part in schema.get("allOf") or ():
            inner = self.sample(part, depth + 1)
            made.update(inner if isinstance(inner, Mapping) else {})
        for name, described in (schema.get("properties") or {}).items():
            found = self._operation.resolved(described)
            if not (isinstance(found, Mapping) and found.get("readOnly")):
                made[name] = self.sample(described, depth + 1)
        return made


_NONE: Any = object()


def _same(one: str, other: str, place: str) -> bool:
    return one.lower() == other.lower() if place == "header" else one == other


def _json(kind: str) -> bool:
    return kind.partition(";")[0].strip().lower().endswith(("/json", "+json"))


def _number(schema: Mapping[str, Json]) -> Json:
    least = schema.get("minimum", schema.get("exclusiveMinimum"))
    if isinstance(least, bool) or least is None:
        most = schema.get("maximum")
        return most if most is not None and most < 1 else 1
    step = 1 if schema.get("exclusiveMinimum") not in (None, False) else 0
    return least + step


def _string(schema: Mapping[str, Json]) -> str:
    text = _BY_FORMAT.get(str(schema.get("format")), "text")
    text = text.ljust(int(schema.get("minLength", 0)), "x")
    return text[: int(schema["maxLength"])] if "maxLength" in schema else text
