"""Every Cypher text the Neo4j store sends: labels and property names come from the schema, all else is a parameter."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache

from graph.schema import EDGES, NODES

LABEL = "TestMeshNode"
STATE = "TestMeshGraph"
_MINE = f"MATCH (n:{LABEL} {{ws: $ws}})"

LOCK = f"MERGE (g:{STATE} {{ws: $ws}}) ON CREATE SET g.version = 0 SET g.writer = $writer RETURN g.version AS version"
VERSION = f"OPTIONAL MATCH (g:{STATE} {{ws: $ws}}) RETURN coalesce(g.version, 0) AS version"
SET_VERSION = f"MATCH (g:{STATE} {{ws: $ws}}) SET g.version = $version, g.buckets = $buckets"
BUCKETS = f"OPTIONAL MATCH (g:{STATE} {{ws: $ws}}) RETURN coalesce(g.buckets, []) AS buckets"
GET = f"{_MINE} WHERE n.uid IN $uids RETURN n.uid, n.kind, n.doc"

NODES_OF_BUCKET = f"{_MINE} WHERE $bucket IN n.buckets RETURN n.uid, n.kind, n.doc, n.claims, n.buckets"
EDGES_OF_BUCKET = (
    f"{_MINE}-[r]->(m:{LABEL}) WHERE $bucket IN r.buckets RETURN type(r), n.uid, m.uid, r.doc, r.claims, r.buckets"
)
NODE_CLAIMS = f"{_MINE} WHERE n.uid IN $uids RETURN n.uid, n.doc, n.claims, n.buckets"
DROP_NODES = f"UNWIND $uids AS uid MATCH (n:{LABEL} {{ws: $ws, uid: uid}}) DELETE n"


def edge_claims(kind: str) -> str:
    """Reads what buckets say about edges of a kind.

    Args:
        kind: edge kind of the schema.
    """
    return f"UNWIND $rows AS row {_ends(kind, 'MATCH')} RETURN row.s, row.t, r.doc, r.claims, r.buckets"


def write_nodes(kind: str) -> str:
    """Creates or rewrites nodes of a kind.

    Args:
        kind: node kind of the schema.
    """
    return (
        f"UNWIND $rows AS row MERGE (n:{LABEL} {{ws: $ws, uid: row.uid}}) "
        f"SET n:{_node(kind)}, n.kind = $kind, n.doc = row.doc, n.claims = row.claims, n.buckets = row.buckets, "
        "n += row.keys"
    )


def write_edges(kind: str) -> str:
    """Creates or rewrites edges of a kind.

    Args:
        kind: edge kind of the schema.
    """
    ends = _ends(kind, "MERGE")
    return f"UNWIND $rows AS row {ends} SET r.doc = row.doc, r.claims = row.claims, r.buckets = row.buckets"


def drop_edges(kind: str) -> str:
    """Deletes edges of a kind.

    Args:
        kind: edge kind of the schema.
    """
    return f"UNWIND $rows AS row {_ends(kind, 'MATCH')} DELETE r"


def _ends(kind: str, how: str) -> str:
    return (
        f"MATCH (a:{LABEL} {{ws: $ws, uid: row.s}}) MATCH (b:{LABEL} {{ws: $ws, uid: row.t}}) "
        f"{how} (a)-[r:{_edge(kind)}]->(b)"
    )


def constraints() -> list[str]:
    """Uniqueness and indexes, derived from the schema."""
    out = [
        f"CREATE CONSTRAINT testmesh_uid IF NOT EXISTS FOR (n:{LABEL}) REQUIRE (n.ws, n.uid) IS UNIQUE",
        f"CREATE CONSTRAINT testmesh_graph IF NOT EXISTS FOR (n:{STATE}) REQUIRE n.ws IS UNIQUE",
        f"CREATE INDEX testmesh_ws IF NOT EXISTS FOR (n:{LABEL}) ON (n.ws)",
    ]
    for kind, known in NODES.items():
        names = [*known.key, *(name for name, prop in known.props.items() if prop.index)]
        out += [
            f"CREATE INDEX testmesh_{kind.lower()}_{name} IF NOT EXISTS FOR (n:{kind}) ON (n.ws, n.{column(name)})"
            for name in names
        ]
    return out


def column(name: str) -> str:
    """The native property that mirrors a key part or indexed property, for look-ups.

    Args:
        name: of the schema.
    """
    return f"k_{name}"


def find(kind: str, names: Sequence[str]) -> str:
    """Nodes of a kind in uid order whose mirrored properties are among `$k_<name>`.

    Args:
        kind: node kind of the schema.
        names: key parts or indexed properties, checked by the caller.
    """
    clauses = [f"n.{column(name)} IN ${column(name)}" for name in names]
    where = " AND ".join(["n.uid > $after", *clauses])
    return f"MATCH (n:{_node(kind)} {{ws: $ws}}) WHERE {where} RETURN n.uid, n.doc ORDER BY n.uid LIMIT $most"


def slice_nodes(kinds: Sequence[str]) -> str:
    """All nodes of these kinds, and all edges of the kinds in `$edges` with both ends, in one answer.

    Args:
        kinds: edge kinds of the schema.
    """
    ways = "|".join(_edge(k) for k in kinds)
    edges = (
        f"UNION ALL {_MINE}-[r:{ways}]->(m:{LABEL}) "
        "RETURN 1 AS what, [type(r), n.uid, m.uid, r.doc, n.kind, n.doc, m.kind, m.doc] AS row"
    )
    return f"{_MINE} WHERE n.kind IN $kinds RETURN 0 AS what, [n.uid, n.kind, n.doc] AS row {edges if ways else ''}"


@cache
def expand(out: tuple[str, ...], back: tuple[str, ...], depth: int) -> str:
    """One traversal as one query: a level per subquery, then each node at its least level with the edges followed.

    Args:
        out: edge kinds followed from source to target.
        back: edge kinds followed from target to source.
        depth: most steps.
    """
    text = [f"OPTIONAL {_MINE} WHERE n.uid IN $starts WITH collect(n) AS l0"]
    for level in range(1, depth + 1):
        before, stop = f"l{level - 1}", "true" if level == 1 else "NOT a.kind IN $stop"
        hops = " UNION ".join(
            f"UNWIND {before} AS a WITH a WHERE {stop} MATCH {way} RETURN b" for way in _ways("a", "b", out, back)
        )
        text.append(f"CALL ({before}) {{ CALL ({before}) {{ {hops} }} RETURN collect(b) AS l{level} }}")
    pairs = ", ".join(f"[{level}, l{level}]" for level in range(depth + 1))
    text.append(
        f"UNWIND [{pairs}] AS pair UNWIND pair[1] AS n WITH n, min(pair[0]) AS level ORDER BY level, n.uid LIMIT $most"
    )
    followed = " UNION ".join(
        "WITH n, level WHERE level < $depth AND (level = 0 OR NOT n.kind IN $stop) "
        f"MATCH {way} RETURN type(r) AS t, startNode(r).uid AS s, endNode(r).uid AS e, r.doc AS d"
        for way in _ways("n", "m", out, back)
    )
    text.append(f"CALL (n, level) {{ CALL (n, level) {{ {followed} }} RETURN collect([t, s, e, d]) AS edges }}")
    text.append("RETURN n.uid, n.kind, n.doc, edges")
    return " ".join(text)


def _ways(near: str, far: str, out: tuple[str, ...], back: tuple[str, ...]) -> list[str]:
    ways = []
    if out:
        ways.append(f"({near})-[r:{'|'.join(_edge(k) for k in out)}]->({far})")
    if back:
        ways.append(f"({near})<-[r:{'|'.join(_edge(k) for k in back)}]-({far})")
    return ways


def _node(kind: str) -> str:
    return NODES[kind].name


def _edge(kind: str) -> str:
    return EDGES[kind].name
