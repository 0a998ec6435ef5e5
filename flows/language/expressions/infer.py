"""Static types: what can be known of an expression before anything runs, and what is surely wrong with it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, NamedTuple, Protocol

from flows.language.closest import closest
from flows.language.errors import NotEvaluable, TypeMismatch
from flows.language.expressions import tree as t
from flows.language.expressions.functions import PURE
from flows.language.expressions.operations import LATER, OPERATIONS, PARAMETERS, RESULTS
from flows.language.shapes import (
    ANYTHING,
    ARRAY,
    BOOLEAN,
    NUMBER,
    STRING,
    Shape,
    listing,
    with_article,
)
from flows.language.values import type_name


class Finding(NamedTuple):
    """Something wrong in an expression.

    Args:
        rule: stable id.
        start: offset of the smallest wrong token.
        length: its characters.
        message: what is wrong.
        suggestion: the nearest valid name.
    """

    rule: str
    start: int
    length: int
    message: str
    suggestion: str | None = None


class Names(Protocol):
    """What bare names mean here."""

    def resolve(self, name: t.Name, *, optional: bool, member: str | None) -> Shape:
        """The shape of a name; reports one that cannot resolve.

        Args:
            name: the node.
            optional: directly under `exists` or left of `??`.
            member: the field that is taken of it, if any.
        """
        ...

    def default(self, node: t.Default) -> Shape:
        """The shape of ``${NAME:default}``."""
        ...

    def document(self, node: t.Tree) -> Shape:
        """The shape of ``$``."""
        ...

    def faker(self, node: t.Faker) -> Shape:
        """The shape of a FAKER value; reports unknown providers."""
        ...

    def schema(self, node: t.Tree) -> None:
        """Checks the right side of `matches_schema`."""
        ...

    def report(self, finding: Finding) -> None:
        """Takes a finding."""
        ...


class Inference:
    """Infers the shapes of one expression.

    Args:
        names: what bare names mean, and where findings go.
    """

    def __init__(self, names: Names) -> None:
        self.names = names
        self.elements: list[Shape] = []

    def shape(self, tree: t.Tree) -> Shape:
        """The shape of a tree, after reporting what is wrong in it.

        Args:
            tree: any node.
        """
        return _RULES[type(tree)](self, tree)

    def condition(self, tree: t.Tree, what: str) -> bool:
        """Requires a boolean; whether it may be one.

        Args:
            tree: the condition.
            what: how to call it.
        """
        found = self.shape(tree)
        if found.kind in ("any", "boolean"):
            return True
        self.wrong("flow/condition", tree, f"{what} must be a boolean; this is {with_article(found.kind)}")
        return False

    def wrong(self, rule: str, tree: t.Tree, message: str) -> None:
        """A finding about a whole node.

        Args:
            rule: stable id.
            tree: the node.
            message: what is wrong.
        """
        self.names.report(Finding(rule, tree.start, max(1, tree.end - tree.start), message))

    def _literal(self, tree: t.Literal) -> Shape:
        kind: Any = type_name(tree.value)
        return Shape(kind)

    def _joined(self, tree: t.Joined) -> Shape:
        for part in tree.parts:
            if not isinstance(part, str):
                self.shape(part)
        return STRING

    def _name(self, tree: t.Name) -> Shape:
        return self.names.resolve(tree, optional=False, member=None)

    def _element(self, tree: t.Element) -> Shape:
        return self.elements[-1] if self.elements else ANYTHING

    def _path_of(self, tree: t.PathOf) -> Shape:
        from flows.language.jsonpath import compile_jsonpath

        shape = self.names.document(tree)
        path = compile_jsonpath(tree.path)
        for segment in path.query.segments:
            if segment.descend or not segment.single:
                return ARRAY
            if isinstance(segment.key, int):
                shape = shape.items or ANYTHING if shape.kind == "array" else ANYTHING
                continue
            at = tree.start + 1 + segment.at
            shape = self._field(shape, str(segment.key), at, "this path" if shape.closed else "the value")
        return shape

    def _tolerant(self, tree: t.Tree) -> Shape:
        """Directly under exists and left of ??, where an unset name is no error."""
        if isinstance(tree, t.Name):
            return self.names.resolve(tree, optional=True, member=None)
        if isinstance(tree, t.Member) and isinstance(tree.target, t.Name):
            target = self.names.resolve(tree.target, optional=True, member=tree.name)
            return self._field(target, tree.name, tree.at, f"'{tree.target.name}'")
        return self.shape(tree)

    def _member(self, tree: t.Member) -> Shape:
        if isinstance(tree.target, t.Name):
            target = self.names.resolve(tree.target, optional=False, member=tree.name)
            return self._field(target, tree.name, tree.at, f"'{tree.target.name}'")
        return self._field(self.shape(tree.target), tree.name, tree.at, "this")

    def _field(self, target: Shape, name: str, at: int, whose: str) -> Shape:
        if target.kind in ("any", "object"):
            found = target.field(name)
            if found is None and name == "length":
                return NUMBER
            if found is None:
                known = target.fields or {}
                message = f"{whose} has no field '{name}'"
                self.names.report(Finding("flow/unknown-field", at, len(name), message, closest(name, known)))
                return ANYTHING
            return found
        if name == "length" and target.kind in ("string", "array"):
            return NUMBER
        message = f"{whose} is {with_article(target.kind)}, which has no field '{name}'"
        self.names.report(Finding("flow/unknown-field", at, len(name), message))
        return ANYTHING

    def _index(self, tree: t.Index) -> Shape:
        target = self.shape(tree.target)
        if isinstance(tree.key, t.Literal) and isinstance(tree.key.value, str):
            return self._field(target, tree.key.value, tree.key.start, "this")
        key = self.shape(tree.key)
        if target.kind == "array" and key.kind not in ("any", "number"):
            self.wrong("flow/compare", tree.key, f"an index is a number, not {with_article(key.kind)}")
        if target.kind in ("null", "boolean", "number"):
            self.wrong("flow/unknown-field", tree.key, f"{with_article(target.kind)} has no elements")
        return target.items or ANYTHING if target.kind == "array" else ANYTHING

    def _slice(self, tree: t.Slice) -> Shape:
        for part in (tree.lower, tree.upper):
            if part is not None:
                self.shape(part)
        return self.shape(tree.target)

    def _call(self, tree: t.Call) -> Shape:
        only = tree.arguments[0] if tree.arguments else None
        if tree.function == "path" and isinstance(only, t.Literal) and isinstance(only.value, str):
            return self._path_of(t.PathOf(only.value, only.start, only.end))
        shapes = [self.shape(argument) for argument in tree.arguments]
        accepted = PARAMETERS.get(tree.function)
        for argument, shape in zip(tree.arguments, shapes, strict=True):
            if accepted is not None and shape.kind != "any" and shape.kind not in accepted:
                message = f"{tree.function}() needs {' or '.join(accepted)}, not {with_article(shape.kind)}"
                self.wrong("flow/compare", argument, message)
            accepted = LATER.get(tree.function, accepted)
        self._constant(tree)
        return RESULTS.get(tree.function, ANYTHING)

    def _constant(self, tree: t.Call) -> None:
        """A call whose arguments are all written out: whether it has a value is known now."""
        function = PURE.get(tree.function)
        values = [argument.value for argument in tree.arguments if isinstance(argument, t.Literal)]
        if function is None or not values or len(values) != len(tree.arguments):
            return
        try:
            function(*values)
        except TypeMismatch:
            return  # said with the shapes
        except NotEvaluable as problem:
            self.wrong("expr/argument", tree.arguments[0] if len(values) == 1 else tree, problem.message)

    def _closure(self, tree: t.Closure) -> Shape:
        items = self.shape(tree.items)
        if items.kind not in ("any", "array"):
            message = f"{tree.function}() needs an array, not {with_article(items.kind)}"
            self.wrong("flow/compare", tree.items, message)
        self.elements.append(items.items or ANYTHING)
        if tree.function == "map":
            body = self.shape(tree.body)
            self.elements.pop()
            return listing(body)
        self.condition(tree.body, "the condition on each element")
        self.elements.pop()
        if tree.function == "filter":
            return items if items.kind == "array" else ARRAY
        return NUMBER if tree.function == "count" else BOOLEAN

    def _unary(self, tree: t.Unary) -> Shape:
        if tree.operator == "!":
            return BOOLEAN if self.condition(tree.operand, "what 'not' negates") else ANYTHING
        operand = self.shape(tree.operand)
        if operand.kind not in ("any", "number", "duration"):
            self.wrong("flow/compare", tree.operand, f"'-' needs a number, not {with_article(operand.kind)}")
        return operand

    def _binary(self, tree: t.Binary) -> Shape:
        if tree.operator in ("&&", "||"):
            word = "and" if tree.operator == "&&" else "or"
            self.condition(tree.left, f"left of '{word}'")
            self.condition(tree.right, f"right of '{word}'")
            return BOOLEAN
        if tree.operator == "??":
            left, right = self._tolerant(tree.left), self.shape(tree.right)
            return left if left.kind == right.kind else ANYTHING
        left = self.shape(tree.left)
        if tree.operator == "matches_schema":
            if not isinstance(tree.right, t.Literal):
                self.shape(tree.right)
            self.names.schema(tree.right)
            return BOOLEAN
        right = self.shape(tree.right)
        if tree.operator in ("/", "%") and isinstance(tree.right, t.Literal) and tree.right.value == 0:
            self.wrong("expr/argument", tree.right, "division by zero")
        result, message = OPERATIONS[tree.operator](tree.operator, left, right)
        if message is not None:
            self._unlike(tree, message)
        return result

    def _unlike(self, tree: t.Binary, message: str) -> None:
        """At the side that is written out, else at the operator."""
        for side in (tree.right, tree.left):
            if isinstance(side, t.Literal | t.ListOf | t.MapOf | t.Joined):
                self.wrong("flow/compare", side, message)
                return
        self.names.report(Finding("flow/compare", tree.at, len(tree.operator), message))

    def _exists(self, tree: t.Exists) -> Shape:
        self._tolerant(tree.operand)
        return BOOLEAN

    def _is(self, tree: t.Is) -> Shape:
        self.shape(tree.operand)
        return BOOLEAN

    def _conditional(self, tree: t.Conditional) -> Shape:
        self.condition(tree.test, "before '?'")
        then, other = self.shape(tree.then), self.shape(tree.other)
        return then if then.kind == other.kind else ANYTHING

    def _list_of(self, tree: t.ListOf) -> Shape:
        shapes = [self.shape(item) for item in tree.items]
        kinds = {shape.kind for shape in shapes}
        return listing(shapes[0]) if len(kinds) == 1 else ARRAY

    def _map_of(self, tree: t.MapOf) -> Shape:
        shapes = [self.shape(value) for value in tree.values]
        return Shape("object", dict(zip(tree.keys, shapes, strict=True)), closed=True)


_RULES: Mapping[type, Callable[[Inference, Any], Shape]] = {
    t.Literal: Inference._literal,
    t.Joined: Inference._joined,
    t.Default: lambda self, tree: self.names.default(tree),
    t.Name: Inference._name,
    t.Faker: lambda self, tree: self.names.faker(tree),
    t.Element: Inference._element,
    t.Root: lambda self, tree: self.names.document(tree),
    t.PathOf: Inference._path_of,
    t.Member: Inference._member,
    t.Index: Inference._index,
    t.Slice: Inference._slice,
    t.Call: Inference._call,
    t.Closure: Inference._closure,
    t.Unary: Inference._unary,
    t.Binary: Inference._binary,
    t.Exists: Inference._exists,
    t.Is: Inference._is,
    t.Conditional: Inference._conditional,
    t.ListOf: Inference._list_of,
    t.MapOf: Inference._map_of,
}
