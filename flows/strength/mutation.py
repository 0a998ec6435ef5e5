"""What could be different in a recorded answer, by the answer's shape: one small lie at a time."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import chain
from typing import Literal

from flows.strength import volatile
from flows.strength.answers import is_redis, only_document, repeating, streamed, unordered
from flows.strength.places import ALL, Place, found, lists, shown
from graph.runs import FlowRun, Json, StepRun

Kind = Literal[
    "status", "absent", "endless", "empty", "fewer", "more", "value", "dropped", "null", "retyped", "order", "header"
]
WORDS: Mapping[Kind, str] = {
    "status": "another status",
    "absent": "not there at all",
    "endless": "never expires",
    "empty": "none of them",
    "fewer": "one missing",
    "more": "one too many",
    "value": "another value",
    "dropped": "field gone",
    "null": "null",
    "retyped": "another type",
    "order": "another order",
    "header": "header gone",
}
_MOST_PER_STEP = 200
_DEEP = 8
_ONE_BY_ONE = 3
_OPAQUE = ("run_flow",)
_PREPARING = frozenset({"mock_server_start", "mock_server_stop"})
_FOLLOWS = frozenset({"headers_all", "columns", "row_count", "first_row", "status_code", "raw", "json", "ok"})
_WRITTEN = ("inserted_count", "matched_count", "modified_count", "deleted_count")
_OF_MESSAGE = ("value", "key", "headers")


@dataclass(frozen=True, slots=True)
class Mutation:
    """One lie about one step's evidence, told to every candidate.

    Args:
        step: step id.
        kind: what is different.
        path: place in the result, e.g. ``("body", "total")``.
        variant: further detail, e.g. the other status.
        inside: phase and ids of enclosing steps.
    """

    step: str
    kind: Kind
    path: Place
    variant: str = ""
    inside: tuple[str, ...] = ("steps",)

    @property
    def where(self) -> str:
        """The place as an expression reads it."""
        return shown(self.path)

    @property
    def what(self) -> str:
        """In words, e.g. ``body.total: another value``."""
        detail = f" ({self.variant})" if self.variant else ""
        return f"{self.where}: {WORDS[self.kind]}{detail}"


Where = tuple[str, tuple[str, ...]]


def mutations(flow: FlowRun) -> Iterator[Mutation]:
    """Every lie that can be told about a passing execution, in file order.

    Steps that another file holds (`run_flow`) and teardown are left out: the first are that file's business, the
    second tidies up.

    Args:
        flow: a recorded execution.
    """
    seen: set[Where] = set()
    for inside, step in leaves(flow.steps):
        where = (step.id, inside)
        if where in seen or not tellable(step):
            continue
        seen.add(where)
        for count, (kind, path, variant) in enumerate(_of_result(step)):
            if count >= _MOST_PER_STEP:
                break
            yield Mutation(step.id, kind, path, variant, inside)


def tellable(step: StepRun) -> bool:
    """Whether a step's answer came from outside and is a result.

    Args:
        step: an execution without nested ones.
    """
    prepares = step.action in _PREPARING
    return not prepares and step.phase != "teardown" and bool(step.exchanges) and isinstance(step.result, Mapping)


def leaves(steps: Sequence[StepRun], inside: tuple[str, ...] = ()) -> Iterator[tuple[tuple[str, ...], StepRun]]:
    """Step executions of this file without nested ones, each with its phase and the ids around it.

    Args:
        steps: executions.
        inside: of the level.
    """
    for step in steps:
        around = inside or (step.phase,)
        if step.steps:
            if step.action not in _OPAQUE:
                yield from leaves(step.steps, (*around, step.id))
        elif step.action not in _OPAQUE:
            yield around, step


Told = tuple[Kind, Place, str]


def _of_result(step: StepRun) -> Iterator[Told]:
    result = step.result
    echoed = _echoed(step)
    if streamed(step):
        yield from _of_stream(result, echoed)
        return
    yield from _of_status(result)
    if result.get("exists") is True:
        yield "absent", ("exists",), ""
    if is_redis(result) and isinstance(result["ttl"], int):
        yield from _of_ttl(result["ttl"])
        return
    names = [n for n in _payload(result) if not _plain_in(result[n], echoed)]
    if result.get("ok") is True and not names:
        yield "value", ("ok",), ""
    for name in names:
        value = result[name]
        if name in ("rows", "messages"):
            yield from _of_items((name,), value, step)
        elif name == "requests":
            yield from _of_requests(value)
        elif name in ("headers", "trailers"):
            plain = not isinstance(result.get("body"), str) or not result["body"]
            yield from _of_headers((name,), value, plain=plain)
        elif name == "body" and "status_code" in result:
            yield from (told for told in _top((name,), value) if not _unset(result, told[1]))
        else:
            yield from _top((name,), value)


def _of_ttl(seconds: int) -> Iterator[Told]:
    if seconds > 0:
        yield "endless", ("ttl",), ""


def _echoed(step: StepRun) -> tuple[Json, ...]:
    """Texts of the request: an answer that only repeats them says nothing of its own."""
    request = step.exchanges[-1].request
    values = request.values() if isinstance(request, Mapping) else ()
    return tuple(value for value in values if isinstance(value, str) and len(value) > 2)


def _plain_in(value: Json, echoed: tuple[Json, ...]) -> bool:
    return isinstance(value, str) and value in echoed


def _unset(result: Mapping[str, Json], path: Place) -> bool:
    """A field of a gRPC message that nobody set has its default there."""
    return any(value in (0, "", False) or value in ([], {}) for value in found(result, path))


def _of_requests(requests: Json) -> Iterator[Told]:
    """What a mock server was asked: whether, how often, and with what."""
    if requests:
        yield "empty", ("requests",), ""
        yield "more", ("requests",), ""
        for index, request in enumerate(requests[:_ONE_BY_ONE]):
            for name in ("query", "body"):
                if isinstance(request, Mapping) and request.get(name):
                    yield from _of_value(("requests", index, name), request[name], 2)


def _of_status(result: Mapping[str, Json]) -> Iterator[Told]:
    status = result.get("status")
    if isinstance(status, int) and not isinstance(status, bool):
        for other in dict.fromkeys((500, 404, 200 if status != 200 else 202)):
            if other != status:
                yield "status", ("status",), str(other)
    elif isinstance(status, str) and "status_code" in result:
        for name in ("INTERNAL", "NOT_FOUND", "OK"):
            if name != status:
                yield "status", ("status",), name


def _payload(result: Mapping[str, Json]) -> list[str]:
    """The fields that say what the system did; those that repeat them follow by themselves (see telling)."""
    names = [n for n in result if n not in volatile.FIELDS and n not in _FOLLOWS and n not in ("status", "exists")]
    if "rows" in result:
        reading = bool(result.get("columns")) or bool(result["rows"])
        names = [n for n in names if n != "count" and not (reading and n == "rows_affected")]
    if "messages" in result:
        names = [n for n in names if n not in ("count", "value", "key")]
        names = [n for n in names if n != repeating(result)]
    if "requests" in result:
        names = ["requests"]
    if is_redis(result):
        names = ["deleted" if result["deleted"] is not None else "value"]
    if result.get("documents"):
        names = [n for n in names if n not in ("count", "documents" if only_document(result) else "document")]
    if result.get("inserted_ids") == [result.get("inserted_id")]:
        names = [n for n in names if n != "inserted_ids"]
    if result.get("stdout") and result.get("json") is not None:
        names = [n if n != "stdout" else "json" for n in names]
    if "body" in result:
        names = [n for n in names if n not in ("data", "errors", "response", "error_message")]
    elif "response" in result:
        names = [n for n in names if n != "error_message"]
    return [n for n in names if _says(result, n)]


def _says(result: Mapping[str, Json], name: str) -> bool:
    """Whether a field says anything: what is empty by default does not, a count of nothing does."""
    value = result[name]
    if value is None or value in ("", {}):
        return False
    if value is False or value in ([], 0):
        counts = name == "count" and "keys" not in result and not any(result.get(n) for n in _WRITTEN)
        return counts or name in ("rows", "rows_affected", "deleted", "exit_code")
    return True


def _top(path: Place, value: Json) -> Iterator[Told]:
    """A field that every answer of this action has: it cannot be dropped, but be something else."""
    if isinstance(value, Mapping) or lists(value):
        yield from _of_value(path, value, 1)
        return
    yield "null", path, ""
    yield from _of_scalar(path, value)


def _of_stream(result: Mapping[str, Json], echoed: tuple[Json, ...]) -> Iterator[Told]:
    messages = result.get("messages")
    if not messages:
        return
    yield "empty", ("messages",), ""
    if len(messages) > 1:
        yield "fewer", ("messages",), ""
        yield from _order(("messages",), [m.get("value") for m in messages])
    if all(isinstance(m.get("offset"), int) for m in messages):
        yield "more", ("messages",), ""
    first = messages[0]
    for name in _OF_MESSAGE:
        path: Place = (name,) if len(messages) == 1 else ("messages", ALL, name)
        if name == "headers":
            yield from _of_headers(path, first.get(name))
        elif first.get(name) is not None and not _plain_in(first[name], echoed):
            yield from _top(path, first[name])


def _of_items(path: Place, items: Json, step: StepRun) -> Iterator[Told]:
    if not items:
        if step.result.get("columns"):
            yield "more", path, ""
        return
    told = _of_list(path, items, 0)
    if unordered(step):
        alike = all(isinstance(item, Mapping) for item in items)
        told = chain(_of_length(path, items), _of_value((*path, ALL), items[0], 1) if alike else ())
    yield from told


def _of_headers(path: Place, headers: Json, *, plain: bool = False) -> Iterator[Told]:
    """Headers that say something of their own; the type of an empty body, or of one that was read as JSON, does not."""
    if not isinstance(headers, Mapping):
        return
    for name, value in headers.items():
        silent = name.lower() in volatile.HEADERS or (plain and name.lower() == "content-type")
        if not silent and value is not None:
            yield "header", (*path, name), ""
            yield "value", (*path, name), ""


def _of_value(path: Place, value: Json, depth: int) -> Iterator[Told]:
    if depth > _DEEP:
        return
    if isinstance(value, Mapping):
        for name, inner in value.items():
            yield "dropped", (*path, name), ""
            if inner is not None:
                yield "null", (*path, name), ""
            yield from _of_value((*path, name), inner, depth + 1)
    elif lists(value):
        yield from _of_list(path, value, depth)
    elif value is not None:
        yield from _of_scalar(path, value)


def _of_scalar(path: Place, value: Json) -> Iterator[Told]:
    yield "value", path, ""
    yield "retyped", path, ""


def _of_list(path: Place, items: Sequence[Json], depth: int) -> Iterator[Told]:
    """A short list element by element; of a longer one every element at once, so that looking at one is enough."""
    yield from _of_length(path, items)
    if len(items) > 1:
        yield from _order(path, items)
    if len(items) <= _ONE_BY_ONE:
        for index, inner in enumerate(items):
            yield from _of_value((*path, index), inner, depth + 1)
    elif all(isinstance(item, Mapping) for item in items):
        yield from _of_value((*path, ALL), items[0], depth + 1)
    else:
        yield from _of_value((*path, 0), items[0], depth + 1)


def _of_length(path: Place, items: Sequence[Json]) -> Iterator[Told]:
    if items:
        yield "empty", path, ""
    if len(items) > 1:
        yield "fewer", path, ""
    yield "more", path, ""


def _order(path: Place, items: Sequence[Json]) -> Iterator[Told]:
    if list(items) != list(reversed(items)):
        yield "order", path, ""


def where_of(flow: FlowRun) -> dict[Where, StepRun]:
    """The first execution of every step of this file.

    Args:
        flow: a recorded execution.
    """
    return {(step.id, inside): step for inside, step in reversed(list(leaves(flow.steps)))}
