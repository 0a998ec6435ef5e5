"""Questions to the graph and the agents, with every input they need fetched and put in their hands."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager
from typing import TYPE_CHECKING, Any

from graph.answers import Coverage, Impact
from graph.change import Change
from testmesh.compose.changing import changes_of, patched
from testmesh.compose.graphs import Checkout, open_store, patched_view, view_at
from testmesh.compose.refreshing import refresh

if TYPE_CHECKING:
    from graph.query import Query
    from graph.store import GraphStore


@contextmanager
def stored_graph(checkout: Checkout) -> Iterator[GraphStore]:
    """The stored graph, scanned first when nothing was scanned yet.

    Args:
        checkout: whose graph.
    """
    store = open_store(checkout)
    try:
        if store.version() == 0:
            store.close()
            refresh(checkout)
            store = open_store(checkout)
        yield store
    finally:
        store.close()


def change_of(checkout: Checkout, text: str, patch: str = "") -> Change:
    """What differs between two revisions, or what a patch changes.

    Args:
        checkout: whose main repository.
        text: ``BASE..HEAD``; with a patch, the revision it applies to.
        patch: unified diff, or empty.
    """
    from scanners.changes import split_range

    named = (checkout.project.root, checkout.project.name)
    if patch:
        return patched(named, text or "HEAD", patch)
    return changes_of(named, *split_range(text))


def ask(checkout: Checkout, query: Query, arguments: Mapping[str, Any], compared: str = "") -> Any:
    """The answer of a declared query.

    Args:
        checkout: whose graph.
        query: which question.
        arguments: by parameter name.
        compared: ``BASE..HEAD`` for a query that compares; one that only may compare sees the work tree without.
    """
    from graph.query import Asked

    if query.compares or (query.may_compare and compared):
        from scanners.changes import split_range

        change = change_of(checkout, compared)
        before = view_at(checkout, change.base, keep=True).graph
        after = view_at(checkout, split_range(compared)[1], look=True).graph
        with closing(before) as base, closing(after) as head:
            return query.run(Asked(head, arguments, base, change))
    if query.may_compare:
        refresh(checkout)
    with stored_graph(checkout) as store:
        return query.run(Asked(store, arguments))


def impact(checkout: Checkout, text: str, patch: str = "") -> Impact:
    """What a change affects.

    Args:
        checkout: whose repository.
        text: ``BASE..HEAD``, or the base of a patch.
        patch: unified diff, or empty.
    """
    from agents.impact import ImpactInputs, answer
    from scanners.changes import split_range

    change = change_of(checkout, text, patch)
    with closing(view_at(checkout, change.base, keep=True).graph) as base:
        head = (
            patched_view(checkout, change.base, patch) if patch else view_at(checkout, split_range(text)[1], look=True)
        )
        with closing(head.graph) as graph:
            return answer(ImpactInputs(base, graph, change))


def coverage(checkout: Checkout, *, skeletons: bool = True) -> Coverage:
    """What no flow covers.

    Args:
        checkout: whose graph.
        skeletons: write a flow for each gap.
    """
    from agents.coverage import CoverageInputs, answer
    from agents.generation import skeletons as writer

    with stored_graph(checkout) as store:
        return answer(CoverageInputs(store, writer(store) if skeletons else None))
