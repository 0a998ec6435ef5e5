"""Runs a system under test as plain processes on free loopback ports, with its backing servers brought along."""

from __future__ import annotations

import re
import secrets
import threading
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from functools import partial
from pathlib import Path

from testmesh.environments import installing, logs
from testmesh.environments.asking import trouble
from testmesh.environments.deployed import revisions
from testmesh.environments.environment import UNKNOWN_REVISION, Addresses, Engine, Environment, Logs, Reset
from testmesh.environments.launching import Launcher, harmless_environment, require_free, together
from testmesh.environments.parts.part import Part, Place, RunningPart
from testmesh.environments.resetting import reset_by_commands
from testmesh.environments.revisions import revision_of
from testmesh.environments.settings import EnvironmentSettings, PartSettings, ServiceSettings
from testmesh.environments.templates import Names
from testmesh.guard import process
from testmesh.guard.process import Command
from testmesh.kernel.discovery import declared_one, module_names
from testmesh.kernel.errors import UnavailableError, UserError

_PARTS = "testmesh.environments.parts"
_BUILD_SECONDS = 120.0
_OTLP, _OTLP_GRPC = "OTEL_EXPORTER_OTLP_ENDPOINT", "TESTMESH_OTLP_GRPC_ENDPOINT"
_FILE_NAME = re.compile(r"[^A-Za-z0-9_-]")


class Processes:
    """The services of one tree as processes; one `up` at a time.

    Args:
        settings: the environment.
        folder: for logs and scratch files.
        variables: extra process-environment variables for every service.
    """

    def __init__(self, settings: EnvironmentSettings, folder: Path, variables: Mapping[str, str]) -> None:
        self._settings = settings
        self._folder = folder
        self._extra = dict(variables)
        self._up: _Instance | None = None
        self._parts: dict[str, RunningPart] = {}
        self._revision = UNKNOWN_REVISION

    def up(self, tree: Path) -> Addresses:
        """Start parts, then services, each on a free port; see :class:`Environment`."""
        if self._up is not None:
            raise UserError(f"environment '{self._settings.name}' is already up", hint="call down() first")
        if not tree.is_dir():
            raise UserError(f"there is no folder {tree}")
        instance = _Instance(self._settings, self._folder, tree.resolve(), self._extra)
        self._up = instance
        try:
            return self._started(instance)
        except BaseException:
            self.down()
            raise

    def _started(self, instance: _Instance) -> Addresses:
        unavailable = instance.unavailable()
        wanted = [s for s in self._settings.services if s.name not in unavailable]
        for service in wanted:
            require_free(instance.names.ports[service.name], service.name)
        tasks: dict[str, Callable[[], object]] = {"revision": partial(self._note_revision, instance.tree)}
        tasks |= {f"part {p.name}": partial(self._start_part, instance, p) for p in self._settings.parts}
        tasks |= {f"build {s.name}": partial(self._prepare, instance, s, unavailable) for s in wanted}
        together(tasks)
        together({s.name: partial(instance.start, s) for s in wanted if s.name not in unavailable})
        return Addresses(instance.names.variables(), unavailable)

    def restart(self, services: Sequence[str]) -> bool:
        """Stop, build and start some services; parts keep running and keep their data."""
        instance = self._up
        if instance is None:
            return False
        wanted = [service for service in self._settings.services if service.name in services]
        instance.launcher.stop([service.name for service in wanted])
        tasks: dict[str, Callable[[], object]] = {"revision": partial(self._note_revision, instance.tree)}
        together(tasks | {service.name: partial(instance.again, service) for service in wanted})
        return True

    def _note_revision(self, tree: Path) -> None:
        self._revision = revision_of(tree)

    def _prepare(self, instance: _Instance, service: ServiceSettings, unavailable: dict[str, str]) -> None:
        """A service whose packages cannot be fetched is not there; one that does not build is broken."""
        try:
            instance.install(service)
        except UnavailableError as e:
            unavailable[service.name] = f"its packages cannot be installed: {e.message}"
        else:
            instance.build(service)

    def _start_part(self, instance: _Instance, settings: PartSettings) -> None:
        part = declared_one(_PARTS, settings.name, "PART", Part)
        if part is None:
            known = [n for n in module_names(_PARTS) if declared_one(_PARTS, n, "PART", Part)]
            raise UserError(f"there is no part called '{settings.name}'", hint=f"parts: {', '.join(known)}")
        running = part.start(settings, instance.place)
        self._parts[settings.name] = running
        instance.names.define(settings.variable, running.address)

    def reset(self) -> Reset:
        """Reset every part side by side; services keep running."""
        if self._up is None:
            return Reset(done=False, not_checked=f"environment '{self._settings.name}' is not up")
        together({name: part.reset for name, part in self._parts.items()})
        return reset_by_commands(self._settings, self._up.names, self._up.tree)

    def revision(self) -> str:
        """What the tree was when it came up."""
        return self._revision

    def revisions(self) -> Mapping[str, str]:
        """The tree's for every service, but for those that are asked themselves."""
        every = {service.name: self._revision for service in self._settings.services}
        return every if self._up is None else every | revisions(self._settings, self._up.names, self._up.tree)[0]

    def troubles(self) -> Mapping[str, str]:
        """Services and parts that ended by themselves."""
        return {} if self._up is None else self._up.launcher.ended()

    def logs(self, since: datetime) -> Logs:
        """What services and parts printed, also after `down`."""
        return logs.read(self._folder / "logs", since)

    def down(self) -> None:
        """End the services while their parts still answer, then the parts, then remove what is left of them."""
        instance, self._up = self._up, None
        if instance is None:
            return
        instance.launcher.stop([service.name for service in self._settings.services])
        instance.launcher.stop_all()
        parts, self._parts = self._parts, {}
        together({name: part.close for name, part in parts.items()})


class _Instance:
    """One `up`: its mark, ports, programs and scratch folders."""

    def __init__(self, settings: EnvironmentSettings, folder: Path, tree: Path, extra: Mapping[str, str]) -> None:
        mark = secrets.token_hex(6)
        self.tree = tree
        self.names = Names(settings, mark)
        self._settings = settings
        self._extra = extra
        self._scratch = folder / "scratch" / mark
        self._local: dict[str, dict[str, str]] = {}
        self._lock = threading.Lock()
        for path in (folder / "logs", self._scratch):
            path.mkdir(parents=True, exist_ok=True)
        logs.forget(folder / "logs")
        self.launcher = Launcher(mark, folder / "logs")
        self.launcher.own(self._scratch)
        self.place = Place(tree, self._scratch, self.launcher, mark)

    def unavailable(self) -> dict[str, str]:
        """Services whose requirements do not hold here, with the reason."""
        reasons: dict[str, str] = {}
        for service in self._settings.services:
            for requirement in service.requires:
                reason = installing.missing(requirement)
                if reason is not None:
                    reasons.setdefault(service.name, reason)
        return reasons

    def install(self, service: ServiceSettings) -> None:
        """Fetch what one service needs, outside the tree."""
        state = self._scratch / _FILE_NAME.sub("_", service.name)
        state.mkdir(parents=True, exist_ok=True)
        local = {"STATE": str(state)}
        folder = self._folder_of(service)
        if service.install is not None:
            argv = self._filled(service.install.run, local)
            local["INSTALL"] = str(installing.installed(service.install, folder, argv))
        self._local[service.name] = local

    def build(self, service: ServiceSettings) -> None:
        """Build one service, outside the tree."""
        if not service.build:
            return
        local, folder = self._local[service.name], self._folder_of(service)
        argv = self._filled(service.build, local)
        env = {**harmless_environment(self._settings.inherit), **self._own(service, local)}
        done = process.run(Command(argv, cwd=folder, env=env, timeout=_BUILD_SECONDS))
        if not done.ok:
            raise UnavailableError(service.name, f"its build failed: {done.complaint()}", hint=" ".join(argv))

    def again(self, service: ServiceSettings) -> None:
        """Build and start a service that was stopped; one that could not be had before may be now."""
        self.install(service)
        self.build(service)
        require_free(self.names.ports[service.name], service.name)
        self.start(service)

    def start(self, service: ServiceSettings) -> None:
        """Start one service and wait until it answers."""
        if not service.run:
            raise UserError(f"service '{service.name}' has no 'run' in [environments.{self._settings.name}]")
        local = self._local[service.name]
        port = self.names.ports[service.name]
        env = {
            **harmless_environment(self._settings.inherit),
            **self._telemetry(service),
            **self.names.variables(),
            "PORT": str(port),
            "PYTHONUNBUFFERED": "1",
            **self._own(service, local),
        }
        argv = self._filled(service.run, local)
        self.launcher.start(service.name, Command(argv, cwd=self._folder_of(service), env=env))
        ready = [self.names.fill(url, local) for url in service.ready]
        troubles = partial(map, trouble, ready)
        self.launcher.wait(
            service.name, lambda: not any(troubles()), service.timeout, lambda: next(filter(None, troubles()), "")
        )

    def _telemetry(self, service: ServiceSettings) -> dict[str, str]:
        """Where a service is told to send its spans, in the protocol it speaks."""
        told = {name: value for name, value in self._extra.items() if name != _OTLP_GRPC}
        if service.otlp == "off":
            return {name: value for name, value in told.items() if not name.startswith("OTEL_")}
        if service.otlp == "grpc" and _OTLP_GRPC in self._extra:
            told |= {_OTLP: self._extra[_OTLP_GRPC], "OTEL_EXPORTER_OTLP_PROTOCOL": "grpc"}
        return told

    def _own(self, service: ServiceSettings, local: Mapping[str, str]) -> dict[str, str]:
        return {n: self.names.fill(v, local) for n, v in (service.env or {}).items()}

    def _filled(self, argv: tuple[str, ...], local: Mapping[str, str]) -> tuple[str, ...]:
        return tuple(self.names.fill(word, local) for word in argv)

    def _folder_of(self, service: ServiceSettings) -> Path:
        folder = (self.tree / service.cwd).resolve()
        if not folder.is_relative_to(self.tree):
            raise UserError(f"the folder of service '{service.name}' leads out of {self.tree}")
        if not folder.is_dir():
            raise UserError(f"service '{service.name}' has no folder '{service.cwd}' in {self.tree}")
        return folder


def _create(settings: EnvironmentSettings, folder: Path, variables: Mapping[str, str]) -> Environment:
    return Processes(settings, folder, variables)


ENVIRONMENT = Engine("processes", "Starts commands from testmesh.toml on free loopback ports", _create)
