"""Requests that went through a gateway are linked to the operation behind it; the gateway stands in between."""

from __future__ import annotations

from collections.abc import Iterator

from graph.queries.impact.world import EdgeId, World
from graph.schema import Node

_RULE = "gateway route"
_MOST = 8


def through_gateway(world: World, number: EdgeId) -> bool:
    """Whether a request reaches its target by the rules of a gateway.

    Args:
        world: both revisions.
        number: a CALLS or EXERCISES edge.
    """
    return world.edge(number).resolution.rule.startswith(_RULE)


def gates(world: World, uid: str) -> list[Node]:
    """The operations of gateways that hand requests on to an operation.

    Args:
        world: both revisions.
        uid: an Endpoint.
    """
    found: dict[str, Node] = {}
    waiting = [uid]
    for _ in range(_MOST):
        level = [(one, s.uid) for one in waiting for s in world.services(one)]
        places = [*waiting, *(service for _, service in level)]
        fresh = [far for place in places for _, far in world.back(place, "ROUTES_TO")]
        waiting = [far.uid for far in fresh if far.kind == "Endpoint" and far.uid not in found]
        found.update({far.uid: far for far in fresh if far.kind == "Endpoint"})
        if not waiting:
            break
    return list(found.values())


def passing(world: World, uid: str, kind: str) -> Iterator[tuple[EdgeId, Node]]:
    """Who sends requests through an operation of a gateway, with the edge to where they end.

    Args:
        world: both revisions.
        uid: an Endpoint.
        kind: CALLS or EXERCISES.
    """
    for target in _behind(world, uid):
        for number, far in world.back(target, kind):
            if through_gateway(world, number):
                yield number, far


def _behind(world: World, uid: str) -> list[str]:
    found: dict[str, None] = {}
    waiting = [uid]
    for _ in range(_MOST):
        routed = [far for one in waiting for _, far in world.out(one, "ROUTES_TO")]
        owned = [far for s in routed if s.kind == "Service" for _, far in world.out(s.uid, "OWNS")]
        fresh = [far.uid for far in (*routed, *owned) if far.kind == "Endpoint" and far.uid not in found]
        found.update(dict.fromkeys(fresh))
        waiting = fresh
        if not waiting:
            break
    return list(found)
