"""Task queues in Python: tasks as topics of their broker, with their parameters as the payload."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from graph.values import ANYTHING, Fact, Field, Lit, Location, Name, Shape, Value
from scanners.idioms import python as py
from scanners.idioms.code import CallSite, Scope
from scanners.idioms.python_shapes import annotation

if TYPE_CHECKING:
    from tree_sitter import Node

    from scanners.idioms.python import PyCode

_SELVES = ("self", "cls")


def module_name(path: str) -> str:
    """The dotted module of a file, from the repository's root; linking takes the service's own folder off.

    Args:
        path: of the file.
    """
    return path.removesuffix(".py").removesuffix("/__init__").replace("/", ".")


def task_facts(code: PyCode, scope: Scope, about: tuple[str, Value], skip: int = 0) -> Iterator[Fact]:
    """A function that handles a task.

    Args:
        code: the file.
        scope: the function, or the ``run`` method of a task class.
        about: broker and name of the task.
        skip: how many parameters the library itself gives.
    """
    broker, name = about
    holder = scope.owner or scope.name
    binding = {"target": f"{holder}.name", "value": name, "scope": ""}
    yield Fact("binding", binding, code.at(scope.node))
    fields: dict[str, object] = {"broker": broker, "topic": name, "symbol": scope.name}
    shape = parameters_shape(code, scope, skip)
    if shape.fields:
        fields["shape"] = shape
    yield Fact("consume", fields, code.at(scope.node))


def parameters_shape(code: PyCode, scope: Scope, skip: int = 0) -> Shape:
    """A function's parameters as a payload.

    Args:
        code: the file.
        scope: the function.
        skip: how many leading ones the library gives; a first one named self is always left out.
    """
    fields: list[Field] = []
    listed = py.definition(scope).child_by_field_name("parameters")
    spread = listed is not None and any(
        "splat" in (n.children[0].type if n.children else "") + n.type for n in listed.named_children
    )
    names = list(py.parameters(code, scope))
    names = names[1:] if names and names[0][0] in _SELVES else names[skip:]
    for name, node in names:
        if not any("splat" in c.type for c in node.children[:1]):
            required = node.child_by_field_name("value") is None
            fields.append(Field(name, annotation(code, node.child_by_field_name("type")), required))
    return Shape("object", tuple(fields), open=spread)


def sent(code: PyCode, site: CallSite, about: tuple[str, Value], given: tuple[list[Node], dict[str, Node]]) -> Fact:
    """A task that is sent.

    Args:
        code: the file.
        site: where.
        about: broker and name of the task.
        given: positional and named arguments for it.
    """
    broker, name = about
    args, named = given
    fields: dict[str, object] = {"broker": broker, "topic": name, "symbol": site.scope.name}
    shape = arguments_shape(code, site.scope, args, named)
    if shape.fields:
        fields["shape"] = shape
    return Fact("publish", fields, Location(code.path, site.line))


def arguments_shape(code: PyCode, scope: Scope, args: list[Node], named: dict[str, Node]) -> Shape:
    """Arguments as a payload; positional ones leave it open, for only the task knows their names.

    Args:
        code: the file.
        scope: where they are written.
        args: positional.
        named: by keyword.
    """
    fields = tuple(Field(n, code.shape(v, scope), True) for n, v in named.items())
    return Shape("object", fields, open=bool(args)) if fields else ANYTHING


def mapping(code: PyCode, node: Node | None) -> dict[str, Node]:
    """The entries of a dictionary literal or of ``dict(...)`` by key.

    Args:
        code: the file.
        node: expression.
    """
    if node is None:
        return {}
    site = code.site(node) if node.type == "call" else None
    if site is not None:
        return dict(site.named) if site.method == "dict" else {}
    pairs = [c for c in node.named_children if c.type == "pair"] if node.type == "dictionary" else []
    found = {}
    for pair in pairs:
        key, value = code.string(pair.child_by_field_name("key")), pair.child_by_field_name("value")
        if key and value is not None:
            found[key] = value
    return found


def task_of(code: PyCode, name: str) -> Value:
    """The name of a task as its function's file says it.

    Args:
        code: the file.
        name: the function as written.
    """
    return Name(f"{name}.name") if name else Lit("")
