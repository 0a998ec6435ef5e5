"""testmesh.toml: services, edges and exclusions that people wrote."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterator, Mapping

from graph.facts import SourceFile
from graph.values import Fact, Location

_LINE = re.compile(r"at line (\d+)")


class TestmeshToml:
    """The project's own settings."""

    name: str = "testmesh_toml"
    version: int = 1

    def matches(self, path: str) -> bool:
        """Whether a path is the settings file.

        Args:
            path: relative to the repository.
        """
        return path == "testmesh.toml" or path.endswith("/testmesh.toml")

    def facts(self, source: SourceFile) -> Iterator[Fact]:
        """Declared services, edges, exclusions.

        Args:
            source: the file.
        """
        text = source.data.decode("utf-8", "replace")
        try:
            data = tomllib.loads(text)
        except tomllib.TOMLDecodeError as error:
            found = _LINE.search(str(error))
            fields = {"rule": "toml/syntax", "message": f"cannot be read: {error}", "severity": "error"}
            yield Fact("problem", fields, Location(source.path, int(found[1]) if found else 1))
            return
        lines = text.splitlines()
        services = data.get("services")
        for name, body in services.items() if isinstance(services, Mapping) else ():
            if isinstance(body, Mapping):
                declared = {"name": name, "root": _text(body, "root"), "hosts": _texts(body.get("hosts"))}
                yield Fact("declared_service", declared, _at(source, lines, f"services.{name}", 0))
        for kind, table in (("declared_edge", "edges"), ("dismissed", "dismissed")):
            for index, body in enumerate(_tables(data.get(table))):
                fields = {"source": _text(body, "from"), "to": _text(body, "to"), "why": _text(body, "why")}
                yield Fact(kind, fields, _at(source, lines, table, index))
        for index, body in enumerate(_tables(data.get("ignore"))):
            yield Fact("ignore", {"match": _text(body, "match")}, _at(source, lines, "ignore", index))


def _text(body: Mapping[str, object], key: str) -> str:
    value = body.get(key, "")
    return value if isinstance(value, str) else ""


def _texts(value: object) -> tuple[str, ...]:
    return tuple(str(v) for v in value) if isinstance(value, list) else ()


def _tables(value: object) -> list[Mapping[str, object]]:
    return [v for v in value if isinstance(v, Mapping)] if isinstance(value, list) else []


def _at(source: SourceFile, lines: list[str], table: str, index: int) -> Location:
    """The line of the index-th header of a table."""
    head, dot, rest = table.partition(".")
    spellings = {f"[[{table}]]", f"[{table}]", f'[{head}{dot}"{rest}"]'}
    heads = [n for n, line in enumerate(lines, 1) if line.split("#", 1)[0].strip().replace(" ", "") in spellings]
    return Location(source.path, heads[index] if index < len(heads) else 1)


MANIFEST = TestmeshToml()
