"""Finds the node a person means by what they type: a label, a uid, or a part that fits only one."""

from __future__ import annotations

from collections.abc import Collection

from graph.schema import NODES, Node
from graph.store import GraphStore
from testmesh.kernel.errors import NotFoundError, UserError

_UID = 64
_SHOWN = 5


def named(store: GraphStore, text: str, kinds: Collection[str] = ()) -> Node:
    """The one node of that label.

    Args:
        store: the graph.
        text: label, uid, or a part of a label that fits only one node.
        kinds: node kinds that count; all when empty.

    Raises:
        NotFoundError: no node fits.
        UserError: several fit.
    """
    if len(text) == _UID and (exact := store.get([text])):
        return exact[text]
    nodes = list(store.slice(tuple(kinds) or tuple(NODES), ()).nodes.values())
    fitting = [n for n in nodes if n.label == text] or [n for n in nodes if text.lower() in n.label.lower()]
    if not fitting:
        raise NotFoundError(f"nothing in the graph is called '{text}'", hint="testmesh graph search WORD lists names")
    if len(fitting) > 1:
        names = sorted(f"{n.label} ({n.kind})" for n in fitting)
        more = f" and {len(names) - _SHOWN} more" if len(names) > _SHOWN else ""
        raise UserError(f"'{text}' fits {len(names)} things", hint=f"one of: {', '.join(names[:_SHOWN])}{more}")
    return fitting[0]
