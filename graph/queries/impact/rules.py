"""Along which edges a change has effects, and along which it is executed (DESIGN §6).

Effects are carried in five modes: ``changed`` behaves differently and nothing yet explains who runs it, ``serving`` the
same behind an endpoint or a subscription, ``asking`` gets other answers or data and somebody should run it, ``fed``
gets other input, ``differs`` holds or carries other data.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping

from graph.linking.roles import aside
from graph.queries.impact.callers import PART_OF, callers_of, doors, in_background, nobody_runs, via_of
from graph.queries.impact.gateways import passing
from graph.queries.impact.outside import services_of_repository
from graph.queries.impact.settings import is_silent, named_unasked, operations, unasked_by
from graph.queries.impact.spread import State
from graph.queries.impact.world import EdgeId, Via, World
from graph.schema import Node

CHANGED, SERVING, ASKING, FED, DIFFERS = "changed", "serving", "asking", "fed", "differs"
BEHIND, RAN_BEHIND = "behind", "ran behind"
"""As ``serving`` and ``ran``, of a gateway that only hands requests on to what differs or runs."""
RUNS, RAN = "runs", "ran"
OF_ITSELF = (CHANGED, SERVING, DIFFERS)
SEEN_DIFFERENTLY = (*OF_ITSELF, BEHIND)
_WIRE = ("Endpoint", "Topic", "Dataset", "External")
_OPEN_TARGETS: Mapping[str, tuple[str, str]] = {
    "CALLS": ("Endpoint", FED),
    "PUBLISHES": ("Topic", DIFFERS),
    "WRITES": ("Dataset", DIFFERS),
}
_OPEN_SOURCES: Mapping[str, str] = {"Endpoint": "CALLS", "Topic": "CONSUMES", "Dataset": "READS"}
SAME = Via(None)
_SAFE = ("GET", "HEAD", "OPTIONS")
"""Methods that change nothing others see, however they are asked (RFC 9110 §9.2.1)."""
_OPEN = "its target could not be named"
_ENTRIES = ("", "main", "Main", "Program.Main")
"""Code that is started, not called; what it asks in a loop it hands on as data, which is followed on its own."""


def effects(world: World, state: State) -> Iterator[tuple[State, Via]]:
    """Where something that differs makes something else differ.

    Args:
        world: both revisions.
        state: uid and mode.
    """
    uid, mode = state
    node = world.node(uid)
    if node.kind in ("Symbol", "Endpoint", "Service"):
        if mode == FED:
            yield from _outward(world, uid)
            yield from _unseen(world, node)
        else:
            yield (uid, FED), SAME
    if node.kind == "Symbol" and mode in (CHANGED, SERVING, ASKING):
        yield from _to_callers(world, node, mode)
    elif node.kind == "Endpoint":
        yield from _endpoint(world, uid, mode)
    elif node.kind == "Topic":
        yield from _steps(world, world.back(uid, "CONSUMES"), SERVING)
        yield from _steps(world, world.out(uid, "HANDLED_BY"), SERVING)
    elif node.kind == "Dataset":
        yield from _asking(world, world.back(uid, "READS"))
    elif node.kind == "Service" and mode != FED:
        yield from _service(world, node)
    elif node.kind == "Unresolved":
        yield from _anything(world, node)
    if node.kind in _OPEN_SOURCES and mode != FED:
        yield from _open_sources(world, node, _OPEN_SOURCES[node.kind], SERVING)


def _outward(world: World, uid: str) -> Iterator[tuple[State, Via]]:
    for number, far in world.out(uid, "CALLS", "PUBLISHES", "WRITES"):
        if far.kind == "Unresolved":
            yield (_group(world, number[0], far), _OPEN_TARGETS[number[0]][1]), Via(number, _OPEN, False)
        elif far.kind in ("Symbol", "Endpoint"):
            yield (far.uid, FED), via_of(world, number)
        elif far.kind in _WIRE:
            yield (far.uid, DIFFERS), via_of(world, number)


def _unseen(world: World, node: Node) -> Iterator[tuple[State, Via]]:
    """What a service does to others without being seen: it may ask those it is told of, and change any data."""
    if node.kind == "Symbol":
        services = world.services(node.uid) if not aside(node.key[1]) else []
    else:
        services = [node] if node.kind == "Service" and node.props.get("sort") != "infrastructure" else []
    for service in services:
        for named, setting in unasked_by(world, service):
            note = f"{setting} names it, and no request that goes there was found"
            for endpoint in operations(world, named):
                yield (endpoint.uid, FED), Via(None, note, False, "MAY ASK")
    for service in services if services and all(is_silent(world, s) for s in services) else ():
        note = f"nothing that {service.key[0]} does to others was found"
        for kind in ("Dataset", "Topic"):
            for far in world.of(kind):
                yield (far.uid, DIFFERS), Via(None, note, False, "MAY CHANGE")


def _to_callers(world: World, node: Node, mode: str) -> Iterator[tuple[State, Via]]:
    leading = doors(world, node.uid)
    yield from _steps(world, (d for d in leading if d[1].kind == "Endpoint"), SERVING)
    onward = SERVING if leading else mode
    callers = callers_of(world, node)
    for far, via in callers:
        if onward != SERVING or via.label != PART_OF:  # what runs behind a door is not run by making its object
            yield (far.uid, onward), via
    started = onward == ASKING and node.key[2] in _ENTRIES
    if onward in (CHANGED, ASKING) and not started and not aside(node.key[1]) and nobody_runs(world, node, callers):
        for service in services_of(world, node):
            note = "nothing known calls it, so it may run in every request"
            yield (service.uid, CHANGED), Via(None, note, False, "MAY RUN IN")


def _endpoint(world: World, uid: str, mode: str) -> Iterator[tuple[State, Via]]:
    if mode == FED:
        if world.node(uid).key[2] not in _SAFE:
            yield from _steps(world, world.out(uid, "HANDLED_BY", "ROUTES_TO"), FED)
    else:
        yield from _asking(world, world.back(uid, "CALLS"))
        yield from _asking(world, passing(world, uid, "CALLS") if mode != BEHIND else ())
        yield from _steps(world, world.back(uid, "ROUTES_TO"), BEHIND)
        yield from _told_about(world, uid, CHANGED)


def _told_about(world: World, uid: str, mode: str) -> Iterator[tuple[State, Via]]:
    """Services that are told where this one is, and of which no request of it was found: they may ask it unseen."""
    for service, setting in named_unasked(world).get(world.node(uid).key[0], ()):
        note = f"{setting} names it, and no request that goes there was found"
        yield (service.uid, mode), Via(None, note, False, "MAY ASK")


def _asking(world: World, found: Iterable[tuple[EdgeId, Node]]) -> Iterator[tuple[State, Via]]:
    """Who asks: an operation serves what it is told, code has to be run by somebody first."""
    for number, far in found:
        yield (far.uid, ASKING if far.kind == "Symbol" else SERVING), via_of(world, number)


def _service(world: World, node: Node) -> Iterator[tuple[State, Via]]:
    for number, far in world.out(node.uid, "OWNS"):
        if far.kind == "Endpoint":
            yield (far.uid, SERVING), Via(number)
            yield (far.uid, FED), Via(number)
        elif any(world.out(far.uid, "CONSUMES")) or any(
            t.kind == "Topic" for _, t in world.back(far.uid, "HANDLED_BY")
        ):
            yield (far.uid, SERVING), Via(number)
        elif in_background(world, far):
            yield (far.uid, FED), Via(number, "runs without being asked", False)


def _group(world: World, edge: str, loose: Node) -> str:
    """One loose end stands for all of its kind that surely go to the same service, so that each is followed once."""
    key = edge, str(loose.props.get("service") or "")
    return world.groups.setdefault(key, loose.uid)


def _anything(world: World, loose: Node) -> Iterator[tuple[State, Via]]:
    """A loose end may lead to anything of its kind, in the service it surely goes to where that is known."""
    for edge in sorted({number[0] for number, _ in world.back(loose.uid, *_OPEN_TARGETS)}):
        kind, mode = _OPEN_TARGETS[edge]
        for far in world.of(kind):
            if kind != "Endpoint" or _may_be(loose, far):
                yield (far.uid, mode), Via(None, _OPEN, False, "MAY BE")


def _open_sources(world: World, node: Node, edge: str, mode: str) -> Iterator[tuple[State, Via]]:
    """Who may use a thing without our knowing: whatever has a loose end of that kind that may lead here."""
    ends = world.open_ends(edge)
    places = ["", node.key[0]] if node.kind == "Endpoint" else sorted(ends)
    for service in dict.fromkeys(places):
        for number, far in ends.get(service, ()):
            asks = {SERVING: ASKING, RAN: RUNS}.get(mode, mode) if far.kind == "Symbol" else mode
            yield (far.uid, asks), Via(number, _OPEN, False)


def _may_be(loose: Node, endpoint: Node) -> bool:
    service = loose.props.get("service") or ""
    return service in ("", endpoint.key[0])


def background(world: World, reached: Mapping[State, object]) -> list[State]:
    """What changed and is run by something nobody calls: a loop, a start, a hook. It needs no flow to run.

    Args:
        world: both revisions.
        reached: states of the effects.
    """
    owned = [far for uid, mode in reached if mode == CHANGED for _, far in world.out(uid, "OWNS")]
    within = [(far.uid, FED) for far in owned if (far.uid, FED) in reached and in_background(world, far)]
    return [*((uid, CHANGED) for uid in _changed_behind(world, reached)), *dict.fromkeys(within)]


def _changed_behind(world: World, reached: Iterable[State]) -> list[str]:
    alone = {
        uid for uid, mode in reached if mode == CHANGED and world.node(uid).kind == "Symbol" and _untold(world, uid)
    }
    queue = [uid for uid in sorted(alone) if nobody_runs(world, world.node(uid), callers_of(world, world.node(uid)))]
    found = dict.fromkeys(queue)
    while queue:
        for _, far in world.out(queue.pop(), "CALLS"):
            if far.uid in alone and far.uid not in found:
                found[far.uid] = None
                queue.append(far.uid)
    return list(found)


def _untold(world: World, uid: str) -> bool:
    """Whether nothing known leads to a symbol: no operation, and only topics that others than we publish to."""
    leading = [far for _, far in doors(world, uid)]
    return all(far.kind == "Topic" and not world.back(far.uid, "PUBLISHES", "EXERCISES") for far in leading)


def executed(world: World, state: State) -> Iterator[tuple[State, Via]]:
    """Who runs something: its callers, the endpoints and topics that lead to it, and the steps that use those.

    Args:
        world: both revisions.
        state: uid and mode: ``runs`` until the first endpoint or topic, ``ran`` behind it.
    """
    uid, mode = state
    node = world.node(uid)
    if node.kind == "Symbol":
        yield from _run_by(world, node, mode)
        yield from _steps(world, world.back(uid, "HANDLED_BY"), RAN)
        yield from _executed_by_topics(world, uid)
    elif node.kind == "Endpoint":
        own = mode != RAN_BEHIND
        for number, far in [*world.back(uid, "CALLS"), *(passing(world, uid, "CALLS") if own else ())]:
            yield (far.uid, RUNS if far.kind == "Symbol" else RAN), via_of(world, number)
        yield from _steps(world, world.back(uid, "ROUTES_TO"), RAN_BEHIND)
        yield from _steps(world, world.back(uid, "EXERCISES"), RAN)
        yield from _steps(world, passing(world, uid, "EXERCISES") if own else (), RAN)
        yield from _told_about(world, uid, RAN)
        yield from _open_sources(world, node, "CALLS", RAN)
    elif node.kind == "Topic":
        yield from _steps(world, world.back(uid, "PUBLISHES"), RAN)
        yield from _steps(world, _writing(world, uid), RAN)
        yield from _open_sources(world, node, "PUBLISHES", RAN)
    elif node.kind == "Service":
        for number, far in world.out(uid, "OWNS"):
            yield (far.uid, RAN), Via(number, certain=far.kind == "Endpoint")
    elif node.kind == "Step":
        yield from _steps(world, world.back(uid, "CONTAINS"), RAN)


def _run_by(world: World, node: Node, mode: str) -> Iterator[tuple[State, Via]]:
    leading = doors(world, node.uid)
    callers = callers_of(world, node)
    for far, via in callers:
        yield (far.uid, RAN if leading else mode), via
    if mode == RUNS and not leading and not aside(node.key[1]) and nobody_runs(world, node, callers):
        for service in services_of(world, node):
            yield (service.uid, RAN), Via(None, "", False, "MAY RUN IN")


def _executed_by_topics(world: World, uid: str) -> Iterator[tuple[State, Via]]:
    for number, far in world.out(uid, "CONSUMES"):
        if far.kind == "Topic":
            yield (far.uid, RAN), via_of(world, number)
            continue
        for topic in world.of("Topic"):
            yield (topic.uid, RAN), Via(number, _OPEN, False)


def _writing(world: World, uid: str) -> Iterator[tuple[EdgeId, Node]]:
    for number, step in world.back(uid, "EXERCISES"):
        if world.edge(number).props.get("mode") != "read":
            yield number, step


def services_of(world: World, node: Node) -> list[Node]:
    """The services that deploy a symbol; every service of its repository when nobody says.

    Args:
        world: both revisions.
        node: a Symbol.
    """
    owners = [s for s in world.services(node.uid) if _runs(world, s)]
    if owners:
        return owners
    return services_of_repository(world, node.key[0])


def _runs(world: World, service: Node) -> bool:
    """Whether something deploys a service or it answers requests; what only a package file names may be a library."""
    deployed = any(e.layer != "code" for e in service.evidence)
    return deployed or any(far.kind == "Endpoint" for _, far in world.out(service.uid, "OWNS"))


def _steps(world: World, found: Iterable[tuple[EdgeId, Node]], mode: str) -> Iterator[tuple[State, Via]]:
    for number, far in found:
        yield (far.uid, mode), via_of(world, number)
