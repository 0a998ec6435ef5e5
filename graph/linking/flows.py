"""Flow files: what each step exercises, by its configuration; a step that matches nothing is never coverage."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from graph.linking.build import NodeKey
from graph.linking.corpus import Placed
from graph.linking.goals import Goals, Link, Request
from graph.linking.outcomes import Context, Frame, Text
from graph.linking.sqltext import table_name, table_uses
from graph.linking.state import Linking, LooseEnd
from graph.linking.stores import SQL_KINDS, Stores
from graph.linking.subflows import Subflows
from graph.linking.urls import take_apart
from graph.linking.wrappers import Reading
from graph.schema import Json, Resolution

_ALWAYS = Resolution("resolved", "flow file")


def flows(state: Linking) -> None:
    """Flow and Step nodes, CONTAINS, and EXERCISES by what the step's configuration names.

    Args:
        state: the link run.
    """
    requests, stores = Goals(state), Stores(state)
    for placed in state.corpus.of("flow"):
        fact = placed.fact
        props = {
            "name": fact.get("name"),
            "tags": tuple(fact.get("tags", ()) or ()) or None,
            "suite": fact.get("suite"),
            "files": tuple(fact.get("files", ()) or ()) or None,
        }
        state.builder.node("Flow", placed.file, [state.corpus.evidence(placed)], props)
    for placed in state.corpus.of("step"):
        _step(state, placed)
    for placed in state.corpus.of("touch"):
        _touch(state, placed, requests, stores)
    _inner(state, requests, stores)


def _inner(state: Linking, requests: Goals, stores: Stores) -> None:
    """What steps touch through the flows they run; what stays unknown is a loose end, never nothing."""
    subflows = Subflows(state)
    for step in subflows.steps():
        touches, loose = subflows.of(step)
        for touch in touches:
            _touch(state, touch, requests, stores)
        if loose is not None:
            source = state.builder.node("Step", _step_key(step, "id"), [state.corpus.evidence(step)])
            end = state.loose_end(step, loose)
            resolution = Resolution("unresolved", loose.cause, loose.reason)
            evidence = [state.corpus.evidence(step)]
            state.builder.edge("EXERCISES", (source, end), resolution, evidence, {"grade": "referenced"})


def _step_key(placed: Placed, name: str) -> tuple[str, ...]:
    fact = placed.fact
    flow = fact.get("flow", "") or placed.file[1]
    return placed.file[0], flow, fact.get("phase", "") or "steps", fact.get(name, "")


def _step(state: Linking, placed: Placed) -> None:
    evidence = [state.corpus.evidence(placed)]
    key = _step_key(placed, "id")
    props = {"action": placed.fact.get("action"), "line": placed.fact.at.line}
    step = state.builder.node("Step", key, evidence, props)
    flow = state.builder.node("Flow", key[:2], evidence)
    state.builder.edge("CONTAINS", (flow, step), _ALWAYS, evidence)


def _touch(state: Linking, placed: Placed, requests: Goals, stores: Stores) -> None:
    fact = placed.fact
    evidence = [state.corpus.evidence(placed)]
    checks = {
        "checks": tuple(fact.get("checks", ()) or ()) or None,
        "statuses": tuple(fact.get("statuses", ()) or ()) or None,
        "reads": tuple(fact.get("reads", ()) or ()) or None,
    }
    step = state.builder.node("Step", _step_key(placed, "step"), evidence, checks)
    targets = list(_targets(state, placed, requests, stores))
    for target, resolution, more in targets:
        props: dict[str, Json] = {**{k: v for k, v in checks.items() if v is not None}, **more}
        state.builder.edge("EXERCISES", (step, target), resolution, evidence, {"grade": "referenced", **props})


Row = tuple[NodeKey, Resolution, Mapping[str, Json]]


def _targets(state: Linking, placed: Placed, requests: Goals, stores: Stores) -> Iterable[Row]:
    fact = placed.fact
    texts = state.evaluator.texts(fact.get("url"), Frame(placed.file, ""), Context())
    rows: list[Row] = []
    for text, trail in texts:
        if fact.get("target") == "endpoint":
            rows += _endpoints(state, placed, requests, _request(placed, text, trail))
        elif fact.get("target") == "topic":
            rows += _topics(state, placed, text)
        elif fact.get("target") == "rpc":
            rows += _rpcs(state, placed, text)
        else:
            rows += _datasets(state, placed, text, stores)
    sure = [row for row in rows if row[0][0] != "Unresolved"]
    return sure or rows


def _request(placed: Placed, text: Text, trail: frozenset[str]) -> Request:
    method = (placed.fact.get("method", "") or "").upper()
    return Request(placed, "", method, take_apart(text), trail, Reading((), (placed.file, "")))


def _endpoints(state: Linking, placed: Placed, requests: Goals, request: Request) -> Iterable[Row]:
    for link in requests.links(request):
        yield _reached(state, placed, link), link.resolution, {}


def _reached(state: Linking, placed: Placed, link: Link) -> NodeKey:
    if link.offer is not None and link.resolution.rule != "assumed operation":
        return link.offer.node
    if link.loose is not None:
        end = link.loose
        return state.loose_end(
            placed, LooseEnd(end.cause, "EXERCISES", end.reason, end.annotation, end.settles, end.service)
        )
    name = link.node[1][0] if link.node is not None else "?"
    return state.loose_end(placed, LooseEnd("not our operation", "EXERCISES", f"{link.resolution.reason} ({name})"))


def _rpcs(state: Linking, placed: Placed, text: Text) -> Iterable[Row]:
    """Operations of that name; a step may leave out the package of a service."""
    name = text.template
    known = [k for k in state.builder.nodes if k[0] == "Endpoint" and k[1][1] == "grpc"]
    found = [k for k in known if k[1][3] == name] or [k for k in known if k[1][3].rpartition(".")[2] == name]
    for node in found:
        sure = len(found) == 1
        reason = "" if sure else f"{len(found)} operations fit `{name}`"
        yield node, Resolution("resolved" if sure else "candidate", "rpc name", reason), {}
    if not found:
        yield _open(state, placed, "unknown rpc server", f"no service of the workspace serves {name}")


def _topics(state: Linking, placed: Placed, text: Text) -> Iterable[Row]:
    kind = placed.fact.get("kind", "") or "kafka"
    known = [k for k in state.builder.nodes if k[0] == "Topic" and k[1][1] == text.template]
    for node in [k for k in known if k[1][0] == kind] or known:
        yield node, Resolution("resolved", "topic name"), {"mode": placed.fact.get("mode")}
    if not known:
        reason = f"no code publishes or consumes {kind} topic `{text.template}`"
        yield _open(state, placed, "unknown topic", reason)


def _open(state: Linking, placed: Placed, cause: str, reason: str) -> Row:
    node = state.loose_end(placed, LooseEnd(cause, "EXERCISES", reason))
    return node, Resolution("unresolved", cause, reason), {}


def _datasets(state: Linking, placed: Placed, text: Text, stores: Stores) -> Iterable[Row]:
    fact = placed.fact
    kind = fact.get("kind", "") or "sql"
    mode = fact.get("mode", "") or "read"
    if fact.get("sql"):
        uses = table_uses(text.template, stores.store("", kind)[0])
        if uses is None:
            yield _open(state, placed, "unreadable SQL", "the step's SQL could not be parsed")
        for touched in uses or ():
            yield _dataset(state, placed, (kind, touched.table, touched.mode))
        return
    yield _dataset(state, placed, (kind, text.template, mode))


def _dataset(state: Linking, placed: Placed, what: tuple[str, str, str]) -> Row:
    kind, name, mode = what
    wanted = table_name(name) if kind in SQL_KINDS else name
    found = [k for k in state.builder.nodes if k[0] == "Dataset" and _is(k[1], kind, wanted)]
    if found:
        exact = [k for k in found if k[1][2] == wanted] or found
        status = "resolved" if len(exact) == 1 else "candidate"
        reason = "" if len(exact) == 1 else f"{len(exact)} datasets fit `{wanted}`"
        return (
            exact[0],
            Resolution("resolved" if status == "resolved" else "candidate", "dataset name", reason),
            {"mode": mode},
        )
    streams = [k for k in state.builder.nodes if k[0] == "Topic" and k[1] == (kind, wanted)]
    if streams:
        return streams[0], Resolution("resolved", "topic name", "a stream is read by its key"), {"mode": mode}
    return _open(state, placed, "unknown dataset", f"no code reads or writes {kind} `{wanted}`")


def _is(key: Sequence[str], kind: str, name: str) -> bool:
    import re

    same_kind = key[0] == kind or (key[0] in SQL_KINDS and kind in SQL_KINDS)
    if not same_kind:
        return False
    if key[2] == name or kind in SQL_KINDS:
        return key[2] == name or key[2].rpartition(".")[2] == name
    pattern = ".+".join(re.escape(part) for part in key[2].split("{}"))
    return (
        re.fullmatch(pattern, name) is not None
        or re.fullmatch(".+".join(map(re.escape, name.split("{}"))), key[2]) is not None
    )
