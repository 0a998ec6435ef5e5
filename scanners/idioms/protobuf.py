"""What a Protocol Buffers file declares: messages, enums and services with their places."""

from __future__ import annotations

import re
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class ProtoField:
    """A field of a message.

    Args:
        name: as written.
        type: as written; of a map the type of its values.
        number: its number on the wire.
        label: optional, required, repeated, map or empty.
        json_name: what JSON calls it.
        oneof: name of the oneof it belongs to, or empty.
        line: where it is.
    """

    name: str
    type: str
    number: int
    label: str
    json_name: str
    oneof: str
    line: int


@dataclass(slots=True)
class Message:
    """A message.

    Args:
        name: qualified within the file, `Order.Item`.
        line: where it begins.
        fields: in order, those of oneofs included.
        reserved: numbers and names kept out of use, as written.
        end_line: where it ends.
    """

    name: str
    line: int
    fields: list[ProtoField] = field(default_factory=list)
    reserved: list[str] = field(default_factory=list)
    end_line: int = 0


@dataclass(frozen=True, slots=True)
class Enum:
    """An enumeration.

    Args:
        line: where it begins.
        values: names and numbers, as written.
    """

    line: int
    values: list[tuple[str, str]]


@dataclass(frozen=True, slots=True)
class Binding:
    """An HTTP request that a gateway turns into a call (google.api.http).

    Args:
        method: upper case.
        path: as written.
        body: field of the request that the body fills, `*` for all of it, or empty.
        reply: field of the response that is the body, or empty.
    """

    method: str
    path: str
    body: str
    reply: str


@dataclass(slots=True)
class Rpc:
    """A method of a service.

    Args:
        service: its name.
        name: as written.
        request: type as written.
        response: type as written.
        streams: client, server, both or empty.
        line: where it is.
        bindings: HTTP requests it answers through a gateway.
    """

    service: str
    name: str
    request: str
    response: str
    streams: str
    line: int
    bindings: list[Binding] = field(default_factory=list)


@dataclass(slots=True)
class ProtoFile:
    """A file.

    Args:
        syntax: proto2, proto3 or an edition.
        package: its package, or empty.
        imports: paths as written.
        messages: nested ones after the one they are in.
        enums: by qualified name.
        rpcs: of all services.
        problems: line, column and what is wrong.
    """

    syntax: str = "proto2"
    package: str = ""
    imports: list[str] = field(default_factory=list)
    messages: list[Message] = field(default_factory=list)
    enums: dict[str, Enum] = field(default_factory=dict)
    rpcs: list[Rpc] = field(default_factory=list)
    problems: list[tuple[int, int, str]] = field(default_factory=list)


def camel(name: str) -> str:
    """The JSON name of a field without one of its own.

    Args:
        name: as written.
    """
    return re.sub(r"_+(.)?", lambda m: (m[1] or "").upper(), name)
