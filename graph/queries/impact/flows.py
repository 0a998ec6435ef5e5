"""Which flows must or may run: those that run what changed and look at what it makes differ."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from graph.answers import Boundary, Hop, SelectedFlow
from graph.linking.roles import aside
from graph.queries.impact.gateways import gates, through_gateway
from graph.queries.impact.rules import CHANGED, OF_ITSELF, RAN, SEEN_DIFFERENTLY, SERVING
from graph.queries.impact.seeds import Start
from graph.queries.impact.spread import Reach, Reached, best, hop, path
from graph.queries.impact.world import EdgeId, Via, World
from graph.schema import Node


class Spread:
    """A change carried through the graph.

    Args:
        world: both revisions.
        start: where it begins.
        effects: what may differ, by state.
        runs: what runs something changed, by state.
        alone: what may differ without any flow running something changed, by state.
    """

    def __init__(self, world: World, start: Start, carried: tuple[Reached, Reached, Reached]) -> None:
        self.world, self.start = world, start
        self.effects, self.runs, self.alone = carried
        kinds = [(world.node(uid), mode) for uid, mode in self.effects]
        self.services = frozenset(
            node.key[0] for node, mode in kinds if node.kind == "Endpoint" and mode in SEEN_DIFFERENTLY
        )
        self.at_start = _at_start(world, self.effects)


def _at_start(world: World, effects: Reached) -> Reach | None:
    """The nearest thing that differs and decides whether a service comes up: module code, or a health check."""
    found = [r for (uid, mode), r in effects.items() if mode in (CHANGED, SERVING) and _starts(world.node(uid), mode)]
    return min(found, key=lambda r: (not r.certain, r.steps, world.node(r.state[0]).label), default=None)


def _starts(node: Node, mode: str) -> bool:
    if node.kind == "Endpoint":
        return bool(node.props.get("operational"))
    return node.kind == "Symbol" and mode == CHANGED and node.key[2] == "" and not aside(node.key[1])


@dataclass(frozen=True, slots=True)
class _Sight:
    reach: Reach
    number: EdgeId
    step: Node
    certain: bool
    effects: Reached


def selected(spread: Spread) -> tuple[list[SelectedFlow], list[str], list[str]]:
    """Flows to run, files of flows proven unaffected, files of flows that only read what others may have written.

    Args:
        spread: the change carried through the graph.
    """
    chosen: list[SelectedFlow] = []
    unaffected: list[str] = []
    readers: list[str] = []
    for flow in spread.world.of("Flow"):
        found = _judged(spread, flow)
        if isinstance(found, SelectedFlow):
            chosen.append(found)
        else:
            (readers if found else unaffected).append(flow.key[1])
    chosen.sort(key=lambda f: (f.selection != "must", f.file))
    return chosen, sorted(unaffected), sorted(readers)


def _judged(spread: Spread, flow: Node) -> SelectedFlow | bool:
    own = spread.start.flows.get(flow.uid)
    if own is not None and own[1]:
        return _flow(flow, True, own[0].note or "the flow itself changed", (own[0],))
    sights = _sights(spread, flow, spread.effects)
    ran = best(spread.runs, flow.uid, (RAN,))
    if sights and (ran is not None or spread.start.ambient):
        certain = sights[0].certain and (ran.certain if ran is not None else spread.start.ambient)
        return _seen(spread, flow, sights[0], certain)
    alone = _sights(spread, flow, spread.alone)
    if alone:
        return _seen(spread, flow, alone[0], False)
    if own is not None:
        return _flow(flow, False, own[0].note, (own[0],))
    loose = next(_loose_steps(spread, flow), None)
    if loose is not None and spread.effects:
        return _flow(flow, False, f"{loose.label} leads somewhere nobody could name", ())
    if spread.at_start is not None:
        return _flow(flow, False, _start_reason(spread), path(spread.world, spread.effects, spread.at_start))
    return bool(sights)


def _start_reason(spread: Spread) -> str:
    label = spread.world.node(spread.at_start.state[0]).label if spread.at_start else ""
    return f"{label} decides whether its service comes up, and without it the environment may not"


def _flow(flow: Node, certain: bool, reason: str, proof: tuple[Hop, ...]) -> SelectedFlow:
    name = str(flow.props.get("name") or flow.key[1])
    return SelectedFlow(flow.key[1], name, "must" if certain else "may", reason, proof)


def _seen(spread: Spread, flow: Node, sight: _Sight, certain: bool) -> SelectedFlow:
    return _flow(flow, certain, _reason(spread, sight, certain), _proof(spread, sight, flow))


def _sights(spread: Spread, flow: Node, effects: Reached) -> list[_Sight]:
    """Where the flow looks at something that may differ, the surest and nearest first."""
    world = spread.world
    found: list[_Sight] = []
    for _, step in world.out(flow.uid, "CONTAINS"):
        for number, target in world.out(step.uid, "EXERCISES"):
            edge = world.edge(number)
            if target.kind != "Endpoint" and edge.props.get("mode") == "write":
                continue
            for seen, sure in _seen_by(world, number, target):
                reach = best(effects, seen.uid, SEEN_DIFFERENTLY if seen is target else OF_ITSELF)
                if reach is not None:
                    certain = sure and reach.certain and edge.resolution.status == "resolved"
                    found.append(_Sight(reach, number, step, certain, effects))
    return sorted(found, key=lambda s: (not s.certain, s.reach.steps, s.step.label))


def _seen_by(world: World, number: EdgeId, target: Node) -> list[tuple[Node, bool]]:
    """What a step looks at: its target, and the gateways in between."""
    between = gates(world, target.uid) if through_gateway(world, number) else []
    return [(target, True), *((gate, len(between) == 1) for gate in between)]


def _reason(spread: Spread, sight: _Sight, certain: bool) -> str:
    target = spread.world.node(sight.reach.state[0])
    what = {"Endpoint": "calls", "Topic": "listens to", "Dataset": "reads"}[target.kind]
    doubt = "" if certain else ", by a path that is not certain"
    return f"step {sight.step.key[3]} {what} {target.label}, which may differ{doubt}"


def _proof(spread: Spread, sight: _Sight, flow: Node) -> tuple[Hop, ...]:
    world = spread.world
    target = world.node(sight.reach.state[0])
    inside = ("CONTAINS", flow.uid, sight.step.uid)
    return (
        *path(world, sight.effects, sight.reach),
        hop(world, Via(sight.number), target, sight.step),
        hop(world, Via(inside), sight.step, flow),
    )


def _loose_steps(spread: Spread, flow: Node) -> Iterator[Node]:
    """Steps whose target nobody could name, and that might be something that differs."""
    world = spread.world
    for _, step in world.out(flow.uid, "CONTAINS"):
        for _, loose in world.out(step.uid, "EXERCISES"):
            if loose.kind == "Unresolved" and loose.props.get("service", "") in ("", None, *spread.services):
                yield step


def boundaries(spread: Spread) -> list[Boundary]:
    """Loose ends the change came across, each with the annotation that settles it.

    Args:
        spread: the change carried through the graph.
    """
    world = spread.world
    found: dict[str, Node] = {}
    for reached in (spread.effects, spread.runs):
        for uid in sorted({uid for uid, _ in reached}):
            ends = [*world.out(uid, "CALLS", "PUBLISHES", "CONSUMES", "READS", "WRITES", "EXERCISES")]
            found.update({far.uid: far for _, far in ends if far.kind == "Unresolved"})
    for flow in world.of("Flow"):
        for step in _loose_steps(spread, flow):
            found.update({n.uid: n for _, n in world.out(step.uid, "EXERCISES") if n.kind == "Unresolved"})
    return sorted((_boundary(node) for node in found.values()), key=lambda b: (b.place, b.reason))


def _boundary(node: Node) -> Boundary:
    text = {name: str(node.props.get(name) or "") for name in ("reason", "annotation", "settles")}
    return Boundary(f"{node.key[1]}:{node.key[2]}", text["reason"] or node.key[3], text["annotation"], text["settles"])
