"""What Java web frameworks and clients share: paths in annotations, statuses by name, payload types, class literals."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from http import HTTPStatus
from typing import TYPE_CHECKING

from graph.values import ANYTHING, Choice, Concat, Config, Fact, Lit, Shape, Unknown, Value
from scanners.idioms.code import Scope
from scanners.idioms.java import Mark, bare, items
from scanners.idioms.java_noise import words
from scanners.idioms.java_shapes import of_type
from scanners.idioms.java_values import filled

if TYPE_CHECKING:
    from tree_sitter import Node

    from scanners.idioms.java import JavaCode

MAPPINGS = {
    "GetMapping": "GET",
    "PostMapping": "POST",
    "PutMapping": "PUT",
    "DeleteMapping": "DELETE",
    "PatchMapping": "PATCH",
    "RequestMapping": "",
}
EXCHANGES = {
    "GetExchange": "GET",
    "PostExchange": "POST",
    "PutExchange": "PUT",
    "DeleteExchange": "DELETE",
    "PatchExchange": "PATCH",
    "HttpExchange": "",
}
VERBS = words("GET POST PUT DELETE PATCH HEAD OPTIONS TRACE")
_REGEX = re.compile(r"\{\s*(\w+)\s*:(?:[^{}]|\{[^{}]*\})*\}")
_REST = re.compile(r"\{\*\w+\}")
_STATUSES = {s.name: s.value for s in HTTPStatus} | {
    "REQUESTED_RANGE_NOT_SATISFIABLE": 416,
    "UNPROCESSABLE_CONTENT": 422,
    "TOO_EARLY": 425,
    "BANDWIDTH_LIMIT_EXCEEDED": 509,
}
_NUMBER = re.compile(r"(?<![\w.])([1-5]\d\d)(?!\w)")
_WORD = re.compile(r"\b(?:SC_)?([A-Z][A-Z_]{1,40})\b")


def paths(code: JavaCode, mark: Mark, *names: str) -> list[Value]:
    """The paths an annotation gives, placeholders read, ``{id:regex}`` as ``{id}``; empty when it gives none.

    Args:
        code: the file.
        mark: the annotation.
        names: its path arguments.
    """
    node = mark.arg(*names)
    scope = around(mark.scope)
    return [template(filled(code.value(n, scope))) for n in items(node)] if node is not None else []


def from_package(code: JavaCode, mark: Mark, package: str) -> bool:
    """Whether an annotation is of a package or below it, by its import or a wildcard one.

    Args:
        code: the file.
        mark: the annotation.
        package: dotted.
    """
    return mark.full.startswith(package) or (
        mark.full == mark.name and any(star.startswith(package) for star in code.stars)
    )


def served_bases(code: JavaCode, scope: Scope) -> list[str]:
    """The bases of a controller that may declare operations: all but the platform's.

    Args:
        code: the file.
        scope: the controller.
    """
    known = {b: code.imports.get(b.partition(".")[0]) for b in scope.bases}
    return [b for b, found in known.items() if found is None or not found.module.startswith(("java.", "javax."))]


def around(scope: Scope) -> Scope:
    """The class a method's annotations are written in; a class's own scope.

    Args:
        scope: an annotated class or method.
    """
    return scope.parent if scope.sort == "method" and scope.parent is not None else scope


def template(path: Value) -> Value:
    """A path with the patterns of its variables taken off.

    Args:
        path: as written.
    """
    if isinstance(path, Lit) and isinstance(path.value, str):
        return Lit(_REST.sub("**", _REGEX.sub(r"{\1}", path.value)))
    if isinstance(path, Concat):
        return Concat(tuple(template(p) for p in path.parts))
    return path


def one(values: Sequence[Value]) -> Value:
    """Several values as one.

    Args:
        values: none gives the empty text.
    """
    if not values:
        return Lit("")
    return values[0] if len(values) == 1 else Choice(tuple(values))


def methods(code: JavaCode, mark: Mark, table: dict[str, str]) -> list[str]:
    """The HTTP methods a mapping annotation is for, empty when it is for all.

    Args:
        code: the file.
        mark: the annotation.
        table: annotation to its method, empty when an argument says it.
    """
    if table.get(mark.name):
        return [table[mark.name]]
    names = [code.string(n) or code.text(n).rsplit(".", 1)[-1] for n in items(mark.arg("method"))]
    return [n.upper() for n in names if n.upper() in VERBS]


def status_of(code: JavaCode, node: Node | None) -> int:
    """The status an expression names, 0 when it does not: ``404``, ``HttpStatus.NOT_FOUND``, ``SC_NOT_FOUND``.

    Args:
        code: the file.
        node: expression.
    """
    if node is None:
        return 0
    text = code.text(node)[:200]
    named = next((_STATUSES[w] for w in _WORD.findall(text) if w in _STATUSES), 0)
    number = _NUMBER.search(text)
    return named or (int(number.group(1)) if number else 0)


def status_named(name: str) -> int:
    """The status of a constant's or method's name (``NOT_FOUND``, ``notFound``), 0 when there is none.

    Args:
        name: of a constant or method.
    """
    spelled = re.sub(r"(?<=[a-z])([A-Z])", r"_\1", name).upper()
    return _STATUSES.get(spelled, 0)


def class_shape(code: JavaCode, node: Node | None) -> Shape:
    """The shape a class literal or type reference stands for: ``Order.class``, ``new TypeReference<List<Order>>() {}``.

    Args:
        code: the file.
        node: expression.
    """
    node = bare(node)
    if node is None:
        return ANYTHING
    if node.type == "class_literal":
        found = of_type(code, node.named_children[0])
        return found if found.type != "unknown" else ANYTHING
    if node.type == "object_creation_expression":
        declared = node.child_by_field_name("type")
        name = code.type_text(declared).rsplit(".", 1)[-1]
        return of_type(code, declared) if name.endswith(("TypeReference", "TypeToken", "GenericType")) else ANYTHING
    return ANYTHING


def known(shape: Shape | None) -> bool:
    """Whether a shape says anything of a body's fields.

    Args:
        shape: any.
    """
    return shape is not None and (bool(shape.named or shape.fields) or shape.item is not None)


def responds(symbol: str, status: int, code: JavaCode, node: Node) -> Iterator[Fact]:
    """A `responds` fact, nothing for status 0.

    Args:
        symbol: who answers.
        status: HTTP status.
        code: the file.
        node: where.
    """
    if status:
        yield Fact("responds", {"symbol": symbol, "status": status, "error": status >= 400}, code.at(node))


def literals(values: Iterable[Value]) -> list[str]:
    """The plain texts among values.

    Args:
        values: any.
    """
    return [v.value for v in values if isinstance(v, Lit) and isinstance(v.value, str)]


def readable(value: Value) -> bool:
    """Whether a Value says anything at all.

    Args:
        value: any.
    """
    return not isinstance(value, Unknown) and value != Lit("") and not (isinstance(value, Config) and not value.key)
