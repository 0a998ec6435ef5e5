"""The seam between TestMesh and a system under test: start it, find it, put it back, read its logs, stop it."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Protocol

from testmesh.environments.settings import EnvironmentSettings
from testmesh.kernel.discovery import declared_one, module_names, third_party
from testmesh.kernel.errors import UserError

UNKNOWN_REVISION = "unknown"


@dataclass(frozen=True, slots=True)
class Addresses:
    """Where the system under test is.

    Args:
        variables: what flows need to reach it (`ORDERS_URL`, `DATABASE_URL`, ...).
        unavailable: services that were not started, with the reason; their flows cannot run.
    """

    variables: Mapping[str, str]
    unavailable: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class LogLine:
    """One line a service printed.

    Args:
        service: the service's name.
        at: when it was printed, RFC 3339 UTC with milliseconds.
        text: the line.
    """

    service: str
    at: str
    text: str


@dataclass(frozen=True, slots=True)
class Logs:
    """What the services printed.

    Args:
        lines: in order of time, ties by service.
        not_checked: why there are none, when this engine cannot read logs.
    """

    lines: tuple[LogLine, ...]
    not_checked: str | None = None


@dataclass(frozen=True, slots=True)
class Reset:
    """Whether the system's data are as they were after `up`.

    Args:
        done: they are.
        not_checked: why they may not be, when this engine cannot reset.
    """

    done: bool
    not_checked: str | None = None


class Environment(Protocol):
    """A system under test."""

    def up(self, tree: Path) -> Addresses:
        """Bring the system in this folder up, or find it; returns when every service is ready.

        Args:
            tree: folder with the system's files.

        Raises:
            UserError: the settings do not fit the tree.
            UnavailableError: something did not start; nothing is left running.
        """
        ...

    def restart(self, services: Sequence[str]) -> bool:
        """Start services anew with the tree as it is now, on the same addresses and data.

        Args:
            services: names of its services.

        Returns:
            Whether this engine can.

        Raises:
            UnavailableError: one did not start; the environment should be brought down.
        """
        ...

    def reset(self) -> Reset:
        """Put the data back to where they were after `up`, without restarting anything."""
        ...

    def revision(self) -> str:
        """What is deployed: a commit, a commit and `+` and a digest of uncommitted changes, or `unknown`."""
        ...

    def revisions(self) -> Mapping[str, str]:
        """What is deployed, by service, where services differ or can be asked; asking again tells a change."""
        ...

    def troubles(self) -> Mapping[str, str]:
        """What happened to services since `up` that a failure may come from, a clause by service; asks, not waits."""
        ...

    def logs(self, since: datetime) -> Logs:
        """What the services printed from then on.

        Args:
            since: timezone-aware.
        """
        ...

    def down(self) -> None:
        """Stop everything that `up` started; harmless when nothing runs."""
        ...


@dataclass(frozen=True, slots=True)
class Engine:
    """A way to have a system under test, declared as `ENVIRONMENT` by one module of this package.

    Args:
        name: the word after `engine =` in testmesh.toml.
        summary: one sentence for people.
        create: settings, a folder for logs and scratch files, and extra variables for every service.
    """

    name: str
    summary: str
    create: Callable[[EnvironmentSettings, Path, Mapping[str, str]], Environment]


def open_environment(
    settings: EnvironmentSettings, folder: Path, variables: Mapping[str, str] | None = None
) -> Environment:
    """The environment of these settings, not yet up.

    Args:
        settings: one environment of testmesh.toml.
        folder: existing or new folder for logs and scratch files, outside the tree.
        variables: extra process-environment variables for every service, such as `OTEL_EXPORTER_OTLP_ENDPOINT`.

    Raises:
        UserError: no engine has that name.
    """
    package = "testmesh.environments"
    engine = declared_one(package, settings.engine, "ENVIRONMENT", Engine)
    engine = engine or third_party(package, settings.engine, Engine)
    if engine is None:
        known = [n for n in module_names(package) if declared_one(package, n, "ENVIRONMENT", Engine)]
        raise UserError(
            f"[environments.{settings.name}] asks for engine '{settings.engine}', which does not exist",
            hint=f"engines: {', '.join(known)}",
        )
    return engine.create(settings, folder, variables or {})
