"""Another revision's graph in memory: what one bucket would say, over a stored baseline that stays as it is."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field

from graph.schema import EDGES, NODES, Edge, GraphData, Json, Node
from graph.store import FIRST_PAGE, Bucket, Found, GraphStore, Page, Pattern, Subgraph, VersionConflict
from graph.stores.claims import merged_edge, merged_node
from graph.stores.codec import EdgeId, checked, condition, edge_doc, encoded, holds, node_doc, read_edge, read_node
from graph.stores.traverse import Step, directions, walk

LINKS = Bucket("links")


@dataclass(slots=True)
class _Merged:
    """The elements all buckets together say, and who touches whom.

    Args:
        nodes: by uid, sorted.
        edges: by id, sorted.
        out: uid to ids of edges that start there; empty until a traversal asks.
        back: uid to ids of edges that end there.
        kinds: node kind to its nodes in uid order.
    """

    nodes: dict[str, Node] = field(default_factory=dict)
    edges: dict[EdgeId, Edge] = field(default_factory=dict)
    out: dict[str, list[EdgeId]] = field(default_factory=dict)
    back: dict[str, list[EdgeId]] = field(default_factory=dict)
    kinds: dict[str, list[Node]] = field(default_factory=dict)


class Overlay:
    """A GraphStore in memory; nothing is ever written to the base.

    Args:
        base: the stored baseline, or None for a graph of its own.
        content: what the bucket says at the other revision.
        bucket: whose words `content` replaces.
    """

    def __init__(
        self, base: GraphStore | None = None, content: GraphData | None = None, bucket: Bucket = LINKS
    ) -> None:
        self._base = base
        self._own: dict[Bucket, GraphData] = {} if content is None else {bucket: checked(content)}
        self._version = 0 if base is None else base.version()
        self._claimed: dict[Bucket, GraphData] | None = None
        self._all: _Merged | None = None

    def get(self, uids: Collection[str]) -> Mapping[str, Node]:
        """The nodes of these uids that exist."""
        nodes = self._merged().nodes
        return {uid: nodes[uid] for uid in sorted(set(uids)) if uid in nodes}

    def find(self, kind: str, where: Mapping[str, Json] | None = None, page: Page = FIRST_PAGE) -> Found:
        """Nodes of a kind whose key parts or properties equal `where` (or are one of an AnyOf), ordered by uid."""
        wanted = dict(where or {})
        for name in wanted:
            condition(kind, name)
        found = [n for n in self._merged().kinds.get(kind, ()) if n.uid > page.after and holds(n, wanted)]
        kept = tuple(found[: page.limit])
        return Found(kept, kept[-1].uid if len(found) > page.limit and kept else None)

    def expand(self, starts: Collection[str], pattern: Pattern, depth: int, limit: int = 200_000) -> Subgraph:
        """Everything within `depth` steps of `starts` along `pattern`."""
        out, back = (frozenset(kinds) for kinds in directions(pattern))
        graph = self._linked()

        def follow(frontier: Collection[str], first: bool) -> Iterable[Step]:
            for uid in frontier:
                if not first and graph.nodes[uid].kind in pattern.stop_at:
                    continue
                yield from ((e, e[2]) for e in graph.out.get(uid, ()) if e[0] in out)
                yield from ((e, e[1]) for e in graph.back.get(uid, ()) if e[0] in back)

        reached = walk({uid for uid in starts if uid in graph.nodes}, follow, depth, limit)
        return Subgraph(
            {uid: graph.nodes[uid] for uid in sorted(reached.levels)},
            {e: graph.edges[e] for e in sorted(reached.edges)},
            reached.truncated,
        )

    def slice(self, nodes: Collection[str] | None = None, edges: Collection[str] | None = None) -> Subgraph:
        """All nodes and edges of these kinds (None: of every kind), with both ends of each edge."""
        node_kinds = frozenset(NODES if nodes is None else nodes)
        edge_kinds = frozenset(EDGES if edges is None else edges)
        graph = self._merged()
        kept = {number: edge for number, edge in graph.edges.items() if number[0] in edge_kinds}
        wanted = {n.uid for kind in node_kinds for n in graph.kinds.get(kind, ())}
        wanted.update(e[1] for e in kept)
        wanted.update(e[2] for e in kept)
        return Subgraph({uid: node for uid, node in graph.nodes.items() if uid in wanted}, kept)

    def content(self, bucket: Bucket) -> GraphData:
        """What this bucket says, alone and unmerged; empty when it owns nothing."""
        return self._claims().get(bucket, GraphData())

    def replace(self, bucket: Bucket, content: GraphData, expect_version: int | None = None) -> int:
        """Make `content` all that `bucket` says, in this overlay only; returns the new version.

        Raises:
            VersionConflict: `expect_version` is given and is not the current one.
            ValueError: an edge's end is missing from `content`, or a kind is not of the schema.
        """
        said = encoded(content)
        if expect_version not in (None, self._version):
            raise VersionConflict(f"the graph is at version {self._version}, not {expect_version}")
        if said != encoded(self.content(bucket)):
            self._own[bucket] = content
            self._claimed = self._all = None
            self._version += 1
        return self._version

    def version(self) -> int:
        """Grows with every replace that changed something; starts at the base's version."""
        return self._version

    def buckets(self) -> tuple[Bucket, ...]:
        """The buckets that own something, sorted."""
        return tuple(sorted(b for b, said in self._claims().items() if said.nodes))

    def close(self) -> None:
        """Forget the overlay; the base stays open."""
        self._all = None

    def _claims(self) -> dict[Bucket, GraphData]:
        if self._claimed is None:
            under = () if self._base is None else [b for b in self._base.buckets() if b not in self._own]
            known = {b: self._base.content(b) for b in under if self._base is not None}
            self._claimed = known | self._own
        return self._claimed

    def _merged(self) -> _Merged:
        if self._all is None:
            claims = {b.name: said for b, said in self._claims().items()}
            nodes, edges = _nodes_of(claims), _edges_of(claims)
            graph = _Merged({uid: nodes[uid] for uid in sorted(nodes)}, {e: edges[e] for e in sorted(edges)})
            for node in graph.nodes.values():
                graph.kinds.setdefault(node.kind, []).append(node)
            self._all = graph
        return self._all

    def _linked(self) -> _Merged:
        graph = self._merged()
        if not graph.out:
            for edge in graph.edges:
                graph.out.setdefault(edge[1], []).append(edge)
                graph.back.setdefault(edge[2], []).append(edge)
        return graph


def _nodes_of(claims: Mapping[str, GraphData]) -> Mapping[str, Node]:
    if len(claims) == 1:
        return next(iter(claims.values())).nodes
    by_uid: dict[str, dict[str, Node]] = {}
    for name, said in claims.items():
        for uid, node in said.nodes.items():
            by_uid.setdefault(uid, {})[name] = node
    return {uid: _one_node(says) for uid, says in by_uid.items()}


def _one_node(says: Mapping[str, Node]) -> Node:
    first = next(iter(says.values()))
    if len(says) == 1:
        return first
    return read_node(first.kind, first.uid, merged_node({name: node_doc(node) for name, node in says.items()}))


def _edges_of(claims: Mapping[str, GraphData]) -> Mapping[EdgeId, Edge]:
    if len(claims) == 1:
        return next(iter(claims.values())).edges
    by_id: dict[EdgeId, dict[str, Edge]] = {}
    for name, said in claims.items():
        for number, edge in said.edges.items():
            by_id.setdefault(number, {})[name] = edge
    return {number: _one_edge(says) for number, says in by_id.items()}


def _one_edge(says: Mapping[str, Edge]) -> Edge:
    first = next(iter(says.values()))
    if len(says) == 1:
        return first
    return read_edge(first.id, merged_edge({name: edge_doc(edge) for name, edge in says.items()}))
