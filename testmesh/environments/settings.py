"""What `[environments.<name>]` of testmesh.toml may say, as frozen values with clear complaints."""

from __future__ import annotations

import difflib
import re
import shlex
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TypeVar

from testmesh.kernel.errors import UserError

_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_-]*\Z")
_REQUIREMENT = re.compile(r"(?P<program>[A-Za-z0-9_.+-]+)\s*(?:>=\s*(?P<version>\d+(?:\.\d+)*))?\Z")
_TIMEOUT_SECONDS = 30.0

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Requirement:
    """A program that must be on the path for a service to run.

    Args:
        program: its name.
        version: smallest version as numbers, empty when any will do.
    """

    program: str
    version: tuple[int, ...] = ()

    def __str__(self) -> str:
        return self.program + (">=" + ".".join(map(str, self.version)) if self.version else "")


@dataclass(frozen=True, slots=True)
class InstallSettings:
    """What has to be fetched once before a service can run; kept in a cache by the content of its inputs.

    Args:
        run: program and arguments, run in a cache folder that holds copies of the inputs.
        inputs: files relative to the service's `cwd`; their content is the cache key.
    """

    run: tuple[str, ...]
    inputs: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class ServiceSettings:
    """How one service is started and known to be ready.

    Args:
        name: the service's name in the graph.
        run: program and arguments; empty for engines that start nothing.
        ready: URL that answers below 400 once the service is ready, or None.
        cwd: folder inside the tree.
        env: its own environment variables.
        port: fixed port, or None for a free one.
        requires: programs it needs.
        install: what is fetched once, or None.
        build: program and arguments run before each start, or empty.
        timeout: seconds it may take to be ready.
    """

    name: str
    run: tuple[str, ...] = ()
    ready: str | None = None
    cwd: str = "."
    env: Mapping[str, str] | None = None
    port: int | None = None
    requires: tuple[Requirement, ...] = ()
    install: InstallSettings | None = None
    build: tuple[str, ...] = ()
    timeout: float = _TIMEOUT_SECONDS


@dataclass(frozen=True, slots=True)
class PartSettings:
    """A backing server that the environment brings along.

    Args:
        name: the part's kind: ``postgres``, ``redis``, ``kafka``.
        variable: the variable that receives its address.
        database: name of the database to create (postgres).
        migrations: glob patterns of SQL files, run once in order of their names (postgres).
        seed: glob patterns of SQL files, run after the migrations and after every reset (postgres).
        topics: topics to create, with one partition each (kafka).
    """

    name: str
    variable: str
    database: str = "app"
    migrations: tuple[str, ...] = ()
    seed: tuple[str, ...] = ()
    topics: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class EnvironmentSettings:
    """One named environment.

    Args:
        name: as in testmesh.toml.
        engine: module name of an engine in `testmesh.environments`.
        variables: what flows and services see, templates allowed.
        services: in file order.
        parts: in file order.
        inherit: names of process-environment variables that services may see beside the harmless ones.
    """

    name: str
    engine: str
    variables: Mapping[str, str]
    services: tuple[ServiceSettings, ...] = ()
    parts: tuple[PartSettings, ...] = ()
    inherit: tuple[str, ...] = ()


def from_toml(name: str, table: Mapping[str, object]) -> EnvironmentSettings:
    """The settings of `[environments.<name>]`.

    Args:
        name: the environment's name.
        table: the parsed TOML table.

    Raises:
        UserError: something is missing, misspelt or of the wrong type.
    """
    where = f"[environments.{name}]"
    reader = _Reader(where, table)
    settings = EnvironmentSettings(
        name=name,
        engine=reader.text("engine"),
        variables=reader.texts("variables"),
        services=tuple(_service(f"{where} services", n, t) for n, t in reader.tables("services")),
        parts=tuple(_part(f"{where} parts", n, t) for n, t in reader.tables("parts")),
        inherit=reader.list_of_text("inherit"),
    )
    reader.done()
    return settings


def _service(where: str, name: str, table: Mapping[str, object]) -> ServiceSettings:
    reader = _Reader(f"{where}.{name}", table)
    settings = ServiceSettings(
        name=name,
        run=reader.command("run"),
        ready=reader.text("ready", None),
        cwd=_inside(reader.text("cwd", "."), f"{where}.{name}.cwd"),
        env=reader.texts("env"),
        port=reader.port("port"),
        requires=tuple(_requirement(r, f"{where}.{name}.requires") for r in reader.list_of_text("requires")),
        install=_install(f"{where}.{name}.install", reader.table("install")),
        build=reader.command("build"),
        timeout=reader.seconds("timeout", _TIMEOUT_SECONDS),
    )
    reader.done()
    return settings


def _part(where: str, name: str, table: Mapping[str, object]) -> PartSettings:
    reader = _Reader(f"{where}.{name}", table)
    settings = PartSettings(
        name=name,
        variable=reader.text("variable"),
        database=reader.text("database", "app"),
        migrations=_inside_all(reader.list_of_text("migrations"), f"{where}.{name}.migrations"),
        seed=_inside_all(reader.list_of_text("seed"), f"{where}.{name}.seed"),
        topics=reader.list_of_text("topics"),
    )
    reader.done()
    return settings


def _install(where: str, table: Mapping[str, object] | None) -> InstallSettings | None:
    if table is None:
        return None
    reader = _Reader(where, table)
    settings = InstallSettings(
        run=reader.command("run"), inputs=_inside_all(reader.list_of_text("inputs"), f"{where}.inputs")
    )
    reader.done()
    if not settings.run or not settings.inputs:
        raise UserError(f"testmesh.toml {where} needs both 'run' and 'inputs'")
    return settings


def _requirement(text: str, where: str) -> Requirement:
    match = _REQUIREMENT.match(text.strip())
    if match is None:
        raise UserError(f"testmesh.toml {where}: '{text}' is not a requirement", hint='write "node" or "node>=20"')
    version = match["version"]
    return Requirement(match["program"], tuple(int(n) for n in version.split(".")) if version else ())


def _inside(path: str, where: str) -> str:
    if path.startswith(("/", "~")) or ".." in path.split("/"):
        raise UserError(f"testmesh.toml {where}: '{path}' leaves the tree", hint="use a path below testmesh.toml")
    return path


def _inside_all(paths: tuple[str, ...], where: str) -> tuple[str, ...]:
    return tuple(_inside(path, where) for path in paths)


_REQUIRED = object()


class _Reader:
    """Takes keys out of one TOML table, checks their type, and complains about what is left over."""

    def __init__(self, where: str, table: Mapping[str, object]) -> None:
        self._where = where
        self._table = table
        self._known: list[str] = []

    def text(self, key: str, default: object = _REQUIRED) -> str:
        value = self._take(key)
        if value is None:
            if default is _REQUIRED:
                raise UserError(f"testmesh.toml {self._where} has no '{key}'")
            return default  # type: ignore[return-value]
        return self._typed(key, value, str, "text")

    def port(self, key: str) -> int | None:
        value = self._take(key)
        if value is None:
            return None
        number = self._typed(key, value, int, "a port number")
        if not 1 <= number <= 65535:
            raise UserError(f"testmesh.toml {self._where}.{key}: {number} is not a port number")
        return number

    def seconds(self, key: str, default: float) -> float:
        value = self._take(key)
        if value is None:
            return default
        if isinstance(value, bool) or not isinstance(value, int | float) or value <= 0:
            raise UserError(f"testmesh.toml {self._where}.{key} must be a number of seconds")
        return float(value)

    def command(self, key: str) -> tuple[str, ...]:
        value = self._take(key)
        if value is None:
            return ()
        if isinstance(value, list):
            return self._texts_of(key, value)
        text = self._typed(key, value, str, "text or a list of texts")
        try:
            return tuple(shlex.split(text))
        except ValueError as e:
            raise UserError(f"testmesh.toml {self._where}.{key}: {e}") from e

    def list_of_text(self, key: str) -> tuple[str, ...]:
        value = self._take(key)
        return () if value is None else self._texts_of(key, self._typed(key, value, list, "a list of texts"))

    def texts(self, key: str) -> Mapping[str, str]:
        table = self.table(key) or {}
        return {self._name(n): self._scalar(f"{key}.{n}", v) for n, v in table.items()}

    def table(self, key: str) -> Mapping[str, object] | None:
        value = self._take(key)
        return None if value is None else self._typed(key, value, dict, "a table")

    def tables(self, key: str) -> list[tuple[str, Mapping[str, object]]]:
        table = self.table(key) or {}
        return [(self._name(n), self._typed(f"{key}.{n}", v, dict, "a table")) for n, v in table.items()]

    def done(self) -> None:
        for key in self._table:
            if key not in self._known:
                near = difflib.get_close_matches(key, self._known, 1)
                hint = f"did you mean '{near[0]}'?" if near else f"known keys: {', '.join(sorted(self._known))}"
                raise UserError(f"testmesh.toml {self._where} has an unknown key '{key}'", hint=hint)

    def _take(self, key: str) -> object | None:
        self._known.append(key)
        return self._table.get(key)

    def _name(self, name: str) -> str:
        if not _NAME.match(name):
            raise UserError(f"testmesh.toml {self._where}: '{name}' is not a name")
        return name

    def _scalar(self, key: str, value: object) -> str:
        if isinstance(value, bool):
            return "true" if value else "false"
        if isinstance(value, int | float):
            return str(value)
        return self._typed(key, value, str, "text")

    def _texts_of(self, key: str, values: list[object]) -> tuple[str, ...]:
        return tuple(self._typed(key, v, str, "a list of texts") for v in values)

    def _typed(self, key: str, value: object, kind: type[T], words: str) -> T:
        if not isinstance(value, kind) or (kind is int and isinstance(value, bool)):
            raise UserError(f"testmesh.toml {self._where}.{key} must be {words}")
        return value
