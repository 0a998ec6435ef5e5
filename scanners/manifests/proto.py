"""Protocol Buffers files: RPC operations, their HTTP requests through a gateway, and the messages they carry."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from graph.facts import SourceFile
from graph.values import Fact, Field, Location, Shape
from scanners.idioms.proto_parser import parse
from scanners.idioms.protobuf import Binding, Enum, Message, ProtoField, ProtoFile, Rpc, camel

JSON = "json:"
_INTEGERS = frozenset(
    ("int32", "uint32", "sint32", "fixed32", "sfixed32", "int64", "uint64", "sint64", "fixed64", "sfixed64")
)
_TEXT_IN_JSON = frozenset(("int64", "uint64", "sint64", "fixed64", "sfixed64", "bytes"))
_SCALARS = {
    "double": "number",
    "float": "number",
    "bool": "boolean",
    "string": "string",
    "bytes": "string",
} | dict.fromkeys(_INTEGERS, "integer")
_WRAPPERS = {
    "DoubleValue": "number",
    "FloatValue": "number",
    "BoolValue": "boolean",
    "StringValue": "string",
    "BytesValue": "string",
    "Int32Value": "integer",
    "UInt32Value": "integer",
    "Int64Value": "integer",
    "UInt64Value": "integer",
}
_JSON_FORMS = {"Timestamp": "string", "Duration": "string", "FieldMask": "string", "Struct": "object", "Any": "object"}
_WELL_KNOWN = "google.protobuf."
_PATH_VARIABLE = re.compile(r"\{([\w.]+)(?:=([^}]*))?\}")


class Proto:
    """Protocol Buffers files."""

    name: str = "proto"
    version: int = 1

    def matches(self, path: str) -> bool:
        """Whether a path is a Protocol Buffers file.

        Args:
            path: relative to the repository.
        """
        return path.endswith(".proto")

    def facts(self, source: SourceFile) -> Iterator[Fact]:
        """Operations, message types and problems.

        Args:
            source: the file.
        """
        file = parse(source.data.decode("utf-8-sig", "replace"))
        for line, column, complaint in file.problems:
            fields = {"rule": "proto/syntax", "message": complaint, "severity": "warning", "column": column}
            yield Fact("problem", fields, Location(source.path, line))
        types = _Types(file)
        for message in file.messages:
            yield from types.declared(source, message)
        for name, enum in file.enums.items():
            yield types.enumerated(source, name, enum)
        for rpc in file.rpcs:
            yield from _operations(source, file, rpc, types)


def _full(file: ProtoFile, name: str) -> str:
    return f"{file.package}.{name}" if file.package else name


@dataclass(slots=True)
class _Types:
    """Types are referred to by full name; their JSON form, with other field names, is a type of its own."""

    file: ProtoFile
    messages: Mapping[str, Message] = field(init=False)

    def __post_init__(self) -> None:
        self.messages = {m.name: m for m in self.file.messages}

    def declared(self, source: SourceFile, message: Message) -> Iterator[Fact]:
        """A message as RPCs carry it, and as a gateway writes it in JSON."""
        where = Location(source.path, message.line, max(message.end_line, message.line))
        name = _full(self.file, message.name)
        fields: dict[str, object] = {
            "name": name,
            "shape": self.of_message(message, json=False),
            "numbers": tuple(f"{f.name}={f.number}" for f in message.fields),
        }
        yield Fact("type", fields | ({"reserved": tuple(message.reserved)} if message.reserved else {}), where)
        yield Fact("type", {"name": JSON + name, "shape": self.of_message(message, json=True)}, where)

    def enumerated(self, source: SourceFile, name: str, enum: Enum) -> Fact:
        """An enumeration, written by name in JSON."""
        fields = {
            "name": _full(self.file, name),
            "shape": Shape("string"),
            "numbers": tuple(f"{n}={number}" for n, number in enum.values),
        }
        return Fact("type", fields, Location(source.path, enum.line))

    def of_name(self, written: str, scope: str, *, json: bool) -> Shape:
        """A type by its name."""
        if written in _SCALARS:
            return Shape("string" if json and written in _TEXT_IN_JSON else _SCALARS[written])
        name = written.lstrip(".")
        if name.startswith(_WELL_KNOWN):
            return _well_known(name.removeprefix(_WELL_KNOWN), json=json)
        prefix = JSON if json else ""
        local = self._local(written, scope)
        if local is None:
            full = name if "." in written else _full(self.file, name)
            return Shape(named=prefix + full)
        return Shape("object", named=prefix + _full(self.file, local)) if local in self.messages else Shape("string")

    def json(self, written: str) -> Shape:
        """The JSON fields of a message of this file; none when it is declared elsewhere."""
        local = self.messages.get(self._local(written, "") or "")
        return Shape("object") if local is None else self.of_message(local, json=True)

    def of_message(self, message: Message, *, json: bool) -> Shape:
        """The fields of a message of this file."""
        return Shape("object", tuple(self._field(f, message.name, json=json) for f in message.fields), open=False)

    def _field(self, item: ProtoField, scope: str, *, json: bool) -> Field:
        shape = self.of_name(item.type, scope, json=json)
        local = self.file.enums.get(self._local(item.type, scope) or "")
        values = tuple(name for name, _ in local.values) if local is not None and item.label != "repeated" else ()
        if item.label == "repeated":
            shape = Shape("array", item=shape)
        elif item.label == "map":
            shape, values = Shape("object"), ()
        return Field(item.json_name if json else item.name, shape, item.label == "required", values)

    def _local(self, written: str, scope: str) -> str | None:
        """A name looked up from the innermost scope outwards, as protoc does."""
        package = f"{self.file.package}." if self.file.package else ""
        if written.startswith("."):
            candidates = [written[1:].removeprefix(package)]
        else:
            parts = scope.split(".") if scope else []
            candidates = [".".join((*parts[:length], written)) for length in range(len(parts), -1, -1)]
            candidates.append(written.removeprefix(package))
        return next((c for c in candidates if c in self.messages or c in self.file.enums), None)


def _well_known(name: str, *, json: bool) -> Shape:
    if name == "Empty":
        return Shape("object", open=False)
    if json and name in _WRAPPERS:
        return Shape("string" if name.startswith(("Int64", "UInt64")) else _WRAPPERS[name])
    if json:
        return Shape("array") if name == "ListValue" else Shape(_JSON_FORMS.get(name, "unknown"))
    if name in _WRAPPERS:
        return Shape("object", (Field("value", Shape(_WRAPPERS[name]), False),), open=False, named=_WELL_KNOWN + name)
    return Shape("object", named=_WELL_KNOWN + name)


def _operations(source: SourceFile, file: ProtoFile, rpc: Rpc, types: _Types) -> Iterator[Fact]:
    service = _full(file, rpc.service)
    where = Location(source.path, rpc.line)
    fields: dict[str, object] = {
        "protocol": "grpc",
        "method": "rpc",
        "path": f"{service}/{rpc.name}",
        "pointer": f"{service}.{rpc.name}",
        "operation_id": rpc.name,
        "accepts": types.of_name(rpc.request, "", json=False),
        "returns": {"0": types.of_name(rpc.response, "", json=False)},
        "query": (),
    }
    yield Fact("operation", fields | ({"streams": rpc.streams} if rpc.streams else {}), where)
    for binding in rpc.bindings:
        yield Fact("operation", _http(binding, rpc, service, types), where)


def _http(binding: Binding, rpc: Rpc, service: str, types: _Types) -> dict[str, object]:
    """The HTTP operation of a gateway generated from the file (grpc-gateway, Envoy's transcoder, ESP)."""
    path = _PATH_VARIABLE.sub(lambda m: _path_part(m[1], m[2]), binding.path)
    taken = {camel(match[1].split(".")[0]) for match in _PATH_VARIABLE.finditer(binding.path)}
    request, response = types.json(rpc.request), types.json(rpc.response)
    free = tuple(f for f in request.fields if f.name not in taken)
    body = "*" if binding.body == "*" else camel(binding.body)
    whole = types.of_name(rpc.response, "", json=True)
    reply = response.field(camel(binding.reply)) if binding.reply else None
    fields: dict[str, object] = {
        "protocol": "http",
        "method": binding.method,
        "path": path,
        "pointer": f"{service}.{rpc.name}",
        "operation_id": rpc.name,
        "returns": {"200": whole if reply is None else reply.shape},
        "query": () if body == "*" else tuple(f.name for f in free if f.name != body),
        "through": f"{service}/{rpc.name}",
    }
    if body == "*":
        rest = Shape("object", free, open=not request.fields)
        fields["accepts"] = rest if taken else types.of_name(rpc.request, "", json=True)
    elif body:
        filled = request.field(body)
        fields["accepts"] = Shape() if filled is None else filled.shape
    return fields


def _path_part(variable: str, pattern: str | None) -> str:
    """`{name=shelves/*}` is one segment below `shelves`; `**` is the rest of the path."""
    if pattern is None or pattern == "*":
        return f"{{{variable}}}"
    return "/".join(f"{{{variable}}}" if part in ("*", "**") else part for part in pattern.split("/"))


MANIFEST = Proto()
