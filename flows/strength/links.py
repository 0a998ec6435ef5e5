"""Names that a flow already has for a value it meets again: an id that was answered, a variable it sent."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from decimal import Decimal

from flows.strength.answers import streamed
from flows.strength.mutation import Where, leaves
from flows.strength.places import Place, found, lists, shown
from flows.strength.volatile import FIELDS, by_name, volatile
from graph.runs import FlowRun, Json
from testmesh.guard.yaml import FLOW, MapNode, ScalarNode, read

_SHORTEST = 6
_DIGITS = 5
_LONG_ID = 16
_DEEP = 6
_SKIPPED = frozenset({"headers", "headers_all", "columns", "raw", "json", "first_row", "trailers", *FIELDS})
Value = str | int | float | Decimal


class Links:
    """Values of one execution by the name that gives them, as each step may use them.

    Args:
        flow: a recorded execution.
        sole: it is the only one, so that nothing tells what differs from run to run.
    """

    def __init__(self, flow: FlowRun, *, sole: bool = False) -> None:
        self._sole = sole
        self._variables = {
            value: name
            for name, value in reversed(list(flow.variables.items()))
            if isinstance(value, str) and len(value) >= _SHORTEST and "*" not in value
        }
        self._source = flow.source
        made = {v: name for name, v in flow.builtins.items() if isinstance(v, str) and len(v) >= _SHORTEST}
        made |= {str(v): name for name, v in flow.builtins.items() if isinstance(v, int) and len(str(v)) >= _DIGITS}
        self._made = made
        self._variables = made | dict(_declared(flow)) | self._variables
        self._known: dict[Where, dict[tuple[str, Value], str]] = {}
        self._ids: set[str] = set()
        known: dict[tuple[str, Value], str] = {}
        for inside, step in leaves(flow.steps):
            self._known.setdefault((step.id, inside), dict(known))
            if len(inside) > 1 or step.phase == "teardown":
                continue
            for name, value in step.outputs.items():
                _note(known, (name,), value, f"{step.id}.{name}")
            if isinstance(step.result, Mapping) and not streamed(step):
                for place, value in _scalars((), step.result, 0):
                    _note(known, place, value, f"{step.id}.{shown(place)}")
        self._ids = {str(text) for (kind, text) in known if kind == "" and len(str(text)) >= _LONG_ID}

    def fresh(self, place: Place, value: Json) -> bool:
        """Whether another run would answer another value here; what the flow's text says itself is no such value.

        Args:
            place: in a result.
            value: there.
        """
        if isinstance(value, str) and len(value) > 2 and value in self._source:
            return False
        if isinstance(value, str) and any(part in value for part in (*self._made, *self._ids)):
            return True
        return volatile(place, value)

    def name(self, where: Where, place: Place, value: Json) -> str:
        """The name that gives this value at this step; empty when there is none.

        Args:
            where: the step.
            place: in its result.
            value: there.
        """
        if isinstance(value, bool) or not isinstance(value, Value):
            return ""
        known = self._known.get(where, {})
        if isinstance(value, str):
            return known.get(("", value), "") or self._variables.get(value, "") or self._composed(known, value)
        return known.get(("id", value), "") if by_name(place) else ""

    def others(self, where: Where, place: Place, result: Json) -> bool:
        """Whether a place is in a list of what others made, or counts it; asked where one recording is all there is.

        Args:
            where: the step.
            place: in its result.
            result: of the step.
        """
        if not self._sole:
            return False
        lists_above = [place[:end] for end in range(1, len(place) + 1)]
        beside = next(found(result, place[:-1]), None) if isinstance(next(found(result, place), None), int) else None
        if isinstance(beside, Mapping):
            lists_above += [(*place[:-1], key) for key, value in beside.items() if lists(value)]
        return any(self._made_by_others(where, one, result) for one in lists_above)

    def _made_by_others(self, where: Where, place: Place, result: Json) -> bool:
        """A list whose elements have ids, none of which, and nothing else in them, this flow knows."""
        items = next(found(result, place), None)
        if not lists(items) or not items or not all(isinstance(item, Mapping) for item in items):
            return False
        values = [((*place, 0, key), value) for item in items for key, value in item.items()]
        ids = any(by_name(at) and volatile(at, value) for at, value in values)
        return ids and not any(self.name(where, at, value) for at, value in values)

    def _composed(self, known: Mapping[tuple[str, Value], str], value: str) -> str:
        """A text made of random values and of ids known by now, as a template; empty for other texts."""
        parts = {str(text): name for (kind, text), name in known.items() if kind == ""} | self._made
        held = sorted((text for text in parts if text in value), key=len, reverse=True)
        template = value.replace("${", "$${") if held else ""
        for text in held:
            template = template.replace(text, f"${{{parts[text]}}}")
        rest = re.sub(r"\$\{[^}]*\}", "", template)
        return json.dumps(template, ensure_ascii=False) if template and not volatile((), rest) else ""


def _declared(flow: FlowRun) -> Iterator[tuple[str, str]]:
    """Names under `env` whose text is made of random values of this execution."""
    found = read(flow.source, flow.file, FLOW)
    root = found.roots[0] if found.roots else None
    inner = root.get("flow") if isinstance(root, MapNode) else None
    env = (inner if isinstance(inner, MapNode) else root).get("env") if isinstance(root, MapNode) else None
    for name, entry in env.entries.items() if isinstance(env, MapNode) else ():
        text = entry.value.value if isinstance(entry.value, ScalarNode) else None
        if not isinstance(text, str) or "${" not in text:
            continue
        for builtin, value in flow.builtins.items():
            text = text.replace("${" + builtin + "}", str(value))
        if "${" not in text and len(text) >= _SHORTEST:
            yield text, name


def _note(known: dict[tuple[str, Value], str], place: Place, value: Json, name: str) -> None:
    if isinstance(value, bool) or not isinstance(value, Value):
        return
    if isinstance(value, str):
        if len(value) >= _SHORTEST and volatile(place, value):
            known.setdefault(("", value), name)
    elif by_name(place):
        known.setdefault(("id", value), name)


def _scalars(place: Place, value: Json, depth: int) -> Iterator[tuple[Place, Json]]:
    if depth > _DEEP:
        return
    if isinstance(value, Mapping):
        for key, inner in value.items():
            if depth or key not in _SKIPPED:
                yield from _scalars((*place, key), inner, depth + 1)
    elif lists(value):
        if len(value) == 1:
            yield from _scalars((*place, 0), value[0], depth + 1)
    else:
        yield place, value
