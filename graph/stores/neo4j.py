"""The graph of one workspace on a Neo4j server, for teams that share it; the same answers as the embedded store."""

from __future__ import annotations

import json
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, LiteralString, TypeVar

from graph.schema import EDGES, NODES, Edge, GraphData, Json, Node
from graph.store import FIRST_PAGE, Bucket, Found, Page, Pattern, Subgraph, VersionConflict
from graph.stores import cypher
from graph.stores.claims import changed, merged_edge, merged_node
from graph.stores.codec import EdgeId, condition, encoded, holds, read_edge, read_node
from graph.stores.lazy import Decoded
from graph.stores.traverse import directions
from testmesh.kernel.errors import MissingExtra, UnavailableError, UserError
from testmesh.kernel.ids import canonical

if TYPE_CHECKING:
    from neo4j import Driver, ManagedTransaction, Session

K = TypeVar("K")
T = TypeVar("T")
_BATCH = 10_000
_LONGEST = 200
_SCHEMES = ("bolt", "bolt+s", "bolt+ssc", "neo4j", "neo4j+s", "neo4j+ssc")
_CONNECT, _ACQUIRE, _RETRY = 3.0, 5.0, 5.0


@dataclass(frozen=True, slots=True)
class Server:
    """Where a Neo4j answers.

    Args:
        uri: ``bolt://host:port`` or ``neo4j://host:port``.
        user: account.
        password: its password; never shown.
        database: database name, the server's default when empty.
    """

    uri: str
    user: str
    password: str
    database: str = ""

    def __repr__(self) -> str:
        return f"Server({self.uri!r})"


class Neo4jStore:
    """A GraphStore on Neo4j 5.26 or newer; one `expand` is one round trip.

    Args:
        server: where it answers.
        workspace: id of the workspace; nothing of another one is ever seen or touched.

    Raises:
        MissingExtra: the driver is not installed.
        UnavailableError: the server cannot be reached, or refuses the account.
    """

    def __init__(self, server: Server, workspace: str) -> None:
        self._server = server
        self._ws = workspace
        self._driver = _driver(server)
        try:
            self._prepare()
        except BaseException:
            self._driver.close()
            raise

    def _prepare(self) -> None:
        with self._session() as session:
            known = {r[0] for r in session.run("SHOW INDEXES YIELD name RETURN name")}
            for statement in cypher.constraints():
                if statement.split()[2] not in known:
                    session.run(_query(statement)).consume()

    @contextmanager
    def _session(self) -> Iterator[Session]:
        with _explained(self._server), self._driver.session(database=self._server.database or None) as session:
            yield session

    def _read(self, text: str, **given: Any) -> list[list[Any]]:
        def work(tx: ManagedTransaction) -> list[list[Any]]:
            return [list(r.values()) for r in tx.run(_query(text), ws=self._ws, **given)]

        with self._session() as session:
            return session.execute_read(work)

    def get(self, uids: Collection[str]) -> Mapping[str, Node]:
        """The nodes of these uids that exist."""
        rows = self._read(cypher.GET, uids=sorted(set(uids)))
        return {uid: read_node(kind, uid, doc) for uid, kind, doc in sorted(rows)}

    def find(self, kind: str, where: Mapping[str, Json] | None = None, page: Page = FIRST_PAGE) -> Found:
        """Nodes of a kind whose key parts or properties equal `where` (or are one of an AnyOf), ordered by uid."""
        wanted = dict(where or {})
        pushed = _pushed(kind, wanted)
        exact = len(pushed) == len(wanted)
        found: list[Node] = []
        after, most = page.after, page.limit + 1 if exact else max(page.limit + 1, _BATCH)
        text = cypher.find(kind, sorted(pushed))
        while len(found) <= page.limit:
            given = {cypher.column(name): values for name, values in pushed.items()}
            rows = self._read(text, after=after, most=most, **given)
            nodes = (read_node(kind, uid, doc) for uid, doc in rows)
            found += [n for n in nodes if holds(n, wanted)]
            if len(rows) < most:
                break
            after = rows[-1][0]
        kept = tuple(found[: page.limit])
        return Found(kept, kept[-1].uid if len(found) > page.limit and kept else None)

    def expand(self, starts: Collection[str], pattern: Pattern, depth: int, limit: int = 200_000) -> Subgraph:
        """Everything within `depth` steps of `starts` along `pattern`; one round trip."""
        out, back = directions(pattern)
        rows = self._read(
            cypher.expand(out, back, depth),
            starts=sorted(set(starts)),
            stop=sorted(pattern.stop_at),
            depth=depth,
            most=limit + 1,
        )
        kept = {uid: (kind, doc) for uid, kind, doc, _ in rows[:limit]}
        edges = {
            (kind, source, target): doc
            for row in rows[:limit]
            for kind, source, target, doc in row[3]
            if source in kept and target in kept
        }
        return _subgraph(kept, edges, len(rows) > limit)

    def slice(self, nodes: Collection[str] | None = None, edges: Collection[str] | None = None) -> Subgraph:
        """All nodes and edges of these kinds (None: of every kind), with both ends of each edge."""
        text = cypher.slice_nodes(sorted(EDGES if edges is None else edges))
        found: dict[str, tuple[str, str]] = {}
        links: dict[EdgeId, str] = {}
        for what, row in self._read(text, kinds=sorted(NODES if nodes is None else nodes)):
            if what == 0:
                found[row[0]] = row[1], row[2]
            else:
                kind, source, target, doc, source_kind, source_doc, target_kind, target_doc = row
                found[source], found[target] = (source_kind, source_doc), (target_kind, target_doc)
                links[kind, source, target] = doc
        return _subgraph(found, links, False)

    def content(self, bucket: Bucket) -> GraphData:
        """What this bucket says, alone and unmerged; empty when it owns nothing."""

        def work(tx: ManagedTransaction) -> tuple[dict[str, tuple[str, str]], dict[EdgeId, str]]:
            return _said(tx, self._ws, bucket.name)

        with self._session() as session:
            nodes, edges = session.execute_read(work)
        return GraphData(
            {uid: read_node(kind, uid, doc) for uid, (kind, doc) in sorted(nodes.items())},
            {e: read_edge(e, doc) for e, doc in sorted(edges.items())},
        )

    def replace(self, bucket: Bucket, content: GraphData, expect_version: int | None = None) -> int:
        """Make `content` all that `bucket` says, in one transaction; returns the new version.

        Raises:
            VersionConflict: `expect_version` is given and is not the current one.
            ValueError: an edge's end is missing from `content`, or a kind is not of the schema.
            UnavailableError: the server went away; nothing has changed.
        """
        nodes, edges = encoded(content)

        def work(tx: ManagedTransaction) -> int:
            row = tx.run(cypher.LOCK, ws=self._ws, writer=bucket.name).single(strict=True)
            version = int(row["version"])
            if expect_version not in (None, version):
                raise VersionConflict(f"the graph is at version {version}, not {expect_version}")
            writer = _Writer(tx, self._ws, bucket.name)
            if not writer.write(nodes, edges):
                return version
            owners = set(tx.run(cypher.BUCKETS, ws=self._ws).single(strict=True)["buckets"]) - {bucket.name}
            names = sorted(owners | ({bucket.name} if nodes else set()))
            tx.run(cypher.SET_VERSION, ws=self._ws, version=version + 1, buckets=names).consume()
            return version + 1

        with self._session() as session:
            return session.execute_write(work)

    def version(self) -> int:
        """Grows with every replace that changed something; 0 for an empty graph."""
        return int(self._read(cypher.VERSION)[0][0])

    def buckets(self) -> tuple[Bucket, ...]:
        """The buckets that own something, sorted."""
        return tuple(sorted(Bucket(*name.split("|", 2)) for name in self._read(cypher.BUCKETS)[0][0]))

    def close(self) -> None:
        """Close the connections."""
        self._driver.close()


class _Writer:
    def __init__(self, tx: ManagedTransaction, ws: str, bucket: str) -> None:
        self._tx, self._ws, self._bucket = tx, ws, bucket

    def write(self, nodes: Mapping[str, tuple[str, str]], edges: Mapping[EdgeId, str]) -> bool:
        old_nodes, old_edges = _said(self._tx, self._ws, self._bucket)
        kinds = {uid: kind for uid, (kind, _) in (old_nodes | dict(nodes)).items()}
        node_change = changed({u: d for u, (_, d) in old_nodes.items()}, {u: d for u, (_, d) in nodes.items()})
        edge_change = changed(old_edges, edges)
        if not node_change and not edge_change:
            return False
        node_claims = _restated(self._node_claims(node_change), self._bucket, node_change)
        edge_claims = _restated(self._edge_claims(edge_change), self._bucket, edge_change)
        self._nodes({u: said for u, said in node_claims.items() if said}, kinds)
        self._edges({e: said for e, said in edge_claims.items() if said})
        self._drop([e for e, said in edge_claims.items() if not said])
        gone = sorted(u for u, said in node_claims.items() if not said)
        self._run(cypher.DROP_NODES, gone, "uids")
        return True

    def _node_claims(self, change: Collection[str]) -> dict[str, dict[str, str]]:
        rows = self._tx.run(cypher.NODE_CLAIMS, ws=self._ws, uids=sorted(change))
        return {uid: _claims(doc, claims, owners) for uid, doc, claims, owners in rows}

    def _edge_claims(self, change: Collection[EdgeId]) -> dict[EdgeId, dict[str, str]]:
        out: dict[EdgeId, dict[str, str]] = {}
        for kind, rows in _by_kind(change).items():
            for s, t, doc, claims, owners in self._tx.run(_query(cypher.edge_claims(kind)), ws=self._ws, rows=rows):
                out[kind, s, t] = _claims(doc, claims, owners)
        return out

    def _nodes(self, claims: Mapping[str, Mapping[str, str]], kinds: Mapping[str, str]) -> None:
        rows: dict[str, list[dict[str, Any]]] = {}
        for uid, said in sorted(claims.items()):
            row = _row(said, merged_node)
            row["keys"] = _columns(kinds[uid], read_node(kinds[uid], uid, row["doc"]))
            rows.setdefault(kinds[uid], []).append(row | {"uid": uid})
        for kind, part in sorted(rows.items()):
            self._run(cypher.write_nodes(kind), part, "rows", kind=kind)

    def _edges(self, claims: Mapping[EdgeId, Mapping[str, str]]) -> None:
        rows: dict[str, list[dict[str, Any]]] = {}
        for (kind, s, t), said in sorted(claims.items()):
            rows.setdefault(kind, []).append(_row(said, merged_edge) | {"s": s, "t": t})
        for kind, part in sorted(rows.items()):
            self._run(cypher.write_edges(kind), part, "rows")

    def _drop(self, edges: Collection[EdgeId]) -> None:
        for kind, rows in _by_kind(edges).items():
            self._run(cypher.drop_edges(kind), rows, "rows")

    def _run(self, text: str, rows: list[Any], name: str, **given: Any) -> None:
        for start in range(0, len(rows), _BATCH):
            part = {name: rows[start : start + _BATCH]}
            self._tx.run(_query(text), ws=self._ws, **part, **given).consume()  # type: ignore[arg-type]


def _said(tx: ManagedTransaction, ws: str, bucket: str) -> tuple[dict[str, tuple[str, str]], dict[EdgeId, str]]:
    nodes = {
        uid: (kind, _claims(doc, claims, owners)[bucket])
        for uid, kind, doc, claims, owners in tx.run(cypher.NODES_OF_BUCKET, ws=ws, bucket=bucket)
    }
    edges = {
        (kind, s, t): _claims(doc, claims, owners)[bucket]
        for kind, s, t, doc, claims, owners in tx.run(cypher.EDGES_OF_BUCKET, ws=ws, bucket=bucket)
    }
    return nodes, edges


def _claims(doc: str, claims: str | None, owners: list[str]) -> dict[str, str]:
    return {owners[0]: doc} if claims is None else dict(json.loads(claims))


def _restated(claims: dict[K, dict[str, str]], bucket: str, change: Mapping[K, str | None]) -> dict[K, dict[str, str]]:
    for element, doc in change.items():
        said = claims.setdefault(element, {})
        said.pop(bucket, None)
        if doc is not None:
            said[bucket] = doc
    return claims


def _row(said: Mapping[str, str], merged: Callable[[Mapping[str, str]], str]) -> dict[str, Any]:
    claims = canonical(dict(said)) if len(said) > 1 else None
    return {"doc": merged(said), "claims": claims, "buckets": sorted(said)}


def _by_kind(edges: Iterable[EdgeId]) -> dict[str, list[dict[str, str]]]:
    rows: dict[str, list[dict[str, str]]] = {}
    for kind, s, t in sorted(edges):
        rows.setdefault(kind, []).append({"s": s, "t": t})
    return rows


def _columns(kind: str, node: Node) -> dict[str, str | None]:
    known = NODES[kind]
    out: dict[str, str | None] = {
        cypher.column(name): part[:_LONGEST] for name, part in zip(known.key, node.key, strict=True)
    }
    for name, prop in known.props.items():
        value = node.props.get(name)
        if prop.index:
            out[cypher.column(name)] = value[:_LONGEST] if isinstance(value, str) else None
    return out


def _pushed(kind: str, where: Mapping[str, Json]) -> dict[str, list[str]]:
    pushed: dict[str, list[str]] = {}
    for name, value in where.items():
        position = condition(kind, name)
        values = [value] if isinstance(value, str) else list(getattr(value, "values", ()))
        mirrored = position is not None or NODES[kind].props[name].index
        if mirrored and values and all(isinstance(v, str) for v in values):
            pushed[name] = sorted(v[:_LONGEST] for v in values)
    return pushed


def _subgraph(nodes: Mapping[str, tuple[str, str]], edges: Mapping[EdgeId, str], truncated: bool) -> Subgraph:
    ordered = {uid: nodes[uid] for uid in sorted(nodes)}
    shown: Mapping[str, Node] = Decoded(ordered, lambda uid, row: read_node(row[0], uid, row[1]))
    links: Mapping[EdgeId, Edge] = Decoded({e: edges[e] for e in sorted(edges)}, read_edge)
    return Subgraph(shown, links, truncated)


def _query(text: str) -> LiteralString:
    """A text of `graph.stores.cypher`, which holds nothing but names of the schema; data travel as parameters."""
    known: Any = text
    checked: LiteralString = known
    return checked


def _driver(server: Server) -> Driver:
    try:
        from neo4j import GraphDatabase
    except ImportError as error:
        raise MissingExtra("neo4j", "server") from error
    hint = "write it as bolt://host:7687"
    if server.uri.partition("://")[0] not in _SCHEMES:
        raise UserError(f"'{server.uri}' is no Neo4j address", hint=hint)
    try:
        return GraphDatabase.driver(
            server.uri,
            auth=(server.user, server.password),
            connection_timeout=_CONNECT,
            connection_acquisition_timeout=_ACQUIRE,
            max_transaction_retry_time=_RETRY,
            notifications_min_severity="OFF",
        )
    except (ValueError, TypeError) as error:
        raise UserError(f"'{server.uri}' is no Neo4j address: {error}", hint=hint) from error


@contextmanager
def _explained(server: Server) -> Iterator[None]:
    from neo4j.exceptions import AuthError, ClientError, DriverError, Neo4jError

    try:
        yield
    except AuthError as error:
        hint = "check TESTMESH_NEO4J_USER and TESTMESH_NEO4J_PASSWORD"
        raise UnavailableError(f"Neo4j at {server.uri}", "it refuses the account", hint=hint) from error
    except ClientError as error:
        reason = f"it refused the request: {error.message}"
        raise UnavailableError(f"Neo4j at {server.uri}", reason, hint="Neo4j 5.26 or newer is needed") from error
    except (DriverError, Neo4jError, OSError) as error:
        reason = str(error).splitlines()[0].partition(" (resolved")[0] if str(error) else type(error).__name__
        hint = "start the server, or leave the Neo4j address out to use the embedded graph"
        raise UnavailableError(f"Neo4j at {server.uri}", f"no usable answer ({reason})", hint=hint) from error
