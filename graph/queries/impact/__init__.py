"""What does a change affect, and which flows must run? Three-valued, each answer with its proof (DESIGN §6)."""

from __future__ import annotations

from collections.abc import Iterator

from graph.answers import Affected, Impact
from graph.change import Change
from graph.queries.impact.differences import differences
from graph.queries.impact.flows import Spread, boundaries, selected
from graph.queries.impact.rules import FED, RUNS, SEEN_DIFFERENTLY, background, effects, executed
from graph.queries.impact.seeds import Start, starts
from graph.queries.impact.spread import Reach, Seed, Steps, best, path, spread
from graph.queries.impact.world import World
from graph.query import Asked, Query
from graph.store import GraphStore
from testmesh.kernel.errors import UserError

_SHOWN = ("Dataset", "Endpoint", "Service", "Topic")


def affected(base: GraphStore, head: GraphStore, change: Change) -> Impact:
    """What a change affects: services, endpoints, topics, datasets and flows, with proof paths.

    Args:
        base: graph of the merge base.
        head: graph of the head, usually an overlay.
        change: what differs between the two.
    """
    world = World(base, head)
    start = starts(world, change)
    moved = [item for item in change.items if item.kind != "annotation"]
    if start.seeds or moved:
        files = frozenset(p for f in change.files for p in (f.path, f.old_path))
        start.seeds += differences(world, files)
    carried = _carried(world, start)
    flows, unaffected, readers = selected(carried)
    shown = list(_affected(carried))
    exercised = {number[2] for number in (*world.head.edges, *world.base.edges) if number[0] == "EXERCISES"}
    return Impact(
        repository=change.repository,
        base=change.base,
        head=change.head,
        changed=change.items,
        affected=tuple(shown),
        flows=tuple(flows),
        unaffected_flows=tuple(unaffected),
        unknown=tuple([*start.unknown, *boundaries(carried)]),
        untested=tuple(a.label for a in shown if a.kind == "Endpoint" and a.uid not in exercised),
        notes=tuple([*dict.fromkeys(start.notes), *_reader_note(readers)]),
    )


def _carried(world: World, start: Start) -> Spread:
    seeds = [s for s in start.seeds if world.has(s.uid)]
    running = [Seed(s.uid, RUNS, s.hop, s.certain) for s in seeds]
    steps: Steps = {}
    differing = spread(world, seeds, effects, steps)
    alone = [Seed(state[0], FED, differing[state].seed.hop) for state in background(world, differing)]
    ways = differing, spread(world, running, executed, {}), spread(world, [*alone, *start.loops], effects, steps)
    return Spread(world, start, ways)


def _affected(carried: Spread) -> Iterator[Affected]:
    world = carried.world
    best_of: dict[str, Reach] = {}
    for uid in {uid for uid, _ in carried.effects}:
        reach = best(carried.effects, uid, SEEN_DIFFERENTLY)
        if reach is not None:
            best_of[uid] = reach
    owners: dict[str, Reach] = {}
    for uid, reach in sorted(best_of.items(), key=lambda item: (not item[1].certain, item[1].steps, item[0])):
        for service in world.services(uid) if world.node(uid).kind in ("Endpoint", "Symbol") else ():
            owners.setdefault(service.uid, reach)
    found = [_shown(carried, uid, reach) for uid, reach in (best_of | owners).items() if _kind(world, uid) in _SHOWN]
    yield from sorted(found, key=lambda a: (a.kind, a.label))


def _kind(world: World, uid: str) -> str:
    return world.node(uid).kind


def _shown(carried: Spread, uid: str, reach: Reach) -> Affected:
    """What only differs because it reads data the change may write is not certain."""
    node, proof = carried.world.node(uid), path(carried.world, carried.effects, reach)
    return Affected(node.kind, node.label, uid, reach.certain and all(h.edge != "READS" for h in proof), proof)


def _reader_note(readers: list[str]) -> list[str]:
    if not readers:
        return []
    return [
        "not selected, because they run nothing that changed and only look at data others may have written: "
        + ", ".join(readers)
    ]


def _run(asked: Asked) -> Impact:
    if asked.base is None or asked.change is None:
        raise UserError("impact compares two revisions", hint="testmesh impact main..HEAD")
    return affected(asked.base, asked.store, asked.change)


QUERY = Query("impact", "What a change affects, and which flows must run.", {}, _run, compares=True)

__all__ = ["QUERY", "affected"]
