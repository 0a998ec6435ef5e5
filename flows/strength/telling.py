"""A lie told to a recording: to every candidate of the step, its windows counted as run to their end (DESIGN §7)."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace

from flows.language.errors import UNDECIDED
from flows.strength.answers import is_message, is_redis, repeating, streamed
from flows.strength.mutation import Kind, Mutation
from flows.strength.places import ALL, Place, copied, found, lists, remove, update
from graph.runs import Exchange, FlowRun, Json, StepRun

_CODES = {"OK": 0, "NOT_FOUND": 5, "INTERNAL": 13}
_MIRRORS: tuple[tuple[str, Place], ...] = (
    ("response", ("body",)),
    ("data", ("body", "data")),
    ("errors", ("body", "errors")),
    ("first_row", ("rows", 0)),
    ("document", ("documents", 0)),
    ("value", ("messages", 0, "value")),
    ("key", ("messages", 0, "key")),
    ("headers", ("messages", 0, "headers")),
)
_ONES = (("documents", "document"), ("inserted_ids", "inserted_id"))
_COUNTS = ("rows", "messages", "keys", "documents")


def tell(flow: FlowRun, mutation: Mutation) -> FlowRun:
    """The recording with the lie told; what a stream says, it says to every step that reads it.

    Args:
        flow: a recorded execution.
        mutation: the lie.
    """
    stream = _stream(flow.steps, mutation)
    return replace(flow, steps=tuple(_told(step, (step.phase,), mutation, stream) for step in flow.steps))


def stands(again: FlowRun) -> bool:
    """Whether a green recording is still green; what only a masked value could tell, it told when it was green.

    Args:
        again: judged again.
    """
    return again.verdict == "passed" or (again.verdict == "error" and again.message == UNDECIDED)


def _stream(steps: Sequence[StepRun], mutation: Mutation) -> StepRun | None:
    """The step the lie is about, when it read a stream."""
    for step in steps:
        if step.id == mutation.step and streamed(step) and not step.steps:
            return step
        nested = _stream(step.steps, mutation)
        if nested is not None:
            return nested
    return None


def _told(step: StepRun, inside: tuple[str, ...], mutation: Mutation, stream: StepRun | None) -> StepRun:
    if step.steps:
        around = (*inside, step.id)
        return replace(step, steps=tuple(_told(inner, around, mutation, stream) for inner in step.steps))
    if stream is not None:
        return _told_stream(step, mutation, stream) if _reads(step, stream) else step
    if step.id != mutation.step or inside != mutation.inside:
        return step
    return replace(
        step,
        exchanges=tuple(_lied(exchange, mutation) for exchange in step.exchanges),
        result=None if step.result is None else changed(step.result, mutation),
    )


def _lied(exchange: Exchange, mutation: Mutation) -> Exchange:
    candidates = tuple(changed(c, mutation) for c in exchange.candidates)
    return replace(exchange, candidates=candidates, ended=_ended(exchange))


def _ended(exchange: Exchange) -> str:
    return "window" if exchange.ended == "satisfied" else exchange.ended


def changed(result: Json, mutation: Mutation) -> Json:
    """One result with the lie told, and what repeats it told the same way.

    Args:
        result: an action's result map.
        mutation: the lie.
    """
    if not isinstance(result, Mapping):
        return result
    copy = copied(result)
    lists_of_one = [(name, one) for name, one in _ONES if one in copy and copy.get(name) == [copy[one]]]
    of_one = {one for _, one in lists_of_one}
    mirrors = [(n, p) for n, p in _MIRRORS if n in copy and n not in of_one and _repeats(copy, n, p)]
    repeated = repeating(copy) if lists(copy.get("messages")) else ""
    at = copy["messages"].index(copy["body"]) if repeated == "body" else 0
    counting = (*_COUNTS, "value") if is_redis(copy) else _COUNTS
    counts = [name for name in counting if lists(copy.get(name)) and (copy[name] or not copy.get("count"))]
    same = _same_number(copy, mutation)
    printed = copy.get("json") is not None and "stdout" in copy
    _ACTS[mutation.kind](copy, mutation)
    copy.update({name: copy[mutation.path[0]] for name in same})
    for name, place in mirrors:
        copy[name] = next(iter(found(copy, place)), None)
    for name, one in lists_of_one:
        copy[name] = [] if copy.get(one) is None else [copy[one]]
    if repeated == "messages":
        copy["messages"] = [copy["body"]]
    elif repeated == "body":
        copy["body"] = next(iter(found(copy, ("messages", at))), None)
    for name in counts:
        copy.update({count: len(copy[name] or ()) for count in ("count", "row_count") if count in copy})
    if printed:
        copy["stdout"] = json.dumps(copy["json"], default=str)
    return copy


def _repeats(result: Json, name: str, place: Place) -> bool:
    return any(value == result[name] for value in found(result, place))


def _same_number(copy: Json, mutation: Mutation) -> list[str]:
    """Other names under which a Redis answer holds the number that is lied about."""
    told = mutation.path[0] if len(mutation.path) == 1 else ""
    if not is_redis(copy) or not isinstance(copy.get(told), int) or isinstance(copy[told], bool):
        return []
    return [name for name in ("value", "ttl", "deleted", "count") if copy[name] == copy[told]]


def _endless(root: Json, mutation: Mutation) -> None:
    root["ttl"] = -1


def _status(root: Json, mutation: Mutation) -> None:
    if "status_code" in root:
        root["status_code"] = _CODES.get(mutation.variant, 2)
    root["status"] = mutation.variant if isinstance(root.get("status"), str) else int(mutation.variant)


def _absent(root: Json, mutation: Mutation) -> None:
    root["exists"] = False
    for name in ("value", "body", "document", "etag", "size", "headers", "metadata"):
        if name in root:
            root[name] = None
    if "count" in root:
        root["count"] = 0
    if isinstance(root.get("ttl"), int):
        root["ttl"] = -2


def _dropped(root: Json, mutation: Mutation) -> None:
    remove(root, mutation.path)


def _header(root: Json, mutation: Mutation) -> None:
    remove(root, mutation.path)
    name = str(mutation.path[-1])
    remove(root, (*mutation.path[:-2], "headers_all", name))


def _other_type(value: Json) -> Json:
    if isinstance(value, str):
        return len(value)
    return "true" if value is True else "false" if value is False else str(value)


def _other_value(value: Json) -> Json:
    if isinstance(value, bool):
        return not value
    return "~" + value[::-1] if isinstance(value, str) else value + 1


def _more(value: Json) -> Json:
    if lists(value):
        return [*value, copied(value[-1]) if value else None]
    return value


def _turned(value: Json) -> Json:
    return list(reversed(value)) if lists(value) else value


def _extra(root: Json, mutation: Mutation) -> None:
    if mutation.path == ("rows",) and not root.get("rows"):
        root["rows"] = [dict.fromkeys(map(str, root.get("columns") or ()))]
        return
    update(root, mutation.path, _more)


def _by(how: Callable[[Json], Json]) -> Callable[[Json, Mutation], None]:
    return lambda root, mutation: update(root, mutation.path, how)


_ACTS: Mapping[Kind, Callable[[Json, Mutation], None]] = {
    "status": _status,
    "absent": _absent,
    "endless": _endless,
    "dropped": _dropped,
    "header": _header,
    "null": _by(lambda value: None),
    "retyped": _by(lambda value: value if value is None else _other_type(value)),
    "value": _by(lambda value: value if value is None else _other_value(value)),
    "empty": _by(lambda value: [] if lists(value) else value),
    "fewer": _by(lambda value: value[:-1] if lists(value) else value),
    "more": _extra,
    "order": _by(_turned),
}


def _reads(step: StepRun, stream: StepRun) -> bool:
    """Whether a step read the same stream: the same action with the same recorded request."""
    if step.action != stream.action or not step.exchanges or not stream.exchanges:
        return False
    return bool(step.exchanges[0].request == stream.exchanges[0].request)


def _told_stream(step: StepRun, mutation: Mutation, stream: StepRun) -> StepRun:
    about = list(stream.result["messages"]) if isinstance(stream.result, Mapping) else []
    exchanges = tuple(_lied_messages(exchange, mutation, about) for exchange in step.exchanges)
    return replace(step, exchanges=exchanges)


def _lied_messages(exchange: Exchange, mutation: Mutation, about: list[Json]) -> Exchange:
    """The lie told to the messages of a stream: what each says, or which of those the step found there are."""
    ended = _ended(exchange)
    if mutation.path == ("messages",):
        pairs = list(zip(exchange.candidates, _times(exchange), strict=True))
        told = _MOVES[mutation.kind](pairs, about)
        return replace(exchange, candidates=tuple(c for c, _ in told), at_ms=tuple(t for _, t in told), ended=ended)
    inner = mutation.path[2:] if mutation.path[0] == "messages" else mutation.path
    inside = replace(mutation, path=inner)
    messages = tuple(_resaid(changed(c, inside)) if is_message(c) else c for c in exchange.candidates)
    return replace(exchange, candidates=messages, ended=ended)


def _times(exchange: Exchange) -> list[float]:
    last = exchange.at_ms[-1] if exchange.at_ms else 0.0
    return [*exchange.at_ms, *([last] * (len(exchange.candidates) - len(exchange.at_ms)))]


Timed = list[tuple[Json, float]]


def _none_of(pairs: Timed, about: list[Json]) -> Timed:
    return [(c, t) for c, t in pairs if c not in about]


def _without_last(pairs: Timed, about: list[Json]) -> Timed:
    return [(c, t) for c, t in pairs if c != about[-1]]


def _again(pairs: Timed, about: list[Json]) -> Timed:
    """The last of them a second time, with an offset of its own."""
    if not pairs or about[-1] not in [c for c, _ in pairs]:
        return pairs
    offsets = [c.get("offset") for c, _ in pairs if isinstance(c, Mapping)]
    last = max((o for o in offsets if isinstance(o, int)), default=0)
    return [*pairs, ({**about[-1], "offset": last + 1}, pairs[-1][1])]


def _other_way_round(pairs: Timed, about: list[Json]) -> Timed:
    places = [i for i, (c, _) in enumerate(pairs) if c in about]
    told = list(pairs)
    for place, other in zip(places, reversed(places), strict=True):
        told[place] = (pairs[other][0], pairs[place][1])
    return told


_MOVES: Mapping[str, Callable[[Timed, list[Json]], Timed]] = {
    "empty": _none_of,
    "fewer": _without_last,
    "more": _again,
    "order": _other_way_round,
}


def _resaid(message: Json) -> Json:
    """A message whose other spellings of its value follow it."""
    if message.get("json") is not None:
        message["json"] = message.get("value")
    if "raw" in message and not isinstance(message.get("value"), str):
        message["raw"] = json.dumps(message.get("value"), default=str)
    return message


__all__ = ["ALL", "changed", "stands", "tell"]
