"""Avro schemas as Shapes: what a reader must find, and what it may do without."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from graph.values import ANYTHING, Field, Scalar, Shape

_TYPES = {
    "string": "string",
    "bytes": "string",
    "fixed": "string",
    "int": "integer",
    "long": "integer",
    "float": "number",
    "double": "number",
    "boolean": "boolean",
    "null": "null",
    "map": "object",
    "uuid": "string",
}
_DEEPEST = 12
_MOST = 2_000


def shape(schema: object) -> Shape:
    """The Shape of a schema.

    Args:
        schema: a plain document.
    """
    return _Names().shape(schema, "", 0)


def records(schema: object) -> Iterator[tuple[str, Shape]]:
    """Every named record in a schema, with its full name.

    Args:
        schema: a plain document: a record, a list of them, or a protocol with `types`.
    """
    names = _Names()
    listed = schema if isinstance(schema, list) else [schema]
    if isinstance(schema, Mapping) and isinstance(schema.get("types"), list):
        listed = list(schema["types"])
        names.space = str(schema.get("namespace", ""))
    for item in listed:
        names.shape(item, names.space, 0)
    yield from names.records.items()


@dataclass(slots=True)
class _Names:
    records: dict[str, Shape] = field(default_factory=dict)
    enums: dict[str, tuple[Scalar, ...]] = field(default_factory=dict)
    space: str = ""
    left: int = _MOST

    def shape(self, schema: object, space: str, depth: int) -> Shape:
        """The Shape of a schema; a record inside itself is named only."""
        self.left -= 1
        if depth > _DEEPEST or self.left < 0:
            return ANYTHING
        if isinstance(schema, list):
            known = [s for s in schema if s != "null"]
            return self.shape(known[0], space, depth) if len(known) == 1 else ANYTHING
        if isinstance(schema, str):
            return Shape(_TYPES[schema]) if schema in _TYPES else self._named(schema, space)
        if not isinstance(schema, Mapping):
            return ANYTHING
        sort = schema.get("type")
        if isinstance(sort, Mapping | list):
            return self.shape(sort, space, depth + 1)
        if sort in ("record", "error"):
            return self._record(schema, space, depth)
        if sort == "enum":
            symbols = schema.get("symbols")
            values = tuple(str(s) for s in symbols) if isinstance(symbols, list) else ()
            self.enums[_full(schema, space)] = values
            return Shape("string")
        if sort == "array":
            return Shape("array", item=self.shape(schema.get("items"), space, depth + 1))
        return (
            self.shape(sort, space, depth + 1)
            if isinstance(sort, str) and sort not in _TYPES
            else Shape(_TYPES.get(str(sort), "unknown"))
        )

    def _named(self, name: str, space: str) -> Shape:
        full = name if "." in name or not space else f"{space}.{name}"
        if full in self.enums or name in self.enums:
            return Shape("string")
        return Shape("object", named=full)

    def _record(self, schema: Mapping[str, object], space: str, depth: int) -> Shape:
        name = _full(schema, space)
        inner = name.rpartition(".")[0]
        listed = schema.get("fields")
        fields = []
        for item in listed if isinstance(listed, list) else ():
            if isinstance(item, Mapping) and "name" in item:
                required = "default" not in item
                held = self.shape(item.get("type"), inner, depth + 1)
                fields.append(Field(str(item["name"]), held, required, self._values(item.get("type"), inner)))
        found = Shape("object", tuple(fields), open=False)
        self.records[name] = found
        return found

    def _values(self, schema: object, space: str) -> tuple[Scalar, ...]:
        if isinstance(schema, Mapping) and schema.get("type") == "enum":
            return self.enums.get(_full(schema, space), ())
        return ()


def _full(schema: Mapping[str, object], space: str) -> str:
    name = str(schema.get("name", ""))
    namespace = schema.get("namespace")
    outer = namespace if isinstance(namespace, str) else space
    return name if "." in name or not outer else f"{outer}.{name}"
