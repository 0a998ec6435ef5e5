"""testmesh.toml on disk: read with positions in its errors, and extended without touching what people wrote."""

from __future__ import annotations

import difflib
import tomllib
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from testmesh.kernel.diagnostics import Diagnostic
from testmesh.kernel.errors import DiagnosticsError, UserError
from testmesh.workspaces.records import DeclaredEdge, DeclaredService, Project

FILE = "testmesh.toml"
MAX_BYTES = 1 << 20
TABLES = ("services", "edges", "ignore", "environments", "telemetry", "models", "flows", "project", "shell")


def find_root(start: Path) -> Path:
    """The nearest folder upwards that has a testmesh.toml or a .git, else `start` itself.

    Args:
        start: an existing folder.

    Raises:
        UserError: `start` is not a folder.
    """
    folder = start.resolve()
    if not folder.is_dir():
        raise UserError(f"{start} is not a folder", hint="give the path of a repository")
    for candidate in (folder, *folder.parents):
        if (candidate / FILE).is_file() or (candidate / ".git").exists():
            return candidate
    return folder


def load_project(start: Path) -> Project:
    """A repository's settings; defaults when it has no testmesh.toml.

    Args:
        start: a folder inside the repository.

    Raises:
        UserError: `start` is not a folder.
        DiagnosticsError: testmesh.toml is malformed.
    """
    root = find_root(start)
    path = root / FILE
    if not path.is_file():
        return Project(root, root.name)
    text = _read(path)
    return parse_project(text, root, path)


def _read(path: Path) -> str:
    try:
        data = path.read_bytes()
    except OSError as error:
        raise UserError(f"{path} cannot be read: {error.strerror}", hint="give it read permission") from error
    if len(data) > MAX_BYTES:
        raise UserError(f"{path} is larger than {MAX_BYTES} bytes", hint="settings belong there, not data")
    try:
        return data.decode("utf-8")
    except UnicodeDecodeError as error:
        line = data[: error.start].count(b"\n") + 1
        raise DiagnosticsError([Diagnostic(str(path), line, 1, "toml/encoding", "this is not UTF-8")]) from error


def parse_project(text: str, root: Path, path: Path) -> Project:
    """The settings in a testmesh.toml.

    Args:
        text: the file's content.
        root: the repository's top folder.
        path: shown in errors.

    Raises:
        DiagnosticsError: not TOML, an unknown table, or a wrong type.
    """
    try:
        data = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise DiagnosticsError([_syntax(error, text, path)]) from error
    reader = _Reader(data, text, str(path))
    reader.only(data, TABLES, "")
    project = reader.table("project")
    return Project(
        root=root,
        name=str(project.get("name", root.name)),
        services=tuple(reader.service(name, body) for name, body in reader.table("services").items()),
        edges=tuple(reader.edge(body) for body in reader.tables("edges")),
        ignore=tuple(reader.text(body, "match", "ignore") for body in reader.tables("ignore")),
        environments=reader.table("environments"),
        telemetry=reader.table("telemetry"),
        models=reader.table("models"),
        flows=reader.texts(reader.table("flows"), "paths", "flows"),
        shell=reader.shell(),
        file=path,
    )


def _syntax(error: tomllib.TOMLDecodeError, text: str, path: Path) -> Diagnostic:
    message = str(error)
    line, column = text.count("\n") + 1, 1
    if "(at line " in message:
        place = message.rsplit("(at line ", 1)[1].rstrip(")")
        line_text, _, column_text = place.partition(", column ")
        line, column = int(line_text), int(column_text)
    return Diagnostic(str(path), line, column, "toml/syntax", message.split(" (at ", maxsplit=1)[0])


class _Reader:
    """Typed access to parsed TOML with the line of the key in every complaint."""

    def __init__(self, data: Mapping[str, Any], text: str, file: str) -> None:
        self._data, self._text, self._file = data, text, file

    def fail(self, key: str, message: str, suggestion: str | None = None) -> DiagnosticsError:
        """An error at the first line that mentions `key`."""
        for number, line in enumerate(self._text.splitlines(), 1):
            column = line.find(key)
            if column >= 0 and not line.lstrip().startswith("#"):
                place = (number, column + 1)
                break
        else:
            place = (1, 1)
        diagnostic = Diagnostic(self._file, *place, "toml/settings", message, suggestion=suggestion, length=len(key))
        return DiagnosticsError([diagnostic])

    def only(self, table: Mapping[str, Any], allowed: tuple[str, ...], where: str) -> None:
        """Refuse keys that are not in `allowed`."""
        for key in table:
            if key not in allowed:
                near = difflib.get_close_matches(key, allowed, 1)
                raise self.fail(key, f"unknown key '{key}'{where}", near[0] if near else None)

    def shell(self) -> tuple[str, ...] | None:
        """Variables that shell steps may see; None when they are not allowed."""
        table = self.table("shell")
        self.only(table, ("allow", "env"), " in [shell]")
        if not isinstance(table.get("allow", False), bool):
            raise self.fail("allow", "'allow' must be true or false")
        return self.texts(table, "env", "shell") if table.get("allow") is True else None

    def table(self, name: str) -> Mapping[str, Any]:
        """A table, empty when absent."""
        value = self._data.get(name, {})
        if not isinstance(value, dict):
            raise self.fail(name, f"'{name}' must be a table")
        return value

    def tables(self, name: str) -> list[Mapping[str, Any]]:
        """An array of tables, empty when absent."""
        value = self._data.get(name, [])
        if not isinstance(value, list) or not all(isinstance(v, dict) for v in value):
            raise self.fail(name, f"'{name}' must be written [[{name}]]")
        return value

    def text(self, table: Mapping[str, Any], key: str, where: str, default: str | None = None) -> str:
        """A text; required when there is no default."""
        value = table.get(key, default)
        if not isinstance(value, str):
            problem = "is missing" if value is None else "must be a text"
            raise self.fail(key if key in table else where, f"'{key}' of '{where}' {problem}")
        return value

    def texts(self, table: Mapping[str, Any], key: str, where: str) -> tuple[str, ...]:
        """A list of texts, empty when absent."""
        value = table.get(key, [])
        if not isinstance(value, list) or not all(isinstance(v, str) for v in value):
            raise self.fail(key, f"'{key}' of '{where}' must be a list of texts")
        return tuple(value)

    def service(self, name: str, body: object) -> DeclaredService:
        """One `[services.NAME]` table."""
        if not isinstance(body, dict):
            raise self.fail(name, f"'services.{name}' must be a table")
        self.only(body, ("root", "hosts"), f" in [services.{name}]")
        root = self.text(body, "root", name, "").strip("/")
        if root.startswith("..") or "/../" in f"/{root}/":
            raise self.fail("root", f"the root of service '{name}' leaves the repository")
        return DeclaredService(name, root, self.texts(body, "hosts", name))

    def edge(self, body: Mapping[str, Any]) -> DeclaredEdge:
        """One `[[edges]]` table."""
        self.only(body, ("from", "to", "why"), " in [[edges]]")
        return DeclaredEdge(
            self.text(body, "from", "edges"), self.text(body, "to", "edges"), self.text(body, "why", "edges")
        )


def write_annotations(root: Path, change: Callable[[str], str]) -> Path:
    """Change testmesh.toml, written whole or not at all.

    Args:
        root: the repository's top folder.
        change: gives the new text of the old one.

    Raises:
        DiagnosticsError: the file would no longer be valid with them; nothing is written.
        UserError: the disk is full or the folder cannot be written; nothing is changed.
    """
    path = root / FILE
    before = _read(path) if path.is_file() else ""
    after = change(before)
    parse_project(after, root, path)
    temporary = path.with_name(FILE + ".new")
    try:
        temporary.write_text(after, encoding="utf-8", newline="")
        temporary.replace(path)
    except OSError as error:
        temporary.unlink(missing_ok=True)
        raise UserError(f"cannot write {path}: {error.strerror}; it is unchanged",
                        hint="free disk space, or give the folder write permission") from error  # fmt: skip
    return path
