"""Schemas of API descriptions as Shapes, with local references followed."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from graph.values import ANYTHING, Field, Scalar, Shape

_DEEPEST = 12
_TYPES = ("object", "array", "string", "integer", "number", "boolean", "null")


@dataclass(frozen=True, slots=True)
class Document:
    """A parsed description, for references into it.

    Args:
        root: the whole document.
    """

    root: Mapping[str, object]

    def resolve(self, node: object) -> Mapping[str, object]:
        """A node, or what its local ``$ref`` points at; empty when it leads nowhere.

        Args:
            node: any part of the document.
        """
        for _ in range(_DEEPEST):
            if not isinstance(node, Mapping):
                return {}
            reference = node.get("$ref")
            if not isinstance(reference, str):
                return node
            node = self.at(reference) if reference.startswith("#/") else {}
        return {}

    def at(self, pointer: str) -> object:
        """The part a JSON pointer (``#/a/b``, RFC 6901) names; None when there is none.

        Args:
            pointer: with the leading ``#``.
        """
        node: object = self.root
        for part in pointer.removeprefix("#/").split("/"):
            key = part.replace("~1", "/").replace("~0", "~")
            if isinstance(node, Mapping):
                node = node.get(key)
            elif isinstance(node, list) and key.isdigit() and int(key) < len(node):
                node = node[int(key)]
            else:
                return None
        return node

    def shape(self, node: object, depth: int = 0) -> Shape:
        """The Shape of a schema.

        Args:
            node: the schema.
            depth: how deep in the schema we are.
        """
        schema = self.resolve(node)
        if not schema or depth > _DEEPEST:
            return ANYTHING
        for key in ("allOf", "oneOf", "anyOf"):
            parts = schema.get(key)
            if isinstance(parts, list) and parts:
                return self._combined(key, parts, schema, depth + 1)
        sort = _sort(schema)
        if sort == "array":
            return Shape("array", item=self.shape(schema.get("items"), depth + 1))
        if sort == "object" or "properties" in schema:
            return self._object(schema, depth + 1)
        return Shape(sort)

    def _object(self, schema: Mapping[str, object], depth: int) -> Shape:
        listed, required = schema.get("properties"), schema.get("required")
        needed = [r for r in required if isinstance(r, str)] if isinstance(required, list) else []
        properties = listed if isinstance(listed, Mapping) else {}
        fields = tuple(
            Field(str(name), self.shape(body, depth), name in needed, _enum(self.resolve(body)))
            for name, body in properties.items()
        )
        return Shape("object", fields, open=schema.get("additionalProperties") is not False)

    def _combined(self, key: str, parts: list[object], schema: Mapping[str, object], depth: int) -> Shape:
        shapes = [self.shape(part, depth) for part in parts]
        known = [s for s in shapes if s.type != "null"]
        if key != "allOf":
            return known[0] if len(known) == 1 else _union(known)
        own = self._object(schema, depth) if "properties" in schema else Shape("object")
        fields = {f.name: f for shape in (*shapes, own) for f in shape.fields}
        return Shape("object", tuple(fields.values()), open=all(s.open for s in shapes))


def _sort(schema: Mapping[str, object]) -> str:
    sort = schema.get("type")
    if isinstance(sort, list):
        sort = next((s for s in sort if s != "null"), "unknown")
    return sort if isinstance(sort, str) and sort in _TYPES else "unknown"


def _union(shapes: list[Shape]) -> Shape:
    if not shapes or any(s.type != "object" for s in shapes):
        return ANYTHING
    everywhere = set.intersection(*({f.name for f in s.fields} for s in shapes))
    fields: dict[str, Field] = {}
    for shape in shapes:
        for item in shape.fields:
            required = item.required if item.name in everywhere else False
            fields.setdefault(item.name, Field(item.name, item.shape, required, item.enum))
    return Shape("object", tuple(fields.values()))


def _enum(schema: Mapping[str, object]) -> tuple[Scalar, ...]:
    listed = schema.get("enum")
    values = listed if isinstance(listed, list) else [schema["const"]] if "const" in schema else []
    return tuple(v for v in values if v is None or isinstance(v, str | int | float | bool))
