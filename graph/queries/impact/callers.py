"""Who runs a symbol: its callers, and what is run without being asked."""

from __future__ import annotations

from graph.linking.roles import aside
from graph.queries.impact.settings import is_heard
from graph.queries.impact.world import EdgeId, Via, World
from graph.schema import Node

PART_OF = "PART OF"


def callers_of(world: World, node: Node) -> list[tuple[Node, Via]]:
    """Who calls a symbol; what Python or JavaScript calls by itself is called by whoever makes or contains it.

    Args:
        world: both revisions.
        node: a Symbol.
    """
    if node.uid not in world.callers:
        running = [(e, far) for e, far in world.back(node.uid, "CALLS") if not _only_tries(node, far)]
        found = [(far, via_of(world, number)) for number, far in _explained(world, running)]
        world.callers[node.uid] = found or _containing(world, node)
    return world.callers[node.uid]


def _only_tries(node: Node, caller: Node) -> bool:
    """A test that calls code of the system says nothing about who runs it otherwise."""
    return caller.kind == "Symbol" and aside(caller.key[1]) and not aside(node.key[1])


def _explained(world: World, found: list[tuple[EdgeId, Node]]) -> list[tuple[EdgeId, Node]]:
    """Module code that only hands a function on runs nothing of it, once it is known who does."""
    handing = [e for e, far in found if not far.key[2] and world.edge(e).resolution.rule == "passed as argument"]
    others = [(e, far) for e, far in found if e not in handing]
    return others or found


def _containing(world: World, node: Node) -> list[tuple[Node, Via]]:
    owner = world.symbol(node.key[0], node.key[1], node.key[2].rpartition(".")[0]) if "." in node.key[2] else None
    if owner is None or doors(world, node.uid):
        return []
    note = "runs as part of it" if owner.props.get("sort") == "class" else "is defined and used inside it"
    users = [(e, far) for e, far in world.back(owner.uid, "CALLS") if not _only_tries(owner, far)]
    later = [far for _, far in users if far.key[2]]
    if later and len(later) < len(users) and not doors(world, owner.uid):
        # module code makes the object or the function, and those who use what it made run this part of it
        return [(far, Via(None, note, True, PART_OF)) for far in later]
    return [(owner, Via(None, note, True, PART_OF))]


def nobody_runs(world: World, node: Node, callers: list[tuple[Node, Via]]) -> bool:
    """Whether no way up the callers ends anywhere: there are none, or they only call each other.

    Args:
        world: both revisions.
        node: a Symbol.
        callers: who calls it.
    """
    if not callers:
        return True
    if node.uid not in world.rooted:
        seen, queue, rooted = {node.uid}, [node], False
        while queue and not rooted:
            upper = queue.pop()
            above = callers_of(world, upper)
            rooted = upper is not node and (not above or world.rooted.get(upper.uid, False))
            rooted = rooted or upper.kind != "Symbol" or bool(doors(world, upper.uid))
            fresh = [far for far, _ in above if far.uid not in seen]
            seen.update(far.uid for far in fresh)
            queue.extend(fresh)
        world.rooted.update(dict.fromkeys([node.uid] if rooted else seen, rooted))
    return not world.rooted[node.uid]


def in_background(world: World, node: Node) -> bool:
    """Whether others notice what a symbol does, and something nobody asks for may run it: a loop, a start, a hook.

    Args:
        world: both revisions.
        node: what a service owns.
    """
    if node.kind != "Symbol" or aside(node.key[1]) or not is_heard(world, node):
        return False
    if node.uid not in world.background:
        seen, queue, alone = {node.uid}, [node], False
        while queue and not alone:
            upper = queue.pop()
            above = callers_of(world, upper)
            alone = not above and not doors(world, upper.uid)
            fresh = [far for far, _ in above if far.uid not in seen]
            seen.update(far.uid for far in fresh)
            queue.extend(fresh)
        world.background[node.uid] = alone or nobody_runs(world, node, callers_of(world, node))
    return world.background[node.uid]


def doors(world: World, uid: str) -> list[tuple[EdgeId, Node]]:
    """The operations and topics that lead to a symbol directly.

    Args:
        world: both revisions.
        uid: a Symbol.
    """
    return [*world.back(uid, "HANDLED_BY"), *world.out(uid, "CONSUMES")]


def via_of(world: World, number: EdgeId) -> Via:
    """The step along an edge, made once.

    Args:
        world: both revisions.
        number: an edge of either revision.
    """
    known = world.vias.get(number)
    if known is None:
        known = world.vias[number] = Via(number, certain=world.edge(number).resolution.status == "resolved")
    return known
