"""marshmallow: schemas as payload types, with the names their fields have on the wire."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from graph.values import Fact, Field, Shape
from scanners.idioms.code import Assign, Scope

if TYPE_CHECKING:
    from tree_sitter import Node

    from scanners.idioms.python import PyCode

_TYPES = {
    **dict.fromkeys(
        ("Str", "String", "Email", "Url", "URL", "UUID", "DateTime", "Date", "Time", "Enum", "IP"), "string"
    ),
    **dict.fromkeys(("Int", "Integer", "TimeDelta"), "integer"),
    **dict.fromkeys(("Float", "Decimal", "Number"), "number"),
    **dict.fromkeys(("Bool", "Boolean"), "boolean"),
    **dict.fromkeys(("Dict", "Mapping"), "object"),
    **dict.fromkeys(("List", "Tuple"), "array"),
}


class Marshmallow:
    """The marshmallow library and its Flask and SQLAlchemy companions."""

    name: str = "marshmallow"
    version: int = 1
    language: tuple[str, ...] = ("python",)
    markers: tuple[bytes, ...] = (b"marshmallow", b"Schema)")

    def facts(self, parsed: PyCode) -> Iterator[Fact]:
        """Types.

        Args:
            parsed: a Python file.
        """
        for scope in parsed.scopes:
            if scope.sort == "class" and any("Schema" in b.rsplit(".", 1)[-1] for b in scope.bases):
                fields = tuple(_fields(parsed, scope))
                if fields:
                    auto = any(b.rsplit(".", 1)[-1] not in ("Schema",) for b in scope.bases)
                    shape = Shape("object", fields, open=auto)
                    yield Fact("type", {"name": scope.name, "shape": shape}, parsed.at(scope.node))


def _fields(code: PyCode, scope: Scope) -> Iterator[Field]:
    for assign in code.assigns:
        if assign.scope is scope and assign.annotation is None:
            found = _field(code, assign)
            if found is not None:
                yield found


def _field(code: PyCode, assign: Assign) -> Field | None:
    site = code.site(assign.value) if assign.value is not None else None
    if site is None or site.method not in (*_TYPES, "Nested", "Raw", "Field", "Method", "Function", "Pluck"):
        return None
    name = code.string(site.arg(-1, "data_key", "dump_to", "load_from")) or assign.target
    required = True if code.text(site.named.get("required")) == "True" else None
    return Field(name, _shape(code, site.node), required)


def _shape(code: PyCode, node: Node) -> Shape:
    site = code.site(node)
    if site is None:
        return Shape()
    if site.method == "Nested" and site.args:
        named = code.dotted(site.args[0]) or code.string(site.args[0])
        made = code.site(site.args[0])
        inner = Shape("object", named=named or (made.dotted if made is not None else ""))
        return Shape("array", item=inner) if code.text(site.named.get("many")) == "True" else inner
    if site.method == "List" and site.args:
        return Shape("array", item=_shape(code, site.args[0]))
    return Shape(_TYPES.get(site.method, "unknown"))


PACK = Marshmallow()
