"""Reads where a flow's variables come from: `env`, `env_file` and `data`."""

from __future__ import annotations

import re
from collections.abc import Iterable

from flows.language.files import Files, NotAtHand
from flows.language.findings import More, position
from flows.language.reader import Reader, descend, owners
from flows.language.spec import Data, EnvFile, Position, Variable
from flows.language.templates import Template
from flows.language.values import parse_json, type_name, typed_text
from testmesh.guard.limits import utf8
from testmesh.guard.yaml_nodes import MapNode, Node, ScalarNode, plain
from testmesh.kernel.errors import DiagnosticsError, UserError

_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*\Z")
MAX_ROWS = 100_000


class DeclarationReader:
    """Reads declarations.

    Args:
        reader: typed access.
        files: files beside the flow.
    """

    def __init__(self, reader: Reader, files: Files) -> None:
        self.reader = reader
        self.findings = reader.findings
        self.files = files

    def env(self, node: Node | None) -> tuple[Variable, ...]:
        """The names under `env`.

        Args:
            node: the value, or None.
        """
        mapping = self.reader.mapping(node)
        found: list[Variable] = []
        for name, owner, value in owners(mapping) if mapping is not None else ():
            if not _NAME.match(name):
                self.findings.node("flow/bad-name", owner, f"'{name}' cannot be a variable's name")
                continue
            template = self.reader.template(value)
            kind = type_name(plain(value)) if template.constant else None
            found.append(Variable(name, template, template.constant, kind, position(owner)))
        return tuple(found)

    def env_file(self, node: Node | None) -> EnvFile | None:
        """The parsed `env_file`.

        Args:
            node: the file's name, or None.
        """
        text = self._named(node)
        if text is None or not isinstance(node, ScalarNode):
            return None
        from flows.language.dotenv import EnvFileProblem, parse_dotenv

        try:
            return EnvFile(node.text, parse_dotenv(text), position(node))
        except EnvFileProblem as problem:
            self.findings.node("flow/bad-file", node, f"{node.text}, line {problem.line}: {problem.message}")
            return None

    def data(self, node: Node | None) -> Data | None:
        """The rows under `data`.

        Args:
            node: a list of maps, or a map with `file`; or None.
        """
        if node is None:
            return None
        if isinstance(node, MapNode):
            self.reader.known_keys(node, ("file",), "'data'")
            return self._data_file(node.get("file"))
        rows: list[Template] = []
        columns: dict[str, None] = {}
        for item in self.reader.items(node):
            mapping = self.reader.mapping(item)
            if mapping is not None:
                rows.append(self.reader.template(mapping))
                columns.update(dict.fromkeys(mapping.entries))
        if not rows and not self.findings.failed:
            self.findings.node("flow/empty", node, "'data' has no rows, so nothing would run")
        return Data(tuple(rows), tuple(columns), None, position(node))

    def _data_file(self, node: Node | None) -> Data | None:
        text = self._named(node)
        if text is None or not isinstance(node, ScalarNode):
            return None
        try:
            rows = _json_rows(text) if node.text.lower().endswith(".json") else _csv_rows(text)
        except ValueError as problem:
            self.findings.node("flow/bad-file", node, f"{node.text}: {problem}")
            return None
        columns: dict[str, None] = {}
        for row in rows:
            columns.update(dict.fromkeys(row))
        # what looks like a template in a data file is text, so nothing is compiled
        return Data(tuple(Template(row, None, row) for row in rows), tuple(columns), node.text, position(node))

    def _named(self, node: Node | None) -> str | None:
        name = self.reader.text(node)
        if name is None or node is None:
            return None
        try:
            return utf8(self.files.read(name), file=name, limit=8 * 1024 * 1024)
        except NotAtHand:
            return None
        except DiagnosticsError as problem:
            self.findings.node("flow/bad-file", node, f"{name}: {problem.message}")
        except UserError as problem:
            self.findings.node("flow/missing-file", node, problem.message)
        return None

    def graph(self, node: Node | None) -> tuple[str, ...]:
        """Service names under `graph.require`.

        Args:
            node: the value of `graph`, or None.
        """
        mapping = self.reader.mapping(node)
        if mapping is None:
            return ()
        self.reader.known_keys(mapping, ("require",), "'graph'")
        found: list[str] = []
        for item in self.reader.items(mapping.get("require")):
            required = self.reader.mapping(item)
            if required is None:
                continue
            self.reader.known_keys(required, ("service",), "a requirement")
            name = self.reader.text(required.get("service"))
            if name is not None:
                found.append(name)
            elif "service" not in required.entries:
                self.findings.missing(None, required, "service", "a requirement")
        return tuple(found)

    def unnamed(self, data: Data | None, node: Node | None) -> None:
        """Reports columns that cannot be variables.

        Args:
            data: as read.
            node: where it is written.
        """
        for column in data.columns if data is not None else ():
            if not _NAME.match(column) and node is not None:
                at = _column(node, column)
                self.findings.add("flow/bad-name", at, f"'{column}' cannot be a variable's name", More(len(column)))


def _column(node: Node, column: str) -> Position:
    if isinstance(node, MapNode):
        return position(descend(node, ("file",)) or node)
    for item in getattr(node, "items", ()):
        if isinstance(item, MapNode) and column in item.entries:
            return position(item.entries[column].key)
    return position(node)


def _json_rows(text: str) -> list[dict[str, object]]:
    rows = parse_json(text)
    if not isinstance(rows, list) or not all(isinstance(row, dict) for row in rows):
        raise ValueError("a list of objects is expected")
    if not rows or len(rows) > MAX_ROWS:
        raise ValueError("it has no rows" if not rows else f"it has more than {MAX_ROWS:,} rows")
    return rows


def _csv_rows(text: str) -> list[dict[str, object]]:
    import csv

    try:
        table = list(csv.reader(text.splitlines(keepends=True), strict=True))
    except csv.Error as problem:
        raise ValueError(str(problem)) from None
    table = [row for row in table if row]
    if len(table) < 2 or len(table) > MAX_ROWS:
        raise ValueError("it has no rows" if len(table) < 2 else f"it has more than {MAX_ROWS:,} rows")
    header = [name.strip() for name in table[0]]
    if len(set(header)) != len(header):
        raise ValueError("two columns have the same name")
    return [_csv_row(header, row, number) for number, row in enumerate(table[1:], 2)]


def _csv_row(header: list[str], row: Iterable[str], number: int) -> dict[str, object]:
    cells = list(row)
    if len(cells) != len(header):
        raise ValueError(f"row {number} has {len(cells)} cells, the header has {len(header)}")
    return {name: typed_text(cell) for name, cell in zip(header, cells, strict=True)}
