"""The graph of a workspace: nodes, what is around one, and how it is doing."""

from __future__ import annotations

from typing import Annotated, Literal

from fastapi import APIRouter, Path, Query
from starlette.responses import Response

from api.answers import Cursor, Limit, answer
from api.auth import Caller, Viewer
from graph.schema import EDGES, NODES, Edge, Node
from graph.store import Page, Pattern, Subgraph
from testmesh.kernel.errors import NotFoundError

router = APIRouter(prefix="/graph", tags=["graph"])
Uid = Annotated[str, Path(pattern=r"^[0-9a-f]{64}$")]
Kind = Annotated[str, Query(pattern=f"^({'|'.join(NODES)})$", examples=["Endpoint"])]
EdgeKinds = Annotated[list[str] | None, Query(max_length=20, description="Edge kinds; all when left out.")]
Depth = Annotated[int, Query(ge=1, le=6)]
NEIGHBOURS = 2000


@router.get("", response_model=None)
def overview(caller: Viewer) -> Response:
    """Its version and the buckets that fill it."""
    graph = caller.services.graph(caller.access.workspace)
    return answer({"version": graph.version(), "buckets": list(graph.buckets())})


@router.get("/nodes", response_model=None)
def nodes(caller: Viewer, kind: Kind, limit: Limit = 100, after: Cursor = "") -> Response:
    """Nodes of a kind, by uid."""
    found = caller.services.graph(caller.access.workspace).find(kind, page=Page(after, limit))
    return answer({"items": [_node(node) for node in found.nodes], "next": found.next})


@router.get("/nodes/{uid}", response_model=None)
def node(caller: Viewer, uid: Uid) -> Response:
    """One node with all its evidence."""
    return answer(_node(_known(caller, uid)))


@router.get("/nodes/{uid}/neighbours", response_model=None)
def neighbours(
    caller: Viewer,
    uid: Uid,
    edges: EdgeKinds = None,
    direction: Literal["out", "in", "both"] = "both",
    depth: Depth = 1,
) -> Response:
    """What is around a node."""
    _known(caller, uid)
    follow = {kind: direction for kind in edges or EDGES if kind in EDGES}
    found = caller.services.graph(caller.access.workspace).expand([uid], Pattern(follow), depth, NEIGHBOURS)
    return answer(_subgraph(found))


def _known(caller: Caller, uid: str) -> Node:
    found = caller.services.graph(caller.access.workspace).get([uid]).get(uid)
    if found is None:
        raise NotFoundError(f"no node '{uid}'")
    return found


def _node(node: Node) -> dict[str, object]:
    return {
        "uid": node.uid,
        "kind": node.kind,
        "label": node.label,
        "key": node.key,
        "props": node.props,
        "evidence": node.evidence,
    }


def _edge(edge: Edge, shown: Subgraph) -> dict[str, object]:
    return {
        "kind": edge.kind,
        "source": edge.source,
        "target": edge.target,
        "source_label": shown.nodes[edge.source].label,
        "target_label": shown.nodes[edge.target].label,
        "props": edge.props,
        "resolution": edge.resolution,
        "evidence": edge.evidence,
    }


def _subgraph(found: Subgraph) -> dict[str, object]:
    order = sorted(found.nodes.values(), key=lambda n: (n.kind, n.label, n.uid))
    return {
        "nodes": [_node(node) for node in order],
        "edges": [_edge(found.edges[key], found) for key in sorted(found.edges)],
        "truncated": found.truncated,
    }
