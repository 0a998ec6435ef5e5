"""Small lies told to recorded evidence: a flow that still passes would not notice the system doing the same."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Literal

from graph.runs import Exchange, FlowRun, Json, StepRun

Kind = Literal["status", "dropped", "retyped", "value", "empty", "fewer", "more"]
_MOST_PER_STEP = 120
_DEEP = 8
_ELEMENT = re.compile(r"^messages\[\d+\]\.")
_PART = re.compile(r"\[(\d+)\]|([^.\[\]]+)")


@dataclass(frozen=True, slots=True, order=True)
class Mutation:
    """One lie about one step's evidence, told to every candidate.

    Args:
        step: step id.
        kind: status, dropped, retyped, value, empty, fewer or more.
        path: place in the result, e.g. ``body.total``.
        variant: further detail, e.g. the other status.
    """

    step: str
    kind: Kind
    path: str
    variant: str = ""


def mutations(flow: FlowRun) -> Iterator[Mutation]:
    """Every lie that can be told about a passing execution.

    Args:
        flow: a recorded execution.
    """
    seen: set[str] = set()
    for step in _leaves(flow.steps):
        if step.id in seen or step.phase == "teardown" or not isinstance(step.result, Mapping):
            continue
        seen.add(step.id)
        for count, mutation in enumerate(_of_result(step.id, step.result)):
            if count >= _MOST_PER_STEP:
                break
            yield mutation


def _leaves(steps: Sequence[StepRun]) -> Iterator[StepRun]:
    for step in steps:
        if step.steps:
            yield from _leaves(step.steps)
        else:
            yield step


def _of_result(step: str, result: Mapping[str, Json]) -> Iterator[Mutation]:
    status = result.get("status")
    if isinstance(status, int):
        for other in dict.fromkeys((500, 404, 200 if status != 200 else 202)):
            if other != status:
                yield Mutation(step, "status", "status", str(other))
        yield from _of_value(step, "body", result.get("body"), 0)
    for name in ("rows", "messages"):
        items = result.get(name)
        if isinstance(items, Sequence) and items:
            yield Mutation(step, "empty", name)
            if len(items) > 1:
                yield Mutation(step, "fewer", name)
            yield Mutation(step, "more", name)
            for index, item in enumerate(items):
                yield from _of_value(step, f"{name}[{index}]", _told(name, item), 0)
    if "value" in result and "messages" not in result:
        yield from _of_value(step, "value", result["value"], 0)


def _told(name: str, item: Json) -> Json:
    """Of a message only what its sender wrote."""
    if name == "messages" and isinstance(item, Mapping):
        return {k: item[k] for k in ("value", "key") if k in item}
    return item


def _of_value(step: str, path: str, value: Json, depth: int) -> Iterator[Mutation]:
    if depth > _DEEP or value is None:
        return
    if isinstance(value, Mapping):
        for name, inner in value.items():
            yield Mutation(step, "dropped", f"{path}.{name}")
            yield from _of_value(step, f"{path}.{name}", inner, depth + 1)
    elif isinstance(value, Sequence) and not isinstance(value, str):
        if value:
            yield Mutation(step, "empty", path)
        for index, inner in enumerate(value[:5]):
            yield from _of_value(step, f"{path}[{index}]", inner, depth + 1)
    else:
        yield Mutation(step, "value", path)
        yield Mutation(step, "retyped", path)


def tell(flow: FlowRun, mutation: Mutation) -> FlowRun:
    """The recording with the lie told to every candidate of the step, its windows counted as run to their end.

    Args:
        flow: a recorded execution.
        mutation: the lie.
    """
    return replace(flow, steps=tuple(_told_to(step, mutation) for step in flow.steps))


def _told_to(step: StepRun, mutation: Mutation) -> StepRun:
    if step.steps:
        return replace(step, steps=tuple(_told_to(inner, mutation) for inner in step.steps))
    if step.id != mutation.step:
        return step
    return replace(
        step,
        exchanges=tuple(_lied(exchange, mutation) for exchange in step.exchanges),
        result=None if step.result is None else changed(step.result, mutation),
    )


def _lied(exchange: Exchange, mutation: Mutation) -> Exchange:
    ended = "window" if exchange.ended == "satisfied" else exchange.ended
    if any(_is_message(c) for c in exchange.candidates):
        return _lied_messages(replace(exchange, ended=ended), mutation)
    return replace(exchange, candidates=tuple(changed(c, mutation) for c in exchange.candidates), ended=ended)


def _is_message(candidate: Json) -> bool:
    """A consumer records single messages, not results."""
    return isinstance(candidate, Mapping) and "raw" in candidate and "messages" not in candidate


def _lied_messages(exchange: Exchange, mutation: Mutation) -> Exchange:
    """The lie told to the messages a consumer read: to each of them, or to how many there are."""
    count = len(exchange.candidates)
    if mutation.path == "messages":
        keep = {"empty": 0, "fewer": count - 1}.get(mutation.kind, count)
        more = exchange.candidates[-1:] if mutation.kind == "more" else ()
        times = exchange.at_ms[:keep] + (exchange.at_ms[-1:] if more else ())
        return replace(exchange, candidates=exchange.candidates[:keep] + more, at_ms=times)
    inside = replace(mutation, path=_ELEMENT.sub("", mutation.path))
    messages = tuple(_resaid(changed(c, inside)) for c in exchange.candidates)
    return replace(exchange, candidates=messages)


def changed(result: Json, mutation: Mutation) -> Json:
    """One result with the lie told, and what is derived from it told the same way.

    Args:
        result: an action's result map.
        mutation: the lie.
    """
    if not isinstance(result, Mapping):
        return result
    copy = _copied(result)
    _ACTS[mutation.kind](copy, mutation)
    return _consistent(copy)


def _copied(value: Json) -> Json:
    if isinstance(value, Mapping):
        return {k: _copied(v) for k, v in value.items()}
    if isinstance(value, Sequence) and not isinstance(value, str | bytes):
        return [_copied(v) for v in value]
    return value


def _place(root: Json, path: str) -> tuple[Json, str | int] | None:
    """The container and key of a path, or None when this candidate has no such place."""
    parts: list[str | int] = [int(i) if i else name for i, name in _PART.findall(path)]
    here = root
    for part in parts[:-1]:
        here = _child(here, part)
        if here is None:
            return None
    return (here, parts[-1]) if _child(here, parts[-1]) is not None or _holds(here, parts[-1]) else None


def _child(here: Json, part: str | int) -> Json:
    return here[part] if _holds(here, part) else None


def _holds(here: Json, part: str | int) -> bool:
    if isinstance(part, int):
        return isinstance(here, list) and part < len(here)
    return isinstance(here, dict) and part in here


def _set_status(root: Json, mutation: Mutation) -> None:
    root["status"] = int(mutation.variant)


def _drop(root: Json, mutation: Mutation) -> None:
    found = _place(root, mutation.path)
    if found is not None:
        del found[0][found[1]]


def _retype(root: Json, mutation: Mutation) -> None:
    _update(root, mutation.path, _other_type)


def _revalue(root: Json, mutation: Mutation) -> None:
    _update(root, mutation.path, _other_value)


def _empty(root: Json, mutation: Mutation) -> None:
    _update(root, mutation.path, lambda _: [])


def _fewer(root: Json, mutation: Mutation) -> None:
    _update(root, mutation.path, lambda items: items[:-1])


def _more(root: Json, mutation: Mutation) -> None:
    _update(root, mutation.path, lambda items: [*items, items[-1]] if items else items)


def _update(root: Json, path: str, how: Callable[[Json], Json]) -> None:
    found = _place(root, path)
    if found is not None:
        found[0][found[1]] = how(found[0][found[1]])


def _other_type(value: Json) -> Json:
    if isinstance(value, str):
        return len(value)
    return "true" if value is True else "false" if value is False else str(value)


def _other_value(value: Json) -> Json:
    if isinstance(value, bool):
        return not value
    return value + "~" if isinstance(value, str) else value + 1


_ACTS: Mapping[Kind, Callable[[Json, Mutation], None]] = {
    "status": _set_status,
    "dropped": _drop,
    "retyped": _retype,
    "value": _revalue,
    "empty": _empty,
    "fewer": _fewer,
    "more": _more,
}


def _consistent(result: Json) -> Json:
    """Fields that repeat others follow them: counts, the first row, the first message."""
    rows, messages = result.get("rows"), result.get("messages")
    if isinstance(rows, list):
        result.update({name: len(rows) for name in ("count", "row_count") if name in result})
        if "first_row" in result:
            result["first_row"] = rows[0] if rows else None
    if isinstance(messages, list):
        if "count" in result:
            result["count"] = len(messages)
        for message in messages:
            _resaid(message)
        first = messages[0] if messages else {}
        for name in ("value", "key", "headers"):
            if name in result:
                result[name] = first.get(name)
    return result


def _resaid(message: Json) -> Json:
    """A message whose other spellings of its value follow it."""
    if isinstance(message, dict) and "value" in message:
        if message.get("json") is not None:
            message["json"] = message["value"]
        if "raw" in message and not isinstance(message["value"], str):
            message["raw"] = json.dumps(message["value"], default=str)
    return message
