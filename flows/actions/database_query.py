"""SQL statements on any database."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from flows.actions import Action, Call, Result, Touch
from flows.clients.tls import TLS_DOC, tls_problems
from flows.language.catalogue import ActionSpec, Alias, option
from flows.language.reads import sql_reads
from flows.language.shapes import rows


@dataclass(frozen=True, slots=True)
class StatementConfig:
    """One statement of a transaction."""

    query: str = option(doc="SQL.")
    params: object = option(None, "A list for `$1` and `?`, a map for `:name`.")


@dataclass(frozen=True, slots=True)
class DatabaseConfig:
    """Settings of a database query."""

    connection: str | None = option(None, "Any SQLAlchemy URL.", also=("url", "database"))
    query: str | None = option(None, "SQL.", also=("sql",))
    params: object = option(None, "A list for `$1` and `?`, a map for `:name`.")
    transaction: tuple[StatementConfig, ...] | None = option(
        None,
        "Several statements in one transaction; the result is the last one's.",
        record=StatementConfig,
        short="query",
    )
    tls: object = option(None, TLS_DOC)


def touches(config: Mapping[str, object]) -> Iterable[Touch]:
    """The SQL text; which tables it names is found by whoever parses it.

    Args:
        config: as written.
    """
    queries: list[object] = [config.get("query") or config.get("sql")]
    several = config.get("transaction")
    if isinstance(several, list | tuple):
        queries += [item.get("query") if isinstance(item, Mapping) else item for item in several]
    for query in queries:
        if isinstance(query, str):
            yield Touch("dataset", query, kind="sql", mode="read" if sql_reads(query) else "write", sql=True)


async def run(config: DatabaseConfig, call: Call) -> Result:
    """Executes the statement, or the transaction.

    Args:
        config: rendered.
        call: connections.
    """
    from flows.clients.sql import Statement, database
    from flows.clients.sql_text import params_of

    if config.transaction is not None:
        statements = [Statement(item.query, params_of(item.params)) for item in config.transaction]
    else:
        statements = [Statement(config.query or "", params_of(config.params), reads=sql_reads(config.query))]
    return await database(call.clients, config, call.files).execute(statements)


def _problems(config: Mapping[str, object]) -> Iterable[tuple[str, str]]:
    from flows.clients.sql_text import unbindable

    if config.get("query") is None and config.get("transaction") is None:
        yield "query", "database_query needs 'query' or 'transaction'"
    elif config.get("query") is not None and config.get("transaction") is not None:
        yield "transaction", "'query' and 'transaction' exclude each other: list the statements in 'transaction'"
    if not isinstance(config.get("params"), list | tuple | Mapping | str | None):
        yield "params", "'params' must be a list (for $1 and ?) or a map (for :name)"
    several = config.get("transaction")
    for key, items in (("params", [config]), ("transaction", several if isinstance(several, list | tuple) else [])):
        problems = (unbindable(item.get("query"), item.get("params")) for item in items if isinstance(item, Mapping))
        yield from ((key, problem) for problem in problems if problem)
    yield from tls_problems(config)


ACTION: Action[DatabaseConfig] = Action(
    spec=ActionSpec(
        name="database_query",
        summary="Executes one SQL statement; a read waits until its assertions hold.",
        config=DatabaseConfig,
        family="sql",
        result=rows(),
        aliases=(Alias("sql"),),
        connection=("connection",),
        implied=("DATABASE_URL",),
        reads=lambda config: sql_reads(config.get("query")),
        check=_problems,
    ),
    touches=touches,
    run=run,
)
