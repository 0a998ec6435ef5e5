"""Questions to the graph and the agents, with every input they need fetched and put in their hands."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from graph.answers import Coverage, Impact
from graph.change import Change
from testmesh.compose.graphs import Checkout, open_store, refresh, view_at
from testmesh.kernel.errors import UserError

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


def split_range(text: str) -> tuple[str, str | None]:
    """``BASE..HEAD`` as two revisions; ``BASE..`` and ``BASE`` alone compare with the work tree.

    Args:
        text: as people type it.

    Raises:
        UserError: three dots, or no base.
    """
    if "..." in text:
        raise UserError(f"'{text}' has three dots", hint="write BASE..HEAD; it is compared from the merge base anyway")
    base, _, head = text.partition("..")
    if not base:
        raise UserError(f"'{text}' names no base", hint="write BASE..HEAD, for instance main..HEAD")
    return base, head or None


def change_of(checkout: Checkout, text: str, patch: str = "") -> Change:
    """What differs between two revisions, or what a patch changes.

    Args:
        checkout: whose main repository.
        text: ``BASE..HEAD``; with a patch, the revision it applies to.
        patch: unified diff, or empty.
    """
    from scanners.changes import changes, patch_changes

    root = checkout.project.root
    if patch:
        return patch_changes(root, text or "HEAD", patch)
    base, head = split_range(text)
    return changes(root, base, head)


def ask(checkout: Checkout, query: Query, arguments: Mapping[str, Any], compared: str = "") -> Any:
    """The answer of a declared query.

    Args:
        checkout: whose graph.
        query: which question.
        arguments: by parameter name.
        compared: ``BASE..HEAD`` for a query that compares.
    """
    from graph.query import Asked

    if query.compares:
        change = change_of(checkout, compared)
        base = view_at(checkout, change.base).graph
        head = view_at(checkout, split_range(compared)[1]).graph
        return query.run(Asked(head, arguments, base, change))
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

    change = change_of(checkout, text, patch)
    base = view_at(checkout, change.base).graph
    head = base if patch else view_at(checkout, split_range(text)[1]).graph
    return answer(ImpactInputs(base, head, change))


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
