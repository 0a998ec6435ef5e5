"""MongoDB through its own driver: one client per URL and run, bounded answers, errors in the flow's words."""

from __future__ import annotations

import asyncio
import contextlib
import importlib
import os
import re
import tempfile
from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple

from flows.clients.awaiting import awaiting
from flows.clients.errors import ClientError, reason, tls_meaning
from flows.clients.mongodb_values import identified, native, plain
from flows.clients.servers import port_problem
from flows.clients.tls import Tls

MAX_DOCUMENTS = 10_000
MAX_BYTES = 32 * 1024 * 1024
_SELECTION_MS = 2000
_CLOSING_SECONDS = 2.0
_MISSING = "MongoDB needs its driver: pip install 'testmesh[mongodb]'"


class MongoPlace(NamedTuple):
    """A deployment.

    Args:
        url: connection string.
        tls: settings, or None for those of the URL.
    """

    url: str
    tls: Tls | None

    def __str__(self) -> str:
        place = self.url.partition("?")[0].rpartition("@")[2]
        return place.rpartition("://")[2].partition("/")[0] or "mongodb"


class Request(NamedTuple):
    """One operation.

    Args:
        operation: name.
        database: name, or empty for the URL's.
        collection: name.
        arguments: as the step says them.
    """

    operation: str
    database: str
    collection: str
    arguments: Mapping[str, object]

    def get(self, name: str) -> Any:
        """An argument as BSON takes it.

        Args:
            name: of the setting.
        """
        return native(self.arguments.get(name), name)

    @property
    def filter(self) -> dict[str, object]:
        """The filter; an `_id` in text form fits an ObjectId unless the operation would write it."""
        given = self.get("filter") or {}
        return dict(given) if self.arguments.get("upsert") else identified(given)


class MongoServer:
    """The client of one deployment, shared by the steps of a run.

    Args:
        place: which.
    """

    def __init__(self, place: MongoPlace) -> None:
        self._place = place
        self._client: Any = None
        self._sent = 0
        self._folder: tempfile.TemporaryDirectory[str] | None = None

    async def aclose(self) -> None:
        """Closes it; a server that hangs is left alone."""
        client, self._client = self._client, None
        if client is not None:
            with contextlib.suppress(Exception):
                await asyncio.wait_for(client.close(), _CLOSING_SECONDS)
        if self._folder is not None:
            self._folder.cleanup()

    async def perform(self, request: Request) -> dict[str, object]:
        """What an operation gives.

        Args:
            request: the operation.

        Raises:
            ClientError: unreachable, refused, not sendable, or too large an answer.
        """
        if not self._sent:
            await self._reachable()
        client = self._open()
        errors = importlib.import_module("pymongo.errors")
        sent = self._sent
        awaiting(self._place, lambda: "no connection" if self._sent == sent else "no answer")
        try:
            found: dict[str, object] = await _OPERATIONS[request.operation](self._collection(client, request), request)
            return found
        except ClientError as error:
            raise ClientError(f"{self._place}: {error.message}", error.type) from error
        except errors.BulkWriteError as error:
            raise ClientError(f"{self._place}: {_write_told(error)}", "server") from error
        except errors.OperationFailure as error:
            raise ClientError(f"{self._place}: {_told(error)}", "server") from error
        except (errors.ConnectionFailure, errors.ProtocolError) as error:
            raise ClientError(f"{self._place}: {self._unreachable(error)}") from error
        except Exception as error:  # whatever the driver makes of settings it does not like, or of an odd answer
            if self._sent == sent:
                raise ClientError(f"{self._place}: {_told(error)}", "config") from error
            what = f"the driver cannot read the answer ({type(error).__name__}: {_told(error)})"
            raise ClientError(f"{self._place}: {what}", "server") from error

    async def _reachable(self) -> None:
        """Fails at once when nobody listens; the driver would ask again and again."""
        scheme, _, rest = self._place.url.partition("://")
        hosts = rest.partition("?")[0].partition("/")[0].rpartition("@")[2].split(",")
        if scheme != "mongodb" or not all(hosts) or any("%2f" in host.lower() for host in hosts):
            return
        awaiting(self._place, "no connection")
        problem = ""
        for host in hosts:
            problem = await port_problem(host, 27017)
            if not problem:
                return
        raise ClientError(f"{self._place}: {problem}")

    def _collection(self, client: Any, request: Request) -> Any:
        if request.database:
            database = client[request.database]
        else:
            database = client.get_default_database(default="admin" if request.operation == "command" else None)
        if database is None:
            raise ClientError(f"{self._place}: name a 'database', in the step or at the end of the URL", "config")
        options = importlib.import_module("bson.codec_options")
        codec = options.CodecOptions(
            tz_aware=True, datetime_conversion=options.DatetimeConversion.DATETIME_AUTO, uuid_representation=4
        )
        return database.get_collection(request.collection or "none", codec_options=codec)

    def _open(self) -> Any:
        if self._client is not None:
            return self._client
        try:
            pymongo = importlib.import_module("pymongo")
        except ImportError as missing:
            raise ClientError(_MISSING, "config") from missing
        try:
            self._client = pymongo.AsyncMongoClient(
                self._place.url, event_listeners=[_listener(self._count)], **self._settings()
            )
        except Exception as problem:  # ConfigurationError, InvalidURI, ValueError, by what is wrong
            raise ClientError(f"{self._place}: {_told(problem)}", "config") from problem
        return self._client

    def _count(self) -> None:
        self._sent += 1

    def _settings(self) -> dict[str, object]:
        url = self._place.url.lower()
        wanted: dict[str, object] = {
            "serverSelectionTimeoutMS": _SELECTION_MS,
            "retryReads": False,
            "retryWrites": False,
            "appname": "testmesh",
        }
        settings = {name: value for name, value in wanted.items() if f"{name.lower()}=" not in url}
        tls = self._place.tls
        return settings if tls is None else settings | self._tls_settings(tls)

    def _tls_settings(self, tls: Tls) -> dict[str, object]:
        """The driver reads certificates only from files: private ones, gone when the run ends."""
        if tls.server_name:
            raise ClientError("tls.server_name cannot be used with MongoDB; name the server in the URL", "config")
        tls.context()
        settings: dict[str, object] = {"tls": True, "tlsInsecure": not tls.verify}
        if tls.ca is None and tls.cert is None:
            return settings
        self._folder = tempfile.TemporaryDirectory(prefix="testmesh-tls-")
        for name, data in (
            ("tlsCAFile", tls.ca),
            ("tlsCertificateKeyFile", tls.cert and tls.cert + b"\n" + (tls.key or b"")),
        ):
            if data:
                path = os.path.join(self._folder.name, name)
                with open(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as stream:
                    stream.write(data)
                settings[name] = path
        if tls.key_password:
            settings["tlsCertificateKeyFilePassword"] = tls.key_password
        return settings

    def _unreachable(self, error: Any) -> str:
        text = _broken(error)
        if type(error).__name__ != "ServerSelectionTimeoutError":
            return text
        asked = {host.partition(":")[0] for host in str(self._place).split(",")}
        told = {host for host, _ in (self._client.topology_description.server_descriptions() if self._client else ())}
        other = sorted(told - asked)
        if other and "directconnection" not in self._place.url.lower():
            text += f" (the server says it is {', '.join(other[:3])}; add directConnection=true to ask it alone)"
        return text


class _Bounds:
    """Documents of one answer, bounded in number and size."""

    def __init__(self) -> None:
        self.found: list[Any] = []
        self._size = 0

    def add(self, size: int, documents: list[Any]) -> None:
        """Takes some more.

        Args:
            size: bytes of them.
            documents: as flows see them.
        """
        self._size += size
        self.found += documents
        if self._size > MAX_BYTES:
            raise ClientError(f"an answer of more than {MAX_BYTES // 2**20} MiB; add a limit", "server")
        if len(self.found) > MAX_DOCUMENTS:
            raise ClientError(f"more than {MAX_DOCUMENTS} documents; add a limit", "server")


def _listener(begun: Callable[[], None]) -> Any:
    """Tells when a command goes out: what the driver refuses before that is the flow's mistake, not the server's."""
    monitoring = importlib.import_module("pymongo.monitoring")

    class Listener(monitoring.CommandListener):  # type: ignore[misc, name-defined]
        def started(self, event: object) -> None:
            """A command goes out."""
            begun()

        def succeeded(self, event: object) -> None:
            """An answer came."""

        def failed(self, event: object) -> None:
            """An error came."""

    return Listener()


def _documents(found: list[Any]) -> dict[str, object]:
    return {"documents": found, "document": found[0] if found else None, "count": len(found), "exists": bool(found)}


def _sort(given: Any) -> list[tuple[str, Any]] | None:
    if given is None:
        return None
    if isinstance(given, str):
        return [(given.removeprefix("-"), -1 if given.startswith("-") else 1)]
    items = given.items() if isinstance(given, Mapping) else [tuple(item) for item in given]
    return [(str(name), direction) for name, direction in items]


async def _find(collection: Any, request: Request) -> dict[str, object]:
    only = request.operation == "find_one"
    limit = 1 if only else int(request.arguments.get("limit") or 0)  # type: ignore[call-overload]
    cursor = collection.find_raw_batches(
        request.filter,
        projection=request.get("projection"),
        sort=_sort(request.get("sort")),
        limit=limit or MAX_DOCUMENTS + 1,
        skip=request.get("skip") or 0,
    )
    bson = importlib.import_module("bson")
    bounds = _Bounds()
    async with cursor:
        async for batch in cursor:
            found = bson.decode_all(batch, collection.codec_options)
            bounds.add(len(batch), [plain(item) for item in found])
    return _documents(bounds.found)


async def _aggregate(collection: Any, request: Request) -> dict[str, object]:
    bson = importlib.import_module("bson")
    bounds = _Bounds()
    async with await collection.aggregate(request.get("pipeline") or []) as cursor:
        async for item in cursor:
            bounds.add(len(bson.encode(item, codec_options=collection.codec_options)), [plain(item)])
    return _documents(bounds.found)


async def _count(collection: Any, request: Request) -> dict[str, object]:
    number = await collection.count_documents(request.filter)
    return {"count": number, "exists": number > 0}


async def _distinct(collection: Any, request: Request) -> dict[str, object]:
    values = [plain(value) for value in await collection.distinct(request.arguments.get("field"), request.filter)]
    return {"values": values, "count": len(values), "exists": bool(values)}


async def _insert(collection: Any, request: Request) -> dict[str, object]:
    if request.operation == "insert_one":
        ids: Sequence[Any] = [(await collection.insert_one(request.get("document"))).inserted_id]
    else:
        ids = (await collection.insert_many(request.get("documents"))).inserted_ids
    shown = [plain(key) for key in ids]
    return {"inserted_ids": shown, "inserted_id": shown[0] if shown else None, "inserted_count": len(shown)}


async def _update(collection: Any, request: Request) -> dict[str, object]:
    change = request.get("replacement" if request.operation == "replace_one" else "update")
    method = getattr(collection, request.operation)
    done = await method(request.filter, change, upsert=bool(request.arguments.get("upsert")))
    return {
        "matched_count": done.matched_count,
        "modified_count": done.modified_count,
        "upserted_id": plain(done.upserted_id),
    }


async def _delete(collection: Any, request: Request) -> dict[str, object]:
    done = await getattr(collection, request.operation)(request.filter)
    return {"deleted_count": done.deleted_count}


async def _command(collection: Any, request: Request) -> dict[str, object]:
    command = request.get("command")
    reply = await collection.database.command(command, codec_options=collection.codec_options)
    return {"reply": plain(dict(reply))}


_OPERATIONS: Mapping[str, Any] = {
    "find": _find,
    "find_one": _find,
    "aggregate": _aggregate,
    "count": _count,
    "distinct": _distinct,
    "insert_one": _insert,
    "insert_many": _insert,
    "update_one": _update,
    "update_many": _update,
    "replace_one": _update,
    "delete_one": _delete,
    "delete_many": _delete,
    "command": _command,
}


def _write_told(error: Any) -> str:
    details = error.details if isinstance(error.details, dict) else {}
    first: dict[str, object] = next(iter(details.get("writeErrors") or ()), {})
    return f"document {first.get('index')}: {first.get('errmsg')}" if first else _told(error)


def _broken(error: BaseException) -> str:
    """Why there is no connection, without the driver's own address and timeouts."""
    cause: BaseException | None = error
    while cause is not None:
        if isinstance(cause, OSError) and not isinstance(cause, TimeoutError):
            return reason(cause)
        cause = cause.__cause__
    text = _told(error).partition(", Timeout: ")[0].partition(" (configured timeouts")[0]
    text = re.sub(r"^(\S+:\d+: )+", "", text)
    refused = "connection refused" in text.lower() or "connect call failed" in text.lower()
    return "connection refused" if refused else tls_meaning(text) or text


def _told(error: BaseException) -> str:
    text = str(error).partition(", full error: ")[0].strip()
    return text.splitlines()[0] if text else type(error).__name__
