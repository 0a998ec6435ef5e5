"""Carries a change along the graph: first over links that are sure, then over the rest, keeping the way it came."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass

from graph.answers import Hop
from graph.queries.impact.world import Via, World
from graph.schema import Node

State = tuple[str, str]


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


Steps = dict[State, list[tuple[State, Via]]]


class _Carrier:
    def __init__(self, world: World, rules: Rules, steps: Steps) -> None:
        self._world, self._rules, self._steps = world, rules, steps
        self.reached: dict[State, Reach] = {}

    def further(self, reaches: Iterable[Reach], sure: bool) -> list[Reach]:
        """One step on, to states not reached before."""
        found: list[Reach] = []
        for reach in reaches:
            for state, via in self._onward(reach.state):
                if state not in self.reached and (via.certain or not sure):
                    certain = reach.certain and via.certain
                    found.append(Reach(state, certain, reach.state, via, reach.seed, reach.steps + 1))
        return found

    def _onward(self, state: State) -> list[tuple[State, Via]]:
        if state not in self._steps:
            self._steps[state] = list(self._rules(self._world, state))
        return self._steps[state]

    def take(self, frontier: Iterable[Reach]) -> list[Reach]:
        """Keep the first way to each state."""
        fresh: list[Reach] = []
        for reach in frontier:
            if reach.state not in self.reached:
                self.reached[reach.state] = reach
                fresh.append(reach)
        return fresh


def spread(world: World, seeds: Iterable[Seed], rules: Rules, steps: Steps) -> dict[State, Reach]:
    """Every state reached, each by the shortest path that is certain, else by the shortest one.

    Args:
        world: both revisions.
        seeds: where it starts.
        rules: steps from a state.
        steps: what the rules gave before, kept here.
    """
    carrier, starts = _Carrier(world, rules, steps), list(seeds)
    for sure in (True, False):
        frontier = [Reach((s.uid, s.mode), s.certain, None, None, s) for s in starts if s.certain or not sure]
        frontier += [] if sure else carrier.further(list(carrier.reached.values()), sure)
        while frontier:
            frontier = carrier.further(carrier.take(frontier), sure)
    return carrier.reached


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
        source = "an open end" if before is None or before.kind == "Unresolved" else before.label
        return Hop(via.label, source, after.label, "", "resolved" if via.certain else "candidate", "", via.note)
    edge = world.edge(via.edge)
    place = edge.evidence[0].place() if edge.evidence else ""
    source, target = world.node(edge.source).label, world.node(edge.target).label
    return Hop(edge.kind, source, target, place, edge.resolution.status, edge.resolution.rule, via.note)
