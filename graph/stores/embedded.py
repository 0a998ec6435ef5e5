"""The graph of one workspace in one SQLite file, so that nothing has to be installed or started beside the tool."""

from __future__ import annotations

import json
import sqlite3
import threading
from collections.abc import Collection, Iterable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from graph.schema import EDGES, NODES, Edge, GraphData, Json, Node
from graph.store import FIRST_PAGE, Bucket, Found, Page, Pattern, Subgraph, VersionConflict
from graph.stores import tables
from graph.stores.adjacency import Adjacency
from graph.stores.codec import EdgeId, condition, encoded, holds, read_edge, read_node
from graph.stores.lazy import Decoded
from graph.stores.sqlite import explained, opened
from graph.stores.traverse import Step, directions, walk
from graph.stores.writer import Writer

_NodeRow = tuple[str, str]


class EmbeddedStore:
    """A GraphStore over SQLite in WAL mode: a kill at any moment leaves the last committed graph.

    Args:
        path: the file, usually ``.testmesh/graph.db``.
        workspace: id of the one workspace the file belongs to.

    Raises:
        UserError: the file cannot be used.
    """

    def __init__(self, path: Path, workspace: str = "local") -> None:
        self._path = path
        self._lock = threading.RLock()
        self._db = opened(path, workspace)
        self._adjacency: tuple[int, Adjacency] | None = None

    @contextmanager
    def _using(self) -> Iterator[sqlite3.Connection]:
        with self._lock, explained(self._path):
            yield self._db

    @contextmanager
    def _transaction(self, kind: str) -> Iterator[sqlite3.Connection]:
        with self._using() as db:
            db.execute(f"BEGIN {kind}")
            try:
                yield db
                db.execute("COMMIT")
            finally:
                if db.in_transaction:
                    db.execute("ROLLBACK")

    def get(self, uids: Collection[str]) -> Mapping[str, Node]:
        """The nodes of these uids that exist."""
        with self._using() as db:
            rows = db.execute(tables.NODES_BY_UID, (_array(sorted(set(uids))),)).fetchall()
        return {uid: read_node(kind, uid, doc) for uid, kind, doc, _ in rows}

    def find(self, kind: str, where: Mapping[str, Json] | None = None, page: Page = FIRST_PAGE) -> Found:
        """Nodes of a kind whose key parts or properties equal `where` (or are one of an AnyOf), ordered by uid."""
        wanted = dict(where or {})
        clauses, values = ["kind = ?", "uid > ?"], [kind, page.after]
        for name, value in wanted.items():
            position = condition(kind, name)
            texts = [value] if isinstance(value, str) else sorted(map(str, getattr(value, "values", ())))
            if position is not None and texts:
                clauses.append(f"json_extract(doc, '$[0][{position}]') IN (SELECT value FROM json_each(?))")
                values.append(_array(texts))
        sql = f"SELECT uid, doc FROM node WHERE {' AND '.join(clauses)} ORDER BY uid"
        found: list[Node] = []
        with self._using() as db:
            for uid, doc in db.execute(sql, values):
                node = read_node(kind, uid, doc)
                if holds(node, wanted):
                    found.append(node)
                if len(found) > page.limit:
                    break
        more = len(found) > page.limit
        kept = tuple(found[: page.limit])
        return Found(kept, kept[-1].uid if more and kept else None)

    def expand(self, starts: Collection[str], pattern: Pattern, depth: int, limit: int = 200_000) -> Subgraph:
        """Everything within `depth` steps of `starts` along `pattern`, read from one state of the file."""
        out, back = directions(pattern)
        stop = _array(sorted(pattern.stop_at))
        ids: dict[EdgeId, int] = {}
        with self._transaction("DEFERRED") as db:

            def follow(frontier: Collection[str], first: bool) -> Iterable[Step]:
                for sql, kinds in ((tables.OUT, out), (tables.BACK, back)):
                    given = (_array(list(frontier)), _array(kinds), "[]" if first else stop)
                    for number, kind, source, target, far in db.execute(sql, given) if kinds else ():
                        ids[kind, source, target] = number
                        yield (kind, source, target), far

            known = [r[0] for r in db.execute(tables.NODES_BY_UID, (_array(sorted(set(starts))),))]
            reached = walk(known, follow, depth, limit)
            nodes = {r[0]: (r[1], r[2]) for r in db.execute(tables.NODES_BY_UID, (_array(sorted(reached.levels)),))}
            docs = dict(db.execute(tables.EDGE_DOCS, (_array([ids[e] for e in reached.edges]),)))
        edges = {e: docs[ids[e]] for e in sorted(reached.edges)}
        return _subgraph({u: nodes[u] for u in sorted(nodes)}, edges, reached.truncated)

    def slice(self, nodes: Collection[str] | None = None, edges: Collection[str] | None = None) -> Subgraph:
        """All nodes and edges of these kinds (None: of every kind), with both ends of each edge."""
        node_kinds = sorted(NODES if nodes is None else nodes)
        edge_kinds = sorted(EDGES if edges is None else edges)
        with self._transaction("DEFERRED") as db:
            found = {r[0]: r for r in db.execute(tables.NODES_OF_KINDS, (_array(node_kinds),))}
            rows = db.execute(tables.EDGES_OF_KINDS, (_array(edge_kinds),)).fetchall()
            missing = {r[4] for r in rows if r[1] not in found} | {r[5] for r in rows if r[2] not in found}
            ends = {r[0]: r for r in db.execute(tables.NODES_BY_ID, (_array(sorted(missing)),))} if missing else {}
        every = found | ends
        raw = {uid: (every[uid][1], every[uid][2]) for uid in sorted(every)}
        return _subgraph(raw, {(k, s, t): doc for k, s, t, doc, _, _ in sorted(rows)}, False)

    def content(self, bucket: Bucket) -> GraphData:
        """What this bucket says, alone and unmerged; empty when it owns nothing."""
        with self._transaction("DEFERRED") as db:
            row = db.execute("SELECT id FROM bucket WHERE name = ?", (bucket.name,)).fetchone()
            nodes = db.execute(tables.NODES_OF_BUCKET, row).fetchall() if row else []
            edges = db.execute(tables.EDGES_OF_BUCKET, row).fetchall() if row else []
        return GraphData(
            {uid: read_node(kind, uid, doc) for uid, kind, doc, _ in sorted(nodes)},
            {(k, s, t): read_edge((k, s, t), doc) for k, s, t, doc, _ in sorted(edges)},
        )

    def replace(self, bucket: Bucket, content: GraphData, expect_version: int | None = None) -> int:
        """Make `content` all that `bucket` says, atomically; returns the new version.

        Raises:
            VersionConflict: `expect_version` is given and is not the current one.
            ValueError: an edge's end is missing from `content`, or a kind is not of the schema.
            UserError: the disk is full or the file cannot be written; nothing has changed.
        """
        nodes, edges = encoded(content)
        with self._transaction("IMMEDIATE") as db:
            version = _version(db)
            if expect_version not in (None, version):
                raise VersionConflict(f"the graph is at version {version}, not {expect_version}")
            if Writer(db, bucket.name).write(nodes, edges):
                version += 1
                db.execute("UPDATE meta SET value = ? WHERE name = 'version'", (version,))
        return version

    def version(self) -> int:
        """Grows with every replace that changed something; 0 for an empty graph."""
        with self._using() as db:
            return _version(db)

    def buckets(self) -> tuple[Bucket, ...]:
        """The buckets that own something, sorted."""
        with self._using() as db:
            names = [r[0] for r in db.execute("SELECT name FROM bucket")]
        return tuple(sorted(Bucket(*name.split("|", 2)) for name in names))

    def reach(self, starts: Collection[str], pattern: Pattern, depth: int) -> frozenset[str]:
        """Uids within `depth` steps of `starts`; for bulk questions in a warm process.

        Args:
            starts: uids.
            pattern: edges to follow; `stop_at` is not supported here.
            depth: most steps.
        """
        with self._transaction("DEFERRED") as db:
            version = _version(db)
            if self._adjacency is None or self._adjacency[0] != version:
                self._adjacency = version, Adjacency.load(db)
        out, back = directions(pattern)
        return self._adjacency[1].reach(starts, out, back, depth)

    def close(self) -> None:
        """Close the file; the write-ahead log is folded into it."""
        with self._using() as db:
            db.close()


def _version(db: sqlite3.Connection) -> int:
    return int(db.execute("SELECT value FROM meta WHERE name = 'version'").fetchone()[0])


def _array(values: Collection[object]) -> str:
    return json.dumps(list(values))


def _subgraph(nodes: Mapping[str, _NodeRow], edges: Mapping[EdgeId, str], truncated: bool) -> Subgraph:
    shown: Mapping[str, Node] = Decoded(nodes, lambda uid, row: read_node(row[0], uid, row[1]))
    links: Mapping[EdgeId, Edge] = Decoded(edges, read_edge)
    return Subgraph(shown, links, truncated)
