"""Payload types of Python as Shapes: pydantic, dataclasses, attrs, TypedDict, NamedTuple, msgspec, with wire names."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from typing import TYPE_CHECKING

from graph.values import Fact, Field, Location, Param, Shape
from scanners.idioms import python as py
from scanners.idioms.code import Assign, CallSite, Scope
from scanners.idioms.generics import parametrised
from scanners.idioms.python_shapes import OWN, annotation, literal_values

if TYPE_CHECKING:
    from tree_sitter import Node

    from scanners.idioms.python import PyCode

_MADE_BY_FIELDS = ("Field", "field", "ib", "attrib", "PrivateAttr", "Factory", "Form", "Body", "Query")
_DEFAULTS = ("default", "default_factory", "factory", "missing")
_BASES = 5
_SKIPPED = ("model_config", "Config", "Meta")


def camel(name: str) -> str:
    """``order_id`` as ``orderId``.

    Args:
        name: in snake case.
    """
    head, *rest = name.split("_")
    return head + "".join(part[:1].upper() + part[1:] for part in rest)


def pascal(name: str) -> str:
    """``order_id`` as ``OrderId``.

    Args:
        name: in snake case.
    """
    return "".join(part[:1].upper() + part[1:] for part in name.split("_"))


def kebab(name: str) -> str:
    """``order_id`` as ``order-id``.

    Args:
        name: in snake case.
    """
    return name.replace("_", "-")


_CASES: Mapping[str, Callable[[str], str]] = {
    "to_camel": camel,
    "to_lower_camel": camel,
    "camelize": camel,
    "camel": camel,
    "camelcase": camel,
    "LetterCase.CAMEL": camel,
    "to_pascal": pascal,
    "pascal": pascal,
    "LetterCase.PASCAL": pascal,
    "kebab": kebab,
    "LetterCase.KEBAB": kebab,
}
_PARAMETERS = re.compile(r"(?:\bGeneric|^class\s+\w+)\[([\w\s,:.]+)\]")
_ROOTS = ("BaseModel", "NamedTuple", "Struct", "object", "ABC", "SQLModel")
_CAMEL_BASES = ("CamelModel", "CamelCaseModel", "CamelBaseModel")


def type_facts(code: PyCode) -> Iterator[Fact]:
    """Every payload type of a file.

    Args:
        code: the file.
    """
    own: dict[int, list[Assign]] = {}
    for assign in code.assigns:
        if assign.annotation is not None and assign.scope.sort == "class":
            own.setdefault(id(assign.scope), []).append(assign)
    for scope in code.scopes:
        if scope.sort == "class" and _is_payload(code, scope, bool(own.get(id(scope)))):
            fields = tuple(_fields(code, scope, own.get(id(scope), [])))
            if fields:
                shape = parametrised(Shape("object", fields, open=False), _parameters(code, scope))
                yield Fact("type", {"name": scope.name, "shape": shape}, code.at(scope.node))
            yield from _given(code, scope, own.get(id(scope), []))
    yield from _functional(code)
    yield from _told(code)


def _told(code: PyCode) -> Iterator[Fact]:
    """``def to_dict(self): return {...}``: what objects of a class look like when they say it themselves."""
    for node, scope in code.returns:
        name = scope.name.rpartition(".")[2]
        if scope.sort == "method" and name in OWN and node.named_child_count:
            shape = code.shape(node.named_children[0], scope)
            if shape.type == "object" and shape.fields and not shape.named:
                yield Fact("type", {"name": f"{scope.name}()", "shape": shape}, code.at(node))


def _parameters(code: PyCode, scope: Scope) -> list[str]:
    """Type parameters of ``class Page(BaseModel, Generic[T])`` and ``class Page[T](BaseModel)``."""
    head = code.text(scope.node).partition(":\n")[0]
    found = _PARAMETERS.search(head)
    return [p.partition(":")[0].strip() for p in found[1].split(",")] if found is not None else []


def _given(code: PyCode, scope: Scope, own: list[Assign]) -> Iterator[Fact]:
    """Fields without a default are what the constructor that nobody wrote is given, by position or by name."""
    above = [b for b in scope.bases if b.rsplit(".", 1)[-1] not in _ROOTS]
    init = f"{scope.name}.__init__"
    if above or code.scope(init) is not None:
        return
    for at, assign in enumerate(own):
        if assign.value is None and assign.target.isidentifier():
            fields = {"target": f"{scope.name}.{assign.target}", "value": Param(at, assign.target), "scope": init}
            yield Fact("binding", fields, Location(code.path, assign.line))


def _is_payload(code: PyCode, scope: Scope, annotated: bool) -> bool:
    marks = [code.text(d) for d in py.decorators(code, scope)]
    if any(
        "dataclass" in m or m.startswith(("attr.", "attrs.", "attr(", "define", "frozen", "mutable")) for m in marks
    ):
        return True
    return bool(scope.bases) and annotated


def _fields(code: PyCode, scope: Scope, own: list[Assign]) -> Iterator[Field]:
    rename = _renaming(code, scope)
    partial = _total_false(code, scope)
    for assign in own:
        text = code.text(assign.annotation)
        if assign.target.startswith(("_", *_SKIPPED)) or text.startswith(("ClassVar", "typing.ClassVar", "InitVar")):
            continue
        site = _maker(code, assign)
        name = _alias(code, site) or (rename(assign.target) if rename is not None else assign.target)
        required = (
            not partial and _required(code, assign, site) and not text.startswith(("NotRequired", "t.NotRequired"))
        )
        required = required or text.startswith(("Required[", "t.Required["))
        yield Field(name, annotation(code, assign.annotation), required, literal_values(code, assign.annotation))


def _maker(code: PyCode, assign: Assign) -> CallSite | None:
    """The ``Field(...)`` that says more of a field, as its default or inside ``Annotated``."""
    site = code.site(assign.value) if assign.value is not None else None
    if site is not None and site.method in _MADE_BY_FIELDS:
        return site
    if assign.annotation is None or b"Annotated[" not in code.data:
        return None
    span = range(assign.annotation.start_byte, assign.annotation.end_byte)
    return next((s for s in code.called("Field", "Meta") if s.node.start_byte in span), None)


def _required(code: PyCode, assign: Assign, site: CallSite | None) -> bool:
    if assign.value is None:
        return site is None or not any(name in site.named for name in _DEFAULTS)
    if site is None or code.site(assign.value) is not site:
        return code.text(assign.value) == "..."
    if any(name in site.named for name in _DEFAULTS):
        return code.text(site.named.get("default")) == "..."
    return not site.args or code.text(site.args[0]) == "..."


def _alias(code: PyCode, site: CallSite | None) -> str:
    if site is None:
        return ""
    given = site.arg(-1, "serialization_alias", "alias", "validation_alias", "name", "data_key")
    return first_text(code, given)


def first_text(code: PyCode, node: Node | None) -> str:
    """A text, or the first one of ``AliasChoices("a", "b")``.

    Args:
        code: the file.
        node: expression.
    """
    site = code.site(node) if node is not None and node.type == "call" else None
    if site is not None:
        return code.string(site.args[0]) if site.method in ("AliasChoices", "AliasPath") and site.args else ""
    return code.string(node)


def _renaming(code: PyCode, scope: Scope, depth: int = 0) -> Callable[[str], str] | None:
    """How a class spells its fields on the wire: an alias generator, ``rename="camel"``, a letter case."""
    header = code.text(py.definition(scope).child_by_field_name("superclasses"))
    marks = [header, *(code.text(d) for d in py.decorators(code, scope))]
    for assign in code.assigns:
        inside = assign.scope is scope or (assign.scope.parent is scope and assign.scope.sort == "class")
        if inside and assign.target in ("model_config", "alias_generator", "Config") and assign.value is not None:
            marks.append(f"alias_generator={code.text(assign.value)}")
    for mark in marks:
        if any(word in mark for word in ("alias_generator", "rename=", "letter_case")):
            found = next((case for name, case in _CASES.items() if name in mark), None)
            if found is not None:
                return found
    for base in scope.bases:
        other = code.scope(base)
        if base.rsplit(".", 1)[-1] in _CAMEL_BASES:
            return camel
        if other is not None and other is not scope and depth < _BASES:
            inherited = _renaming(code, other, depth + 1)
            if inherited is not None:
                return inherited
    return None


def _total_false(code: PyCode, scope: Scope) -> bool:
    header = code.text(py.definition(scope).child_by_field_name("superclasses"))
    return "total=False" in header.replace(" ", "")


def _functional(code: PyCode) -> Iterator[Fact]:
    """``Order = TypedDict("Order", {"id": int})``, ``Point = NamedTuple("Point", [("x", int)])``."""
    for site in code.called("TypedDict", "create_model"):
        held = code.held(site)
        listed = site.arg(1, "fields") if site.method == "TypedDict" else None
        if held is None:
            continue
        fields = []
        for pair in listed.named_children if listed is not None and listed.type == "dictionary" else ():
            key = code.string(pair.child_by_field_name("key")) if pair.type == "pair" else ""
            if key:
                fields.append(
                    Field(key, annotation(code, pair.child_by_field_name("value")), "total" not in site.named)
                )
        if fields:
            yield Fact(
                "type", {"name": held.target, "shape": Shape("object", tuple(fields), open=False)}, code.at(site.node)
            )
