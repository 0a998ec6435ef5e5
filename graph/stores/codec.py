"""Nodes and edges as canonical text, so that every engine keeps and returns the same bytes."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from graph.schema import EDGES, NODES, Edge, Evidence, GraphData, Node, Resolution
from testmesh.kernel.ids import canonical

EdgeId = tuple[str, str, str]


def node_doc(node: Node) -> str:
    """``[key, props, evidence]`` of a node as canonical JSON; its kind and uid are kept beside it.

    Args:
        node: of a kind of the schema.
    """
    return canonical([list(node.key), dict(node.props), _evidence(node.evidence)])


def edge_doc(edge: Edge) -> str:
    """``[props, evidence, [status, rule, reason]]`` of an edge as canonical JSON.

    Args:
        edge: of a kind of the schema.
    """
    how = edge.resolution
    return canonical([dict(edge.props), _evidence(edge.evidence), [how.status, how.rule, how.reason]])


def read_node(kind: str, uid: str, doc: str) -> Node:
    """The node of a document.

    Args:
        kind: node kind.
        uid: node uid.
        doc: what :func:`node_doc` made.
    """
    key, props, evidence = json.loads(doc)
    return Node(kind, tuple(key), uid, props, tuple(Evidence(*e) for e in evidence))


def read_edge(id: EdgeId, doc: str) -> Edge:
    """The edge of a document.

    Args:
        id: kind, source uid, target uid.
        doc: what :func:`edge_doc` made.
    """
    props, evidence, how = json.loads(doc)
    return Edge(*id, props, tuple(Evidence(*e) for e in evidence), Resolution(*how))


def _evidence(evidence: tuple[Evidence, ...]) -> list[list[Any]]:
    return [[e.layer, e.scanner, e.file, e.line, e.repository, e.commit, e.pointer] for e in sorted(set(evidence))]


def checked(content: GraphData) -> GraphData:
    """The same content, when it may be stored: known kinds, and both ends of each edge are in it.

    Args:
        content: what a bucket says.

    Raises:
        ValueError: it may not.
    """
    for node in content.nodes.values():
        if node.kind not in NODES:
            raise ValueError(f"unknown node kind {node.kind!r}")
    for edge in content.edges.values():
        if edge.kind not in EDGES:
            raise ValueError(f"unknown edge kind {edge.kind!r}")
        if edge.source not in content.nodes or edge.target not in content.nodes:
            raise ValueError(f"an end of {edge.kind} {edge.source[:12]} -> {edge.target[:12]} is not in the bucket")
    return content


def encoded(content: GraphData) -> tuple[dict[str, tuple[str, str]], dict[EdgeId, str]]:
    """Documents of a bucket's content: ``{uid: (kind, doc)}`` and ``{edge id: doc}``.

    Args:
        content: what the bucket says.

    Raises:
        ValueError: it may not be stored.
    """
    checked(content)
    nodes = {n.uid: (n.kind, node_doc(n)) for n in content.nodes.values()}
    return nodes, {e.id: edge_doc(e) for e in content.edges.values()}


def condition(kind: str, name: str) -> int | None:
    """Position of a key part of a kind, or None when `name` is a property.

    Args:
        kind: node kind.
        name: as in `find`'s `where`.

    Raises:
        ValueError: the kind has neither.
    """
    known = NODES.get(kind)
    if known is None:
        raise ValueError(f"unknown node kind {kind!r}")
    if name in known.key:
        return known.key.index(name)
    if name in known.props:
        return None
    raise ValueError(f"{kind} has no key part or property {name!r}")


def holds(node: Node, where: Mapping[str, Any]) -> bool:
    """Whether a node satisfies `find`'s conditions; the one definition for every engine.

    Args:
        node: to be judged.
        where: key part or property to a value, or an AnyOf.
    """
    for name, wanted in where.items():
        position = condition(node.kind, name)
        value = node.props.get(name) if position is None else node.key[position]
        values = getattr(wanted, "values", None)
        if isinstance(values, frozenset):
            if isinstance(value, list) or not any(_same(value, w) for w in values):
                return False
        elif not _same(value, wanted):
            return False
    return True


def _same(value: Any, wanted: Any) -> bool:
    if isinstance(value, list | tuple):
        return isinstance(wanted, list | tuple) and list(value) == list(wanted)
    return isinstance(value, bool) == isinstance(wanted, bool) and bool(value == wanted)
