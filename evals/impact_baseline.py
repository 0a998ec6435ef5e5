"""What a graph of services alone would select, to show what the finer graph is worth."""

from __future__ import annotations

from collections import defaultdict

from graph.queries.impact.seeds import services_at
from graph.queries.impact.world import World
from graph.schema import Node
from graph.store import GraphStore

_USES = ("CALLS", "READS", "CONSUMES")
_MAKES = ("PUBLISHES", "WRITES")


def service_level(base: GraphStore, head: GraphStore, path: str) -> set[str]:
    """Files of flows that touch the changed file's service, or a service that gets anything from it.

    Args:
        base: graph before.
        head: graph after.
        path: the changed file.
    """
    world = World(base, head)
    repository = next((s.props.get("repository") or "" for s in world.of("Service")), "")
    affected = {s.key[0] for s in services_at(world, str(repository), path)}
    follows = _follows(world)
    queue = list(affected)
    while queue:
        for other in follows[queue.pop()] - affected:
            affected.add(other)
            queue.append(other)
    return {flow.key[1] for flow in world.of("Flow") if _touched(world, flow) & affected}


def _owners(world: World, node: Node) -> set[str]:
    if node.kind in ("Endpoint", "Service"):
        return {node.key[0]}
    return {s.key[0] for s in world.services(node.uid)}


def _follows(world: World) -> dict[str, set[str]]:
    """Service to the services that call it or get its data."""
    out: dict[str, set[str]] = defaultdict(set)
    makers: dict[str, set[str]] = defaultdict(set)
    edges = {*world.head.edges, *world.base.edges}
    for kind, source, target in edges:
        if kind in _MAKES:
            makers[target] |= _owners(world, world.node(source))
    for kind, source, target in edges:
        far = world.node(target)
        if kind not in _USES or far.kind not in ("Endpoint", "Topic", "Dataset"):
            continue
        for origin in {far.key[0]} if far.kind == "Endpoint" else makers[target]:
            out[origin] |= _owners(world, world.node(source)) - {origin}
    return out


def _touched(world: World, flow: Node) -> set[str]:
    """The services whose endpoints, topics or datasets a flow touches."""
    found: set[str] = set()
    for _, step in world.out(flow.uid, "CONTAINS"):
        for _, target in world.out(step.uid, "EXERCISES"):
            if target.kind == "Endpoint":
                found.add(target.key[0])
            for _, user in world.back(target.uid, *_MAKES, *_USES):
                if target.kind != "Endpoint":
                    found |= _owners(world, user)
    return found
