"""What a database client's span says it read and wrote, in the stable and the older semantic conventions."""

from __future__ import annotations

import json
import logging
import re
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, Literal

from graph.spans import Span
from testmesh.telemetry.conventions import first

Mode = Literal["read", "write"]
_LONGEST_SQL = 20_000
_REDIS_WRITES = re.compile(
    "append|decr|decrby|del|expire|getdel|getset|hdel|hincrby|hmset|hset|hsetnx|incr|incrby|lpop|lpush|lrem|lset|ltrim"
    "|mset|psetex|publish|rename|rpop|rpush|sadd|set|setex|setnx|spop|srem|unlink|xadd|zadd|zincrby|zrem"
)
_REDIS_READS = re.compile(
    "exists|get|hexists|hget|hgetall|hkeys|hlen|hmget|hvals|keys|llen|lindex|lrange|mget|scard|sismember|smembers"
    "|strlen|ttl|type|xlen|xrange|xread|zcard|zrange|zrank|zscore"
)
_STORES = {
    "postgresql": "postgres",
    "mariadb": "mysql",
    "microsoft.sql_server": "mssql",
    "oracle.db": "oracle",
    "valkey": "redis",
    "aws.dynamodb": "dynamodb",
}
_READS = re.compile(
    "select|find|findone|aggregate|count|countdocuments|estimateddocumentcount|distinct|get|getitem|batchgetitem|query"
    "|scan|search|msearch|read|getmore|listindexes"
)
_WRITES = re.compile(
    "insert|insertone|insertmany|bulkwrite|update|updateone|updatemany|replaceone|delete|deleteone|deletemany"
    "|findandmodify|findoneandupdate|findoneanddelete|findoneandreplace|upsert|merge|truncate|replace|put|putitem"
    "|updateitem|deleteitem|batchwriteitem|index|bulk|create|set|write"
)
_SUMMARY = re.compile(r"\b(SELECT|INSERT|UPDATE|DELETE|MERGE)\s+(?:INTO\s+|FROM\s+)?([A-Za-z_][\w.\"]*)", re.IGNORECASE)
_MONGO_SENT = ("find", "aggregate", "insert", "update", "delete", "findAndModify", "count", "distinct")
_REPLACE = re.compile(r"(?i)\A\s*replace\s+into")
_SYSTEM = re.compile(r"(?i)(pg_.*|sqlite_.*|information_schema|performance_schema|mysql|sys|dual|\$cmd|system\..*)\Z")
_DIALECTS = frozenset({"postgres", "mysql", "sqlite", "oracle"})


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


def data_of(span: Span) -> DataOperation | None:
    """The database operation of a client span, or None.

    Args:
        span: any.
    """
    system = first(span, "db.system.name", "db.system").lower()
    if not system:
        return _bucket_of(span)
    store = _STORES.get(system, system)
    namespace = first(span, "db.namespace", "db.name", "db.mongodb.database")
    database, _, schema = namespace.partition("|")
    text = first(span, "db.query.text", "db.statement")
    if store == "redis":
        return DataOperation(store, "", _redis(text))
    found = _sql(text[:_LONGEST_SQL], store) if text and not text.startswith("{") else ()
    found = found or _named(span) or _mongo(text) or _summarised(span)
    usable = tuple(_of(a, schema) for a in found if not (_SYSTEM.match(a.name) or _SYSTEM.match(a.schema or " ")))
    return DataOperation(store, database, usable)


def _of(access: Access, schema: str) -> Access:
    return access if access.schema or not schema else Access(access.name, access.mode, schema)


def _bucket_of(span: Span) -> DataOperation | None:
    bucket = span.attributes.get("aws.s3.bucket", "")
    if not bucket:
        return None
    method = first(span, "rpc.method").lower()
    mode: Mode = "read" if method.startswith(("get", "head", "list", "select")) else "write"
    return DataOperation("s3", "", (Access(bucket, mode),))


def _named(span: Span) -> tuple[Access, ...]:
    collection = first(
        span,
        "db.collection.name",
        "db.sql.table",
        "db.mongodb.collection",
        "db.cassandra.table",
        "db.cosmosdb.container",
        "db.elasticsearch.path_parts.index",
    )
    # Clients of document stores write the command alone where SQL's write the statement.
    mode = _mode(first(span, "db.operation.name", "db.operation", "db.query.text", "db.statement"))
    if mode is None:
        return ()
    if not collection and (listed := span.attributes.get("aws.dynamodb.table_names", "")):
        return tuple(Access(name, mode) for name in _listed(listed))
    if "." in collection and "db.sql.table" not in span.attributes:
        schema, _, collection = collection.rpartition(".")
        return (Access(collection, mode, schema),)
    return (Access(collection, mode),) if collection else ()


def _mode(operation: str) -> Mode | None:
    word, _, more = operation.strip().lower().removeprefix("batch ").partition(" ")
    if word == "create" and more:
        return None
    return "read" if _READS.fullmatch(word) else "write" if _WRITES.fullmatch(word) else None


def _listed(text: str) -> list[str]:
    try:
        found = json.loads(text)
    except ValueError:
        return []
    return [str(name) for name in found] if isinstance(found, list) else []


def _mongo(text: str) -> tuple[Access, ...]:
    if not text.startswith("{"):
        return ()
    try:
        command = json.loads(text)
    except (ValueError, RecursionError):
        return ()
    for name in _MONGO_SENT:
        if isinstance(command, dict) and isinstance(command.get(name), str):
            mode = _mode(name)
            return (Access(command[name], mode),) if mode else ()
    return ()


def _summarised(span: Span) -> tuple[Access, ...]:
    """``SELECT orders``: what the stable conventions let a client say instead of its text (db.query.summary)."""
    found = set()
    for verb, table in _SUMMARY.findall(span.attributes.get("db.query.summary", "")[:1000]):
        schema, _, name = table.replace('"', "").rpartition(".")
        found.add(Access(name, "read" if verb.upper() == "SELECT" else "write", schema))
    return tuple(sorted(found))


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
    dialect = store if store in _DIALECTS else "tsql" if store == "mssql" else None
    try:
        statements = sqlglot.parse(_REPLACE.sub("INSERT INTO", text), dialect=dialect)
    except (SqlglotError, RecursionError):
        return ()
    found: set[Access] = set()
    for statement in statements:
        if statement is None or not _touches(statement):
            continue
        named = {cte.alias_or_name for cte in statement.find_all(exp.CTE)}
        written = {id(table) for table in _written(statement)}
        for table in statement.find_all(exp.Table):
            if table.name and (table.name not in named or table.db):
                found.add(Access(table.name, "write" if id(table) in written else "read", table.db))
    return tuple(sorted(found))


def _touches(statement: Any) -> bool:
    """Whether a statement reads or writes rows: what makes, changes or drops a table does neither.

    Args:
        statement: a parsed sqlglot expression.
    """
    from sqlglot import exp

    if isinstance(statement, exp.Create):
        return statement.kind == "TABLE" and isinstance(statement.expression, exp.Query)
    return isinstance(
        statement, exp.Query | exp.Insert | exp.Update | exp.Delete | exp.Merge | exp.Copy | exp.TruncateTable
    )


def _written(statement: Any) -> list[object]:
    """The tables a statement changes.

    Args:
        statement: a parsed sqlglot expression.
    """
    from sqlglot import exp

    found: list[object] = []
    for node in statement.find_all(
        exp.Insert, exp.Update, exp.Delete, exp.Merge, exp.TruncateTable, exp.Into, exp.Copy, exp.Create
    ):
        if isinstance(node, exp.Copy) and not node.args.get("kind"):
            continue
        target = node.this.this if isinstance(node.this, exp.Schema) else node.this
        found += [target] if isinstance(target, exp.Table) else node.expressions
    return found
