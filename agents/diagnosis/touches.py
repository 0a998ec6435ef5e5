"""Which endpoints, topics and tables recorded requests name, by what was really sent."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from urllib.parse import urlsplit

from agents.diagnosis.differences import last_exchange
from agents.diagnosis.words import dataset_names
from graph.runs import Json, StepRun
from graph.schema import Node

_EXECUTIONS = 5


def touched(steps: Sequence[StepRun], kind: str, nodes: Iterable[Node]) -> Iterator[Node]:
    """The nodes of a kind that some step's request names.

    Of endpoints with the same method and path in several services all are given: the request says only an address.

    Args:
        steps: executions.
        kind: Endpoint, Topic or Dataset.
        nodes: of that kind.
    """
    requests = [exchange.request for step in _few(steps) if (exchange := last_exchange(step)) is not None]
    names = _NAMES[kind]
    wanted = dict.fromkeys(name for request in requests if isinstance(request, Mapping) for name in names(request))
    matches = _MATCHES[kind]
    best: dict[str, tuple[int, list[Node]]] = {}
    for node in nodes:
        for name in wanted:
            weight = matches(node, name)
            if weight and weight >= best.get(name, (0, []))[0]:
                kept = best[name][1] if name in best and best[name][0] == weight else []
                best[name] = (weight, [*kept, node])
    yield from {n.uid: n for _, found in best.values() for n in found}.values()


def _few(steps: Sequence[StepRun]) -> Iterator[StepRun]:
    """Of a step in a loop the first executions: the others ask for the same kinds of things."""
    seen = Counter[str]()
    for step in steps:
        seen[step.id] += 1
        if seen[step.id] <= _EXECUTIONS:
            yield step


def _requests(request: Mapping[str, Json]) -> Iterator[str]:
    if request.get("url"):
        yield f"{str(request.get('method') or 'GET').upper()} {urlsplit(str(request['url'])).path}"


def _topics(request: Mapping[str, Json]) -> Iterator[str]:
    for key in ("topic", "channel", "stream", "subject", "queue"):
        if isinstance(request.get(key), str):
            yield str(request[key])
    yield from _words(request)


def _datasets(request: Mapping[str, Json]) -> Iterator[str]:
    if isinstance(request.get("query"), str):
        yield from dataset_names(str(request["query"]))
    if isinstance(request.get("key"), str):
        yield str(request["key"])
    yield from _words(request)


def _words(request: Mapping[str, Json]) -> Iterator[str]:
    """Arguments of a Redis command."""
    args = request.get("args")
    if isinstance(args, Sequence) and not isinstance(args, str):
        yield from (str(a) for a in args if isinstance(a, str))


def _is_endpoint(node: Node, name: str) -> int:
    """How many literal segments agree, plus one; 0 when it is another endpoint."""
    method, _, path = name.partition(" ")
    if node.key[2] not in (method, "ANY") or node.key[3].count("/") != path.rstrip("/").count("/"):
        return 0
    want = [p for p in node.key[3].split("/") if p]
    have = [p for p in path.split("/") if p]
    if len(want) != len(have) or not all(w == h or w.startswith("{") for w, h in zip(want, have, strict=True)):
        return 0
    return 1 + sum(w == h for w, h in zip(want, have, strict=True))


def _is_named(node: Node, name: str) -> int:
    return int(node.key[-1].lower() == name.lower() or _fits_pattern(node.key[-1], name))


def _fits_pattern(pattern: str, name: str) -> bool:
    """`product:{}` fits `product:SKU-1`."""
    if "{}" not in pattern or not pattern.replace("{}", ""):
        return False
    return re.fullmatch(".+".join(re.escape(part) for part in pattern.split("{}")), name) is not None


_NAMES = {"Endpoint": _requests, "Topic": _topics, "Dataset": _datasets}
_MATCHES = {"Endpoint": _is_endpoint, "Topic": _is_named, "Dataset": _is_named}
