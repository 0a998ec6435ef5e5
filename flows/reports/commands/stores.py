"""Statements and operations on stores: `psql`, `mariadb`, `sqlite3`, `redis-cli`, `mongosh`, `cypher-shell`, `aws`."""

from __future__ import annotations

from collections.abc import Mapping
from urllib.parse import unquote, urlsplit

from flows.clients.errors import ClientError
from flows.clients.sql_text import bind
from flows.reports.commands import Commands, Sent, as_text, quoted


def sql(sent: Sent) -> list[str]:
    """A statement with its parameters written into it.

    Args:
        sent: what was sent.
    """
    statements = [item for item in _list(sent.get("transaction")) if isinstance(item, Mapping)] or [sent.request]
    text = "; ".join(_filled(str(item.get("query") or ""), item.get("params")) for item in statements)
    if len(statements) > 1:
        text = f"BEGIN; {text}; COMMIT"
    return _client(sent.text("connection"), text)


def _client(url: str, text: str) -> list[str]:
    kind = url.partition(":")[0].partition("+")[0]
    if kind in ("postgresql", "postgres"):
        return ["psql", quoted("postgresql:" + url.partition(":")[2]), "-c", quoted(text)]
    parts = urlsplit(url)
    if kind in ("mysql", "mariadb"):
        port = ["-P", str(parts.port)] if parts.port else []
        user = ["-u", quoted(unquote(parts.username or "")), "-p"] if parts.username else []
        where = ["-h", quoted(parts.hostname or "localhost"), *port, *user]
        return ["mariadb", *where, quoted(parts.path.lstrip("/")), "-e", quoted(text)]
    if kind == "sqlite":
        return ["sqlite3", quoted(url.partition("///")[2] or ":memory:"), quoted(text)]
    return ["#", quoted(url), quoted(text)]


def _list(value: object) -> list[object]:
    return list(value) if isinstance(value, list | tuple) else []


def _filled(query: str, params: object) -> str:
    """The statement with literals in place of placeholders; as written when they do not fit."""
    try:
        bound = bind(query, params if isinstance(params, Mapping | list | tuple) else None)
    except ClientError:
        return query
    return "".join(part if isinstance(part, str) else _literal(bound.values[part]) for part in bound.parts)


def _literal(value: object) -> str:
    if value is None:
        return "NULL"
    if isinstance(value, bool):
        return "TRUE" if value else "FALSE"
    if isinstance(value, str):
        return "'" + value.replace("'", "''") + "'"
    text = as_text(value)
    return "'" + text.replace("'", "''") + "'" if isinstance(value, Mapping | list | tuple) else text


def redis_url(sent: Sent) -> list[str]:
    """`redis-cli` with the address.

    Args:
        sent: what was sent.
    """
    if sent.get("url") is not None:
        return ["redis-cli", "-u", quoted(sent.get("url"))]
    words = ["redis-cli", "-h", quoted(sent.text("host", "localhost"))]
    for key, switch in (("port", "-p"), ("db", "-n"), ("password", "-a")):
        if sent.get(key) is not None:
            words += [switch, quoted(sent.get(key))]
    return words


def redis(sent: Sent) -> list[str]:
    """A command.

    Args:
        sent: what was sent.
    """
    args = _list(sent.get("args"))
    if not args:
        args = [sent.get(key) for key in ("key", "field", "value") if sent.get(key) is not None]
    if sent.get("ttl") is not None and sent.get("args") is None:
        args += ["EX", sent.get("ttl")]
    return [*redis_url(sent), *(quoted(word) for word in (sent.text("command", "GET").upper(), *args))]


def redis_publish(sent: Sent) -> list[str]:
    """A message on a channel, or an entry of a stream.

    Args:
        sent: what was sent.
    """
    if sent.get("stream") is not None:
        fields = sent.fields("fields") or {"message": sent.get("message")}
        flat = [word for name, value in fields.items() for word in (quoted(name), quoted(value))]
        return [*redis_url(sent), "XADD", quoted(sent.get("stream")), quoted("*"), *flat]
    return [*redis_url(sent), "PUBLISH", quoted(sent.get("channel")), quoted(sent.get("message"))]


def redis_subscribe(sent: Sent) -> list[str]:
    """Everything that comes on a channel or a stream from now on.

    Args:
        sent: what was sent.
    """
    if sent.get("stream") is not None:
        return [*redis_url(sent), "XREAD", "BLOCK", "0", "STREAMS", quoted(sent.get("stream")), quoted("$")]
    channel = sent.text("channel")
    return [*redis_url(sent), "PSUBSCRIBE" if "*" in channel else "SUBSCRIBE", quoted(channel)]


def mongosh(sent: Sent) -> list[str]:
    """An operation on a collection.

    Args:
        sent: what was sent.
    """
    known = ("filter", "document", "documents", "update", "pipeline", "projection", "field", "keys")
    given = ", ".join(as_text(sent.get(key)) for key in known if sent.get(key) is not None)
    operation = "".join(
        part.title() if number else part for number, part in enumerate(sent.text("operation", "find").split("_"))
    )
    code = f"db.getCollection({as_text(sent.get('collection'))!r}).{operation}({given})"
    url = sent.text("url") or sent.text("connection") or sent.text("uri")
    return ["mongosh", quoted(url), "--eval", quoted(code)]


def cypher_shell(sent: Sent) -> list[str]:
    """A Cypher statement with its parameters.

    Args:
        sent: what was sent.
    """
    words = ["cypher-shell", "-a", quoted(sent.text("url") or sent.text("connection") or sent.text("uri"))]
    for key, switch in (("username", "-u"), ("user", "-u"), ("password", "-p"), ("database", "-d")):
        if sent.get(key) is not None:
            words += [switch, quoted(sent.get(key))]
    params = sent.fields("params") or sent.fields("parameters")
    words += [word for name, value in params.items() for word in ("-P", quoted(f"{name} => {as_text(value)}"))]
    return [*words, quoted(sent.text("query") or sent.text("cypher"))]


_S3: Mapping[str, tuple[str, ...]] = {
    "get": ("get-object", "--bucket", "bucket", "--key", "key"),
    "head": ("head-object", "--bucket", "bucket", "--key", "key"),
    "exists": ("head-object", "--bucket", "bucket", "--key", "key"),
    "list": ("list-objects-v2", "--bucket", "bucket", "--prefix", "prefix"),
    "put": ("put-object", "--bucket", "bucket", "--key", "key"),
    "delete": ("delete-object", "--bucket", "bucket", "--key", "key"),
}


def aws(sent: Sent) -> list[str]:
    """An operation on a bucket.

    Args:
        sent: what was sent.
    """
    operation = sent.text("operation", "get").split("_")[0]
    name, *switches = _S3.get(operation, (sent.text("operation").replace("_", "-"), "--bucket", "bucket"))
    words = ["aws", "s3api", name]
    for switch, key in zip(switches[::2], switches[1::2], strict=True):
        if sent.get(key) is not None:
            words += [switch, quoted(sent.get(key))]
    endpoint = sent.get("endpoint") or sent.get("url") or sent.get("endpoint_url")
    words += ["--endpoint-url", quoted(endpoint)] if endpoint else []
    return [*words, *(["-"] if operation == "get" else [])]


COMMANDS = Commands(
    {
        "database_query": sql,
        "db_poll": sql,
        "redis": redis,
        "redis_publish": redis_publish,
        "redis_subscribe": redis_subscribe,
        "mongodb": mongosh,
        "neo4j": cypher_shell,
        "s3": aws,
    }
)
