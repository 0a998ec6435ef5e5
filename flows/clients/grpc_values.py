"""Protobuf messages as flows see them: proto field names, exact numbers, defaults of what is not set."""

from __future__ import annotations

import base64
import math
import struct
from typing import TYPE_CHECKING, Any, TypeAlias

from flows.clients.errors import ClientError

if TYPE_CHECKING:
    from google.protobuf.descriptor_pool import DescriptorPool
    from google.protobuf.message import Message

FieldDescriptor: TypeAlias = Any
"""The stubs of protobuf name two unrelated classes and leave out what a field of that type always has."""
MAX_DEPTH = 60
WRAPPERS = frozenset(
    f"google.protobuf.{name}Value"
    for name in ("Double", "Float", "Int64", "UInt64", "Int32", "UInt32", "Bool", "String", "Bytes")
)
JSON_FORM = frozenset(
    f"google.protobuf.{name}" for name in ("Timestamp", "Duration", "FieldMask", "Struct", "Value", "ListValue")
)
TYPES = {
    1: "double",
    2: "float",
    3: "int64",
    4: "uint64",
    5: "int32",
    6: "uint64",
    7: "uint32",
    8: "bool",
    9: "string",
    10: "message",
    11: "message",
    12: "bytes",
    13: "uint32",
    14: "enum",
    15: "int32",
    16: "int64",
    17: "int32",
    18: "int64",
}


class Values:
    """Converts messages of one set of types.

    Args:
        pool: the types, also for what an Any holds.
        where: the server, for messages.
    """

    def __init__(self, pool: DescriptorPool, where: str) -> None:
        self._pool = pool
        self._where = where

    def plain(self, message: Message, depth: int = 0) -> Any:
        """A message as a flow sees it.

        Args:
            message: decoded.
            depth: of the message inside others.

        Raises:
            ClientError: nested too deep.
        """
        if depth > MAX_DEPTH:
            raise ClientError(f"{self._where}: a message nested deeper than {MAX_DEPTH} levels", "server")
        name = message.DESCRIPTOR.full_name
        if name in WRAPPERS:
            return self._scalar(message.DESCRIPTOR.fields_by_name["value"], getattr(message, "value"))  # noqa: B009
        if name == "google.protobuf.Any":
            return self._any(message, depth)
        if name in JSON_FORM:
            return _json_form(message, self._where)
        found: dict[str, object] = {}
        for field in message.DESCRIPTOR.fields:
            found[field.name] = self._field(message, field, depth)
        return found

    def _field(self, message: Message, field: FieldDescriptor, depth: int) -> object:
        if field.is_repeated:
            value: Any = getattr(message, field.name)
            if is_map(field):
                inner = field.message_type.fields_by_name["value"]
                return {_key_text(key): self._one(inner, value[key], depth) for key in value}
            return [self._one(field, item, depth) for item in value]
        if field.has_presence and not message.HasField(field.name):
            inside_oneof = field.containing_oneof is not None and not _synthetic(field)
            if TYPES[field.type] == "message" or inside_oneof:
                return None
        return self._one(field, getattr(message, field.name), depth)

    def _one(self, field: FieldDescriptor, value: Any, depth: int) -> object:
        return self.plain(value, depth + 1) if TYPES[field.type] == "message" else self._scalar(field, value)

    def _scalar(self, field: FieldDescriptor, value: Any) -> object:
        kind = TYPES[field.type]
        if kind == "bytes":
            return base64.b64encode(value).decode()
        if kind == "enum":
            known = field.enum_type.values_by_number.get(value)
            return known.name if known is not None else int(value)
        if kind in ("float", "double"):
            return _real(value, single=kind == "float")
        return value

    def _any(self, message: Message, depth: int) -> object:
        url: str = getattr(message, "type_url")  # noqa: B009
        data: bytes = getattr(message, "value")  # noqa: B009
        if not url:
            return None
        inner = message_of(self._pool, url.rpartition("/")[2])
        if inner is None:
            return {"@type": url, "value": base64.b64encode(data).decode()}
        try:
            inner.ParseFromString(data)
        except Exception:  # protobuf's DecodeError differs between its implementations
            return {"@type": url, "value": base64.b64encode(data).decode()}
        shown = self.plain(inner, depth + 1)
        return {"@type": url, **(shown if isinstance(shown, dict) else {"value": shown})}


def message_of(pool: DescriptorPool, name: str) -> Message | None:
    """An empty message of a type, or None when nobody here knows the type.

    Args:
        pool: the types of the service.
        name: full name.
    """
    from google.protobuf import descriptor_pool, message_factory

    for known in (pool, descriptor_pool.Default()):
        try:
            return message_factory.GetMessageClass(known.FindMessageTypeByName(name))()
        except KeyError:
            continue
    return None


def is_map(field: FieldDescriptor) -> bool:
    """Whether a field is a map.

    Args:
        field: of any kind.
    """
    return bool(field.is_repeated and field.message_type and field.message_type.GetOptions().map_entry)


def _synthetic(field: FieldDescriptor) -> bool:
    """A proto3 `optional` field is alone in a oneof that protoc made for it."""
    oneof = field.containing_oneof
    return oneof is not None and len(oneof.fields) == 1 and oneof.name == f"_{field.name}"


def _key_text(key: object) -> str:
    return str(key).lower() if isinstance(key, bool) else str(key)


def _real(value: float, *, single: bool) -> object:
    """Shortest number that reads back as the same float; JSON has no word for infinities, so they are text."""
    if math.isnan(value) or math.isinf(value):
        return "NaN" if math.isnan(value) else "Infinity" if value > 0 else "-Infinity"
    if single:
        for digits in range(6, 10):
            near = float(f"{value:.{digits}g}")
            if abs(near) <= 3.4028235e38 and struct.unpack("f", struct.pack("f", near))[0] == value:
                return near
    return value


def _json_form(message: Message, where: str) -> object:
    from google.protobuf import json_format

    try:
        if message.DESCRIPTOR.name in ("Struct", "Value", "ListValue"):
            return _struct(message, where)
        text: str = json_format.MessageToJson(message)
    except (ValueError, json_format.SerializeToJsonError) as problem:
        raise ClientError(
            f"{where}: a {message.DESCRIPTOR.full_name} that has no text form: {problem}", "server"
        ) from problem
    return text.strip().strip('"')


def _struct(message: Any, where: str, depth: int = 0) -> object:
    """Struct, Value and ListValue as what they stand for; their numbers are doubles."""
    if depth > MAX_DEPTH:
        raise ClientError(f"{where}: a Struct nested deeper than {MAX_DEPTH} levels", "server")
    name = message.DESCRIPTOR.name
    if name == "Struct":
        return {key: _struct(message.fields[key], where, depth + 1) for key in message.fields}
    if name == "ListValue":
        return [_struct(item, where, depth + 1) for item in message.values]
    kind = message.WhichOneof("kind")
    if kind in (None, "null_value"):
        return None
    value = getattr(message, kind)
    if kind == "number_value":
        return int(value) if value == int(value) and abs(value) < 2**53 else _real(value, single=False)
    return _struct(value, where, depth + 1) if kind in ("struct_value", "list_value") else value
