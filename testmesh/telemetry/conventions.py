"""What a span says in OpenTelemetry's semantic conventions, the stable names and the ones before them alike."""

from __future__ import annotations

import logging
import re
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, Literal
from urllib.parse import urlsplit

from graph.spans import Span

Mode = Literal["read", "write"]
_LONGEST_SQL = 20_000
_REDIS_WRITES = re.compile(
    "append|decr|decrby|del|expire|getdel|getset|hdel|hincrby|hmset|hset|hsetnx|incr|incrby|lpop|lpush|lrem|lset|ltrim"
    "|mset|psetex|rename|rpop|rpush|sadd|set|setex|setnx|spop|srem|unlink|xadd|zadd|zincrby|zrem"
)
_REDIS_READS = re.compile(
    "exists|get|hexists|hget|hgetall|hkeys|hlen|hmget|hvals|keys|llen|lindex|lrange|mget|scard|sismember|smembers"
    "|strlen|ttl|type|xlen|xrange|xread|zcard|zrange|zrank|zscore"
)
_STORES = {"postgresql": "postgres", "mariadb": "mysql", "microsoft.sql_server": "mssql"}


@dataclass(frozen=True, slots=True)
class HttpOperation:
    """A request, as its server or its client saw it.

    Args:
        method: upper case.
        path: concrete path without query, or empty.
        route: the framework's template, or empty.
        host: name or address asked for, or empty.
        port: 0 when not said.
        status: 0 when not said.
    """

    method: str
    path: str
    route: str
    host: str = ""
    port: int = 0
    status: int = 0


@dataclass(frozen=True, slots=True)
class MessageOperation:
    """A message sent or handled.

    Args:
        broker: kafka, rabbitmq, ...
        destination: topic, queue or channel.
        sends: a producer's span.
    """

    broker: str
    destination: str
    sends: bool


@dataclass(frozen=True, slots=True, order=True)
class Access:
    """One dataset read or written.

    Args:
        name: table, collection or key.
        mode: read or write.
        schema: of the database, or empty.
    """

    name: str
    mode: Mode
    schema: str = ""


@dataclass(frozen=True, slots=True)
class DataOperation:
    """A call of a database.

    Args:
        store: postgres, redis, ...
        database: its name, or empty.
        accesses: what was read and written; empty when the span does not say.
    """

    store: str
    database: str
    accesses: tuple[Access, ...]


def _first(span: Span, *names: str) -> str:
    return next((found for name in names if (found := span.attributes.get(name, ""))), "")


def _number(text: str) -> int:
    return int(text) if text.isdigit() else 0


def http_of(span: Span) -> HttpOperation | None:
    """The HTTP operation of a client or server span, or None.

    Args:
        span: any.
    """
    method = _first(span, "http.request.method", "http.method").upper()
    if not method:
        return None
    url = urlsplit(_first(span, "url.full", "http.url"))
    target = _first(span, "url.path", "http.target") or url.path
    try:
        port = url.port or 0
    except ValueError:
        port = 0
    named = _first(span, "server.port", "net.peer.port" if span.kind == "client" else "net.host.port")
    return HttpOperation(
        method,
        target.partition("?")[0],
        _first(span, "http.route"),
        _first(span, "server.address", "net.peer.name", "http.host").partition(":")[0] or (url.hostname or ""),
        _number(named) or port,
        _number(_first(span, "http.response.status_code", "http.status_code")),
    )


def message_of(span: Span) -> MessageOperation | None:
    """The message operation of a producer or consumer span, or None.

    Args:
        span: any.
    """
    broker = _first(span, "messaging.system")
    destination = _first(span, "messaging.destination.name", "messaging.destination")
    if not broker or not destination:
        return None
    operation = _first(span, "messaging.operation.type", "messaging.operation")
    sends = span.kind == "producer" or operation in ("send", "publish", "create")
    return MessageOperation(broker, destination, sends)


def data_of(span: Span) -> DataOperation | None:
    """The database operation of a client span, or None.

    Args:
        span: any.
    """
    system = _first(span, "db.system.name", "db.system").lower()
    if not system:
        return None
    store = _STORES.get(system, system)
    text = _first(span, "db.query.text", "db.statement")
    database = _first(span, "db.namespace", "db.name")
    collection = _first(span, "db.collection.name", "db.sql.table", "db.mongodb.collection")
    if store in ("redis", "valkey"):
        return DataOperation(store, database, _redis(text))
    if text:
        return DataOperation(store, database, _sql(text[:_LONGEST_SQL], store))
    if collection:
        operation = _first(span, "db.operation.name", "db.operation").lower()
        mode: Mode = "read" if operation in ("select", "find", "aggregate", "count", "get") else "write"
        return DataOperation(store, database, (Access(collection, mode),))
    return DataOperation(store, database, ())


def _redis(text: str) -> tuple[Access, ...]:
    """Instrumentations hide arguments as `?`; then the key is not known and nothing is claimed."""
    command, _, rest = text.strip().partition(" ")
    key = rest.partition(" ")[0]
    if not key or "?" in key:
        return ()
    if _REDIS_WRITES.fullmatch(command.lower()):
        return (Access(key, "write"),)
    return (Access(key, "read"),) if _REDIS_READS.fullmatch(command.lower()) else ()


@lru_cache(maxsize=8192)
def _sql(text: str, store: str) -> tuple[Access, ...]:
    import sqlglot
    from sqlglot import exp
    from sqlglot.errors import SqlglotError

    logging.getLogger("sqlglot").setLevel(logging.CRITICAL)
    dialect = store if store in ("postgres", "mysql", "sqlite") else None
    try:
        statements = sqlglot.parse(text, dialect=dialect)
    except (SqlglotError, RecursionError):
        return ()
    found: set[Access] = set()
    for statement in statements:
        if statement is None:
            continue
        named = {cte.alias_or_name for cte in statement.find_all(exp.CTE)}
        written = {id(table) for table in _written(statement)}
        for table in statement.find_all(exp.Table):
            if table.name and (table.name not in named or table.db):
                found.add(Access(table.name, "write" if id(table) in written else "read", table.db))
    return tuple(sorted(found))


def _written(statement: Any) -> list[object]:
    """The tables a statement changes.

    Args:
        statement: a parsed sqlglot expression.
    """
    from sqlglot import exp

    found: list[object] = []
    for node in statement.find_all(exp.Insert, exp.Update, exp.Delete, exp.Merge, exp.TruncateTable):
        target = node.this.this if isinstance(node.this, exp.Schema) else node.this
        found += [target] if isinstance(target, exp.Table) else node.expressions
    return found
