"""Avro and JSON Schema files: named payload types that messages are made of."""

from __future__ import annotations

import json
import posixpath
from collections.abc import Iterator, Mapping

from graph.facts import SourceFile
from graph.values import Fact, Location
from scanners.idioms import avro
from scanners.idioms.json_schema import Document

_AVRO = (".avsc", ".avpr")
_JSON = (".schema.json", "schema.json", ".jsonschema")


class MessageSchemas:
    """Schemas of messages, a file each."""

    name: str = "message_schemas"
    version: int = 1

    def matches(self, path: str) -> bool:
        """Whether a path is such a file.

        Args:
            path: relative to the repository.
        """
        return path.endswith((*_AVRO, *_JSON))

    def facts(self, source: SourceFile) -> Iterator[Fact]:
        """Types.

        Args:
            source: the file.
        """
        text = source.data.decode("utf-8", "replace")
        try:
            data = json.loads(text)
        except json.JSONDecodeError as error:
            fields = {"rule": "schema/syntax", "message": f"cannot be read: {error.msg}", "severity": "warning"}
            yield Fact("problem", {**fields, "column": error.colno}, Location(source.path, error.lineno))
            return
        except RecursionError:
            fields = {"rule": "schema/too-deep", "message": "it is nested too deeply", "severity": "warning"}
            yield Fact("problem", fields, Location(source.path, 1))
            return
        if source.path.endswith(_AVRO):
            for name, shape in avro.records(data):
                yield Fact("type", {"name": name, "shape": shape}, Location(source.path, _line(text, name)))
        elif isinstance(data, Mapping) and ("properties" in data or "$schema" in data):
            shape = Document(data).shape(data)
            if shape.type != "unknown":
                yield Fact("type", {"name": _named(source.path, data), "shape": shape}, Location(source.path, 1))


def _line(text: str, name: str) -> int:
    at = text.find(f'"{name.rpartition(".")[2]}"')
    return text.count("\n", 0, max(at, 0)) + 1


def _named(path: str, data: Mapping[str, object]) -> str:
    title = data.get("title")
    stem = posixpath.basename(path)
    for ending in (".json", ".jsonschema", ".schema"):
        stem = stem.removesuffix(ending)
    return title if isinstance(title, str) and title.isidentifier() else stem


MANIFEST = MessageSchemas()
