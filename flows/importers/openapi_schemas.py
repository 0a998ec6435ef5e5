"""Schemas of an OpenAPI document: references resolved, an example made, and a JSON Schema for assertions."""

from __future__ import annotations

import posixpath
from collections.abc import Callable, Iterator, Mapping
from typing import Any

Schema = Mapping[str, Any]
MAX_DEPTH = 12
_TEXTS = {
    "uuid": "${RANDOM_ID}", "date-time": "${TIMESTAMP}", "date": "${DATE}", "email": "ada@example.com",
    "uri": "https://example.com", "url": "https://example.com", "hostname": "example.com", "ipv4": "192.0.2.1",
    "byte": "aGVsbG8=", "password": "${secret('PASSWORD')}",
}  # fmt: skip
_KEPT = frozenset({
    "type", "enum", "const", "minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum", "multipleOf", "minLength",
    "maxLength", "minItems", "maxItems", "uniqueItems", "required", "minProperties", "maxProperties",
})  # fmt: skip


class Document:
    """An OpenAPI document.

    Args:
        root: as data.
        other: reads a file beside it; None when it is not there.
    """

    def __init__(self, root: Mapping[str, Any], other: Callable[[str], object] = lambda name: None) -> None:
        self.root = root
        self.other = other
        self.files: dict[str, object] = {}
        self.unfollowed: dict[str, None] = {}
        self.old = str(root.get("openapi", "")).startswith("3.0")

    @property
    def paths(self) -> Mapping[str, Any]:
        """Every path with its item."""
        return self.resolved(self.root.get("paths"))

    def resolved(self, value: object) -> Mapping[str, Any]:
        """A map, with its local reference followed; empty for anything else.

        Args:
            value: perhaps ``{"$ref": "#/..."}``.
        """
        seen: set[str] = set()
        while isinstance(value, Mapping) and isinstance(value.get("$ref"), str):
            reference = value["$ref"]
            if reference in seen:
                return {}
            seen.add(reference)
            value = self._at(reference)
            if value is None:
                self.unfollowed[reference] = None
        return value if isinstance(value, Mapping) else {}

    def _file(self, name: str) -> object:
        """Another file, in which every reference names its file."""
        if name not in self.files:
            self.files[name] = _with_files(self.other(name), name)
        return self.files[name]

    def _at(self, reference: str) -> object:
        file, _, pointer = reference.partition("#")
        value: Any = self._file(posixpath.normpath(file)) if file else self.root
        for part in pointer.split("/")[1:]:
            key = part.replace("~1", "/").replace("~0", "~").replace("%7B", "{").replace("%7D", "}")
            if isinstance(value, list) and key.isdigit() and int(key) < len(value):
                value = value[int(key)]
            else:
                value = value.get(key) if isinstance(value, Mapping) else None
        return value

    def merged(self, schema: object, depth: int = 0) -> dict[str, Any]:
        """A schema with its reference and ``allOf`` put into it, and the first of ``oneOf`` or ``anyOf`` chosen.

        Args:
            schema: as written.
            depth: of references.
        """
        found = dict(self.resolved(schema))
        if depth > MAX_DEPTH:
            return {}
        for part in found.pop("allOf", None) or []:
            other = self.merged(part, depth + 1)
            properties = {**_map(found.get("properties")), **_map(other.get("properties"))}
            required = [*(found.get("required") or []), *(other.get("required") or [])]
            found = {**other, **found}
            if properties:
                found["properties"] = properties
            if required:
                found["required"] = list(dict.fromkeys(required))
        for key in ("oneOf", "anyOf"):
            choices = found.pop(key, None)
            if isinstance(choices, list) and choices and "type" not in found and "properties" not in found:
                found = {**self.merged(choices[0], depth + 1), **found}
        return found

    def example(self, schema: object, depth: int = 0, *, sent: bool = True) -> object:
        """A value that fits a schema.

        Args:
            schema: as written.
            depth: of nesting.
            sent: it goes to the server, so what is `readOnly` is left out.
        """
        found = self.merged(schema)
        given = _given(found)
        if given is not _NONE:
            return given
        kind = type_of(found)
        if depth > MAX_DEPTH:
            return None
        if kind == "object" or "properties" in found:
            return {
                name: self.example(item, depth + 1, sent=sent) for name, item in self._properties(found, sent, depth)
            }
        if kind == "array":
            return [self.example(found.get("items"), depth + 1, sent=sent)] * max(1, int(found.get("minItems") or 1))
        return _simple(kind, found)

    def _properties(self, schema: Schema, sent: bool, depth: int) -> Iterator[tuple[str, object]]:
        required = schema.get("required") or []
        for name, item in _map(schema.get("properties")).items():
            inner = self.merged(item)
            if sent and inner.get("readOnly"):
                continue
            if name in required or (depth < 2 and _given(inner) is not _NONE) or not required:
                yield str(name), item

    def json_schema(self, schema: object, depth: int = 0) -> dict[str, Any]:
        """A JSON Schema (2020-12) of what a schema asks; recursion ends in anything.

        Args:
            schema: as written.
            depth: of nesting.
        """
        source = self.resolved(schema)
        if depth > MAX_DEPTH or not source:
            return {}
        found: dict[str, Any] = {key: source[key] for key in source if key in _KEPT}
        for key in ("allOf", "oneOf", "anyOf"):
            if isinstance(source.get(key), list):
                found[key] = [self.json_schema(item, depth + 1) for item in source[key]]
        if isinstance(source.get("properties"), Mapping):
            found["properties"] = {n: self.json_schema(item, depth + 1) for n, item in source["properties"].items()}
            self._without_write_only(found, source["properties"])
        if "items" in source:
            found["items"] = self.json_schema(source["items"], depth + 1)
        extra = source.get("additionalProperties")
        if isinstance(extra, bool):
            found["additionalProperties"] = extra
        elif isinstance(extra, Mapping):
            found["additionalProperties"] = self.json_schema(extra, depth + 1)
        return self._older(found, source)

    def _without_write_only(self, found: dict[str, Any], properties: Mapping[str, Any]) -> None:
        hidden = [name for name, item in properties.items() if self.resolved(item).get("writeOnly")]
        if hidden and isinstance(found.get("required"), list):
            found["required"] = [name for name in found["required"] if name not in hidden]

    def _older(self, found: dict[str, Any], source: Schema) -> dict[str, Any]:
        """What 3.0 writes in its own way."""
        if not self.old:
            return found
        for key, bound in (("exclusiveMinimum", "minimum"), ("exclusiveMaximum", "maximum")):
            if isinstance(found.get(key), bool):
                exclusive = found.pop(key)
                if exclusive and bound in found:
                    found[key] = found.pop(bound)
        if source.get("nullable") and isinstance(found.get("type"), str):
            found["type"] = [found["type"], "null"]
            if isinstance(found.get("enum"), list) and None not in found["enum"]:
                found["enum"] = [*found["enum"], None]
        elif source.get("nullable"):
            return {"anyOf": [found, {"type": "null"}]}
        return found


def _with_files(value: object, file: str) -> object:
    if isinstance(value, list):
        return [_with_files(item, file) for item in value]
    if not isinstance(value, Mapping):
        return value
    found = {key: _with_files(item, file) for key, item in value.items()}
    reference = found.get("$ref")
    if isinstance(reference, str) and "://" not in reference:
        name, mark, pointer = reference.partition("#")
        place = posixpath.normpath(posixpath.join(posixpath.dirname(file), name)) if name else file
        found["$ref"] = f"{place}{mark}{pointer}"
    return found


_NONE = object()


def _map(value: object) -> Mapping[str, Any]:
    return value if isinstance(value, Mapping) else {}


def _given(schema: Schema) -> object:
    """The example, default or only value a schema gives."""
    examples = schema.get("examples")
    if "example" in schema:
        return schema["example"]
    if isinstance(examples, list) and examples:
        return examples[0]
    for key in ("default", "const"):
        if schema.get(key) is not None:
            return schema[key]
    choices = schema.get("enum")
    return choices[0] if isinstance(choices, list) and choices else _NONE


def type_of(schema: Schema) -> str:
    """The type that a schema asks for, or nothing.

    Args:
        schema: merged.
    """
    kind = schema.get("type")
    if isinstance(kind, list):
        return next((str(item) for item in kind if item != "null"), "")
    return str(kind or "")


def _simple(kind: str, schema: Schema) -> object:
    if kind in ("integer", "number"):
        return _number(schema)
    if kind == "boolean":
        return True
    if kind == "string" or not kind:
        text = _TEXTS.get(str(schema.get("format", "")), "text")
        least = schema.get("minLength")
        return (
            text
            if not isinstance(least, int) or len(text) >= least or "$" in text
            else text.ljust(min(least, 500), "x")
        )
    return None


def _number(schema: Schema) -> object:
    least, most = schema.get("minimum"), schema.get("maximum")
    found: Any = least if isinstance(least, int | float) and not isinstance(least, bool) else 1
    if isinstance(schema.get("exclusiveMinimum"), int | float) and not isinstance(schema["exclusiveMinimum"], bool):
        found = schema["exclusiveMinimum"] + 1
    elif schema.get("exclusiveMinimum") is True:
        found = found + 1
    return most if isinstance(most, int | float) and found > most else found
