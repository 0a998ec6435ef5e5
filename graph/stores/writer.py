"""Writes the difference between what a bucket said and says now, inside one SQLite transaction."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Callable, Iterable, Mapping

from graph.stores import tables
from graph.stores.claims import changed, merged_edge, merged_node
from graph.stores.codec import EdgeId


class Writer:
    """One bucket's writer; the caller holds the transaction.

    Args:
        db: connection with an open write transaction.
        bucket: ``Bucket.name``.
    """

    def __init__(self, db: sqlite3.Connection, bucket: str) -> None:
        self._db = db
        self._name = bucket
        row = db.execute("SELECT id FROM bucket WHERE name = ?", (bucket,)).fetchone()
        self._bucket: int | None = row[0] if row else None

    def write(self, nodes: Mapping[str, tuple[str, str]], edges: Mapping[EdgeId, str]) -> bool:
        """Make this all the bucket says; whether anything changed.

        Args:
            nodes: uid to (kind, document).
            edges: edge id to document.
        """
        old_nodes, old_edges = self._owned()
        node_change = changed(old_nodes, {uid: doc for uid, (_, doc) in nodes.items()})
        edge_change = changed(old_edges, edges)
        if not node_change and not edge_change:
            return False
        if self._bucket is None:
            self._bucket = self._db.execute("INSERT INTO bucket(name) VALUES(?)", (self._name,)).lastrowid
        ids = self._node_ids(node_change, {uid: kind for uid, (kind, _) in nodes.items()}, edge_change)
        dropped = self._apply("node", {ids[uid]: doc for uid, doc in node_change.items()}, merged_node)
        rows = self._edge_ids(edge_change, ids)
        gone = self._apply("edge", {rows[e]: doc for e, doc in edge_change.items()}, merged_edge)
        self._db.executemany("DELETE FROM edge WHERE id = ?", gone)
        self._db.executemany("DELETE FROM node WHERE id = ?", dropped)
        if not nodes:
            self._db.execute("DELETE FROM bucket WHERE id = ?", (self._bucket,))
        return True

    def _owned(self) -> tuple[dict[str, str], dict[EdgeId, str]]:
        if self._bucket is None:
            return {}, {}
        given = (self._bucket,)
        nodes = {uid: doc for uid, _, doc, _ in self._db.execute(tables.NODES_OF_BUCKET, given)}
        edges = {(k, s, t): doc for k, s, t, doc, _ in self._db.execute(tables.EDGES_OF_BUCKET, given)}
        return nodes, edges

    def _node_ids(
        self, change: Mapping[str, str | None], kinds: Mapping[str, str], edges: Iterable[EdgeId]
    ) -> dict[str, int]:
        wanted = set(change) | {e[1] for e in edges} | {e[2] for e in edges}
        given = (json.dumps(sorted(wanted)),)
        known = {r[0]: r[3] for r in self._db.execute(tables.NODES_BY_UID, given)}
        fresh = [(uid, kinds[uid], change[uid]) for uid in sorted(change) if uid not in known]
        self._db.executemany("INSERT INTO node(uid, kind, doc) VALUES(?, ?, ?)", fresh)
        if fresh:
            known = {r[0]: r[3] for r in self._db.execute(tables.NODES_BY_UID, given)}
        return known

    def _edge_ids(self, change: Mapping[EdgeId, str | None], ids: Mapping[str, int]) -> dict[EdgeId, int]:
        by_row = {(ids[s], k, ids[t]): (k, s, t) for k, s, t in change}
        known = self._existing_edges(by_row)
        fresh = [(e, k) for k, e in by_row.items() if e not in known]
        rows = [(k[1], k[0], k[2], change[e]) for e, k in sorted(fresh)]
        self._db.executemany("INSERT INTO edge(kind, source, target, doc) VALUES(?, ?, ?, ?)", rows)
        return self._existing_edges(by_row) if fresh else known

    def _existing_edges(self, by_row: Mapping[tuple[int, str, int], EdgeId]) -> dict[EdgeId, int]:
        sources = json.dumps(sorted({row[0] for row in by_row}))
        sql = "SELECT e.id, e.source, e.kind, e.target FROM json_each(?) w JOIN edge e ON e.source = w.value"
        found = ((number, by_row.get((s, k, t))) for number, s, k, t in self._db.execute(sql, (sources,)))
        return {edge: number for number, edge in found if edge is not None}

    def _apply(
        self, table: str, change: Mapping[int, str | None], merged: Callable[[Mapping[str, str]], str]
    ) -> list[tuple[int]]:
        claims = self._claims(table, change)
        for element, doc in change.items():
            said = claims.setdefault(element, {})
            said.pop(self._name, None)
            if doc is not None:
                said[self._name] = doc
        docs = [(merged(said), element) for element, said in claims.items() if said]
        self._db.executemany(f"UPDATE {table} SET doc = ? WHERE id = ?", docs)
        self._rewrite(table, claims)
        return [(element,) for element, said in claims.items() if not said]

    def _claims(self, table: str, change: Iterable[int]) -> dict[int, dict[str, str]]:
        claims: dict[int, dict[str, str]] = {}
        sql = tables.CLAIMS.format(table=table)
        for element, name, doc in self._db.execute(sql, (json.dumps(sorted(change)),)):
            claims.setdefault(element, {})[name] = doc
        return claims

    def _rewrite(self, table: str, claims: Mapping[int, Mapping[str, str]]) -> None:
        numbers = dict(self._db.execute("SELECT name, id FROM bucket"))
        self._db.executemany(f"DELETE FROM {table}_claim WHERE element = ?", [(e,) for e in claims])
        rows = [
            (element, numbers[name], doc if len(said) > 1 else None)
            for element, said in sorted(claims.items())
            for name, doc in sorted(said.items())
        ]
        self._db.executemany(f"INSERT INTO {table}_claim VALUES(?, ?, ?)", rows)
