"""Search by name and by meaning: exact words first, what is alike after them; never evidence for an answer."""

from __future__ import annotations

import os
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from embeddings.text import EMBEDDED_KINDS
from graph.schema import Node
from graph.store import GraphStore, Page
from testmesh.kernel.errors import MissingExtra, NotFoundError
from testmesh.routing import Routes, environment_routes

if TYPE_CHECKING:
    from embeddings.index import VectorIndex

LEAST = 0.25
EVERYTHING = Page(limit=1_000_000)


@dataclass(frozen=True, slots=True)
class Hit:
    """Something that fits.

    Args:
        kind: node kind.
        label: as people type it.
        uid: node uid.
        place: ``file:line``, or empty.
        score: 1 for a name, a cosine for a meaning; rounded to 4 places.
        how: name or meaning.
    """

    kind: str
    label: str
    uid: str
    place: str
    score: float
    how: str


@dataclass(frozen=True, slots=True)
class _Wanted:
    limit: int
    seen: set[str]
    kinds: tuple[str, ...]


def found(store: GraphStore, file: Path, words: str, limit: int, routes: Iterable[Routes] = ()) -> list[Hit]:
    """What fits a question in words: things with all the words in their name, then what is alike in meaning.

    Args:
        store: the graph.
        file: where the vectors are kept; brought up to date first.
        words: the question.
        limit: most hits.
        routes: where embedders may be named.
    """
    from embeddings.text import words as split

    nodes = [node for kind in EMBEDDED_KINDS for node in store.find(kind, None, EVERYTHING).nodes]
    wanted = split(words).split()
    named = [n for n in nodes if wanted and all(w in f"{split(n.label)} {n.label.lower()}" for w in wanted)]
    named.sort(key=lambda n: (len(n.label), n.label, n.uid))
    hits = [_hit(node, 1.0, "name") for node in named[:limit]]
    try:
        hits += _alike(nodes, file, split(words), _Wanted(limit, {hit.uid for hit in hits}, EMBEDDED_KINDS), routes)
    except MissingExtra:
        # Names need no embedder; only a question that no name answers does.
        if not hits:
            raise
    return hits[:limit]


def similar(store: GraphStore, file: Path, label: str, limit: int, routes: Iterable[Routes] = ()) -> list[Hit]:
    """Things of the same kind that read like one: flows like a flow, endpoints like an endpoint.

    Args:
        store: the graph.
        file: where the vectors are kept; brought up to date first.
        label: of the thing.
        limit: most hits.
        routes: where embedders may be named.

    Raises:
        NotFoundError: nothing has that label.
    """
    from embeddings.text import node_documents

    nodes = [node for kind in EMBEDDED_KINDS for node in store.find(kind, None, EVERYTHING).nodes]
    one = next((node for node in nodes if node.label == label), None)
    if one is None:
        raise NotFoundError(f"nothing is called '{label}'", hint="testmesh search WORDS finds names")
    text = next(iter(node_documents([one])), None)
    alike = [node for node in nodes if node.kind == one.kind]
    return _alike(alike, file, text.text if text else label, _Wanted(limit, {one.uid}, (one.kind,)), routes)[:limit]


def _alike(nodes: list[Node], file: Path, words: str, wanted: _Wanted, routes: Iterable[Routes]) -> list[Hit]:
    from embeddings.index import nearest, sync
    from embeddings.stores.numpy import NumpyIndex
    from embeddings.text import node_documents
    from testmesh.compose.models import embedder_for

    by_uid = {node.uid: node for node in nodes}
    index: VectorIndex = NumpyIndex(file)
    embedder = embedder_for([*routes, environment_routes(os.environ)])
    sync(index, embedder, node_documents(nodes), wanted.kinds)
    most = wanted.limit + len(wanted.seen)
    alike = nearest(index, embedder.embed([words])[0], most, wanted.kinds, LEAST)
    return [_hit(by_uid[h.uid], h.score, "meaning") for h in alike if h.uid not in wanted.seen and h.uid in by_uid]


def _hit(node: Node, score: float, how: str) -> Hit:
    place = next((e.place() for e in node.evidence if e.place()), "")
    return Hit(node.kind, node.label, node.uid, place, score, how)
