"""Documents in MongoDB."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from flows.actions import Action, Call, Result, Touch
from flows.clients.tls import TLS_DOC, tls_of, tls_problems
from flows.language.catalogue import ActionSpec, Alias, Duration, option
from flows.language.shapes import ANYTHING, ARRAY, BOOLEAN, NUMBER, listing, maybe, record

OPERATIONS = (
    "find",
    "find_one",
    "count",
    "aggregate",
    "distinct",
    "insert_one",
    "insert_many",
    "update_one",
    "update_many",
    "replace_one",
    "delete_one",
    "delete_many",
    "command",
)
_SPELLED = {
    "findOne": "find_one",
    "countDocuments": "count",
    "count_documents": "count",
    "insertOne": "insert_one",
    "insertMany": "insert_many",
    "updateOne": "update_one",
    "updateMany": "update_many",
    "update": "update_many",
    "replaceOne": "replace_one",
    "deleteOne": "delete_one",
    "deleteMany": "delete_many",
    "delete": "delete_many",
    "runCommand": "command",
    "insert": "insert",
}
_CANONICAL = {name.lower(): operation for name, operation in _SPELLED.items()}
_NEEDS = {
    "aggregate": "pipeline",
    "distinct": "field",
    "insert_one": "document",
    "insert_many": "documents",
    "update_one": "update",
    "update_many": "update",
    "replace_one": "replacement",
    "command": "command",
}
_FILTERED = ("find", "find_one", "count", "distinct", "update_one", "update_many", "replace_one", "delete_one")
_USES = {
    "filter": (*_FILTERED, "delete_many"),
    "projection": ("find", "find_one"),
    "sort": ("find", "find_one"),
    "limit": ("find",),
    "skip": ("find", "find_one"),
    "upsert": ("update_one", "update_many", "replace_one"),
    **{name: tuple(o for o, needed in _NEEDS.items() if needed == name) for name in _NEEDS.values()},
}


@dataclass(frozen=True, slots=True)
class MongoConfig:
    """Settings of a MongoDB operation."""

    operation: str = option(
        "find",
        "What to do, also as drivers spell it (`insertOne`); `update` and `delete` mean every document that fits.",
        choices=(*OPERATIONS, *_SPELLED),
    )
    collection: str | None = option(None, "The collection; not for `command`.")
    database: str | None = option(None, "The database (`MONGODB_DATABASE`); that of the URL without one.")
    url: str | None = option(None, "`mongodb://[user:password@]host:port/database`.", also=("connection", "uri"))
    filter: Mapping[str, object] | None = option(None, "Which documents.", also=("query",))
    projection: object = option(None, "Which fields: a map, or a list of names.")
    sort: object = option(None, "A field, `-field`, or a map of field to 1 or -1.")
    limit: int | None = option(None, "How many documents at most.")
    skip: int | None = option(None, "How many documents to pass over.")
    pipeline: tuple[object, ...] | None = option(None, "Stages of `aggregate`.")
    field: str | None = option(None, "Field of `distinct`.", also=("key",))
    document: Mapping[str, object] | None = option(None, "What `insert_one` writes.")
    documents: tuple[object, ...] | None = option(None, "What `insert_many` writes.")
    update: object = option(None, "What `update_one` and `update_many` change: operators, or a pipeline.")
    replacement: Mapping[str, object] | None = option(None, "What `replace_one` writes.")
    upsert: bool = option(False, "Write a document when none fits.")
    command: object = option(None, "For `command`: its name, or the whole command as a map.")
    tls: object = option(None, TLS_DOC)
    timeout: Duration | None = option(None, "Limit for the operation.")


def operation_of(operation: object, documents: object) -> str:
    """The operation that a name stands for.

    Args:
        operation: as written.
        documents: of the config; `insert` writes them, or one document.
    """
    name = str("find" if operation is None else operation).strip().lower()
    found = _CANONICAL.get(name, name)
    if found == "insert":
        return "insert_one" if documents is None else "insert_many"
    return found


def reads(config: Mapping[str, object]) -> bool:
    """Whether an operation changes nothing.

    Args:
        config: as written.
    """
    operation = operation_of(config.get("operation"), config.get("documents"))
    if operation != "aggregate":
        return operation in ("find", "find_one", "count", "distinct")
    pipeline = config.get("pipeline")
    stages = pipeline if isinstance(pipeline, list | tuple) else [None]
    return all(isinstance(stage, Mapping) and not {"$out", "$merge"} & set(stage) for stage in stages)


def touches(config: Mapping[str, object]) -> Iterable[Touch]:
    """The collection.

    Args:
        config: as written.
    """
    collection = config.get("collection")
    if isinstance(collection, str):
        sends = config.get("document") or config.get("replacement")
        yield Touch("dataset", collection, kind="mongodb", mode="read" if reads(config) else "write", sends=sends)


async def run(config: MongoConfig, call: Call) -> Result:
    """Performs the operation.

    Args:
        config: rendered.
        call: connections.
    """
    import time

    from flows.clients.mongodb import MongoPlace, MongoServer, Request

    place = MongoPlace(config.url or "", tls_of(config.tls, call.files))
    server = call.clients.shared(("mongodb", place), lambda: MongoServer(place))
    arguments = {name: getattr(config, name) for name in (*_USES, "upsert")}
    operation = operation_of(config.operation, config.documents)
    request = Request(operation, config.database or "", config.collection or "", arguments)
    started = time.perf_counter()
    found = await server.perform(request)
    return {**_EMPTY, **found, "duration_ms": round((time.perf_counter() - started) * 1000, 3)}


_EMPTY: Mapping[str, object] = {
    "documents": [],
    "document": None,
    "count": 0,
    "exists": False,
    "values": [],
    "inserted_ids": [],
    "inserted_id": None,
    "inserted_count": 0,
    "matched_count": 0,
    "modified_count": 0,
    "upserted_id": None,
    "deleted_count": 0,
    "reply": None,
}


def _problems(config: Mapping[str, object]) -> Iterable[tuple[str, str]]:
    operation = operation_of(config.get("operation"), config.get("documents"))
    if operation not in OPERATIONS:
        return
    needed = _NEEDS.get(operation)
    if needed is not None and config.get(needed) is None:
        yield "operation", f"'{operation}' needs '{needed}'"
    if operation != "command" and config.get("collection") is None:
        yield "operation", f"'{operation}' needs a 'collection'"
    if operation == "delete_many" and config.get("filter") is None:
        yield "operation", "'delete_many' needs a 'filter'; {} deletes everything"
    for name, operations in _USES.items():
        if config.get(name) is not None and operation not in operations:
            yield name, f"'{name}' does not go with '{operation}'"
    yield from _update_problem(operation, config)
    yield from tls_problems(config)


def _update_problem(operation: str, config: Mapping[str, object]) -> Iterable[tuple[str, str]]:
    update, replacement = config.get("update"), config.get("replacement")
    if operation.startswith("update_") and isinstance(update, Mapping):
        plain = [str(key) for key in update if not str(key).startswith("$")]
        if plain:
            yield "update", f"'update' takes operators such as $set, not the field '{plain[0]}'; see 'replace_one'"
    if isinstance(replacement, Mapping) and any(str(key).startswith("$") for key in replacement):
        yield "replacement", "'replacement' is a whole document, without operators"


ACTION: Action[MongoConfig] = Action(
    spec=ActionSpec(
        name="mongodb",
        summary="Performs one MongoDB operation; a read waits until its assertions hold.",
        config=MongoConfig,
        family="documents",
        result=record(
            documents=listing(ANYTHING),
            document=ANYTHING,
            count=NUMBER,
            exists=BOOLEAN,
            values=ARRAY,
            inserted_ids=ARRAY,
            inserted_id=ANYTHING,
            inserted_count=NUMBER,
            matched_count=NUMBER,
            modified_count=maybe(NUMBER),
            upserted_id=ANYTHING,
            deleted_count=NUMBER,
            reply=ANYTHING,
            duration_ms=NUMBER,
        ),
        aliases=(
            Alias("mongo"),
            *(Alias(f"mongodb.{name}", {"operation": _SPELLED.get(name, name)}) for name in (*OPERATIONS, *_SPELLED)),
        ),
        connection=("url",),
        implied=("MONGODB_URL", "MONGODB_URI", "MONGO_URL", "MONGO_URI"),
        supplies={"database": ("MONGODB_DATABASE", "MONGO_DATABASE")},
        reads=reads,
        check=_problems,
    ),
    touches=touches,
    run=run,
    unsent=frozenset({"timeout"}),
)
