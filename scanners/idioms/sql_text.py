"""SQL written as text in code: what looks like a statement, and which database the file's imports speak of."""

from __future__ import annotations

import re

from graph.values import Concat, Format, Lit, Value

_STATEMENT = re.compile(
    r"^\s*(?:--[^\n]*\n\s*)*\(?\s*(select\s|insert\s+into\s|insert\s+(or|ignore)\s|update\s|delete\s+from\s|with\s|merge\s+into\s|replace\s+into\s"
    r"|insert\s+[\w.\[\]]+\s*\(|delete\s+[\w.\[\]]+\s+where\s"
    r"|truncate\s|upsert\s|create\s+(table|index|view|unique)|alter\s+table|drop\s+table|copy\s)",
    re.IGNORECASE,
)
_KINDS = (
    (
        b"postgresql",
        (b"psycopg", b"asyncpg", b"postgresql", b"postgres://", b"require('pg')", b'require("pg")', b"from 'pg'"),
    ),
    (b"postgresql", (b'from "pg"', b"pg-promise", b"@vercel/postgres", b"postgres.js")),
    (b"mysql", (b"pymysql", b"mysql", b"MySQLdb", b"mariadb")),
    (b"sqlite", (b"sqlite",)),
    (b"mssql", (b"pyodbc", b"pymssql", b"mssql")),
)


def looks_like_sql(value: Value) -> bool:
    """Whether a Value begins like a SQL statement.

    Args:
        value: any.
    """
    if isinstance(value, Concat) and value.parts:
        value = value.parts[0]
    text = value.template if isinstance(value, Format) else value.value if isinstance(value, Lit) else None
    return isinstance(text, str) and bool(_STATEMENT.match(text))


def is_migration(path: str, data: bytes) -> bool:
    """Whether code runs once when the schema changes, not when the system runs.

    Args:
        path: of the file.
        data: the file.
    """
    return "/migrations/" in f"/{path}" or (b"down_revision" in data and b"def upgrade" in data)


def store_kind(data: bytes) -> str:
    """The database a file's text names, ``sql`` when it names none.

    Args:
        data: the file.
    """
    for kind, marks in _KINDS:
        if any(mark in data for mark in marks):
            return kind.decode("ascii")
    return "sql"
