"""Small makers and readers of evaluation results: texts, holes, filled format strings."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace

from graph.linking.corpus import SymbolKey
from graph.linking.outcomes import Definition, Hole, Instance, Outcome, Part, Text, joined
from graph.values import Member, Name, Scalar, Value

_HOST = re.compile(r"^\w+://[^/]*(/.*)?$")
_PLACES = re.compile(r"\{([^{}]*)\}")


def as_member(callee: Value) -> Member | None:
    """A callee as a member; ``base.rstrip`` written as one dotted name is one, too.

    Args:
        callee: any Value.
    """
    if isinstance(callee, Name) and "." in callee.name:
        base, _, name = callee.name.rpartition(".")
        return Member(Name(base), name)
    return callee if isinstance(callee, Member) else None


def literal(value: Scalar) -> str:
    """A scalar as it stands in longer text.

    Args:
        value: None is empty, booleans are lower case.
    """
    if value is None:
        return ""
    return str(value).lower() if isinstance(value, bool) else str(value)


def plain(text: str) -> Outcome:
    """Literal text.

    Args:
        text: the text.
    """
    return Outcome(joined((text,)), frozenset())


def hole(reason: str, *, env: str = "", param: SymbolKey | None = None, rule: str = "") -> Outcome:
    """A text that could not be evaluated.

    Args:
        reason: why, for people.
        env: variable or key that would give it.
        param: function whose callers give it.
        rule: for the trail.
    """
    return Outcome(Text((Hole(reason, env, param),)), frozenset({rule} - {""}))


def asked_of(outcome: Outcome, symbol: SymbolKey) -> Outcome:
    """A result whose one hole its function's callers may fill, as they give the object it was taken from.

    Args:
        outcome: of a field of a parameter.
        symbol: the function.
    """
    thing = outcome.thing
    if not isinstance(thing, Text) or len(thing.parts) != 1 or not thing.holes:
        return outcome
    found = thing.holes[0]
    named = bool(found.env) or found.base is not None
    return outcome if named else replace(outcome, thing=Text((replace(found, param=symbol),)))


def as_text(outcome: Outcome) -> Text:
    """A result as text; objects become holes.

    Args:
        outcome: any result.
    """
    thing = outcome.thing
    if isinstance(thing, Text):
        return thing
    if isinstance(thing, Instance | Definition):
        name = thing.owner[1] if isinstance(thing, Instance) else thing.symbol[1]
        return Text((Hole(f"{name} is not text"),))
    return Text((Hole(f"value of {thing.name}" + ("()" if thing.call else "")),))


def filled(template: str, args: Sequence[tuple[Part, ...]], named: Mapping[str, tuple[Part, ...]]) -> Iterator[Part]:
    """The parts of a format string with its arguments put in.

    Args:
        template: with ``{}``, ``{0}`` or ``{name}``.
        args: positional.
        named: by name.
    """
    position = 0
    start = 0
    for match in _PLACES.finditer(template):
        yield template[start : match.start()]
        start = match.end()
        field = re.split(r"[.!:\[]", match.group(1))[0]
        if not field:
            field, position = str(position), position + 1
        if field.isdigit() and int(field) < len(args):
            yield from args[int(field)]
        else:
            yield from named.get(field, (Hole(f"format field {field or position}"),))
    yield template[start:]


def behind_host(host: Outcome, value: Outcome) -> Outcome:
    """A declared host in place of the one in a value; the path behind it is kept.

    Args:
        host: the hole that names the variable.
        value: what the variable has in some deployment.
    """
    if not isinstance(host.thing, Text) or not isinstance(value.thing, Text):
        return host
    match = _HOST.match(value.thing.template) if not value.thing.holes else None
    path = (match.group(1) or "").rstrip("/") if match else ""
    return Outcome(joined((*host.thing.parts, path)), host.trail)


def distinct(outcomes: Sequence[Outcome], most: int) -> list[Outcome]:
    """Results without repeated texts; objects are few and dear to compare, so they stay.

    Args:
        outcomes: in order.
        most: how many are kept; what is beyond is said to be unknown, never left out in silence.
    """
    seen: set[tuple[tuple[Part, ...], frozenset[str]]] = set()
    kept: list[Outcome] = []
    for outcome in outcomes:
        if isinstance(outcome.thing, Text):
            key = (outcome.thing.parts, outcome.trail)
            if key in seen:
                continue
            seen.add(key)
        kept.append(outcome)
    return kept if len(kept) <= most else [*kept[:most], hole(f"more than {most} values are possible")]
