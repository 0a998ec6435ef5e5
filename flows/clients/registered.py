"""Messages in a schema registry's wire format: a zero byte, the schema's number in four bytes, then the value."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from flows.clients.avro import AvroCodec
from flows.clients.errors import ClientError
from flows.clients.schema_registry import Registry, RegistryConfig, Schema, address
from flows.clients.tls import ReadsFiles
from flows.language.values import as_text, parse_json

if TYPE_CHECKING:
    from flows.clients.kafka_topics import TopicLog
    from flows.clients.pool import Clients

MAGIC = b"\x00"
HEAD = 5


def registry(config: RegistryConfig, clients: Clients, files: ReadsFiles) -> Registry:
    """The registry a step means, shared by the run.

    Args:
        config: rendered.
        clients: of the run.
        files: beside the flow.
    """
    from flows.clients.http import HttpPool

    where, pool = address(config, files), clients.shared("http", HttpPool)
    return clients.shared(("schema-registry", where), lambda: Registry(where, pool))


async def encoded(value: object, topic: str, config: RegistryConfig, found: Registry, files: ReadsFiles) -> bytes:
    """A value in the wire format.

    Args:
        value: of the language.
        topic: it goes to.
        config: rendered.
        found: the registry.
        files: beside the flow.

    Raises:
        ClientError: of type ``config`` when it does not fit, ``server`` when the registry has no such schema.
    """
    text = _text(config, files)
    if text is None:
        subject = config.subject or (f"{topic}-value" if config.strategy == "topic" else "")
        if not subject:
            raise ClientError(f"schema_registry: strategy {config.strategy} needs 'subject' or 'schema'", "config")
        schema = await found.of_subject(subject, config.version)
        return MAGIC + schema.number.to_bytes(HEAD - 1, "big") + _body(value, schema)
    schema = Schema(0, config.type.upper(), text)
    body = _body(value, schema)
    subject = config.subject or _subject(config, topic, schema)
    schema = await found.registered(subject, schema, register=config.register)
    return MAGIC + schema.number.to_bytes(HEAD - 1, "big") + body


def _text(config: RegistryConfig, files: ReadsFiles) -> str | None:
    if config.schema is not None:
        return config.schema if isinstance(config.schema, str) else as_text(config.schema)
    return files.read(config.file).decode("utf-8", "replace") if config.file else None


def _subject(config: RegistryConfig, topic: str, schema: Schema) -> str:
    if config.strategy == "topic":
        return f"{topic}-value"
    if schema.kind == "AVRO":
        name = AvroCodec(schema).name
    else:
        parsed = json.loads(schema.text)
        name = str(parsed.get("title", "")) if isinstance(parsed, Mapping) else ""
    if not name:
        raise ClientError(f"schema_registry: strategy {config.strategy} needs a schema with a name or title", "config")
    return name if config.strategy == "record" else f"{topic}-{name}"


def _body(value: object, schema: Schema) -> bytes:
    if schema.kind == "AVRO":
        return AvroCodec(schema).encoded(value)
    if schema.kind == "JSON":
        problem = _misfit(value, schema)
        if problem:
            raise ClientError(f"the value does not fit its schema: {problem}", "config")
        return _json(value).encode()
    raise ClientError(f"schema {schema.number}: {schema.kind} schemas are not supported (avro and json are)", "config")


def _json(value: object) -> str:
    return json.dumps(value) if isinstance(value, str) else as_text(value)


def _misfit(value: object, schema: Schema) -> str:
    """What does not fit a JSON Schema, nearest first; empty when all does."""
    from jsonschema import validators
    from jsonschema.exceptions import SchemaError, best_match

    try:
        parsed = json.loads(schema.text)
        kind = validators.validator_for(parsed)
        kind.check_schema(parsed)
        error = best_match(kind(parsed).iter_errors(json.loads(_json(value))))
    except (ValueError, RecursionError, SchemaError) as error_of_schema:
        raise ClientError(f"schema: not a JSON Schema ({str(error_of_schema).splitlines()[0]})", "config") from None
    return "" if error is None else f"{error.json_path}: {error.message}"[:300]


@dataclass(frozen=True, slots=True)
class Decoded:
    """A value out of the wire format, or why there is none.

    Args:
        value: of the language.
        number: of the schema; None when the bytes name none.
        problem: why the value stays as it came; empty when it was decoded.
    """

    value: object = None
    number: int | None = None
    problem: str = ""


async def decoded(data: bytes, found: Registry) -> Decoded:
    """A value out of the wire format; what is not in it is said, not raised.

    Args:
        data: value or key of a message.
        found: the registry.

    Raises:
        ClientError: the registry cannot be asked.
    """
    if len(data) < HEAD or data[:1] != MAGIC:
        return Decoded(problem="not in the schema registry's format (a zero byte and a schema's number are missing)")
    number = int.from_bytes(data[1:HEAD], "big")
    schema = await found.by_number(number)
    if schema is None:
        return Decoded(number=number, problem=f"the registry has no schema {number}")
    try:
        if schema.kind == "AVRO":
            return Decoded(AvroCodec(schema).decoded(data[HEAD:]), number)
        if schema.kind == "JSON":
            return Decoded(parse_json(data[HEAD:].decode()), number)
    except (ValueError, ClientError) as error:
        return Decoded(number=number, problem=f"schema {number}: {error}")
    return Decoded(number=number, problem=f"schema {number}: {schema.kind} is not supported (avro and json are)")


class DecodedLog:
    """A topic's messages with their values decoded, each once.

    Args:
        topic: as read.
        found: the registry.
    """

    def __init__(self, topic: TopicLog, found: Registry) -> None:
        self._topic = topic
        self._registry = found
        self._messages: dict[int, dict[str, object]] = {}

    async def get(self, index: int) -> dict[str, object]:
        """The message at that place, waiting for it to come.

        Args:
            index: 0-based, in order of arrival.
        """
        known = self._messages.get(index)
        if known is None:
            seen = await self._topic.get(index)
            value, key = self._topic.payload(index)
            known = self._messages[index] = {**seen, **await self._value(value), **await self._key(key)}
        return known

    async def _value(self, data: bytes | None) -> dict[str, object]:
        if data is None:
            return {"schema_id": None, "decode_error": None}
        found = await decoded(data, self._registry)
        if found.problem:
            return {"schema_id": found.number, "decode_error": found.problem}
        return {"value": found.value, "json": found.value, "schema_id": found.number, "decode_error": None}

    async def _key(self, data: bytes | None) -> dict[str, object]:
        """A key is decoded when it is in the format; most are plain text."""
        if data is None or len(data) < HEAD or data[:1] != MAGIC:
            return {}
        found = await decoded(data, self._registry)
        return {} if found.problem else {"key": found.value}
