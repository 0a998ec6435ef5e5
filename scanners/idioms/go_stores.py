"""Which database a Go file speaks to, and names as object-relational mappers of Go make them."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from scanners.idioms.go import GoCode

_DRIVERS = (
    (
        "postgresql",
        (
            "github.com/lib/pq",
            "github.com/jackc/pg",
            "gorm.io/driver/postgres",
            "github.com/go-pg/pg",
            "pgdriver",
            "pgdialect",
            "dialect/postgres",
            "dialects/postgres",
        ),
    ),
    (
        "mysql",
        ("github.com/go-sql-driver/mysql", "gorm.io/driver/mysql", "mysqldialect", "dialect/mysql", "dialects/mysql"),
    ),
    (
        "sqlite",
        (
            "github.com/mattn/go-sqlite3",
            "gorm.io/driver/sqlite",
            "modernc.org/sqlite",
            "github.com/glebarez/",
            "dialects/sqlite",
        ),
    ),
    ("mssql", ("gorm.io/driver/sqlserver", "github.com/denisenkom/go-mssqldb", "github.com/microsoft/go-mssqldb")),
    ("clickhouse", ("github.com/ClickHouse/clickhouse-go",)),
    ("cassandra", ("github.com/gocql/gocql", "github.com/scylladb/gocqlx")),
)
_SNAKE = re.compile(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])")
_INITIALISMS = (
    "API",
    "ASCII",
    "CPU",
    "CSS",
    "DNS",
    "EOF",
    "GUID",
    "HTML",
    "HTTP",
    "HTTPS",
    "ID",
    "IP",
    "JSON",
    "LHS",
    "QPS",
    "RAM",
    "RHS",
    "RPC",
    "SLA",
    "SMTP",
    "SSH",
    "TLS",
    "TTL",
    "UID",
    "UI",
    "UUID",
    "URI",
    "URL",
    "UTF8",
    "VM",
    "XML",
    "XSRF",
    "XSS",
)
_IRREGULAR = {
    "person": "people",
    "man": "men",
    "woman": "women",
    "child": "children",
    "mouse": "mice",
    "foot": "feet",
    "tooth": "teeth",
    "goose": "geese",
    "ox": "oxen",
    "datum": "data",
    "medium": "media",
    "quiz": "quizzes",
}
_SAME = (
    "equipment",
    "information",
    "rice",
    "money",
    "species",
    "series",
    "fish",
    "sheep",
    "jeans",
    "police",
    "metadata",
    "staff",
)
_CURRENCIES = {
    "leaf": "leaves",
    "half": "halves",
    "wife": "wives",
    "life": "lives",
    "knife": "knives",
    "shelf": "shelves",
}


def store_kind(code: GoCode) -> str:
    """The database a file's imports name, ``sql`` when they name none.

    Args:
        code: the file.
    """
    for kind, marks in _DRIVERS:
        if any(mark in found.module for found in code.all_imports for mark in marks):
            return kind
    return "sql"


def snake(name: str) -> str:
    """``OrderItem`` and ``orderItem`` are ``order_item``, ``UserID`` is ``user_id``.

    Args:
        name: of a type or field.
    """
    for initialism in _INITIALISMS:
        name = re.sub(rf"{initialism}(?=[A-Z]|$|s$)", initialism.capitalize(), name)
    return _SNAKE.sub("_", name).lower()


def plural(word: str) -> str:
    """The plural of the last word of a snake-cased name, as inflection libraries make it.

    Args:
        word: in snake case.
    """
    head, mark, last = word.rpartition("_")
    return f"{head}{mark}{_plural(last)}"


def _plural(word: str) -> str:
    if word in _SAME:
        return word
    known = _IRREGULAR.get(word) or _CURRENCIES.get(word)
    if known:
        return known
    if re.search(r"(s|x|z|ch|sh)$", word):
        return (
            word
            if word.endswith(("ss",)) is False and word.endswith("s") and not word.endswith(("us", "is"))
            else f"{word}es"
        )
    if re.search(r"[^aeiou]y$", word):
        return f"{word[:-1]}ies"
    return f"{word}s"


def table_of(name: str) -> str:
    """The table GORM keeps a struct in when the code names none.

    Args:
        name: of the struct.
    """
    return plural(snake(name))
