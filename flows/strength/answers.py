"""What kind of answer a step recorded: a stream, rows in no order, a Redis reply, a field that only repeats another."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping

from graph.runs import FlowRun, Json, StepRun

_TARGETS = ("method", "url", "address", "service", "query", "command", "key", "operation", "collection", "bucket")
_REDIS = frozenset({"value", "exists", "ok", "ttl", "deleted", "count"})


def streamed(step: StepRun) -> bool:
    """Whether a step read a stream, whose recording holds single messages.

    Args:
        step: an execution.
    """
    candidates = [c for exchange in step.exchanges for c in exchange.candidates]
    return any(is_message(c) for c in candidates) or (
        not candidates and isinstance(step.result, Mapping) and step.result.get("messages") == []
    )


def is_message(candidate: Json) -> bool:
    """A consumer records single messages, not results.

    Args:
        candidate: recorded.
    """
    return isinstance(candidate, Mapping) and "raw" in candidate and "messages" not in candidate


def unordered(step: StepRun) -> bool:
    """Whether a store may give the rows of a step's answer in any order: nothing in its query asks for one.

    Args:
        step: an execution.
    """
    if len(step.result.get("rows") or ()) < 2 or not step.exchanges:
        return False
    request = step.exchanges[-1].request
    query = request.get("query") if isinstance(request, Mapping) else None
    return isinstance(query, str) and "order by" not in " ".join(query.lower().split())


def is_redis(result: Mapping[str, Json]) -> bool:
    """Whether an answer is that of a Redis command, whose number stands under several names.

    Args:
        result: an action's result.
    """
    return result.keys() >= _REDIS


def only_document(result: Mapping[str, Json]) -> bool:
    """Whether the documents of an answer are its one `document`.

    Args:
        result: with `documents`.
    """
    return bool(result.get("documents") == [result.get("document")])


def repeating(result: Mapping[str, Json]) -> str:
    """Of a gRPC answer the field that only repeats the other: the one message, or the body that is one of them.

    Args:
        result: with `messages`.
    """
    messages, body = result["messages"], result.get("body")
    if not messages or body is None:
        return ""
    return "messages" if list(messages) == [body] else "body" if body in messages else ""


def competing(flow: FlowRun) -> frozenset[tuple[str, tuple[str, ...]]]:
    """Steps that ask, side by side, for what another asks for as well: which of them gets it differs from run to run.

    Args:
        flow: a recorded execution.
    """
    found = (_competing(step, (step.phase,)) for step in flow.steps)
    return frozenset(place for places in found for place in places)


def _competing(step: StepRun, inside: tuple[str, ...]) -> Iterator[tuple[str, tuple[str, ...]]]:
    around = (*inside, step.id)
    for inner in step.steps:
        yield from _competing(inner, around)
    if step.action == "parallel":
        asked = Counter(target for inner in step.steps if (target := _target(inner)))
        yield from ((inner.id, around) for inner in step.steps if asked[_target(inner)] > 1)


def _target(step: StepRun) -> tuple[str, ...]:
    """What a step that changes something changes; empty for others."""
    request = step.exchanges[0].request if step.exchanges else None
    if not isinstance(request, Mapping) or str(request.get("method", "POST")).upper() in ("GET", "HEAD"):
        return ()
    parts = [str(request[name]) for name in _TARGETS if request.get(name) is not None]
    return (step.action, *parts) if parts else ()
