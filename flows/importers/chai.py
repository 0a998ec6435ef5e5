"""`expect(x).to...` chains of chai (https://www.chaijs.com/api/bdd/) as expressions."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from flows.importers.draft import NotCarried, literal
from flows.importers.javascript import JsValue, Scope, pattern_of, string_of
from flows.importers.js_expressions import different, translated, truth, type_word
from flows.importers.paths import dotted

if TYPE_CHECKING:
    from tree_sitter import Node

_WORDS = frozenset(
    {
        *("to", "be", "been", "is", "that", "which", "and", "has", "have"),
        *("with", "at", "of", "same", "but", "does", "still", "also"),
    }
)
Links = list[tuple[str, "list[Node] | None"]]


@dataclass(frozen=True, slots=True)
class _Subject:
    """What a chain speaks of at one point.

    Args:
        value: the expression.
        negated: after ``not``.
        deep: after ``deep``, ``eql`` is meant.
        nested: after ``nested``: names are paths.
        any_of: after ``any``.
        length: after ``length`` or ``lengthOf`` without arguments.
        scope: of the script.
    """

    value: JsValue
    scope: Scope
    negated: bool = False
    deep: bool = False
    nested: bool = False
    any_of: bool = False
    length: bool = False

    def measured(self) -> str:
        """The value, or its length."""
        return f"len({self.value.text})" if self.length else self.value.text

    def argument(self, arguments: list[Node], at: int = 0) -> str:
        """An argument as an expression."""
        if len(arguments) <= at:
            raise NotCarried("a value is missing")
        return translated(arguments[at], self.scope).text

    def judged(self, expression: str) -> str:
        """The expression, or its opposite; a missing value is as it is in JavaScript: not that."""
        if not self.negated:
            return expression
        missing = f"{self.value.text} not exists or " if self.value.path else ""
        return f"({missing}not ({expression}))"


def expectations(value: JsValue, links: Links, scope: Scope) -> list[str]:
    """Every assertion of a chain.

    Args:
        value: what is expected of.
        links: of the chain, after ``expect(...)``.
        scope: of the script.

    Raises:
        NotCarried: one of them has no counterpart.
    """
    subject = _Subject(value, scope)
    found: list[str] = []
    for at, (name, arguments) in enumerate(links):
        if arguments is None and name in _WORDS:
            continue
        if arguments is None and name in _FLAGS:
            subject = _FLAGS[name](subject)
            continue
        if name in ("property", "own") or (name in ("length", "lengthOf") and arguments is None):
            subject, said = _moved(subject, name, arguments, last=at == len(links) - 1)
            found += said
            continue
        found.append(_assertion(subject, name, arguments))
        subject = replace(subject, negated=False, length=False, deep=False)
    if not found:
        raise NotCarried("nothing is expected")
    return found


def _moved(subject: _Subject, name: str, arguments: list[Node] | None, *, last: bool) -> tuple[_Subject, list[str]]:
    if name in ("length", "lengthOf"):
        return replace(subject, length=True), []
    if not arguments:
        raise NotCarried("a property needs a name")
    inner = subject.value
    for key in _steps_of(string_of(arguments[0]), nested=subject.nested):
        inner = inner.member(key)
    if len(arguments) > 1:
        compared = f"{inner.text} == {subject.argument(arguments, 1)}"
        text = different(inner, subject.argument(arguments, 1)) if subject.negated else compared
        return _Subject(inner, subject.scope), [text]
    exists = f"{inner.text} {'not exists' if subject.negated else 'exists'}"
    return _Subject(inner, subject.scope), [exists] if last or subject.negated else []


def _steps_of(name: str, *, nested: bool) -> list[str | int]:
    if not nested:
        return [name]
    return [int(part) if part.isdigit() else part for part in name.replace("[", ".").replace("]", "").split(".")]


def _assertion(subject: _Subject, name: str, arguments: list[Node] | None) -> str:
    given = arguments or []
    if name in _COMPARED:
        return subject.judged(f"{subject.measured()} {_COMPARED[name]} {subject.argument(given)}")
    check = _CHECKS.get(name)
    if check is None:
        raise NotCarried(f"'{name}' has no counterpart")
    return check(subject, given)


def _equal(subject: _Subject, given: list[Node]) -> str:
    right = subject.argument(given)
    if subject.length:
        return f"{subject.measured()} {'!=' if subject.negated else '=='} {right}"
    return different(subject.value, right) if subject.negated else f"{subject.value.text} == {right}"


def _identical(subject: _Subject, given: list[Node]) -> str:
    right = subject.argument(given)
    if right[:1] in "[{" and not subject.deep:
        raise NotCarried("'equal' compares objects by identity, which is never so; 'eql' compares what they hold")
    return _equal(subject, given)


def _type(subject: _Subject, given: list[Node]) -> str:
    kind = string_of(given[0]).lower()
    if kind == "undefined":
        return f"{subject.value.text} {'exists' if subject.negated else 'not exists'}"
    return subject.judged(f"{subject.value.text} is {type_word(kind)}")


def _contains(subject: _Subject, given: list[Node]) -> str:
    if given and given[0].type == "object":
        pairs = [child for child in given[0].named_children if child.type == "pair"]
        texts = []
        for pair in pairs:
            key, value = pair.child_by_field_name("key"), pair.child_by_field_name("value")
            if key is None or value is None:
                raise NotCarried("this object cannot be read")
            name = string_of(key) if key.type == "string" else (key.text or b"").decode()
            texts.append(f"{dotted(subject.value.text, [name])} == {translated(value, subject.scope).text}")
        return subject.judged(" and ".join(texts))
    return subject.judged(f"{subject.value.text} contains {subject.argument(given)}")


def _one_of(subject: _Subject, given: list[Node]) -> str:
    return subject.judged(f"{subject.value.text} in {subject.argument(given)}")


def _within(subject: _Subject, given: list[Node]) -> str:
    left = subject.measured()
    return subject.judged(f"{left} >= {subject.argument(given)} and {left} <= {subject.argument(given, 1)}")


def _close(subject: _Subject, given: list[Node]) -> str:
    return subject.judged(f"abs({subject.value.text} - {subject.argument(given)}) <= {subject.argument(given, 1)}")


def _length(subject: _Subject, given: list[Node]) -> str:
    return subject.judged(f"len({subject.value.text}) == {subject.argument(given)}")


def _matches(subject: _Subject, given: list[Node]) -> str:
    return subject.judged(f"{subject.value.text} matches {literal(pattern_of(given[0]))}")


def _keys(subject: _Subject, given: list[Node]) -> str:
    names = [string_of(node) for node in (given[0].named_children if given and given[0].type == "array" else given)]
    each = [f"{dotted(subject.value.text, [name])} exists" for name in names]
    if subject.any_of:
        return subject.judged("(" + " or ".join(each) + ")")
    return subject.judged(" and ".join([f"len(keys({subject.value.text})) == {len(names)}", *each]))


def _members(subject: _Subject, given: list[Node]) -> str:
    if not given or given[0].type != "array":
        raise NotCarried("a list is expected")
    items = [translated(node, subject.scope).text for node in given[0].named_children]
    each = [f"{subject.value.text} contains {item}" for item in items]
    return subject.judged(" and ".join([f"len({subject.value.text}) == {len(items)}", *each]))


def _ok(subject: _Subject, given: list[Node]) -> str:
    held = truth(JsValue(subject.value.text, path=True))
    return f"not {held}" if subject.negated else held


def _exist(subject: _Subject, given: list[Node]) -> str:
    v = subject.value.text
    if not subject.value.path:
        return f"{v} {'==' if subject.negated else '!='} null"
    return f"({v} not exists or {v} is null)" if subject.negated else f"{v} exists and {v} is not null"


def _undefined(subject: _Subject, given: list[Node]) -> str:
    return f"{subject.value.text} {'exists' if subject.negated else 'not exists'}"


def _word(template: str) -> Callable[[_Subject, list[Node]], str]:
    def apply(subject: _Subject, given: list[Node]) -> str:
        return subject.judged(template.format(subject.value.text))

    return apply


def _boolean(word: str) -> Callable[[_Subject, list[Node]], str]:
    def apply(subject: _Subject, given: list[Node]) -> str:
        return different(subject.value, word) if subject.negated else f"{subject.value.text} == {word}"

    return apply


_FLAGS: Mapping[str, Callable[[_Subject], _Subject]] = {
    "not": lambda subject: replace(subject, negated=not subject.negated),
    "deep": lambda subject: replace(subject, deep=True),
    "nested": lambda subject: replace(subject, nested=True),
    "any": lambda subject: replace(subject, any_of=True),
    "all": lambda subject: subject,
}
_COMPARED = {
    "above": ">", "gt": ">", "greaterThan": ">", "least": ">=", "gte": ">=", "greaterThanOrEqual": ">=",
    "below": "<", "lt": "<", "lessThan": "<", "most": "<=", "lte": "<=", "lessThanOrEqual": "<=",
}  # fmt: skip
_CHECKS: Mapping[str, Callable[[_Subject, list[Node]], str]] = {
    **dict.fromkeys(("eql", "eqls"), _equal),
    **dict.fromkeys(("equal", "equals", "eq"), _identical),
    **dict.fromkeys(("a", "an"), _type),
    **dict.fromkeys(("include", "includes", "contain", "contains", "string"), _contains),
    **dict.fromkeys(("length", "lengthOf"), _length),
    **dict.fromkeys(("match", "matches"), _matches),
    **dict.fromkeys(("keys", "key"), _keys),
    **dict.fromkeys(("closeTo", "approximately"), _close),
    "members": _members,
    "oneOf": _one_of,
    "within": _within,
    "ok": _ok,
    "exist": _exist,
    "undefined": _undefined,
    "true": _boolean("true"),
    "false": _boolean("false"),
    "null": _word("{} is null"),
    "empty": _word("{} is empty"),
}
