"""GraphQL schemas: the fields of the root types are operations; a broken definition never costs the others."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from graph.values import Fact, Field, Location, Scalar, Shape

if TYPE_CHECKING:
    from graphql.language import ast

_SCALARS = {"String": "string", "ID": "string", "Int": "integer", "Float": "number", "Boolean": "boolean"}
_ROOTS = {"query": "Query", "mutation": "Mutation", "subscription": "Subscription"}
_BEGINS = re.compile(
    r"^(?:extend\s+)?(?:type|input|enum|interface|union|scalar|schema|directive|query|mutation|subscription|fragment)\b"
    r'|^"""',
    re.MULTILINE,
)
_MOST_TOKENS = 300_000
_MOST_PROBLEMS = 20


def facts(path: str, text: str, line: int = 1) -> Iterator[Fact]:
    """Operations, types and problems of a schema; documents of clients say nothing.

    Args:
        path: of the file.
        text: the schema.
        line: of its first line in that file.
    """
    schema = _Schema(path, line - 1)
    yield from schema.read(text)
    yield from schema.facts()


@dataclass(slots=True)
class _Schema:
    path: str
    before: int
    definitions: list[ast.DefinitionNode] = field(default_factory=list)
    enums: dict[str, tuple[Scalar, ...]] = field(default_factory=dict)
    objects: set[str] = field(default_factory=set)

    def read(self, text: str) -> Iterator[Fact]:
        """Parse it whole, or, when something is wrong, one definition after the other."""
        from graphql import GraphQLSyntaxError

        try:
            self.definitions = list(_parsed(text))
        except GraphQLSyntaxError:
            yield from self._one_by_one(text)

    def _one_by_one(self, text: str) -> Iterator[Fact]:
        from graphql import GraphQLSyntaxError

        starts = [m.start() for m in _BEGINS.finditer(text)]
        starts = [s for n, s in enumerate(starts) if n == 0 or not _in_text(text, starts[n - 1], s)]
        said = 0
        for start, end in zip(starts, [*starts[1:], len(text)], strict=True):
            piece = "\n" * text.count("\n", 0, start) + text[start:end]
            try:
                self.definitions += _parsed(piece) if piece.strip() else ()
            except GraphQLSyntaxError as error:
                said += 1
                if said <= _MOST_PROBLEMS:
                    yield self._problem(error)

    def _problem(self, error: Any) -> Fact:
        place = error.locations[0] if error.locations else None
        fields = {"rule": "graphql/syntax", "message": str(error.message)[:300], "severity": "warning"}
        fields |= {"column": place.column} if place is not None else {}
        return Fact("problem", fields, Location(self.path, self.before + (place.line if place is not None else 1)))

    def facts(self) -> Iterator[Fact]:
        """What the definitions say."""
        roots = dict(_ROOTS)
        for node in self.definitions:
            kind = node.kind
            for operation in getattr(node, "operation_types", None) or ():
                roots[operation.operation.value] = operation.type.name.value
            if kind.startswith("enum_type"):
                values = tuple(v.name.value for v in getattr(node, "values", None) or ())
                self.enums[_name(node)] = self.enums.get(_name(node), ()) + values
            elif kind.startswith(("object_type", "input_object", "interface_type")):
                self.objects.add(_name(node))
        methods = {name: operation.upper() for operation, name in roots.items()}
        for node in self.definitions:
            if _name(node) not in self.objects:
                continue
            if _name(node) in methods:
                yield from self._operations(node, methods[_name(node)])
            else:
                yield self._type(node)

    def _operations(self, node: ast.DefinitionNode, method: str) -> Iterator[Fact]:
        for item in getattr(node, "fields", None) or ():
            name = item.name.value
            if name in ("_service", "_entities"):
                continue
            arguments = tuple(self._field(a) for a in item.arguments or ())
            fields: dict[str, object] = {
                "protocol": "graphql",
                "method": method,
                "path": name,
                "pointer": f"{_name(node)}.{name}",
                "operation_id": name,
                "returns": {"200": self._shape(item.type)},
                "query": (),
            }
            fields |= {"accepts": Shape("object", arguments, open=False)} if arguments else {}
            yield Fact("operation", fields, self._at(item))

    def _type(self, node: ast.DefinitionNode) -> Fact:
        fields = tuple(self._field(f) for f in getattr(node, "fields", None) or ())
        extends = node.kind.endswith("_extension")
        return Fact("type", {"name": _name(node), "shape": Shape("object", fields, open=extends)}, self._at(node))

    def _field(self, item: Any) -> Field:
        required = item.type.kind == "non_null_type" and getattr(item, "default_value", None) is None
        return Field(item.name.value, self._shape(item.type), required, self.enums.get(_innermost(item.type), ()))

    def _shape(self, node: Any) -> Shape:
        if node.kind == "non_null_type":
            node = node.type
        if node.kind == "list_type":
            return Shape("array", item=self._shape(node.type))
        name = node.name.value
        if name in _SCALARS or name in self.enums:
            return Shape(_SCALARS.get(name, "string"))
        return Shape("object", named=name) if name in self.objects else Shape(named=name)

    def _at(self, node: Any) -> Location:
        return Location(self.path, self.before + (node.name.loc.start_token.line if node.name.loc else 1))


def _parsed(text: str) -> tuple[ast.DefinitionNode, ...]:
    from graphql import parse

    return parse(text, max_tokens=_MOST_TOKENS).definitions


def _in_text(text: str, start: int, at: int) -> bool:
    """Whether a position is inside, or the definition right after, the description that begins before it."""
    return text.startswith('"""', start) and text.count('"""', start, at) < 3 and "{" not in text[start:at]


def _name(node: Any) -> str:
    name = getattr(node, "name", None)
    return str(name.value) if name is not None else ""


def _innermost(node: Any) -> str:
    while node.kind in ("non_null_type", "list_type"):
        node = node.type
    return str(node.name.value) if node.kind == "named_type" else ""
