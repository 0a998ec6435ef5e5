"""What `[environments.<name>]` of testmesh.toml may say, as frozen values with clear complaints."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field

from testmesh.environments.reading import Reader

_REQUIREMENT = re.compile(r"(?P<program>[A-Za-z0-9_.+-]+)\s*(?:>=\s*(?P<version>\d+(?:\.\d+)*))?\Z")
_TIMEOUT_SECONDS = 30.0
_UP_SECONDS = 120.0
OTLP = ("http", "grpc", "off")
ATTRIBUTES = ("service.version", "vcs.ref.head.revision", "vcs.repository.ref.revision", "git.commit.sha")
_LOGS = ("file", "command", "container")
_REVISIONS = ("url", "command", "attribute", "label")


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
class LogSettings:
    """Where the lines of a service are that we did not start; exactly one of the three.

    Args:
        file: path, absolute or below the tree.
        command: prints the lines since `${since}` (RFC 3339) or `${since_unix}` and ends.
        container: name of a container, for `docker logs`.
    """

    file: str = ""
    command: tuple[str, ...] = ()
    container: str = ""


@dataclass(frozen=True, slots=True)
class RevisionSettings:
    """Where the deployed revision of a service is said; exactly one of the four.

    Args:
        url: an address that says it.
        path: where in its JSON (``$.git.commit``); the whole body as text when empty.
        header: the response header that says it, instead of the body.
        command: prints it.
        attribute: resource attribute of the service's spans, such as ``vcs.ref.head.revision``.
        label: label of the container's image.
    """

    url: str = ""
    path: str = ""
    header: str = ""
    command: tuple[str, ...] = ()
    attribute: str = ""
    label: str = ""


@dataclass(frozen=True, slots=True)
class ComposeSettings:
    """How the `compose` engine brings a system up.

    Args:
        files: compose files, relative to the tree; Docker's own defaults when empty.
        profiles: to activate.
        build: build images first.
        timeout: seconds until every service is healthy.
    """

    files: tuple[str, ...] = ()
    profiles: tuple[str, ...] = ()
    build: bool = False
    timeout: float = _UP_SECONDS


@dataclass(frozen=True, slots=True)
class ServiceSettings:
    """How one service is started, or found, and known to be ready.

    Args:
        name: the service's name in the graph.
        run: program and arguments; empty for engines that start nothing.
        ready: URLs that answer below 400 once the service (each instance of it) is ready; empty = not asked.
        cwd: folder inside the tree.
        env: its own environment variables.
        port: fixed port, or None for a free one; for `compose` the port inside the container.
        requires: programs it needs.
        install: what is fetched once, or None.
        build: program and arguments run before each start, or empty.
        timeout: seconds it may take to be ready.
        otlp: how it sends spans: http, grpc or off.
        logs: where its lines are, or None.
        revision: where its deployed revision is said, or None.
    """

    name: str
    run: tuple[str, ...] = ()
    ready: tuple[str, ...] = ()
    cwd: str = "."
    env: Mapping[str, str] | None = None
    port: int | None = None
    requires: tuple[Requirement, ...] = ()
    install: InstallSettings | None = None
    build: tuple[str, ...] = ()
    timeout: float = _TIMEOUT_SECONDS
    otlp: str = "http"
    logs: LogSettings | None = None
    revision: RevisionSettings | None = None


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
        reset: commands that put the data back, in order.
        compose: for the engine of that name.
        telemetry: instead of `[telemetry]` here, as written.
    """

    name: str
    engine: str
    variables: Mapping[str, str]
    services: tuple[ServiceSettings, ...] = ()
    parts: tuple[PartSettings, ...] = ()
    inherit: tuple[str, ...] = ()
    reset: tuple[tuple[str, ...], ...] = ()
    compose: ComposeSettings = ComposeSettings()
    telemetry: Mapping[str, object] = field(default_factory=dict)


def from_toml(name: str, table: Mapping[str, object]) -> EnvironmentSettings:
    """The settings of `[environments.<name>]`.

    Args:
        name: the environment's name.
        table: the parsed TOML table.

    Raises:
        SettingError: something is missing, misspelt or of the wrong type.
    """
    reader = Reader(("environments", name), table)
    settings = EnvironmentSettings(
        name=name,
        engine=reader.text("engine"),
        variables=reader.texts("variables"),
        services=tuple(_service(n, r) for n, r in reader.tables("services")),
        parts=tuple(_part(n, r) for n, r in reader.tables("parts")),
        inherit=reader.list_of_text("inherit"),
        reset=reader.commands("reset"),
        compose=_compose(reader),
        telemetry=reader.table("telemetry") or {},
    )
    reader.done()
    return settings


def _service(name: str, reader: Reader) -> ServiceSettings:
    settings = ServiceSettings(
        name=name,
        run=reader.command("run"),
        ready=reader.one_or_more("ready"),
        cwd=_inside(reader, "cwd", reader.text("cwd", ".")),
        env=reader.texts("env"),
        port=reader.port("port"),
        requires=tuple(_requirement(reader, text) for text in reader.list_of_text("requires")),
        install=_install(reader),
        build=reader.command("build"),
        timeout=reader.seconds("timeout", _TIMEOUT_SECONDS),
        otlp=reader.choice("otlp", OTLP, "http"),
        logs=_logs(reader),
        revision=_revision(reader),
    )
    reader.done()
    return settings


def _part(name: str, reader: Reader) -> PartSettings:
    settings = PartSettings(
        name=name,
        variable=reader.text("variable"),
        database=reader.text("database", "app"),
        migrations=_inside_all(reader, "migrations"),
        seed=_inside_all(reader, "seed"),
        topics=reader.list_of_text("topics"),
    )
    reader.done()
    return settings


def _install(reader: Reader) -> InstallSettings | None:
    table = reader.table("install")
    if table is None:
        return None
    inner = reader.below("install", table)
    settings = InstallSettings(run=inner.command("run"), inputs=_inside_all(inner, "inputs"))
    inner.done()
    if not settings.run or not settings.inputs:
        raise inner.fail("", " needs both 'run' and 'inputs'")
    return settings


def _compose(reader: Reader) -> ComposeSettings:
    table = reader.table("compose")
    if table is None:
        return ComposeSettings()
    inner = reader.below("compose", table)
    settings = ComposeSettings(
        files=_inside_all(inner, "files"),
        profiles=inner.list_of_text("profiles"),
        build=inner.flag("build"),
        timeout=inner.seconds("timeout", _UP_SECONDS),
    )
    inner.done()
    return settings


def _logs(reader: Reader) -> LogSettings | None:
    table = reader.table("logs")
    if table is None:
        return None
    inner = reader.below("logs", table)
    settings = LogSettings(inner.text("file", ""), inner.command("command"), inner.text("container", ""))
    inner.done()
    _exactly_one(inner, table, _LOGS)
    return settings


def _revision(reader: Reader) -> RevisionSettings | None:
    table = reader.table("revision")
    if table is None:
        return None
    inner = reader.below("revision", table)
    texts = {key: inner.text(key, "") for key in ("url", "path", "header", "attribute", "label")}
    settings = RevisionSettings(command=inner.command("command"), **texts)
    inner.done()
    _exactly_one(inner, table, _REVISIONS)
    if settings.attribute and settings.attribute not in ATTRIBUTES:
        raise inner.fail("attribute", f": '{settings.attribute}' is not kept", f"one of {', '.join(ATTRIBUTES)}")
    for key in ("path", "header"):
        if key in table and "url" not in table:
            raise inner.fail(key, " needs 'url'")
    if settings.path and settings.header:
        raise inner.fail("header", ": 'path' and 'header' exclude each other")
    return settings


def _exactly_one(reader: Reader, table: Mapping[str, object], keys: tuple[str, ...]) -> None:
    if sum(key in table for key in keys) != 1:
        raise reader.fail("", f" needs exactly one of {', '.join(keys)}")


def _requirement(reader: Reader, text: str) -> Requirement:
    match = _REQUIREMENT.match(text.strip())
    if match is None:
        raise reader.fail("requires", f": '{text}' is not a requirement", 'write "node" or "node>=20"')
    version = match["version"]
    return Requirement(match["program"], tuple(int(n) for n in version.split(".")) if version else ())


def _inside(reader: Reader, key: str, path: str) -> str:
    if path.startswith(("/", "~")) or ".." in path.split("/"):
        raise reader.fail(key, f": '{path}' leaves the tree", "use a path below testmesh.toml")
    return path


def _inside_all(reader: Reader, key: str) -> tuple[str, ...]:
    return tuple(_inside(reader, key, path) for path in reader.list_of_text(key))
