"""Vectors in PostgreSQL, one partition a workspace: a selective filter over one shared HNSW silently loses rows."""

from __future__ import annotations

import hashlib
from collections.abc import Collection, Mapping, Sequence
from typing import TYPE_CHECKING

from embeddings.index import EXACT_BELOW, Row
from testmesh.kernel.errors import UnavailableError
from testmesh.kernel.workspace import Workspace

if TYPE_CHECKING:
    import psycopg

SLACK = 16
SETUP = (
    "CREATE EXTENSION IF NOT EXISTS vector",
    "CREATE TABLE IF NOT EXISTS embedding (workspace text NOT NULL, uid text NOT NULL, kind text NOT NULL,"
    " label text NOT NULL, digest text NOT NULL, vector vector NOT NULL, PRIMARY KEY (workspace, uid))"
    " PARTITION BY LIST (workspace)",
)


class PgvectorIndex:
    """One workspace's vectors in PostgreSQL.

    Args:
        url: PostgreSQL URL.
        workspace: whose vectors.

    Raises:
        UnavailableError: the server does not answer.
    """

    def __init__(self, url: str, workspace: Workspace) -> None:
        self._url, self._workspace = url, workspace.id
        suffix = hashlib.sha256(workspace.id.encode()).hexdigest()[:24]
        self._partition = f"embedding_{suffix}"
        with self._connect() as connection:
            connection.execute("SELECT pg_advisory_xact_lock(hashtext('testmesh embedding'))")
            for statement in SETUP:
                connection.execute(statement.encode())
            connection.execute(
                f"CREATE TABLE IF NOT EXISTS {self._partition} PARTITION OF embedding"
                f" FOR VALUES IN ({_literal(workspace.id)})".encode()
            )

    def _connect(self) -> psycopg.Connection[tuple[object, ...]]:
        import psycopg

        try:
            return psycopg.connect(self._url, connect_timeout=5)
        except psycopg.OperationalError as error:
            raise UnavailableError("PostgreSQL", str(error).strip().splitlines()[0],
                                   hint="check TESTMESH_DATABASE_URL and that the server runs") from error  # fmt: skip

    def put(self, rows: Sequence[Row]) -> None:
        """Store rows, replacing those of the same uid."""
        if not rows:
            return
        statement = (
            "INSERT INTO embedding (workspace, uid, kind, label, digest, vector)"
            " VALUES (%s, %s, %s, %s, %s, %s::vector)"
            " ON CONFLICT (workspace, uid) DO UPDATE SET kind = excluded.kind, label = excluded.label,"
            " digest = excluded.digest, vector = excluded.vector"
        )
        values = [(self._workspace, r.uid, r.kind, r.label, r.digest, _vector(r.vector)) for r in rows]
        with self._connect() as connection, connection.cursor() as cursor:
            cursor.executemany(statement, values)

    def drop(self, uids: Collection[str]) -> None:
        """Forget rows."""
        if uids:
            with self._connect() as connection:
                connection.execute(
                    "DELETE FROM embedding WHERE workspace = %s AND uid = ANY(%s)", (self._workspace, list(uids))
                )

    def digests(self, kinds: Collection[str] = ()) -> Mapping[str, str]:
        """Digest of every stored row of these kinds by uid."""
        with self._connect() as connection:
            rows = connection.execute(
                "SELECT uid, digest FROM embedding WHERE workspace = %s AND (%s OR kind = ANY(%s))",
                (self._workspace, not kinds, list(kinds)),
            )
            return {str(uid): str(digest) for uid, digest in rows}

    def preselect(self, vector: Sequence[float], count: int, kinds: Collection[str]) -> Sequence[Row]:
        """The nearest rows and a few more, by a full scan below 50,000 rows, by HNSW with iterative scan above."""
        size = len(vector)
        with self._connect() as connection:
            total = connection.execute(f"SELECT count(*) FROM {self._partition}".encode()).fetchone()
            exact = total is None or int(str(total[0])) < EXACT_BELOW
            column = "vector" if exact else f"(vector::vector({size}))"
            if not exact:
                connection.execute(
                    f"CREATE INDEX IF NOT EXISTS {self._partition}_{size} ON {self._partition}"
                    f" USING hnsw ((vector::vector({size})) vector_ip_ops) WHERE vector_dims(vector) = {size}".encode()
                )
                connection.execute("SET LOCAL hnsw.iterative_scan = strict_order")
            found = connection.execute(
                f"SELECT uid, kind, label, digest, vector::text FROM {self._partition}"
                f" WHERE vector_dims(vector) = {size} AND (%s OR kind = ANY(%s))"
                f" ORDER BY {column} <#> %s::vector({size}), uid LIMIT %s".encode(),
                (not kinds, list(kinds), _vector(vector), count + SLACK),
            )
            return [_row(values) for values in found]


def _row(values: tuple[object, ...]) -> Row:
    uid, kind, label, digest, text = (str(v) for v in values)
    return Row(uid, kind, label, digest, tuple(float(x) for x in text.strip("[]").split(",")))


def _vector(vector: Sequence[float]) -> str:
    return "[" + ",".join(repr(float(x)) for x in vector) + "]"


def _literal(text: str) -> str:
    return "'" + text.replace("'", "''") + "'"
