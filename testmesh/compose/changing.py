"""Changes with every reader's eyes, flow files included; the one way to ask for a Change."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from flows.facts.files import FLOWS
from graph.change import Change, ChangedItem
from graph.schema import Node
from graph.store import GraphStore, Page
from testmesh.kernel.errors import NotFoundError

Named = tuple[Path, str]
"""A repository's path and its name in the graph."""


def changes_of(named: Named, base: str, head: str | None) -> Change:
    """What differs between the merge base of two revisions and the later one.

    Args:
        named: which repository.
        base: revision to compare with.
        head: revision; None is the work tree.
    """
    from scanners.changes import changes

    return changes(named[0], base, head, repository=named[1], extra=(FLOWS,))


def patched(named: Named, base: str, patch: str) -> Change:
    """What a patch would change.

    Args:
        named: which repository.
        base: revision the patch applies to.
        patch: unified diff.
    """
    from scanners.changes import patch_changes

    return patch_changes(named[0], base, patch, repository=named[1], extra=(FLOWS,))


def of_nodes(store: GraphStore, repository: str, wanted: Sequence[str]) -> Change:
    """A change of these nodes' code, as if somebody had touched it.

    Args:
        store: the graph.
        repository: its repository.
        wanted: labels or uids.

    Raises:
        NotFoundError: a node does not exist.
    """
    items = [item for text in wanted for item in _items(store, _node(store, text))]
    return Change(repository, "", "", (), tuple(sorted(items, key=lambda i: (i.file, i.line, i.name))))


def _node(store: GraphStore, text: str) -> Node:
    found = store.get([text])
    if found:
        return found[text]
    for kind in ("Symbol", "Endpoint", "Topic", "Dataset", "Service", "Flow"):
        for node in store.find(kind, None, Page(limit=1_000_000)).nodes:
            if node.label == text:
                return node
    raise NotFoundError(f"there is no node '{text}'", hint="testmesh graph search WORDS finds names")


def _items(store: GraphStore, node: Node) -> list[ChangedItem]:
    from graph.store import Pattern

    if node.kind == "Symbol":
        return [ChangedItem("symbol", "modified", node.key[1], int(node.props.get("line", 1)), node.key[2])]
    reached = store.expand([node.uid], Pattern({"HANDLED_BY": "out", "OWNS": "out"}), 1)
    symbols = [n for n in reached.nodes.values() if n.kind == "Symbol"]
    return [item for symbol in symbols for item in _items(store, symbol)]
