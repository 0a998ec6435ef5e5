"""Facts on the wire and who says them: the codec, and the protocols of languages, packs and manifests."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from sys import intern
from typing import Any, Protocol, runtime_checkable

from graph.values import Fact, Location, Shape, Value, decode, decode_shape, encode, encode_shape
from graph.vocabulary import FACT_KINDS, NAMED_VALUES, SHAPE, SHAPES, TEXTS, VALUE, VALUES, FactField, FactKind

VERSION = 1


def _encode_field(type_name: str, value: Any) -> Any:
    if type_name == VALUE:
        return encode(value)
    if type_name == VALUES:
        return [encode(v) for v in value]
    if type_name == NAMED_VALUES:
        return [[name, encode(v)] for name, v in value]
    if type_name == SHAPE:
        return encode_shape(value)
    if type_name == SHAPES:
        return {name: encode_shape(s) for name, s in value.items()}
    if type_name == TEXTS:
        return list(value)
    return value


def _whole(data: Any) -> Any:
    return intern(data) if type(data) is str else data


_DECODED: Mapping[str, Callable[[Any], Any]] = {
    VALUE: lambda data: None if data is None else decode(data),
    VALUES: lambda data: tuple(decode(d) for d in data),
    NAMED_VALUES: lambda data: tuple((name, decode(d)) for name, d in data),
    SHAPE: lambda data: None if data is None else decode_shape(data),
    SHAPES: lambda data: {name: decode_shape(d) for name, d in data.items()},
    TEXTS: lambda data: tuple(map(_whole, data)),
}
_FIELDS: Mapping[str, Mapping[str, Callable[[Any], Any]]] = {
    kind.name: {name: _DECODED.get(about.type, _whole) for name, about in kind.fields.items()}
    for kind in FACT_KINDS.values()
}


def encode_fact(fact: Fact) -> list[Any]:
    """The JSON form of a fact: ``[kind, fields, file, line, end_line]``.

    Args:
        fact: of a known kind, fields as the kind says.

    Raises:
        KeyError: a kind or field that is not in the vocabulary.
    """
    fields = FACT_KINDS[fact.kind].fields
    body = {name: _encode_field(fields[name].type, value) for name, value in fact.fields.items()}
    return [fact.kind, body, fact.at.file, fact.at.line, fact.at.end_line]


def decode_fact(data: Sequence[Any]) -> Fact:
    """The fact of a JSON form.

    Args:
        data: what :func:`encode_fact` made.
    """
    kind, body, file, line, end_line = data
    readers = _FIELDS[kind]
    fields = {intern(name): readers[name](value) for name, value in body.items()}
    return Fact(intern(kind), fields, Location(intern(file), line, end_line))


@dataclass(frozen=True, slots=True)
class SourceFile:
    """A file handed to a scanner.

    Args:
        path: relative to the repository.
        data: its bytes, within the size limit.
    """

    path: str
    data: bytes


@runtime_checkable
class Language(Protocol):
    """A programming language: finds its files and says what the code itself says (symbols, calls, bindings)."""

    name: str
    version: int
    suffixes: tuple[str, ...]

    def parse(self, source: SourceFile) -> Any:
        """A parsed file, an opaque value handed to this language's `facts` and to packs."""
        ...

    def facts(self, parsed: Any) -> Iterable[Fact]:
        """Symbols, imports, bindings, returns, calls, types."""
        ...


@runtime_checkable
class Pack(Protocol):
    """A framework or client library: what its idioms in one file say."""

    name: str
    version: int
    language: tuple[str, ...]
    markers: tuple[bytes, ...]

    def facts(self, parsed: Any) -> Iterable[Fact]:
        """Facts of this framework in one parsed file; called only when a marker occurs in its bytes."""
        ...


@runtime_checkable
class Manifest(Protocol):
    """A deployment, configuration or specification file format."""

    name: str
    version: int

    def matches(self, path: str) -> bool:
        """Whether a path may be of this format."""
        ...

    def facts(self, source: SourceFile) -> Iterable[Fact]:
        """What the file says; problems are `problem` facts, never exceptions."""
        ...


@runtime_checkable
class Bundle(Protocol):
    """Files that only together say what is deployed: a chart with its values, a file with those it extends."""

    name: str
    version: int

    def members(self, paths: Sequence[str]) -> Sequence[str]:
        """Which of a repository's files it reads; empty when it has nothing to say."""
        ...

    def replaces(self, path: str) -> bool:
        """Whether a member says nothing of its own to other readers of deployment files."""
        ...

    def facts(self, sources: Mapping[str, SourceFile]) -> Iterable[Fact]:
        """What the members say together, by path; problems are `problem` facts, never exceptions."""
        ...


__all__ = [
    "FACT_KINDS",
    "VERSION",
    "Bundle",
    "Fact",
    "FactField",
    "FactKind",
    "Language",
    "Location",
    "Manifest",
    "Pack",
    "Shape",
    "SourceFile",
    "Value",
    "decode_fact",
    "encode_fact",
]
