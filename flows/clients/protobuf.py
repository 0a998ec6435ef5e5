"""Protobuf values of a schema registry: the message's place in its file, then its bytes (Confluent's wire format)."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

from flows.clients.errors import ClientError, reason
from flows.clients.schema_registry import Schema
from testmesh.kernel.errors import MissingExtra

if TYPE_CHECKING:
    from google.protobuf.descriptor_pool import DescriptorPool

OWN = "registered.proto"
MAX_PLACES = 32


class ProtobufCodec:
    """One schema, compiled with what it refers to; made by :func:`protobuf_codec`.

    Args:
        pool: its types.
        chosen: the type to write; empty = the first of the file.
        what: names the schema in errors.
    """

    def __init__(self, pool: DescriptorPool, chosen: str, what: str) -> None:
        from google.protobuf import descriptor_pb2

        self._pool = pool
        self._what = what
        self._file = descriptor_pb2.FileDescriptorProto()
        pool.FindFileByName(OWN).CopyToProto(self._file)
        self._places = self._found(chosen)

    @property
    def name(self) -> str:
        """Full name of the type that is written."""
        return self._name(self._places)

    def encoded(self, value: object) -> bytes:
        """A value as bytes.

        Args:
            value: of the language.

        Raises:
            ClientError: of type ``config``, naming the field that does not fit.
        """
        from flows.clients.grpc_building import Builder

        descriptor = self._pool.FindMessageTypeByName(self._name(self._places))
        data = Builder(self._pool).message(descriptor, value, "value").SerializeToString()
        if self._places == [0]:
            return b"\x00" + data
        return b"".join(_zigzag(number) for number in (len(self._places), *self._places)) + data

    def decoded(self, data: bytes) -> object:
        """Bytes as a value of the language.

        Args:
            data: after the schema's number.

        Raises:
            ValueError: they are not a value of that schema.
        """
        from google.protobuf import message_factory

        from flows.clients.grpc_values import Values

        try:
            places, at = _places(data)
            descriptor = self._pool.FindMessageTypeByName(self._name(places))
            found: Any = message_factory.GetMessageClass(descriptor)()
            found.ParseFromString(data[at:])
        except Exception as error:  # DecodeError, KeyError or IndexError, by implementation
            raise ValueError(f"not a value of its protobuf schema ({reason(error)})") from error
        return Values(self._pool, self._what).plain(found)

    def _name(self, places: list[int]) -> str:
        """Full name of the type at a place: its number in the file, then in the type around it."""
        names, types = [self._file.package] if self._file.package else [], self._file.message_type
        for place in places:
            names.append(types[place].name)
            types = types[place].nested_type
        return ".".join(names)

    def _found(self, chosen: str) -> list[int]:
        if not self._file.message_type:
            raise ClientError(f"{self._what}: the file has no message type", "config")
        if not chosen:
            return [0]
        wanted = chosen.removeprefix(f"{self._file.package}.") if self._file.package else chosen
        places: list[int] = []
        types = self._file.message_type
        for name in wanted.split("."):
            number = next((number for number, one in enumerate(types) if one.name == name), None)
            if number is None:
                raise ClientError(f"{self._what}: no message type '{chosen}'", "config")
            places.append(number)
            types = types[number].nested_type
        return places


async def protobuf_codec(schema: Schema, chosen: str = "") -> ProtobufCodec:
    """Compiles a schema.

    Args:
        schema: as registered; the names of its references are the files it imports.
        chosen: the type to write; empty = the first of the file.

    Raises:
        ClientError: of type ``config`` with the compiler's message.
        MissingExtra: no protobuf is installed.
    """
    try:
        import google.protobuf  # noqa: F401
    except ImportError as error:
        raise MissingExtra("protobuf", "grpc") from error
    from flows.clients.grpc_schema import compiled

    what = f"protobuf schema {schema.number or ''}".strip()
    with tempfile.TemporaryDirectory(prefix="testmesh-registry-") as folder:
        found = await compiled(_written(folder, schema, what), (), what)
    return ProtobufCodec(found.pool, chosen, what)


def _written(name_of_folder: str, schema: Schema, what: str) -> str:
    """The path of the schema's file, with those it imports beside it."""
    folder = Path(name_of_folder).resolve()
    for name, text in ((OWN, schema.text), *schema.references):
        file = (folder / name).resolve()
        if not file.is_relative_to(folder):
            raise ClientError(f"{what}: it refers to '{name}'", "config")
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text)
    return str(folder / OWN)


def _zigzag(number: int) -> bytes:
    left, found = number << 1, bytearray()
    while True:
        left, low = left >> 7, left & 0x7F
        found.append(low | (0x80 if left else 0))
        if not left:
            return bytes(found)


def _places(data: bytes) -> tuple[list[int], int]:
    """The message's place, and where its bytes begin; a single 0 stands for the first type."""
    count, at = _number(data, 0)
    if count == 0:
        return [0], at
    if not 0 < count <= MAX_PLACES:
        raise ValueError("no place of a message type")
    places = []
    for _ in range(count):
        place, at = _number(data, at)
        places.append(place)
    if min(places) < 0:
        raise ValueError("no place of a message type")
    return places, at


def _number(data: bytes, at: int) -> tuple[int, int]:
    found = shift = 0
    while shift < 35:
        byte = data[at]
        at += 1
        found |= (byte & 0x7F) << shift
        shift += 7
        if not byte & 0x80:
            return (found >> 1) ^ -(found & 1), at
    raise ValueError("a number of more than five bytes")
