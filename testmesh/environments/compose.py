"""Brings a system up with Docker Compose, finds its ports, and reads its logs, health and revisions."""

from __future__ import annotations

import json
import secrets
import threading
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from testmesh.environments import containers
from testmesh.environments.asking import trouble
from testmesh.environments.containers import Project
from testmesh.environments.deployed import Unsaid, revisions, usable
from testmesh.environments.environment import (
    UNKNOWN_REVISION,
    Addresses,
    Engine,
    Environment,
    LogLine,
    Logs,
    Reset,
)
from testmesh.environments.following import of_lines, split_lines
from testmesh.environments.resetting import reset_by_commands
from testmesh.environments.settings import EnvironmentSettings, ServiceSettings
from testmesh.environments.tailing import Unread
from testmesh.environments.templates import Names
from testmesh.kernel.clock import iso
from testmesh.kernel.errors import UnavailableError, UserError

_OTLP = "OTEL_EXPORTER_OTLP_ENDPOINT"
_LABEL = "org.opencontainers.image.revision"
_POLL_SECONDS = 0.2
_TAIL = 8


@dataclass(slots=True)
class _Up:
    """One `up`.

    Args:
        project: its containers.
        names: for `${...}`; ports as published.
        tree: where commands run.
    """

    project: Project
    names: Names
    tree: Path


class Composed:
    """The services of a compose file; one `up` at a time.

    Args:
        settings: the environment.
        folder: for the file that adds to the system's own.
        variables: where services are told to send spans; heeded when a container can reach it.
    """

    def __init__(self, settings: EnvironmentSettings, folder: Path, variables: Mapping[str, str]) -> None:
        if settings.parts:
            where = f"[environments.{settings.name}]"
            raise UserError(f"{where}: engine 'compose' starts no parts", hint="put them into the compose file")
        self._settings, self._folder, self._extra = settings, folder, dict(variables)
        self._up: _Up | None = None

    def up(self, tree: Path) -> Addresses:
        """Start every service of the file and wait until all are healthy; see :class:`Environment`."""
        if self._up is not None:
            raise UserError(f"environment '{self._settings.name}' is already up", hint="call down() first")
        names = Names(self._settings, secrets.token_hex(6))
        engines = containers.engines(tree, self._environment())
        name = f"testmesh-{secrets.token_hex(6)}"
        project = Project(engines, name, self._files(tree), self._settings.compose.profiles)
        self._up = _Up(self._added(project), names, tree)
        try:
            self._up.project.up(build=self._settings.compose.build, seconds=self._settings.compose.timeout)
            self._publish(self._up)
            for service in self._settings.services:
                self._wait(self._up, service)
        except BaseException:
            self.down()
            raise
        return Addresses(names.variables(), {})

    def _environment(self) -> dict[str, str]:
        """What the compose file may interpolate: our variables that name no port, which are not known yet."""
        plain = {name: value for name, value in self._settings.variables.items() if "${" not in value}
        return containers.environment(self._settings.inherit) | plain

    def _files(self, tree: Path) -> tuple[Path, ...]:
        files = tuple(tree / name for name in self._settings.compose.files)
        for file in files:
            if not file.is_file():
                raise UserError(f"environment '{self._settings.name}' needs {file}, which does not exist")
        return files

    def _added(self, project: Project) -> Project:
        """The project with one more file, which tells services where to send spans."""
        endpoint = self._extra.get(_OTLP, "")
        if not containers.reachable(endpoint):
            return project
        silent = {service.name for service in self._settings.services if service.otlp == "off"}
        added = containers.telemetry_file([n for n in project.services() if n not in silent], self._extra)
        self._folder.mkdir(parents=True, exist_ok=True)
        file = self._folder / "compose.testmesh.json"
        file.write_text(json.dumps(added), encoding="utf-8")
        return project.with_file(file)

    def _publish(self, up: _Up) -> None:
        found = up.project.containers()
        for service in self._settings.services:
            ports = [port for one in found if one.service == service.name for port in one.ports]
            wanted = [public for inside, public in ports if service.port in (None, inside)]
            if wanted:
                up.names.place(service.name, wanted[0])
            elif service.port is None:
                up.names.forget(service.name)
            else:
                raise UserError(
                    f"service '{service.name}' publishes no port {service.port}",
                    hint="give it 'ports' in the compose file",
                )

    def _wait(self, up: _Up, service: ServiceSettings) -> None:
        deadline = time.monotonic() + service.timeout
        for url in service.ready:
            address = up.names.fill(url)
            while reason := trouble(address):
                ended = self._ended(up, service.name)
                if ended or time.monotonic() > deadline:
                    why = ended or f"not ready after {service.timeout:.0f} s: {reason}"
                    raise UnavailableError(service.name, why, hint=self._tail(up, service.name))
                threading.Event().wait(_POLL_SECONDS)

    def _ended(self, up: _Up, service: str) -> str:
        return next((one.trouble for one in up.project.containers() if one.service == service and one.trouble), "")

    def _tail(self, up: _Up, service: str) -> str:
        try:
            lines = up.project.logs(service, "").splitlines()[-_TAIL:]
        except Unread as reason:
            return str(reason)
        return "\n  ".join(["its log ends with", *lines])

    def restart(self, services: Sequence[str]) -> bool:
        """Not a service alone: its image may have to be built anew."""
        return False

    def reset(self) -> Reset:
        """By the commands the settings name, which see the project as Docker Compose does."""
        if self._up is None:
            return Reset(done=False, not_checked=f"environment '{self._settings.name}' is not up")
        if not self._settings.reset:
            return Reset(done=False, not_checked="engine 'compose' resets nothing without 'reset' commands")
        more = {**self._environment(), **self._up.project.variables()}
        return reset_by_commands(self._settings, self._up.names, self._up.tree, more)

    def revision(self) -> str:
        """One for all, when every service says the same."""
        said = {revision for revision in self.revisions().values() if revision != UNKNOWN_REVISION}
        return said.pop() if len(said) == 1 else UNKNOWN_REVISION

    def revisions(self) -> Mapping[str, str]:
        """By the label of each image, or as the settings say."""
        if self._up is None:
            return {}
        found: dict[str, str] = {}
        wanted = {service.name: service.revision for service in self._settings.services}
        for one in self._up.project.containers():
            asked = wanted.get(one.service)
            label = asked.label if asked is not None and asked.label else _LABEL
            try:
                found[one.service] = usable(one.labels.get(label, ""))
            except Unsaid:
                found.setdefault(one.service, UNKNOWN_REVISION)
        return found | revisions(self._settings, self._up.names, self._up.tree)[0]

    def troubles(self) -> Mapping[str, str]:
        """Containers that ended, restart or are not healthy, each with its last line."""
        if self._up is None:
            return {}
        up = self._up
        return {
            one.service: f"{one.trouble}{_last(self._tail(up, one.service))}"
            for one in up.project.containers()
            if one.trouble
        }

    def logs(self, since: datetime) -> Logs:
        """What the containers printed since then.

        Args:
            since: timezone-aware.
        """
        if self._up is None:
            return Logs((), not_checked=f"environment '{self._settings.name}' is not up")
        first = iso(since)
        lines: list[LogLine] = []
        unread: list[str] = []
        for name in dict.fromkeys(one.service for one in self._up.project.containers()):
            try:
                text = self._up.project.logs(name, first)
            except Unread as reason:
                unread.append(f"{name}: {reason}")
                continue
            stamped = of_lines(split_lines(text), first)
            lines += [LogLine(name, at, line.partition(" ")[2]) for at, line in stamped if at >= first[:19]]
        lines.sort(key=lambda line: (line.at, line.service))
        return Logs(tuple(lines), not_checked="; ".join(unread) or None)

    def down(self) -> None:
        """Remove the containers, their networks and their volumes."""
        up, self._up = self._up, None
        if up is not None:
            up.project.down()


def _last(tail: str) -> str:
    line = tail.splitlines()[-1].strip() if tail else ""
    return f"; its last line: {line.partition(' ')[2]}" if line else ""


def _create(settings: EnvironmentSettings, folder: Path, variables: Mapping[str, str]) -> Environment:
    return Composed(settings, folder, variables)


ENVIRONMENT = Engine("compose", "Brings a compose file up on a Docker engine, under a project name of its own", _create)
