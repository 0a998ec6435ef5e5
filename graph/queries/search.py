"""Which things have a word in their name."""

from __future__ import annotations

from dataclasses import dataclass

from graph.query import Asked, Parameter, Query
from graph.schema import NODES, Node
from graph.store import GraphStore
from testmesh.kernel.errors import UserError

_MOST = 50


@dataclass(frozen=True, slots=True)
class Hit:
    """A thing found.

    Args:
        kind: node kind.
        label: as people type it.
        uid: node uid.
        place: ``file:line`` of its first evidence.
    """

    kind: str
    label: str
    uid: str
    place: str


@dataclass(frozen=True, slots=True)
class Hits:
    """What a search found.

    Args:
        text: what was searched for.
        hits: best first: whole label, start of a label or of its words, anywhere; then by kind and label.
        total: how many fit, shown or not.
    """

    text: str
    hits: tuple[Hit, ...]
    total: int


def search(store: GraphStore, text: str, kind: str = "", most: int = _MOST) -> Hits:
    """Nodes whose label holds every word.

    Args:
        store: the graph.
        text: words, case ignored.
        kind: node kind, or every kind when empty.
        most: rows to show.

    Raises:
        UserError: the kind does not exist.
    """
    if kind and kind not in NODES:
        raise UserError(f"there is no kind '{kind}'", hint=f"one of: {', '.join(NODES)}")
    words = text.lower().split()
    nodes = store.slice((kind,) if kind else tuple(NODES), ()).nodes.values()
    fitting = [n for n in nodes if all(w in n.label.lower() for w in words)]
    fitting.sort(key=lambda n: (_rank(n, text.lower(), words), n.kind, n.label, n.uid))
    hits = (Hit(n.kind, n.label, n.uid, n.evidence[0].place() if n.evidence else "") for n in fitting[:most])
    return Hits(text, tuple(hits), len(fitting))


def _rank(node: Node, text: str, words: list[str]) -> int:
    label = node.label.lower()
    if label == text:
        return 0
    parts = label.replace("/", " ").replace(":", " ").replace(".", " ").replace("_", " ").split()
    if label.startswith(text) or all(any(p.startswith(w) for p in parts) for w in words):
        return 1
    return 2


def _run(asked: Asked) -> Hits:
    return search(
        asked.store, str(asked.given("text", "")), str(asked.given("kind", "")), int(asked.given("most", _MOST))
    )


QUERY = Query(
    "search",
    "Things with a word in their name.",
    {
        "text": Parameter("Words", required=True),
        "kind": Parameter("Node kind, e.g. Endpoint"),
        "most": Parameter("Rows to show", "number", default=_MOST),
    },
    _run,
)
