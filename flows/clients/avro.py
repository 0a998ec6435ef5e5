"""Avro values: what a flow writes made to fit a schema, and what was read as the language's own values (fastavro)."""

from __future__ import annotations

import base64
import io
import json
from collections.abc import Callable, Mapping
from datetime import date, datetime, time
from decimal import Decimal
from typing import Any, cast
from uuid import UUID

from flows.clients.errors import ClientError, reason
from flows.clients.schema_registry import Schema
from flows.language.values import instant_text
from testmesh.kernel.errors import MissingExtra


def library() -> Any:
    """The fastavro module.

    Raises:
        MissingExtra: it is not installed.
    """
    try:
        import fastavro
        import fastavro.schema
        import fastavro.validation
    except ImportError as error:
        raise MissingExtra("fastavro", "kafka") from error
    return fastavro


class AvroCodec:
    """One schema, parsed with what it refers to.

    Args:
        schema: registered.

    Raises:
        ClientError: of type ``config`` when it is no Avro schema.
    """

    def __init__(self, schema: Schema) -> None:
        avro = library()
        self._named: dict[str, Any] = {}
        try:
            for _, text in schema.references:
                avro.parse_schema(json.loads(text), named_schemas=self._named)
            self._parsed = avro.parse_schema(json.loads(schema.text), named_schemas=self._named)
        except (
            avro.schema.SchemaParseException,
            avro.schema.UnknownType,
            ValueError,
            RecursionError,
            KeyError,
        ) as error:
            raise ClientError(
                f"schema {schema.number or ''}: not an Avro schema ({reason(error)})", "config"
            ) from error

    @property
    def name(self) -> str:
        """Full name of the record; empty for another type."""
        return str(self._parsed.get("name", "")) if isinstance(self._parsed, Mapping) else ""

    def encoded(self, value: object) -> bytes:
        """A value as bytes.

        Args:
            value: of the language.

        Raises:
            ClientError: of type ``config``: it does not fit, and where.
        """
        avro, stream = library(), io.BytesIO()
        fitted = self._fitted(value, self._parsed)
        try:
            avro.validation.validate(fitted, self._parsed)
            avro.schemaless_writer(stream, self._parsed, fitted)
        except avro.validation.ValidationError as error:
            raise ClientError(f"the value does not fit its schema: {_first(error)}", "config") from error
        except (ValueError, TypeError, KeyError, AttributeError, OverflowError) as error:
            raise ClientError(f"the value does not fit its schema: {reason(error)}", "config") from error
        return stream.getvalue()

    def decoded(self, data: bytes) -> object:
        """Bytes as a value of the language.

        Args:
            data: after the schema's number.

        Raises:
            ValueError: they are not a value of that schema.
        """
        stream = io.BytesIO(data)
        try:
            found = library().schemaless_reader(stream, self._parsed, None)
        except (
            EOFError,
            IndexError,
            KeyError,
            ValueError,
            TypeError,
            OverflowError,
            MemoryError,
            RecursionError,
        ) as error:
            raise ValueError(f"not a value of its Avro schema ({reason(error)})") from error
        if stream.read(1):
            raise ValueError("not a value of its Avro schema (bytes are left over)")
        return plain(found)

    def _fitted(self, value: object, schema: Any) -> Any:
        """A value with texts made into what the schema's logical types and bytes need."""
        if isinstance(schema, str):
            schema = self._named.get(schema, {"type": schema})
        if isinstance(schema, list):
            return self._chosen(value, schema)
        kind = schema["type"]
        if isinstance(kind, Mapping | list):
            return self._fitted(value, kind)
        if kind == "record" and isinstance(value, Mapping):
            fields = {field["name"]: field["type"] for field in schema["fields"]}
            unknown = [str(name) for name in value if name not in fields]
            if unknown:
                raise ClientError(f"the value does not fit its schema: no field '{unknown[0]}'", "config")
            return {name: self._fitted(item, fields[name]) for name, item in value.items()}
        if kind == "array" and isinstance(value, list | tuple):
            return [self._fitted(item, schema["items"]) for item in value]
        if kind == "map" and isinstance(value, Mapping):
            return {name: self._fitted(item, schema["values"]) for name, item in value.items()}
        return _scalar(value, str(kind), str(schema.get("logicalType", "")))

    def _chosen(self, value: object, branches: list[Any]) -> Any:
        validate = library().validation.validate
        for branch in branches:
            try:
                fitted = self._fitted(value, branch)
            except ClientError:
                continue
            if validate(fitted, branch, raise_errors=False):
                return fitted
        return value


def _scalar(value: object, kind: str, logical: str) -> object:
    if isinstance(value, Decimal) and kind in ("double", "float"):
        return float(value)
    number = isinstance(value, int | float | Decimal) and not isinstance(value, bool)
    read = Decimal if logical == "decimal" else _TEXTS.get(logical) or _TEXTS.get(kind)
    if read is None or not (isinstance(value, str) or (logical == "decimal" and number)):
        return value
    try:
        return read(str(value))
    except (ValueError, ArithmeticError):
        return value


def _moment(text: str) -> datetime:
    return datetime.fromisoformat(text.replace("Z", "+00:00"))


def _bytes(text: str) -> bytes:
    return base64.b64decode(text, validate=True)


_TEXTS: Mapping[str, Callable[[str], object]] = {
    "timestamp-millis": _moment,
    "timestamp-micros": _moment,
    "local-timestamp-millis": _moment,
    "local-timestamp-micros": _moment,
    "time-millis": time.fromisoformat,
    "time-micros": time.fromisoformat,
    "date": date.fromisoformat,
    "uuid": UUID,
    "bytes": _bytes,
    "fixed": _bytes,
}


def plain(value: object) -> object:
    """A decoded value as the language has it: instants as ISO text, bytes as base64 text, decimals exact.

    Args:
        value: of fastavro.
    """
    if isinstance(value, Mapping):
        return {str(name): plain(item) for name, item in value.items()}
    if isinstance(value, list | tuple):
        return [plain(item) for item in value]
    if isinstance(value, datetime):
        return value.isoformat() if value.tzinfo is None else instant_text(value)
    if isinstance(value, date | time):
        return value.isoformat()
    if isinstance(value, bytes | bytearray):
        return base64.b64encode(value).decode()
    return str(value) if isinstance(value, UUID) else value


def _first(error: Exception) -> str:
    """The first of fastavro's findings, as text."""
    found = getattr(error, "errors", None)
    one = cast("list[object]", found)[0] if found else error
    return " ".join(str(one).split())[:300]
