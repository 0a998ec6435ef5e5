"""A database URL in its parts, as SQLAlchemy writes them, without SQLAlchemy's 100 ms."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from urllib.parse import parse_qsl, unquote, urlsplit

from flows.clients.errors import ClientError


@dataclass(frozen=True, slots=True)
class Address:
    """Where a database is and how to get in.

    Args:
        dialect: before ``+`` and ``://``.
        host: name or address, "" = the default.
        port: 0 = the default.
        user: "" = none.
        password: "" = none.
        database: its name.
        options: what follows ``?``.
    """

    dialect: str
    host: str = ""
    port: int = 0
    user: str = ""
    password: str = field(default="", repr=False)
    database: str = ""
    options: Mapping[str, str] = field(default_factory=dict)

    def __str__(self) -> str:
        port = f":{self.port}" if self.port else ""
        return f"{self.dialect} {self.host}{port}/{self.database}"


def address_of(url: str) -> Address:
    """The parts of a URL.

    Args:
        url: ``dialect[+driver]://user:password@host:port/database?option=value``.

    Raises:
        ClientError: of type ``config``: it is none; the text never shows a password.
    """
    scheme, separator, _ = url.partition("://")
    dialect = scheme.partition("+")[0].lower()
    if not separator or not dialect:
        raise ClientError("not a database URL: it needs 'dialect://host/database'", "config")
    try:
        parts = urlsplit(url)
        port = parts.port or 0
    except ValueError:
        raise ClientError(f"not a database URL: the address after '{scheme}://' cannot be read", "config") from None
    return Address(
        dialect,
        unquote(parts.hostname or ""),
        port,
        unquote(parts.username or ""),
        unquote(parts.password or ""),
        unquote(parts.path.removeprefix("/")),
        dict(parse_qsl(parts.query, keep_blank_values=True)),
    )
