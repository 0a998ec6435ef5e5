"""Operators on values: exact decimals, text, instants and durations, each pair of types said out loud."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, cast

from flows.language.comparing import equal, ordered
from flows.language.errors import NotEvaluable, TooMuch, TypeMismatch, Undecided
from flows.language.masked_text import MASK, Masked, may_be
from flows.language.values import MAX_TEXT, decimals, described, exact, simplest, type_name


def add(left: Any, right: Any) -> object:
    """``+``: numbers, texts, lists, instants and durations."""
    pair = (type_name(left), type_name(right))
    if pair == ("number", "number"):
        return _sum(left, right)
    if pair in (("string", "string"), ("array", "array")):
        if len(left) + len(right) > MAX_TEXT:
            raise TooMuch(f"more than {MAX_TEXT:,} characters or elements")
        return list(left) + list(right) if pair[0] == "array" else left + right
    if pair in (("instant", "duration"), ("duration", "instant"), ("duration", "duration")):
        return _timed(lambda: left + right)
    raise _mismatch("+", left, right)


def _sum(left: Any, right: Any) -> object:
    if isinstance(left, int) and isinstance(right, int):
        return simplest(left + right)
    return _decimal("add", left, right)


def subtract(left: Any, right: Any) -> object:
    """``-``: numbers, instants and durations."""
    if type(left) is int and type(right) is int:
        return simplest(left - right)
    pair = (type_name(left), type_name(right))
    if pair == ("number", "number"):
        return _decimal("subtract", left, right)
    if pair in (("instant", "duration"), ("instant", "instant"), ("duration", "duration")):
        return _timed(lambda: left - right)
    raise _mismatch("-", left, right)


def multiply(left: Any, right: Any) -> object:
    """``*``: numbers, and a duration by a number."""
    if type(left) is int and type(right) is int:
        return simplest(left * right)
    pair = (type_name(left), type_name(right))
    if pair == ("number", "number"):
        return _decimal("multiply", left, right)
    if pair == ("duration", "number"):
        return _timed(lambda: left * float(right))
    raise _mismatch("*", left, right)


def divide(left: Any, right: Any) -> object:
    """``/`` gives a fraction."""
    if (type_name(left), type_name(right)) != ("number", "number"):
        raise _mismatch("/", left, right)
    if exact(right) == 0:
        raise NotEvaluable("division by zero")
    return _decimal("divide", left, right)


def remainder(left: Any, right: Any) -> object:
    """``%`` has the sign of the left side."""
    if (type_name(left), type_name(right)) != ("number", "number"):
        raise _mismatch("%", left, right)
    if exact(right) == 0:
        raise NotEvaluable("division by zero")
    return _decimal("remainder", left, right)


def negate(value: Any) -> object:
    """Unary ``-``."""
    if type_name(value) == "number":
        return simplest(-exact(value))
    if type_name(value) == "duration":
        return -value
    raise TypeMismatch(f"'-' needs a number, not {described(value)}")


def contains(container: Any, item: Any) -> bool:
    """``contains`` and, with its sides exchanged, ``in``: part of a text, element of a list, key of a map."""
    name = type_name(container)
    if name == "string":
        if not isinstance(item, str):
            raise TypeMismatch(f"a string contains strings, not {described(item)}")
        return _has_part(container, item)
    if name == "object":
        if not isinstance(item, str):
            raise TypeMismatch(f"the keys of an object are strings, not {described(item)}")
        return _has_key(container, item)
    if name == "array":
        return _has_element(container, item)
    raise TypeMismatch(f"{described(container)} contains nothing; a string, array or object does")


def _has_part(text: str, part: str) -> bool:
    """Of a text that is hidden in part, what is left of it can say yes, never no."""
    if isinstance(part, Masked):
        if isinstance(text, Masked) or may_be(text, f"{MASK}{part}{MASK}"):
            raise Undecided
        return False
    if not isinstance(text, Masked):
        return part in text
    if any(part in shown for shown in text.split(MASK)):
        return True
    raise Undecided


def _has_key(container: Any, key: str) -> bool:
    if isinstance(key, Masked) or (key not in container and any(isinstance(name, Masked) for name in container)):
        raise Undecided
    return key in container


def _has_element(container: Any, item: object) -> bool:
    """An element of another type is passed over, but a list in which nothing could ever match is an error."""
    mismatch: TypeMismatch | None = None
    doubt = False
    comparable = item is None
    for element in container:
        try:
            if equal(element, item):
                return True
            comparable = comparable or element is not None
        except Undecided:
            doubt = True
        except TypeMismatch as problem:
            mismatch = problem
    if doubt:
        raise Undecided
    if mismatch is not None and not comparable:
        raise mismatch
    return False


def starts_with(left: object, right: object) -> bool:
    """``startsWith``."""
    text, part = _texts("startsWith", left, right)
    return _begins(text, part, text.partition(MASK)[0], str.startswith)


def ends_with(left: object, right: object) -> bool:
    """``endsWith``."""
    text, part = _texts("endsWith", left, right)
    return _begins(text, part, text.rpartition(MASK)[2], str.endswith)


def _begins(text: str, part: str, shown: str, at_edge: Callable[[str, str], bool]) -> bool:
    """Whether a text has a part at its edge; of a hidden one only what is shown at that edge can tell."""
    if not isinstance(text, Masked) and not isinstance(part, Masked):
        return at_edge(text, part)
    if isinstance(part, Masked) or (at_edge(part, shown) and not at_edge(shown, part)):
        raise Undecided
    return at_edge(shown, part)


def matches(left: object, right: object) -> bool:
    """``matches`` searches with RE2."""
    from testmesh.guard.regex import compile_pattern
    from testmesh.kernel.errors import UserError

    text, pattern = _texts("matches", left, right)
    if isinstance(text, Masked) or isinstance(pattern, Masked):
        raise Undecided
    try:
        return compile_pattern(pattern).search(text) is not None
    except UserError as problem:
        raise NotEvaluable(problem.message) from None


def _texts(operator: str, left: object, right: object) -> tuple[str, str]:
    for side in (left, right):
        if not isinstance(side, str):
            raise TypeMismatch(f"'{operator}' needs strings, not {described(side)}")
    return cast("str", left), cast("str", right)


def _less(left: object, right: object) -> bool:
    a, b = ordered(left, right)
    return bool(a < b)


def _less_or_equal(left: object, right: object) -> bool:
    a, b = ordered(left, right)
    return bool(a <= b)


def _decimal(operation: str, left: Any, right: Any) -> object:
    from decimal import DecimalException

    context = decimals()
    try:
        found: Any = getattr(context, operation)(exact(left), exact(right))
    except DecimalException as problem:
        raise NotEvaluable(f"no number comes out of this: {type(problem).__name__}") from None
    return simplest(found)


def _timed(compute: Callable[[], object]) -> object:
    try:
        return compute()
    except (OverflowError, ValueError, TypeError):
        raise NotEvaluable("the instant or duration is out of range") from None


def _mismatch(operator: str, left: object, right: object) -> TypeMismatch:
    return TypeMismatch(f"'{operator}' does not work on {described(left)} and {described(right)}")


OPERATORS: Mapping[str, Callable[[Any, Any], object]] = {
    "==": equal,
    "!=": lambda left, right: not equal(left, right),
    "<": _less,
    "<=": _less_or_equal,
    ">": lambda left, right: _less(right, left),
    ">=": lambda left, right: _less_or_equal(right, left),
    "in": lambda left, right: contains(right, left),
    "not in": lambda left, right: not contains(right, left),
    "contains": contains,
    "startsWith": starts_with,
    "endsWith": ends_with,
    "matches": matches,
    "+": add,
    "-": subtract,
    "*": multiply,
    "/": divide,
    "%": remainder,
}
