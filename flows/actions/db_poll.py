"""A SQL read repeated until a condition holds."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from flows.actions import Action, Call, Result, Touch
from flows.clients.tls import TLS_DOC, tls_problems
from flows.language.catalogue import ActionSpec, Deprecated, Duration, always, option
from flows.language.comparing import equal
from flows.language.errors import NotEvaluable, Undecided
from flows.language.expressions import Expression
from flows.language.expressions.scope import InnerScope, Scope
from flows.language.reads import sql_reads
from flows.language.shapes import rows
from flows.language.values import as_text

TYPES = ("row_exists", "row_count", "value_equals", "value_not_null")


@dataclass(frozen=True, slots=True)
class RowCondition:
    """What the rows must be."""

    type: str = option("row_exists", "What is asked of the rows.", choices=TYPES)
    column: str | None = option(None, "Of `value_equals` and `value_not_null`.")
    value: object = option(None, "Of `value_equals`.")
    min_count: int | None = option(None, "Of `row_count`: at least so many.")


@dataclass(frozen=True, slots=True)
class PollConfig:
    """Settings of a database poll."""

    connection: str | None = option(None, "Any SQLAlchemy URL.", also=("url", "database"))
    query: str = option(doc="One SQL statement that only reads.", also=("sql",))
    params: object = option(None, "A list for `$1` and `?`, a map for `:name`.")
    until: Expression | None = option(None, "Ends the wait.")
    condition: Expression | Mapping[str, object] | None = option(
        None, "An expression, or `{type, column, value, min_count}`.", record=RowCondition
    )
    interval: Duration | None = option(None, "Pause between reads; by default it grows from 10ms to 250ms.")
    timeout: Duration = option(30.0, "How long to wait.")
    tls: object = option(None, TLS_DOC)


def touches(config: Mapping[str, object]) -> Iterable[Touch]:
    """The SQL text.

    Args:
        config: as written.
    """
    query = config.get("query") or config.get("sql")
    if isinstance(query, str):
        yield Touch("dataset", query, kind="sql", mode="read" if sql_reads(query) else "write", sql=True)


async def run(config: PollConfig, call: Call) -> Result:
    """One read.

    Args:
        config: rendered.
        call: connections.
    """
    from flows.clients.sql import Statement, database
    from flows.clients.sql_text import params_of

    statement = Statement(config.query, params_of(config.params), reads=True)
    return await database(call.clients, config, call.files).execute([statement])


def condition(config: PollConfig, result: Result, names: Scope) -> str | None:
    """Whether the poll's own condition holds; None when it has none.

    Args:
        config: rendered.
        result: one read.
        names: with the result's fields.
    """
    wanted = config.until if config.until is not None else config.condition
    if wanted is None:
        return None
    if isinstance(wanted, Mapping):
        return _holds(wanted, result)
    scope = InnerScope({**result, "result": result}, names, result)
    try:
        return "" if wanted.condition(scope) else f"{wanted.text} does not hold yet"
    except Undecided:
        raise
    except NotEvaluable as problem:
        return f"{wanted.text}: {problem.message}"


def _holds(wanted: Mapping[str, object], result: Result) -> str:
    kind = as_text(wanted.get("type", "row_exists")).lower()
    given = result.get("rows")
    found = given if isinstance(given, list) else []
    least = wanted.get("min_count", wanted.get("value", 1) if kind == "row_count" else 1)
    if kind in ("row_exists", "row_count"):
        number = least if isinstance(least, int) else 1
        return "" if len(found) >= number else f"{len(found)} row(s), {number} expected"
    column = as_text(wanted.get("column", ""))
    if not found:
        return "no row"
    if column not in found[0]:
        return f"no column '{column}'"
    value = found[0][column]
    if kind == "value_not_null":
        return "" if value is not None else f"{column} is null"
    try:
        same = equal(value, wanted.get("value"))
    except Undecided:
        raise
    except NotEvaluable as problem:
        return f"{column}: {problem.message}"
    return "" if same else f"{column} is {as_text(value)}, not {as_text(wanted.get('value'))}"


def _problems(config: Mapping[str, object]) -> Iterable[tuple[str, str]]:
    from flows.clients.sql_text import unbindable

    query = config.get("query")
    if isinstance(query, str) and not sql_reads(query):
        yield "query", "db_poll repeats its statement, so it must be one that only reads"
    yield from tls_problems(config)
    problem = unbindable(query, config.get("params"))
    if problem:
        yield "params", problem
    if config.get("until") is not None and config.get("condition") is not None:
        yield "condition", "'until' and 'condition' exclude each other"


ACTION: Action[PollConfig] = Action(
    spec=ActionSpec(
        name="db_poll",
        summary="Reads from a database until a condition (or the assertions) hold.",
        config=PollConfig,
        family="sql",
        result=rows(),
        deprecated=(
            Deprecated(
                "expected_rows",
                "condition: {type: row_count, min_count: n}",
                lambda value: {"condition": {"type": "row_count", "min_count": value}},
            ),
            Deprecated("poll_interval", "interval", lambda value: {"interval": value}),
        ),
        checks_itself=True,
        condition=("until", "condition"),
        connection=("connection",),
        implied=("DATABASE_URL",),
        reads=always,
        windowed=True,
        check=_problems,
    ),
    touches=touches,
    run=run,
    condition=condition,
)
