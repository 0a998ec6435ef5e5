"""Protobuf messages from what a flow writes; what does not fit is refused by name before anything is sent."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from flows.clients.errors import ClientError
from flows.clients.grpc_values import JSON_FORM, TYPES, WRAPPERS, FieldDescriptor, is_map, message_of
from flows.language.closest import closest
from flows.language.values import described

if TYPE_CHECKING:
    from google.protobuf.descriptor_pool import DescriptorPool
    from google.protobuf.message import Message

_RANGES = {
    "int32": (-(2**31), 2**31 - 1),
    "uint32": (0, 2**32 - 1),
    "int64": (-(2**63), 2**63 - 1),
    "uint64": (0, 2**64 - 1),
}


_LARGEST = {"float": 3.4028234663852886e38, "double": 1.7976931348623157e308}


class Builder:
    """Makes messages of one set of types.

    Args:
        pool: the types, also for what an Any holds.
    """

    def __init__(self, pool: DescriptorPool) -> None:
        self._pool = pool

    def message(self, descriptor: Any, given: object, where: str) -> Message:
        """A message from what a flow writes.

        Args:
            descriptor: its type.
            given: a map; for well-known types what their JSON form is.
            where: path for messages.

        Raises:
            ClientError: of type ``config``, naming the field.
        """
        from google.protobuf import message_factory

        made: Any = message_factory.GetMessageClass(descriptor)()
        self._fill(made, given, where)
        missing = made.FindInitializationErrors()
        if missing:
            raise ClientError(f"{where}.{missing[0]} is required", "config")
        built: Message = made
        return built

    def _fill(self, message: Message, given: object, where: str) -> None:
        name = message.DESCRIPTOR.full_name
        if name in WRAPPERS:
            field = message.DESCRIPTOR.fields_by_name["value"]
            setattr(message, "value", _from_plain(field, given, where))  # noqa: B010
        elif name == "google.protobuf.Any":
            self._fill_any(message, given, where)
        elif name in JSON_FORM:
            _fill_json_form(message, given, where)
        elif not isinstance(given, Mapping):
            raise _wrong(where, f"a map ({name})", given)
        else:
            for key, value in given.items():
                field = _field_named(message.DESCRIPTOR, str(key), where)
                if value is not None or _takes_null(field):
                    _alone(message, field, f"{where}.{key}")
                self._set(message, field, value, f"{where}.{key}")

    def _set(self, message: Message, field: FieldDescriptor, value: object, where: str) -> None:
        if value is None and not _takes_null(field):
            return
        try:
            if is_map(field):
                self._set_map(message, field, value, where)
            elif field.is_repeated:
                self._set_list(message, field, value, where)
            elif TYPES[field.type] == "message":
                self._fill(_present(message, field), value, where)
            else:
                setattr(message, field.name, _from_plain(field, value, where))
        except (ValueError, TypeError) as problem:
            raise ClientError(f"{where}: {problem}", "config") from problem

    def _set_list(self, message: Message, field: FieldDescriptor, value: object, where: str) -> None:
        if isinstance(value, str | Mapping) or not isinstance(value, Sequence):
            raise _wrong(where, "a list", value)
        items: Any = getattr(message, field.name)
        for index, item in enumerate(value):
            place = f"{where}[{index}]"
            if TYPES[field.type] == "message":
                self._fill(items.add(), item, place)
            else:
                items.append(_from_plain(field, item, place))

    def _set_map(self, message: Message, field: FieldDescriptor, value: object, where: str) -> None:
        if not isinstance(value, Mapping):
            raise _wrong(where, "a map", value)
        entries: Any = getattr(message, field.name)
        key_field = field.message_type.fields_by_name["key"]
        value_field = field.message_type.fields_by_name["value"]
        for name, item in value.items():
            key = _key_from_text(key_field, name, f"{where}.{name}")
            if TYPES[value_field.type] == "message":
                self._fill(entries[key], item, f"{where}.{name}")
            else:
                entries[key] = _from_plain(value_field, item, f"{where}.{name}")

    def _fill_any(self, message: Message, given: object, where: str) -> None:
        if not isinstance(given, Mapping) or not isinstance(given.get("@type"), str):
            raise _wrong(where, "a map with '@type' (google.protobuf.Any)", given)
        url = str(given["@type"])
        inner = message_of(self._pool, url.rpartition("/")[2])
        if inner is None:
            raise ClientError(f"{where}.@type: the type '{url}' is not known here", "config")
        rest = {key: value for key, value in given.items() if key != "@type"}
        special = inner.DESCRIPTOR.full_name in JSON_FORM | WRAPPERS | {"google.protobuf.Any"}
        self._fill(inner, rest.get("value") if special else rest, where)
        setattr(message, "type_url", url if "/" in url else f"type.googleapis.com/{url}")  # noqa: B010
        setattr(message, "value", inner.SerializeToString())  # noqa: B010


def _present(message: Message, field: FieldDescriptor) -> Message:
    inner: Message = getattr(message, field.name)
    inner.SetInParent()
    return inner


def _alone(message: Message, field: FieldDescriptor, where: str) -> None:
    """Refuses a second field of a oneof: only the last one would reach the server."""
    oneof = field.containing_oneof
    other = message.WhichOneof(oneof.name) if oneof is not None else None
    if oneof is not None and other is not None and other != field.name:
        raise ClientError(
            f"{where}: '{other}' is written too, and of the oneof '{oneof.name}' only one can be", "config"
        )


def _takes_null(field: FieldDescriptor) -> bool:
    return bool(field.message_type and field.message_type.full_name == "google.protobuf.Value")


def _fill_json_form(message: Message, given: object, where: str) -> None:
    from google.protobuf import json_format

    try:
        json_format.ParseDict(_floats(given, where), message)
    except (json_format.ParseError, ValueError, TypeError) as problem:
        wanted = message.DESCRIPTOR.full_name
        raise ClientError(f"{where}: not a {wanted}: {_clause(problem)}", "config") from problem


def _floats(value: Any, where: str) -> Any:
    """Numbers of a Struct are doubles: what a double cannot hold is refused, never rounded in silence."""
    from decimal import Decimal

    if isinstance(value, Decimal) or (isinstance(value, int) and not isinstance(value, bool)):
        number = _number("double", value, where)
        if isinstance(value, int) and int(number) != value:
            raise ClientError(f"{where}: {value} does not fit into a double; send it as text", "config")
        return value if isinstance(value, int) else number
    if isinstance(value, Mapping):
        return {str(key): _floats(item, f"{where}.{key}") for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_floats(item, f"{where}[{index}]") for index, item in enumerate(value)]
    return value


def _clause(problem: Exception) -> str:
    return str(problem).strip().splitlines()[0] if str(problem).strip() else type(problem).__name__


def _field_named(descriptor: Any, name: str, where: str) -> FieldDescriptor:
    found = descriptor.fields_by_name.get(name)
    if found is None:
        found = next((field for field in descriptor.fields if field.json_name == name), None)
    if found is None:
        near = closest(name, [field.name for field in descriptor.fields])
        names = [field.name for field in descriptor.fields]
        known = f"did you mean '{near}'?" if near else f"it has {', '.join(names[:12]) or 'no fields'}"
        raise ClientError(f"{where}: {descriptor.full_name} has no field '{name}'; {known}", "config")
    return found


def _wrong(where: str, wanted: str, given: object) -> ClientError:
    return ClientError(f"{where}: must be {wanted}, not {described(given)}", "config")


def _from_plain(field: FieldDescriptor, value: Any, where: str) -> Any:
    kind = TYPES[field.type]
    if kind in _RANGES:
        return _whole(kind, value, where)
    if kind in ("float", "double"):
        return _number(kind, value, where)
    if kind == "bool":
        if not isinstance(value, bool):
            raise _wrong(where, "true or false", value)
        return value
    if kind == "enum":
        return _enum(field, value, where)
    if not isinstance(value, str):
        raise _wrong(where, "text" if kind == "string" else "base64 text", value)
    if kind == "bytes":
        try:
            return base64.b64decode(value, validate=True)
        except (binascii.Error, ValueError):
            raise _wrong(where, "base64 text", value) from None
    return value


def _whole(kind: str, value: Any, where: str) -> int:
    number = value
    if isinstance(value, str) and kind.endswith("64") and value.lstrip("-").isdigit() and len(value) < 21:
        number = int(value)
    try:
        whole = int(number) if not isinstance(number, bool | str) and number == int(number) else None
    except (TypeError, ValueError, OverflowError):
        whole = None
    if whole is None:
        raise _wrong(where, f"a whole number ({kind})", value)
    low, high = _RANGES[kind]
    if not low <= whole <= high:
        raise ClientError(f"{where}: {whole} does not fit into {kind}", "config")
    return whole


def _number(kind: str, value: Any, where: str) -> float:
    if value in ("NaN", "Infinity", "-Infinity"):
        return float(value)
    try:
        number = float(value) if not isinstance(value, bool | str) else None
    except (TypeError, ValueError, OverflowError):
        number = None
    if number is None:
        raise _wrong(where, f"a number ({kind})", value)
    if abs(number) > _LARGEST[kind]:
        raise ClientError(f"{where}: {value} does not fit into a {kind}", "config")
    return number


def _enum(field: FieldDescriptor, value: object, where: str) -> int:
    values = field.enum_type.values_by_name
    if isinstance(value, int) and not isinstance(value, bool):
        return value
    if isinstance(value, str) and value in values:
        return int(values[value].number)
    near = closest(value, values) if isinstance(value, str) else None
    known = f"did you mean {near}?" if near else f"one of {', '.join(list(values)[:12])}"
    raise ClientError(f"{where}: {field.enum_type.full_name} has no value {described(value)}; {known}", "config")


def _key_from_text(field: FieldDescriptor, name: object, where: str) -> Any:
    kind = TYPES[field.type]
    text = str(name)
    if kind == "string":
        return text
    if kind == "bool" and text in ("true", "false"):
        return text == "true"
    if kind in _RANGES and text.lstrip("-").isdigit() and len(text) < 21:
        return _whole(kind, int(text), where)
    raise ClientError(f"{where}: the key must be a {kind}", "config")
