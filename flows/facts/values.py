"""Templates as Values: what a URL, topic or key will be, as far as the file itself says."""

from __future__ import annotations

from collections.abc import Mapping

from flows.language.builtins import BUILTINS
from flows.language.errors import SyntaxProblem
from flows.language.expressions import tree as t
from flows.language.spec import Flow, Variable
from flows.language.templates import text_tree
from flows.language.values import as_text
from graph.values import Concat, Env, Field, Lit, Shape, Unknown, Value

_TYPES: Mapping[type, str] = {bool: "boolean", int: "integer", float: "number", str: "string", type(None): "null"}


class Values:
    """Turns text of one flow into Values.

    Args:
        flow: the checked file.
        ids: every step id.
    """

    def __init__(self, flow: Flow, ids: frozenset[str]) -> None:
        self._flow = flow
        self._ids = ids
        self._declared: dict[str, Variable] = {variable.name: variable for variable in flow.env}
        self._open: set[str] = set()

    def of(self, text: str) -> Value:
        """The Value of a text with templates.

        Args:
            text: as written.
        """
        try:
            return self._tree(text_tree(text, self._flow.ids))
        except SyntaxProblem as problem:
            return Unknown(problem.message)

    def given(self, value: object) -> Value:
        """The Value of a setting: text with templates, a plain value, or something made at run time.

        Args:
            value: as written.
        """
        if isinstance(value, str):
            return self.of(value)
        return Lit(value) if isinstance(value, int | float | bool) else Unknown("a structure")

    def _tree(self, tree: t.Tree) -> Value:
        if isinstance(tree, t.Literal):
            return Lit(tree.value if isinstance(tree.value, str | int | float | bool) else as_text(tree.value))
        if isinstance(tree, t.Joined):
            return joined([Lit(part) if isinstance(part, str) else self._tree(part) for part in tree.parts])
        if isinstance(tree, t.Default):
            known = self._name(tree.name)
            return known if isinstance(known, Env) and known.default is not None else Env(tree.name, Lit(tree.default))
        if isinstance(tree, t.Name):
            return self._name(tree.name)
        if isinstance(tree, t.Binary) and tree.operator == "+":
            return joined([self._tree(tree.left), self._tree(tree.right)])
        return Unknown(f"value of {root_of(tree) or 'an expression'} at run time")

    def _name(self, name: str) -> Value:
        if name in self._ids:
            return Unknown(f"value of step {name} at run time")
        if name in BUILTINS:
            return Unknown(f"built-in {name}")
        variable = self._declared.get(name)
        if variable is not None and name not in self._open:
            return Env(name, self._declared_value(variable))
        file = self._flow.env_file
        if file is not None and name in file.values:
            return Env(name, Lit(file.values[name]))
        if name in self._flow.references or name in self._flow.implied:
            return Env(name)
        return Unknown(f"'{name}' at run time")

    def _declared_value(self, variable: Variable) -> Value:
        source = variable.value.source
        if not isinstance(source, str):
            return Lit(source) if isinstance(source, int | float | bool) else Lit(as_text(source))
        self._open.add(variable.name)
        try:
            return self.of(source)
        finally:
            self._open.discard(variable.name)


def joined(parts: list[Value]) -> Value:
    """Parts written one after the other; neighbouring literals are one, a single part stands alone.

    Args:
        parts: in order.
    """
    merged: list[Value] = []
    for part in parts:
        flat = part.parts if isinstance(part, Concat) else (part,)
        for item in flat:
            last = merged[-1] if merged else None
            if isinstance(item, Lit) and isinstance(last, Lit):
                merged[-1] = Lit(f"{last.value}{item.value}")
            else:
                merged.append(item)
    return merged[0] if len(merged) == 1 else Concat(tuple(merged))


def root_of(tree: t.Tree) -> str:
    """The name at the start of a path, or empty.

    Args:
        tree: any node.
    """
    while isinstance(tree, t.Member | t.Index | t.Slice):
        tree = tree.target
    return tree.name if isinstance(tree, t.Name | t.Default) else ""


def shape_of(value: object) -> Shape | None:
    """The Shape of a payload written in a flow; texts with templates are of unknown type.

    Args:
        value: as written; None = nothing is sent.
    """
    if value is None:
        return None
    if isinstance(value, Mapping):
        fields = tuple(Field(str(key), shape_of(item) or Shape("null")) for key, item in value.items())
        return Shape("object", fields, open=False)
    if isinstance(value, list | tuple):
        return Shape("array", item=shape_of(value[0]) if value else None)
    if isinstance(value, str) and ("${" in value or "{{" in value):
        return Shape()
    return Shape(_TYPES.get(type(value), "number"))
