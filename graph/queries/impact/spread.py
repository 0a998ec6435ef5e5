"""Carries a change along the graph: first over links that are sure, then over the rest, keeping the way it came."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass

from graph.answers import Hop
from graph.queries.impact.world import EdgeId, World
from graph.schema import Node

State = tuple[str, str]


@dataclass(frozen=True, slots=True)
class Via:
    """How a state was reached from the one before.

    Args:
        edge: the edge gone along, in either direction, or None for a step that no edge of the graph stands for;
            with neither edge nor label it is no step for people.
        note: what about it matters.
        certain: nothing about this step is a guess.
        label: name of a step without an edge.
    """

    edge: EdgeId | None
    note: str = ""
    certain: bool = True
    label: str = ""


@dataclass(frozen=True, slots=True)
class Seed:
    """Where a change starts.

    Args:
        uid: the node.
        mode: state it starts in.
        hop: the first hop of every path from here.
        certain: the change surely touches it.
    """

    uid: str
    mode: str
    hop: Hop
    certain: bool = True


@dataclass(frozen=True, slots=True)
class Reach:
    """A state a change reaches.

    Args:
        state: node uid and mode.
        certain: every step to it is certain.
        parent: the state before, or None at the start.
        via: how it was reached, None at the start.
        seed: where the path starts.
        steps: length of the path.
    """

    state: State
    certain: bool
    parent: State | None
    via: Via | None
    seed: Seed
    steps: int = 0


Rules = Callable[[World, State], Iterable[tuple[State, Via]]]
Reached = Mapping[State, Reach]


def spread(world: World, seeds: Iterable[Seed], rules: Rules) -> dict[State, Reach]:
    """Every state reached, each by the shortest path that is certain, else by the shortest one.

    Args:
        world: both revisions.
        seeds: where it starts.
        rules: steps from a state.
    """
    reached: dict[State, Reach] = {}
    steps: dict[State, list[tuple[State, Via]]] = {}
    starts = list(seeds)

    def onward(state: State) -> list[tuple[State, Via]]:
        if state not in steps:
            steps[state] = list(rules(world, state))
        return steps[state]

    for sure in (True, False):
        frontier = [Reach((s.uid, s.mode), s.certain, None, None, s) for s in starts if s.certain or not sure]
        if not sure:
            frontier += [n for r in list(reached.values()) for n in _next(r, onward(r.state)) if not n.certain]
        while frontier:
            fresh: list[Reach] = []
            for reach in frontier:
                if reach.state not in reached:
                    reached[reach.state] = reach
                    fresh.append(reach)
            frontier = [n for r in fresh for n in _next(r, onward(r.state)) if n.certain or not sure]
    return reached


def _next(reach: Reach, steps: Iterable[tuple[State, Via]]) -> Iterator[Reach]:
    for state, via in steps:
        certain = reach.certain and via.certain
        yield Reach(state, certain, reach.state, via, reach.seed, reach.steps + 1)


def best(reached: Reached, uid: str, modes: Iterable[str]) -> Reach | None:
    """The surest, then shortest way to a node in any of these modes.

    Args:
        reached: what :func:`spread` gave.
        uid: node uid.
        modes: modes that count.
    """
    found = [reached[uid, mode] for mode in modes if (uid, mode) in reached]
    return min(found, key=lambda r: (not r.certain, r.steps), default=None)


def path(world: World, reached: Reached, reach: Reach) -> tuple[Hop, ...]:
    """The proof of a state: from the change to it.

    Args:
        world: both revisions.
        reached: what :func:`spread` gave.
        reach: the state's entry.
    """
    hops: list[Hop] = []
    now: Reach | None = reach
    while now is not None and now.via is not None:
        before = reached[now.parent] if now.parent is not None else None
        if now.via.edge or now.via.label:
            hops.append(hop(world, now.via, world.node(before.state[0]) if before else None, world.node(now.state[0])))
        now = before
    return (reach.seed.hop, *reversed(hops))


def hop(world: World, via: Via, before: Node | None, after: Node) -> Hop:
    """One step as shown to people, in the direction of its edge.

    Args:
        world: both revisions.
        via: the step.
        before: node the change comes from.
        after: node it reaches.
    """
    if via.edge is None:
        source = before.label if before else ""
        return Hop(via.label, source, after.label, "", "resolved" if via.certain else "candidate", "", via.note)
    edge = world.edge(via.edge)
    place = edge.evidence[0].place() if edge.evidence else ""
    source, target = world.node(edge.source).label, world.node(edge.target).label
    return Hop(edge.kind, source, target, place, edge.resolution.status, edge.resolution.rule, via.note)
