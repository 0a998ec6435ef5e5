"""Messages in a schema registry's wire format: a zero byte, the schema's number in four bytes, then the value."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol, cast

from flows.clients.avro import AvroCodec
from flows.clients.errors import ClientError
from flows.clients.protobuf import protobuf_codec
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


class Codec(Protocol):
    """Turns values of one schema into bytes and back."""

    @property
    def name(self) -> str:
        """The schema's own name; empty when it has none."""
        ...

    def encoded(self, value: object) -> bytes:
        """A value as bytes; ClientError of type ``config`` when it does not fit."""
        ...

    def decoded(self, data: bytes) -> object:
        """Bytes as a value; ValueError when they are none of that schema."""
        ...


async def codec_of(schema: Schema, found: Registry, chosen: str = "") -> Codec:
    """The codec of a schema, made once.

    Args:
        schema: registered, or about to be.
        found: the registry, which keeps it.
        chosen: message type of a protobuf file.

    Raises:
        ClientError: of type ``config`` when it is no schema of its kind.
    """
    key = (schema.kind, schema.text, chosen)
    known = found.codecs.get(key)
    if known is None:
        if schema.kind == "PROTOBUF":
            known = await protobuf_codec(schema, chosen)
        elif schema.kind in ("AVRO", "JSON"):
            known = AvroCodec(schema) if schema.kind == "AVRO" else JsonCodec(schema)
        else:
            raise ClientError(f"schema {schema.number}: of an unknown kind, {schema.kind}", "config")
        found.codecs[key] = known
    return cast("Codec", known)


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
        body = (await codec_of(schema, found, config.message)).encoded(value)
    else:
        schema = Schema(0, config.type.upper(), text)
        codec = await codec_of(schema, found, config.message)
        body = codec.encoded(value)
        subject = config.subject or _subject(config, topic, codec.name)
        schema = await found.registered(subject, schema, register=config.register)
    return MAGIC + schema.number.to_bytes(HEAD - 1, "big") + body


def _text(config: RegistryConfig, files: ReadsFiles) -> str | None:
    if config.schema is not None:
        return config.schema if isinstance(config.schema, str) else as_text(config.schema)
    return files.read(config.file).decode("utf-8", "replace") if config.file else None


def _subject(config: RegistryConfig, topic: str, name: str) -> str:
    if config.strategy == "topic":
        return f"{topic}-value"
    if not name:
        raise ClientError(f"schema_registry: strategy {config.strategy} needs a schema with a name or title", "config")
    return name if config.strategy == "record" else f"{topic}-{name}"


class JsonCodec:
    """A JSON Schema; values are checked before they are sent.

    Args:
        schema: registered.

    Raises:
        ClientError: of type ``config`` when it is no JSON Schema.
    """

    def __init__(self, schema: Schema) -> None:
        from jsonschema import validators
        from jsonschema.exceptions import SchemaError

        try:
            parsed = json.loads(schema.text)
            kind = validators.validator_for(parsed)
            kind.check_schema(parsed)
        except (ValueError, RecursionError, SchemaError) as error:
            raise ClientError(f"schema: not a JSON Schema ({str(error).splitlines()[0]})", "config") from None
        self._validator = kind(parsed)
        self.name = str(parsed.get("title", "")) if isinstance(parsed, Mapping) else ""

    def encoded(self, value: object) -> bytes:
        """A value as bytes.

        Args:
            value: of the language.
        """
        from jsonschema.exceptions import best_match

        text = json.dumps(value) if isinstance(value, str) else as_text(value)
        error = best_match(self._validator.iter_errors(json.loads(text)))
        if error is not None:
            problem = f"{error.json_path}: {error.message}"[:300]
            raise ClientError(f"the value does not fit its schema: {problem}", "config")
        return text.encode()

    def decoded(self, data: bytes) -> object:
        """Bytes as a value of the language.

        Args:
            data: after the schema's number.
        """
        return parse_json(data.decode())


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
        return Decoded((await codec_of(schema, found)).decoded(data[HEAD:]), number)
    except (ValueError, ClientError) as error:
        return Decoded(number=number, problem=f"schema {number}: {error}")


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

    async def alive(self) -> None:
        """Waits until the server has answered."""
        await self._topic.alive()

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
