"""Cypher over Bolt, and graph values as flows see them."""

from __future__ import annotations

import asyncio
import base64
import contextlib
import importlib
import logging
import math
from collections.abc import Mapping
from decimal import Decimal
from typing import Any, NamedTuple
from urllib.parse import unquote, urlsplit, urlunsplit

from flows.clients.awaiting import awaiting
from flows.clients.errors import ClientError, reason
from flows.clients.servers import port_problem
from flows.clients.tls import Tls

MAX_ROWS = 100_000
MAX_DEPTH = 60
_CLOSING_SECONDS = 2.0
_SCHEMES = ("bolt", "neo4j", "bolt+s", "neo4j+s", "bolt+ssc", "neo4j+ssc")
_MISSING = "Neo4j needs its driver: pip install 'testmesh[neo4j]'"


class Place(NamedTuple):
    """A server and who asks.

    Args:
        url: without user and password.
        user: name, or empty for none.
        password: of the user.
        tls: settings for plain schemes, or None.
    """

    url: str
    user: str
    password: str
    tls: Tls | None

    def __str__(self) -> str:
        return urlsplit(self.url).netloc or self.url


def place_of(url: str, user: str, password: str, tls: Tls | None) -> Place:
    """The server that a step's settings name.

    Args:
        url: may hold user and password.
        user: wins over the URL's.
        password: of the user.
        tls: settings, or None.

    Raises:
        ClientError: of type ``config`` when it is no Bolt URL.
    """
    scheme, _, rest = (url.strip() if "://" in url else f"bolt://{url.strip()}").partition("://")
    before, question, query = rest.partition("?")
    login, _, host = before.rpartition("@")
    try:
        parts = urlsplit(f"{scheme}://{host}{question}{query}")
        port = parts.port
    except ValueError as problem:
        raise ClientError(f"not a Neo4j URL: {problem}", "config") from problem
    if scheme not in _SCHEMES or not parts.hostname or port == 0:
        raise ClientError(f"not a Neo4j URL; it begins with {', '.join(_SCHEMES[:4])}", "config")
    if tls is not None and scheme not in _SCHEMES[:2]:
        raise ClientError(f"'tls' goes with bolt:// and neo4j://; {scheme}:// says it itself", "config")
    if tls is not None and tls.server_name:
        raise ClientError("tls.server_name cannot be used with Neo4j; name the server in the URL", "config")
    own_user, _, own_password = login.partition(":")
    return Place(urlunsplit(parts), user or unquote(own_user), password or unquote(own_password), tls)


class Neo4jServer:
    """Connections to one server, shared by the steps of a run.

    Args:
        place: which.
    """

    def __init__(self, place: Place) -> None:
        self._place = place
        self._driver: Any = None

    async def aclose(self) -> None:
        """Closes them; a server that hangs is left alone."""
        driver, self._driver = self._driver, None
        if driver is not None:
            with contextlib.suppress(Exception):
                await asyncio.wait_for(driver.close(), _CLOSING_SECONDS)

    async def execute(self, statement: Statement) -> dict[str, object]:
        """Rows and counters of a statement in a transaction of its own.

        Args:
            statement: what to run.

        Raises:
            ClientError: unreachable, refused, or too large an answer.
        """
        neo4j = self._open()
        awaiting(self._place)
        errors = importlib.import_module("neo4j.exceptions")
        try:
            return await self._rows(neo4j, statement)
        except errors.AuthError as error:
            raise ClientError(f"{self._place}: {_told(error)}", "server") from error
        except (errors.ServiceUnavailable, errors.SessionExpired) as error:
            raise ClientError(f"{self._place}: {await self._unreached(error)}") from error
        except errors.Neo4jError as error:
            raise ClientError(f"{self._place}: {_told(error)}", "server") from error
        except errors.UnsupportedServerProduct as error:
            raise ClientError(f"{self._place}: the server does not speak Bolt") from error
        except errors.ConfigurationError as error:
            raise ClientError(f"{self._place}: {_told(error)}", "config") from error
        except errors.DriverError as error:
            raise ClientError(f"{self._place}: {_told(error)}") from error
        except OSError as error:
            raise ClientError(f"{self._place}: {reason(error)}") from error
        except ClientError:
            raise
        except Exception as error:  # the driver's parser raises whatever an odd answer makes it raise
            what = f"the driver cannot read the answer ({type(error).__name__}: {_told(error)})"
            raise ClientError(f"{self._place}: {what}", "server") from error

    async def _unreached(self, error: BaseException) -> str:
        """The driver does not say why a cluster gives no routing table; most often its port is closed."""
        text = _unreachable(error)
        return (await port_problem(str(self._place), 7687) if "routing information" in text else "") or text

    async def _rows(self, neo4j: Any, statement: Statement) -> dict[str, object]:
        mode = neo4j.READ_ACCESS if statement.reads else neo4j.WRITE_ACCESS
        query = neo4j.Query(statement.text, metadata={"traceparent": statement.traceparent})
        settings = {"default_access_mode": mode}
        if statement.database:
            settings["database"] = statement.database
        rows: list[dict[str, object]] = []
        params = {name: native(value, f"params.{name}") for name, value in statement.params.items()}
        async with self._driver.session(**settings) as session:
            result = await session.run(query, params)
            columns = list(result.keys())
            async for record in result:
                if len(rows) >= MAX_ROWS:
                    raise ClientError(f"{self._place}: more than {MAX_ROWS} rows; add a LIMIT", "server")
                rows.append({name: plain(record[name]) for name in columns})
            summary = await result.consume()
        counters = {name: value for name, value in vars(summary.counters).items() if not name.startswith("_")}
        return {
            "rows": rows,
            "row_count": len(rows),
            "count": len(rows),
            "first_row": rows[0] if rows else None,
            "columns": columns,
            "counters": {name: value for name, value in counters.items() if isinstance(value, int)},
        }

    def _open(self) -> Any:
        try:
            neo4j = importlib.import_module("neo4j")
        except ImportError as missing:
            raise ClientError(_MISSING, "config") from missing
        if self._driver is None:
            logging.getLogger("neo4j").addHandler(logging.NullHandler())
            place = self._place
            encryption = {} if place.tls is None else {"ssl_context": place.tls.context()}
            try:
                self._driver = neo4j.AsyncGraphDatabase.driver(
                    place.url,
                    auth=(place.user, place.password) if place.user else None,
                    max_transaction_retry_time=0,
                    telemetry_disabled=True,
                    user_agent="testmesh",
                    **encryption,
                )
            except Exception as problem:  # ValueError or the driver's own, by version
                raise ClientError(f"{place}: {_told(problem)}", "config") from problem
        return neo4j


class Statement(NamedTuple):
    """A statement to run.

    Args:
        text: Cypher.
        params: by name.
        database: name, or empty for the server's default.
        reads: the server may refuse it when it writes.
        traceparent: goes into the transaction's metadata.
    """

    text: str
    params: Mapping[str, object]
    database: str
    reads: bool
    traceparent: str


def native(value: Any, where: str, depth: int = 0) -> Any:
    """What a flow writes as Bolt takes it.

    Args:
        value: rendered.
        where: path for messages.
        depth: inside other values.

    Raises:
        ClientError: of type ``config`` when Neo4j has no such value.
    """
    if depth > MAX_DEPTH:
        raise ClientError(f"{where}: nested deeper than {MAX_DEPTH} levels", "config")
    if isinstance(value, Mapping):
        return {str(key): native(item, f"{where}.{key}", depth + 1) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [native(item, f"{where}[{index}]", depth + 1) for index, item in enumerate(value)]
    if isinstance(value, Decimal):
        near = int(value) if value == value.to_integral_value() else float(value)
        if Decimal(repr(near)) != value:
            raise ClientError(f"{where}: {value} does not fit into a float; send it as text", "config")
        value = near
    if isinstance(value, int) and not isinstance(value, bool) and not -(2**63) <= value < 2**63:
        raise ClientError(f"{where}: {value} does not fit into 64 bits", "config")
    return value


def plain(value: Any, depth: int = 0) -> Any:
    """A graph value as JSON: nodes and relationships as maps, temporal values as ISO text, points as maps.

    Args:
        value: as the driver gives it.
        depth: inside other values.

    Raises:
        ClientError: nested too deep.
    """
    if value is None or isinstance(value, bool | int | str):
        return value
    if isinstance(value, float):
        return value if math.isfinite(value) else "NaN" if math.isnan(value) else f"{'-' * (value < 0)}Infinity"
    if isinstance(value, bytes | bytearray):
        return base64.b64encode(value).decode()
    if depth > MAX_DEPTH:
        raise ClientError(f"a value nested deeper than {MAX_DEPTH} levels", "server")
    if isinstance(value, list | tuple) and type(value).__module__ == "builtins":
        return [plain(item, depth + 1) for item in value]
    if isinstance(value, dict):
        return {str(key): plain(item, depth + 1) for key, item in value.items()}
    return _special(value, depth)


def _special(value: Any, depth: int) -> Any:
    graph = importlib.import_module("neo4j.graph")
    spatial = importlib.import_module("neo4j.spatial")
    if isinstance(value, graph.Node):
        properties = plain(dict(value.items()), depth + 1)
        return {"id": value.element_id, "labels": sorted(value.labels), "properties": properties}
    if isinstance(value, graph.Relationship):
        return {
            "id": value.element_id,
            "type": value.type,
            "start": value.start_node.element_id if value.start_node is not None else None,
            "end": value.end_node.element_id if value.end_node is not None else None,
            "properties": plain(dict(value.items()), depth + 1),
        }
    if isinstance(value, graph.Path):
        return {
            "nodes": [plain(node, depth + 1) for node in value.nodes],
            "relationships": [plain(edge, depth + 1) for edge in value.relationships],
        }
    if isinstance(value, spatial.Point):
        return {"srid": value.srid, **dict(zip("xyz", (float(part) for part in value), strict=False))}
    if hasattr(value, "to_native") and not hasattr(value, "iso_format"):
        return [plain(item, depth + 1) for item in value.to_native()]
    return _temporal(value)


def _temporal(value: Any) -> str:
    """ISO 8601 text; what has a zone and a date is told in UTC, as from SQL (FLOWS §5)."""
    time = importlib.import_module("neo4j.time")
    if isinstance(value, time.DateTime) and value.tzinfo is not None:
        offset = value.utcoffset()
        value = value.replace(tzinfo=None) - offset if offset is not None else value
        return _fraction(value.iso_format()) + "Z"
    text = value.iso_format() if hasattr(value, "iso_format") else str(value)
    return text if isinstance(value, time.Duration) else _fraction(text)


def _fraction(text: str) -> str:
    """Nine digits of a second only where the last three say something; none where all are zero."""
    before, dot, after = text.partition(".")
    if not dot:
        return text
    digits = after[: len(after) - len(after.lstrip("0123456789"))]
    rest = after[len(digits) :]
    digits = "" if not digits.strip("0") else digits[:6] if digits[6:].strip("0") == "" else digits
    return f"{before}.{digits}{rest}" if digits else before + rest


def _told(error: BaseException) -> str:
    message = getattr(error, "message", None) if hasattr(error, "code") else None
    text = str(message or error).strip()
    return text.splitlines()[0] if text else type(error).__name__


def _unreachable(error: BaseException) -> str:
    cause: BaseException | None = error
    while cause is not None:
        if isinstance(cause, OSError) and not isinstance(cause, TimeoutError):
            return reason(cause)
        cause = cause.__cause__ or cause.__context__
    told = _told(error)
    return "the server closed the connection before it spoke Bolt" if told.startswith("Couldn't connect to") else told
