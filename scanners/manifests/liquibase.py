"""Liquibase change logs in XML, YAML and JSON: the tables and columns their change sets make, alter and drop."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from xml.parsers import expat

from graph.facts import SourceFile
from graph.values import Fact, Location
from scanners.idioms import deploy
from testmesh.guard.yaml import MapNode, Node

_CHANGES = {
    "createTable": "create",
    "addColumn": "alter",
    "dropColumn": "alter",
    "renameColumn": "alter",
    "modifyDataType": "alter",
    "addNotNullConstraint": "alter",
    "dropNotNullConstraint": "alter",
    "dropTable": "drop",
    "renameTable": "drop",
    "createView": "create",
}
_GONE = ("dropColumn", "renameColumn")
_MOST = 5_000
_XML = re.compile(rb"<(\w+:)?databaseChangeLog\b")


@dataclass(slots=True)
class _Change:
    name: str
    line: int
    given: dict[str, str]
    columns: list[str]


class Liquibase:
    """Liquibase change logs."""

    name: str = "liquibase"
    version: int = 1
    sniffs: bool = True

    def matches(self, path: str) -> bool:
        """Whether a path may be a change log.

        Args:
            path: relative to the repository.
        """
        return path.endswith((".xml", ".yaml", ".yml", ".json")) and not path.endswith(("pom.xml", "package.json"))

    def facts(self, source: SourceFile) -> Iterator[Fact]:
        """Statements about tables.

        Args:
            source: the file.
        """
        if b"databaseChangeLog" not in source.data:
            return
        if source.path.endswith(".xml"):
            if _XML.search(source.data):
                yield from _of_xml(source)
            return
        roots, problems = deploy.documents(source)
        yield from problems
        for root in roots:
            for change in _of_yaml(deploy.mapping(root).get("databaseChangeLog")):
                yield from _tables(source, change)


def _of_xml(source: SourceFile) -> Iterator[Fact]:
    """One pass without entities: declarations of them are refused, so nothing grows."""
    reader = _XmlReader()
    try:
        reader.parser.Parse(source.data, True)
    except expat.ExpatError as error:
        message = f"cannot be read: {expat.ErrorString(error.code)}"
        fields = {"rule": "liquibase/syntax", "message": message, "severity": "warning", "column": error.offset + 1}
        yield Fact("problem", fields, Location(source.path, error.lineno))
    except _Refused as error:
        fields = {"rule": "liquibase/entities", "message": str(error), "severity": "warning"}
        yield Fact("problem", fields, Location(source.path, reader.parser.CurrentLineNumber))
    for change in reader.changes:
        yield from _tables(source, change)


class _Refused(Exception):
    pass


class _XmlReader:
    def __init__(self) -> None:
        self.changes: list[_Change] = []
        self._open: _Change | None = None
        self._rollback = 0
        self.parser = expat.ParserCreate(namespace_separator=" ")
        self.parser.StartElementHandler = self._start
        self.parser.EndElementHandler = self._end
        self.parser.EntityDeclHandler = self._entity

    def _entity(self, *_: object) -> None:
        raise _Refused("it declares entities; not read")

    def _start(self, name: str, given: Mapping[str, str]) -> None:
        plain = name.rpartition(" ")[2]
        if plain == "rollback":
            self._rollback += 1
        elif plain in _CHANGES and not self._rollback and len(self.changes) < _MOST:
            self._open = _Change(plain, self.parser.CurrentLineNumber, dict(given), [])
            self.changes.append(self._open)
        elif plain == "column" and self._open is not None and given.get("name"):
            self._open.columns.append(given["name"])

    def _end(self, name: str) -> None:
        plain = name.rpartition(" ")[2]
        if plain == "rollback":
            self._rollback -= 1
        elif plain in _CHANGES:
            self._open = None


def _of_yaml(node: Node | None) -> Iterator[_Change]:
    for entry in deploy.items(node):
        changes = deploy.mapping(deploy.mapping(entry).get("changeSet")).get("changes")
        for item in deploy.items(changes):
            for name, found in item.entries.items() if isinstance(item, MapNode) else ():
                if name not in _CHANGES:
                    continue
                body = deploy.mapping(found.value)
                given = {key: deploy.text(value) for key, value in body.items()}
                listed = [deploy.mapping(c) for c in deploy.items(body.get("columns"))]
                columns = [deploy.text((deploy.mapping(c.get("column")) or c).get("name")) for c in listed]
                yield _Change(name, found.key.at[0], given, columns)


def _tables(source: SourceFile, change: _Change) -> Iterator[Fact]:
    given = change.given
    named = given.get("tableName") or given.get("oldTableName") or given.get("viewName") or ""
    if not named:
        return
    schema = given.get("schemaName", "")
    own = given.get("columnName") or given.get("oldColumnName") or ""
    columns = [*change.columns, own, given.get("newColumnName", "")]
    where = Location(source.path, change.line)
    fields: dict[str, object] = {
        "dataset": f"{schema}.{named}" if schema and "$" not in schema else named,
        "op": _CHANGES[change.name],
        "columns": tuple(dict.fromkeys(c for c in columns if c)),
        "store_kind": "sql",
    }
    gone = tuple(c for c in (own, *(change.columns if change.name == "dropColumn" else ())) if c)
    if change.name in _GONE and gone:
        fields["dropped"] = gone
    if change.name == "createView":
        fields["sort"] = "view"
    yield Fact("table", fields, where)
    if change.name == "renameTable" and given.get("newTableName"):
        renamed = {"dataset": given["newTableName"], "op": "create", "columns": (), "store_kind": "sql"}
        yield Fact("table", renamed, where)


MANIFEST = Liquibase()
