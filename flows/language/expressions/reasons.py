"""Why a condition that is no comparison came out as it did: which element, which part, what is there instead."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from flows.language.errors import MissingField, NotEvaluable
from flows.language.expressions import tree as t
from flows.language.expressions.compiling import compiled, tolerant
from flows.language.expressions.expression import Expression
from flows.language.expressions.frame import Frame
from flows.language.expressions.outcome import Sides, judge_of
from flows.language.expressions.printing import printed
from flows.language.expressions.scope import Scope
from flows.language.expressions.words import COMPARISON, EFFECTS, PRECEDENCE
from flows.language.values import described, to_json

_SHORT = 80
_ELEMENT = 160
_MOST = 400
_FEW = 5


def reason(expression: Expression, scope: Scope) -> str:
    """One line about a condition's value; empty for a comparison, whose sides say it.

    Args:
        expression: boolean, evaluated in this scope before.
        scope: where names come from.
    """
    if _compares(expression.tree) or _has_effects(expression.tree):
        return ""
    try:
        told = _why(expression.tree, Frame(scope))
    except (NotEvaluable, RecursionError):
        return ""
    return told if len(told) <= _MOST else told[: _MOST - 1] + "…"


def _compares(tree: t.Tree) -> bool:
    plain = isinstance(tree, t.Binary) and PRECEDENCE.get(tree.operator) == COMPARISON
    return plain and tree.operator != "matches_schema"  # type: ignore[union-attr]


def _has_effects(tree: t.Tree) -> bool:
    """Asking again would draw another value."""
    if isinstance(tree, t.Faker) or (isinstance(tree, t.Call) and tree.function in EFFECTS):
        return True
    return any(_has_effects(part) for part in t.children(tree))


def _why(tree: t.Tree, frame: Frame) -> str:
    return _REASONS.get(type(tree), _plain)(tree, frame)


def _short(value: object, most: int = _SHORT) -> str:
    try:
        text = to_json(value)
    except NotEvaluable:
        text = str(value)
    return text if len(text) <= most else text[: most - 1] + "…"


def _plain(tree: t.Tree, frame: Frame) -> str:
    return f"it is {_short(compiled(tree)(frame))}"


def _part(tree: t.Tree, frame: Frame) -> str:
    """A part of a condition, with its sides or its own reason."""
    text = printed(tree)
    if not _compares(tree):
        return f"{text} ({_why(tree, frame)})"
    sides = Sides()
    judge_of(tree)(frame, sides)
    return f"{text} (left {_short(sides.left)}, right {_short(sides.right)})"


def _unary(tree: t.Unary, frame: Frame) -> str:
    holds = compiled(tree.operand)(frame)
    if isinstance(tree.operand, t.Name | t.Member | t.Index):
        return f"{printed(tree.operand)} is {_short(holds)}"
    return f"{'it holds' if holds else 'it does not hold'}: {_part(tree.operand, frame)}"


def _binary(tree: t.Binary, frame: Frame) -> str:
    if tree.operator == "matches_schema":
        return _schema(tree, frame)
    if tree.operator not in ("&&", "||"):
        return _plain(tree, frame)
    parts = [part for part in _flattened(tree, tree.operator)]
    decided = tree.operator == "||"
    for part in parts:
        if compiled(part)(frame) is decided:
            return f"this {'holds' if decided else 'does not'}: {_part(part, frame)}"
    return f"{'none of them holds' if decided else 'all of them hold'}: " + "; ".join(_part(p, frame) for p in parts)


def _flattened(tree: t.Tree, operator: str) -> list[t.Tree]:
    if isinstance(tree, t.Binary) and tree.operator == operator:
        return [*_flattened(tree.left, operator), *_flattened(tree.right, operator)]
    return [tree]


def _schema(tree: t.Binary, frame: Frame) -> str:
    from flows.language.expressions.schemas import problems

    schema = compiled(tree.right)(frame)
    if isinstance(schema, str):
        schema = frame.scope.effect("file", (schema,))
    return "; ".join(problems(compiled(tree.left)(frame), schema, _FEW)) or "it conforms"


def _exists(tree: t.Exists, frame: Frame) -> str:
    try:
        return f"it is {_short(tolerant(tree.operand)(frame))}"
    except MissingField as missing:
        return missing.told()


def _is(tree: t.Is, frame: Frame) -> str:
    value = compiled(tree.operand)(frame)
    count = f" of {len(value)}" if isinstance(value, list | tuple | dict) else ""
    return f"it is {described(value)}{count}"


def _conditional(tree: t.Conditional, frame: Frame) -> str:
    holds = compiled(tree.test)(frame)
    return f"{printed(tree.test)} is {_short(holds)}, so {_part(tree.then if holds else tree.other, frame)}"


def _closure(tree: t.Closure, frame: Frame) -> str:
    if tree.function not in ("any", "all", "none", "one"):
        return _plain(tree, frame)
    values: Any = compiled(tree.items)(frame)
    verdicts = _verdicts(tree, frame, values)
    if not verdicts:
        return "there are no elements"
    if tree.function == "all":
        index = verdicts.index(False) if False in verdicts else -1
        return f"element {index} does not: {_element(tree, frame, values[index])}" if index >= 0 else "all elements do"
    holding = [index for index, verdict in enumerate(verdicts) if verdict]
    if not holding:
        return f"none of {len(verdicts)} does{_lefts(tree, frame, values)}"
    if len(holding) == 1:
        return f"element {holding[0]} does: {_element(tree, frame, values[holding[0]])}"
    rest = "…" if len(holding) > _FEW else ""
    return f"{len(holding)} elements do: {', '.join(map(str, holding[:_FEW]))}{rest}"


def _verdicts(tree: t.Closure, frame: Frame, values: Any) -> list[bool]:
    """What the body says of each element; of `all` up to the first that decides."""
    body, outer, found = compiled(tree.body), frame.element, []
    try:
        for frame.element in values:
            frame.spend(1)
            found.append(body(frame) is True)
            if tree.function == "all" and not found[-1]:
                break
    finally:
        frame.element = outer
    return found


def _element(tree: t.Closure, frame: Frame, value: object) -> str:
    """An element by what was asked of it, and as it is."""
    outer, frame.element = frame.element, value
    try:
        simple = isinstance(tree.body, t.Binary) and isinstance(tree.body.left, t.Element)
        asked = "" if simple else f"{_part(tree.body, frame)} in "
    finally:
        frame.element = outer
    return asked + _short(value, _ELEMENT)


def _lefts(tree: t.Closure, frame: Frame, values: Any) -> str:
    """What the elements have where a comparison wants something."""
    if not (_compares(tree.body) and isinstance(tree.body, t.Binary)):
        return ""
    outer, found = frame.element, []
    try:
        for frame.element in values[:_FEW]:
            found.append(_short(compiled(tree.body.left)(frame), 40))
    finally:
        frame.element = outer
    rest = ", …" if len(values) > _FEW else ""
    return f": {printed(tree.body.left)} is {', '.join(dict.fromkeys(found))}{rest}"


_REASONS: Mapping[type, Callable[[Any, Frame], str]] = {
    t.Unary: _unary,
    t.Binary: _binary,
    t.Exists: _exists,
    t.Is: _is,
    t.Conditional: _conditional,
    t.Closure: _closure,
}
