"""Schemas of API descriptions as Shapes, with local references followed."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from graph.values import ANYTHING, Field, Scalar, Shape

_DEEPEST = 12
_DEPTHS = (12, 6, 4, 3, 2)
_MOST_PARTS = 600
_MOST_CHOICES = 100
_TYPES = ("object", "array", "string", "integer", "number", "boolean", "null")


@dataclass(slots=True)
class Document:
    """A parsed description, for references into it.

    Args:
        root: the whole document.
        without: `readOnly` or `writeOnly`: fields marked so are left out, for they do not travel this way.
    """

    root: Mapping[str, object]
    without: str = ""
    _left: int = _MOST_PARTS
    _deepest: int = _DEEPEST
    _inside: list[str] = field(default_factory=list)

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

    def sent(self, node: object) -> Shape:
        """The Shape of a schema in a request: fields that only answers have are left out.

        Args:
            node: the schema.
        """
        return Document(self.root, "readOnly").shape(node)

    def shape(self, node: object) -> Shape:
        """The Shape of a schema, as deep as some hundred parts allow, everywhere alike.

        Args:
            node: the schema.
        """
        shape = ANYTHING
        for self._deepest in _DEPTHS:
            self._left = _MOST_PARTS
            shape = self._shape(node, 0)
            if self._left >= 0:
                break
        return shape

    def either(self, shapes: list[Shape]) -> Shape:
        """What holds of one of several payloads: a field that is not in all of them is optional.

        Args:
            shapes: the payloads.
        """
        return _union(shapes)

    def _shape(self, node: object, depth: int) -> Shape:
        reference = node.get("$ref") if isinstance(node, Mapping) else None
        if not isinstance(reference, str):
            return self._of(node, depth)
        if reference in self._inside:
            return Shape("object")
        self._inside.append(reference)
        shape = self._of(node, depth)
        self._inside.pop()
        return shape

    def _of(self, node: object, depth: int) -> Shape:
        schema = self.resolve(node)
        self._left -= 1
        if not schema or depth > self._deepest or self._left < 0:
            return ANYTHING
        for key in ("allOf", "oneOf", "anyOf"):
            parts = schema.get(key)
            if isinstance(parts, list) and parts:
                return self._combined(key, parts, schema, depth + 1)
        sort = _sort(schema)
        if sort == "array" or (sort == "unknown" and "items" in schema):
            return Shape("array", item=self._shape(schema.get("items"), depth + 1))
        if sort == "object" or "properties" in schema:
            return self._object(schema, depth + 1)
        return Shape(sort if sort != "unknown" else _sort_of_values(_enum(schema)))

    def _object(self, schema: Mapping[str, object], depth: int) -> Shape:
        listed, required = schema.get("properties"), schema.get("required")
        needed = [r for r in required if isinstance(r, str)] if isinstance(required, list) else []
        fields: list[Field] = []
        for name, body in listed.items() if isinstance(listed, Mapping) else ():
            known = self.resolve(body)
            if not self.without or known.get(self.without) is not True:
                fields.append(Field(str(name), self._shape(body, depth), name in needed, _enum(known)))
        return Shape("object", tuple(fields), open=schema.get("additionalProperties") is not False)

    def _combined(self, key: str, parts: list[object], schema: Mapping[str, object], depth: int) -> Shape:
        shapes = [self._shape(part, depth) for part in parts[:_MOST_CHOICES]]
        known = [s for s in shapes if s.type != "null"]
        if key != "allOf":
            return known[0] if len(known) == 1 else _union(known)
        own = self._object(schema, depth) if "properties" in schema else Shape("object")
        if not own.fields and len(known) == 1 and known[0].type not in ("object", "unknown"):
            return known[0]
        needed = schema.get("required")
        names = {str(r) for r in needed} if isinstance(needed, list) else set()
        fields = {f.name: f for shape in (*shapes, own) for f in shape.fields}
        merged = tuple(replace(f, required=True) if f.name in names else f for f in fields.values())
        return Shape("object", merged, open=all(s.open for s in shapes))


def _sort(schema: Mapping[str, object]) -> str:
    sort = schema.get("type")
    if isinstance(sort, list):
        sort = next((s for s in sort if s != "null"), "unknown")
    return sort if isinstance(sort, str) and sort in _TYPES else "unknown"


def _sort_of_values(values: tuple[Scalar, ...]) -> str:
    if not values or not all(isinstance(v, str) for v in values):
        return "unknown"
    return "string"


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
