"""Small graphs for the stores' tests: by hand where a test must be read, at random where a law must hold."""

from __future__ import annotations

import random
from collections.abc import Mapping, Sequence
from typing import Any

from graph.schema import EDGES, Edge, Evidence, GraphData, Node, Resolution, node
from graph.store import Subgraph
from graph.stores.codec import edge_doc, node_doc

WS = "w1"
SURE = Resolution()
SEEN = (Evidence("code", "test", "app.py", 3, "shop"),)


def thing(kind: str, *key: str, workspace: str = WS, evidence: tuple[Evidence, ...] = SEEN, **props: Any) -> Node:
    """A node of the test workspace."""
    return node(workspace, kind, key, props=props, evidence=evidence)


def link(kind: str, source: Node, target: Node, how: Resolution = SURE, **props: Any) -> Edge:
    """An edge between two nodes."""
    return Edge(kind, source.uid, target.uid, props, SEEN, how)


def graph(*parts: Node | Edge) -> GraphData:
    """Nodes and edges as one content."""
    return GraphData({p.uid: p for p in parts if isinstance(p, Node)}, {p.id: p for p in parts if isinstance(p, Edge)})


def shown(found: Subgraph | GraphData) -> tuple[list[Any], list[Any]]:
    """The canonical form two engines are compared in."""
    nodes = [(uid, n.kind, node_doc(n)) for uid, n in sorted(found.nodes.items())]
    return nodes, [(i, edge_doc(e)) for i, e in sorted(found.edges.items())]


def chain() -> tuple[Sequence[Node], Sequence[Edge]]:
    """a calls b calls c, c writes a table that a reads, an endpoint is handled by a."""
    symbols = [thing("Symbol", "shop", "app.py", name, line=n) for n, name in enumerate("abc")]
    table = thing("Dataset", "postgresql", "db", "orders", columns=["id", "total"])
    door = thing("Endpoint", "orders", "http", "GET", "/orders/{}", operational=False, statuses=["200"])
    a, b, c = symbols
    links = [
        link("CALLS", a, b),
        link("CALLS", b, c),
        link("WRITES", c, table, columns=["total"]),
        link("READS", a, table, columns=["id"]),
        link("HANDLED_BY", door, a),
    ]
    return [*symbols, table, door], links


_KEYS: Mapping[str, int] = {"Symbol": 9, "Dataset": 3, "Topic": 3, "Endpoint": 5, "Service": 2, "Step": 4}


def random_node(rng: random.Random) -> Node:
    """One of a few dozen nodes, so that buckets overlap; properties differ from bucket to bucket."""
    kind = rng.choice(sorted(_KEYS))
    name = f"n{rng.randrange(_KEYS[kind])}"
    keys = {
        "Symbol": ("repo", "f.py", name),
        "Dataset": ("sql", "", name),
        "Topic": ("kafka", name),
        "Endpoint": ("svc", "http", "GET", f"/{name}"),
        "Service": (name,),
        "Step": ("repo", "flow.yaml", "steps", name),
    }
    props = {
        "Symbol": {"line": rng.randrange(3)},
        "Dataset": {"columns": rng.sample(["a", "b", "é"], 2)},
        "Endpoint": {"operational": rng.random() < 0.5},
    }
    evidence = (Evidence("code", "test", "f.py", rng.randrange(3)),)
    return thing(kind, *keys[kind], evidence=evidence, **props.get(kind, {}))


def random_graph(seed: int, size: int) -> GraphData:
    """A content of up to `size` nodes with edges the schema allows."""
    rng = random.Random(seed)
    nodes = {n.uid: n for n in (random_node(rng) for _ in range(size))}
    edges: dict[tuple[str, str, str], Edge] = {}
    everything = list(nodes.values())
    for _ in range(size * 2 if everything else 0):
        source, target = rng.choice(everything), rng.choice(everything)
        kinds = [k for k, e in EDGES.items() if source.kind in e.sources and target.kind in e.targets]
        if kinds:
            how = Resolution(rng.choice(("resolved", "candidate", "unresolved")), f"r{rng.randrange(2)}", "why")
            grade = {"grade": rng.choice(("referenced", "executed", "passed"))}
            edge = link(rng.choice(kinds), source, target, how, **(grade if source.kind == "Step" else {}))
            edges[edge.id] = edge
    return GraphData(nodes, edges)
