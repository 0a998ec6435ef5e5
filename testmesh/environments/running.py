"""A system under test that somebody else runs: its addresses are known, nothing else is ours to touch."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from pathlib import Path
from urllib.parse import urlsplit

from testmesh.environments.environment import UNKNOWN_REVISION, Addresses, Engine, Environment, Logs, Reset
from testmesh.environments.launching import listening
from testmesh.environments.settings import EnvironmentSettings
from testmesh.environments.templates import Names
from testmesh.kernel.errors import UserError

_DEFAULT_PORTS = {"http": 80, "https": 443}


class RunningElsewhere:
    """Addresses only.

    Args:
        settings: the environment.
    """

    def __init__(self, settings: EnvironmentSettings) -> None:
        if settings.parts:
            raise UserError(f"[environments.{settings.name}]: engine 'running' starts no parts", hint="use 'processes'")
        self._settings = settings

    def up(self, tree: Path) -> Addresses:
        """Look whether every service with a `ready` address can be reached.

        Args:
            tree: not used; what is deployed was decided elsewhere.
        """
        names = Names(self._settings, "running")
        reasons: dict[str, str] = {}
        for service in self._settings.services:
            if service.ready is not None:
                url = urlsplit(names.fill(service.ready))
                port = url.port or _DEFAULT_PORTS.get(url.scheme, 80)
                if not listening(port, url.hostname or ""):
                    reasons[service.name] = f"nothing answers at {url.hostname}:{port}"
        return Addresses(names.variables(), reasons)

    def reset(self) -> Reset:
        """Never: the data are not ours."""
        return Reset(done=False, not_checked="engine 'running' cannot reset data that others own")

    def revision(self) -> str:
        """Not known from outside."""
        return UNKNOWN_REVISION

    def logs(self, since: datetime) -> Logs:
        """Not reachable from here."""
        return Logs((), not_checked="engine 'running' cannot read the services' logs")

    def down(self) -> None:
        """Nothing was started."""


def _create(settings: EnvironmentSettings, folder: Path, variables: Mapping[str, str]) -> Environment:
    return RunningElsewhere(settings)


ENVIRONMENT = Engine("running", "Uses a system that is already running, by its addresses", _create)
