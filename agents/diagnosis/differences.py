"""What came back now against what came back when it worked, as small typed differences."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal, TypeGuard

from graph.runs import Exchange, Json, StepRun

Kind = Literal["missing", "added", "type", "value", "length", "status", "silent", "unreachable"]

_COMPARED = ("status", "body", "data", "errors", "rows", "value", "exists", "messages", "status_code")
_FROM_MESSAGE = ("value", "key", "topic")
_VOLATILE = re.compile(
    r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}"
    r"|\d{4}-\d\d-\d\d([T ]\d\d:\d\d.*)?|\d\d:\d\d(:\d\d)?|[0-9a-f]{16,}|\d{10,}-\d+"
)
_VOLATILE_NAMES = re.compile(
    r"(^|_)(id|uuid|key|time|timestamp|date|at|ts|token|nonce|seq|version|offset|port|url)$", re.I
)
_DEEP = 12
_MANY = 200


@dataclass(frozen=True, slots=True)
class Difference:
    """One thing that differs.

    Args:
        kind: missing, added, type, value, length (of a list), status, silent (nothing came) or unreachable.
        step: id of the step it was seen at.
        path: dotted path into the step's result.
        old: what it was.
        new: what it is.
        asserted: an assertion that failed, or a later step, looks exactly here.
        renamed_to: for a missing field, the added field that holds the same, or empty.
    """

    kind: Kind
    step: str
    path: str
    old: Json = None
    new: Json = None
    asserted: bool = False
    renamed_to: str = ""

    @property
    def name(self) -> str:
        """The last named part of the path, without index."""
        return re.sub(r"\[\d+\]", "", self.path).rpartition(".")[2]

    def sentence(self) -> str:
        """For people."""
        if self.kind == "missing":
            renamed = f", `{self.renamed_to}` is there instead" if self.renamed_to else ""
            return f"`{self.path}` is missing from what {self.step} got{renamed}"
        if self.kind == "silent":
            return f"nothing came for {self.step} ({self.path})"
        if self.kind == "unreachable":
            return f"{self.step} could not reach {self.path}"
        return f"`{self.path}` of {self.step} is {_short(self.new)}, it was {_short(self.old)}"


def last_result(step: StepRun) -> Json:
    """The result a step ended with: its own, else the last candidate recorded.

    Args:
        step: one execution.
    """
    if step.result is not None:
        return step.result
    for exchange in reversed(step.exchanges):
        if exchange.candidates:
            return _as_result(exchange.candidates[-1])
    return None


def _as_result(candidate: Json) -> Json:
    """A consumer records single messages; its result holds them in a list and repeats the first."""
    if isinstance(candidate, Mapping) and "raw" in candidate and "messages" not in candidate:
        return {"messages": [candidate], "count": 1, "value": candidate.get("value"), "key": candidate.get("key")}
    return candidate


def last_exchange(step: StepRun) -> Exchange | None:
    """What the last attempt sent and got, or None.

    Args:
        step: one execution.
    """
    return step.exchanges[-1] if step.exchanges else None


def between(step: str, old: Json, new: Json) -> tuple[Difference, ...]:
    """Differences of two results of one step, renames recognised, what always changes left out.

    Args:
        step: step id.
        old: the result that passed.
        new: the result now.
    """
    if not isinstance(old, Mapping) or not isinstance(new, Mapping):
        return ()
    found: list[Difference] = []
    for name in _COMPARED:
        if name in old or name in new:
            found += _walk(_Here(step, name, name), old.get(name, _ABSENT), new.get(name, _ABSENT))
            if len(found) > _MANY:
                break
    return _with_renames(tuple(found[:_MANY]))


class _Absent:
    """The value of a field that is not there."""


_ABSENT = _Absent()


@dataclass(frozen=True, slots=True)
class _Here:
    step: str
    path: str
    name: str
    depth: int = 0

    def into(self, name: str) -> _Here:
        return _Here(self.step, f"{self.path}.{name}", name, self.depth + 1)

    def at(self, index: int) -> _Here:
        return _Here(self.step, f"{self.path}[{index}]", self.name, self.depth + 1)


def _walk(here: _Here, old: Json, new: Json) -> Iterator[Difference]:
    if here.depth > _DEEP:
        return
    if old is _ABSENT:
        yield Difference("added", here.step, here.path, None, new)
    elif new is _ABSENT:
        yield Difference("missing", here.step, here.path, old, None)
    elif isinstance(old, Mapping) and isinstance(new, Mapping):
        yield from _walk_fields(here, old, new)
    elif _is_list(old) and _is_list(new):
        yield from _walk_items(here, old, new)
    elif type_name(old) != type_name(new):
        yield Difference("type", here.step, here.path, old, new)
    elif old != new and not volatile(here.name, old, new):
        kind: Kind = "status" if here.path in ("status", "status_code") else "value"
        yield Difference(kind, here.step, here.path, old, new)


def _walk_fields(here: _Here, old: Mapping[str, Json], new: Mapping[str, Json]) -> Iterator[Difference]:
    names = [*old, *(n for n in new if n not in old)]
    if here.path.startswith("messages") and here.name == "messages":
        names = [n for n in names if n in _FROM_MESSAGE]
    for name in names:
        yield from _walk(here.into(name), old.get(name, _ABSENT), new.get(name, _ABSENT))


def _walk_items(here: _Here, old: Sequence[Json], new: Sequence[Json]) -> Iterator[Difference]:
    if len(old) != len(new):
        yield Difference("length", here.step, here.path, len(old), len(new))
    for index, (a, b) in enumerate(zip(old, new, strict=False)):
        yield from _walk(here.at(index), a, b)


def _is_list(value: Json) -> TypeGuard[Sequence[Json]]:
    return isinstance(value, Sequence) and not isinstance(value, str | bytes)


def type_name(value: Json) -> str:
    """JSON type of a value: null, boolean, number, string, array or object.

    Args:
        value: JSON-shaped.
    """
    if value is None:
        return "null"
    if isinstance(value, bool):
        return "boolean"
    if isinstance(value, str):
        return "string"
    if isinstance(value, Mapping):
        return "object"
    return "array" if isinstance(value, Sequence) else "number"


def volatile(name: str, old: Json, new: Json) -> bool:
    """Whether two unequal values say nothing, being ids, times and the like that differ in every run.

    Args:
        name: field name.
        old: value then.
        new: value now.
    """
    if isinstance(old, str) and isinstance(new, str) and _VOLATILE.fullmatch(old) and _VOLATILE.fullmatch(new):
        return True
    plain = re.sub(r"(?<=[a-z])(?=[A-Z])", "_", name)
    same_kind = type_name(old) == type_name(new) and type_name(old) in ("number", "string")
    return bool(_VOLATILE_NAMES.search(plain)) and same_kind


def _with_renames(found: tuple[Difference, ...]) -> tuple[Difference, ...]:
    """Missing fields paired with added siblings: by the same value first, then by type where nothing else fits."""
    names: dict[str, Difference] = {}
    for alike in (_same_value, _same_type):
        for item in found:
            if item.kind == "missing" and item.path not in names:
                free = [d for d in found if d.kind == "added" and d not in names.values()]
                rivals = [d for d in found if d.kind == "missing" and d.path not in names]
                match = _partner(item, (free, rivals), alike)
                if match is not None:
                    names[item.path] = match
    return tuple(_renamed(item, names.get(item.path)) for item in found)


def _renamed(item: Difference, match: Difference | None) -> Difference:
    if match is None or item.kind != "missing":
        return item
    return Difference(item.kind, item.step, item.path, item.old, match.new, item.asserted, match.name)


def _partner(
    gone: Difference, others: tuple[list[Difference], list[Difference]], alike: Callable[[Json, Json], bool]
) -> Difference | None:
    """The only added sibling that fits, when the missing one is the only one it fits."""
    free, rivals = others
    fits = [d for d in free if _siblings(d, gone) and alike(gone.old, d.new)]
    if len(fits) != 1:
        return None
    wanting = [d for d in rivals if _siblings(d, gone) and alike(d.old, fits[0].new)]
    return fits[0] if len(wanting) == 1 else None


def _siblings(one: Difference, other: Difference) -> bool:
    return one.path.rpartition(".")[0] == other.path.rpartition(".")[0]


def _same_value(one: Json, other: Json) -> bool:
    return one is not None and type_name(one) == type_name(other) and bool(one == other)


def _same_type(one: Json, other: Json) -> bool:
    return one is not None and type_name(one) == type_name(other)


def _short(value: Json) -> str:
    text = " ".join((repr(value) if not isinstance(value, str) else f"'{value}'").split())
    return text if len(text) <= 80 else text[:77] + "..."
