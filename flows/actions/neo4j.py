"""Cypher statements on Neo4j."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from flows.actions import Action, Call, Result, Touch
from flows.clients.tls import TLS_DOC, tls_of, tls_problems
from flows.language.catalogue import ActionSpec, Alias, Duration, option
from flows.language.reads import cypher_labels, cypher_reads
from flows.language.shapes import ARRAY, NUMBER, OBJECT, listing, maybe, record


@dataclass(frozen=True, slots=True)
class Neo4jConfig:
    """Settings of a Cypher statement."""

    query: str = option(doc="Cypher.", also=("cypher",))
    params: Mapping[str, object] | None = option(None, "Parameters by name.", also=("parameters",))
    url: str | None = option(
        None, "`bolt://host:7687` or `neo4j://...`; `+s` asks for TLS.", also=("uri", "connection")
    )
    user: str | None = option(None, "User (`NEO4J_USER`).", also=("username",))
    password: str | None = option(None, "The user's password (`NEO4J_PASSWORD`).")
    database: str | None = option(None, "Database (`NEO4J_DATABASE`); the server's default without one.")
    tls: object = option(None, TLS_DOC)
    timeout: Duration | None = option(None, "Limit for the statement.")


def touches(config: Mapping[str, object]) -> Iterable[Touch]:
    """The labels that a statement names.

    Args:
        config: as written.
    """
    query = config.get("query") or config.get("cypher")
    if isinstance(query, str):
        mode = "read" if cypher_reads(query) else "write"
        for label in cypher_labels(query):
            yield Touch("dataset", label, kind="neo4j", mode=mode)


async def run(config: Neo4jConfig, call: Call) -> Result:
    """Runs the statement.

    Args:
        config: rendered.
        call: connections and trace context.
    """
    import time

    from flows.clients.neo4j import Neo4jServer, Statement, place_of

    place = place_of(config.url or "", config.user or "", config.password or "", tls_of(config.tls, call.files))
    server = call.clients.shared(("neo4j", place), lambda: Neo4jServer(place))
    started = time.perf_counter()
    statement = Statement(
        config.query, config.params or {}, config.database or "", cypher_reads(config.query), call.traceparent
    )
    found = await server.execute(statement)
    return {**found, "duration_ms": round((time.perf_counter() - started) * 1000, 3)}


_DOLLAR = re.compile(r"\$(?![{$])([A-Za-z_][A-Za-z0-9_]*)")


def _problems(config: Mapping[str, object]) -> Iterable[tuple[str, str]]:
    yield from tls_problems(config)
    query, params = config.get("query"), config.get("params")
    if not isinstance(query, str) or not isinstance(params, Mapping | None):
        return
    missing = [name for name in dict.fromkeys(_DOLLAR.findall(_unquoted(query))) if name not in (params or {})]
    if missing and "{{" not in query:
        yield "query", f"'params' has no '{missing[0]}', which the query names"


def _unquoted(query: str) -> str:
    from flows.language.reads import CYPHER_TOKEN

    return " ".join(
        match.group() if match.lastgroup in ("word", "other") else " " for match in CYPHER_TOKEN.finditer(query)
    ).replace("$ ", "$")


ACTION: Action[Neo4jConfig] = Action(
    spec=ActionSpec(
        name="neo4j",
        summary="Runs one Cypher statement; a read waits until its assertions hold.",
        config=Neo4jConfig,
        family="documents",
        result=record(
            rows=listing(OBJECT),
            row_count=NUMBER,
            count=NUMBER,
            first_row=maybe(OBJECT),
            columns=ARRAY,
            counters=OBJECT,
            duration_ms=NUMBER,
        ),
        aliases=(Alias("cypher"), Alias("neo4j.query"), Alias("neo4j.run")),
        connection=("url",),
        implied=("NEO4J_URL", "NEO4J_URI"),
        supplies={
            "user": ("NEO4J_USER", "NEO4J_USERNAME"),
            "password": ("NEO4J_PASSWORD",),
            "database": ("NEO4J_DATABASE",),
        },
        reads=lambda config: cypher_reads(config.get("query")),
        check=_problems,
    ),
    touches=touches,
    run=run,
    unsent=frozenset({"timeout"}),
)
