"""A system under test that somebody else runs: its addresses are known, nothing is touched that is not named."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from functools import partial
from pathlib import Path

from testmesh.environments.asking import trouble
from testmesh.environments.deployed import revisions
from testmesh.environments.environment import UNKNOWN_REVISION, Addresses, Engine, Environment, Logs, Reset
from testmesh.environments.following import Following
from testmesh.environments.launching import together
from testmesh.environments.resetting import reset_by_commands
from testmesh.environments.settings import EnvironmentSettings, ServiceSettings
from testmesh.environments.templates import Names
from testmesh.kernel.errors import UserError


class RunningElsewhere:
    """Addresses, and what the settings say can be asked or done.

    Args:
        settings: the environment.
    """

    def __init__(self, settings: EnvironmentSettings) -> None:
        if settings.parts:
            raise UserError(f"[environments.{settings.name}]: engine 'running' starts no parts", hint="use 'processes'")
        self._settings = settings
        self._names = Names(settings, "running")
        self._tree = Path.cwd()
        self._following: Following | None = None
        self._unready: dict[str, str] = {}

    def up(self, tree: Path) -> Addresses:
        """Look whether every service with a `ready` address answers.

        Args:
            tree: commands run in it; what is deployed was decided elsewhere.
        """
        self._tree = tree
        found = self._looked_at()
        absent = {name: reason for name, (reason, some) in found.items() if reason and not some}
        self._unready = {name: reason for name, (reason, _) in found.items() if reason}
        self._following = Following(self._settings, self._names, tree)
        self._following.start()
        return Addresses(self._names.variables(), absent)

    def _looked_at(self) -> dict[str, tuple[str, bool]]:
        """By service: what is wrong, and whether some instance is right nevertheless."""
        return together({s.name: partial(self._instances, s) for s in self._settings.services if s.ready})

    def _instances(self, service: ServiceSettings) -> tuple[str, bool]:
        reasons = [trouble(self._names.fill(url)) for url in service.ready]
        bad = [reason for reason in reasons if reason]
        if len(bad) < 2 and len(reasons) == 1:
            return "".join(bad), not bad
        told = f"{len(bad)} of {len(reasons)} instances: {'; '.join(bad)}" if bad else ""
        return told, len(bad) < len(reasons)

    def restart(self, services: Sequence[str]) -> bool:
        """Nothing was started, so nothing can be started anew."""
        return False

    def reset(self) -> Reset:
        """Only what the settings name: the data are not ours."""
        if not self._settings.reset:
            return Reset(done=False, not_checked="engine 'running' resets nothing without 'reset' commands")
        return reset_by_commands(self._settings, self._names, self._tree)

    def revision(self) -> str:
        """One for all, when every service says the same."""
        said = {revision for revision in self.revisions().values() if revision != UNKNOWN_REVISION}
        return said.pop() if len(said) == 1 else UNKNOWN_REVISION

    def revisions(self) -> Mapping[str, str]:
        """What each service says of itself."""
        return revisions(self._settings, self._names, self._tree)[0]

    def troubles(self) -> Mapping[str, str]:
        """Services that no longer answer as they did, and revisions that cannot be told."""
        found = {name: reason for name, (reason, _) in self._looked_at().items()}
        gone = {name: reason for name, reason in found.items() if reason and reason != self._unready.get(name)}
        return {**revisions(self._settings, self._names, self._tree)[1], **gone}

    def logs(self, since: datetime) -> Logs:
        """From the places the settings name.

        Args:
            since: timezone-aware.
        """
        if self._following is None or not any(service.logs for service in self._settings.services):
            return Logs((), not_checked="engine 'running' reads no logs without 'logs' of its services")
        lines, unread = self._following.read(since)
        lines.sort(key=lambda line: (line.at, line.service))
        reasons = "; ".join(f"{name}: {reason}" for name, reason in sorted(unread.items()))
        return Logs(tuple(lines), not_checked=reasons or None)

    def down(self) -> None:
        """Nothing was started but the looking after log files."""
        if self._following is not None:
            self._following.close()


def _create(settings: EnvironmentSettings, folder: Path, variables: Mapping[str, str]) -> Environment:
    return RunningElsewhere(settings)


ENVIRONMENT = Engine("running", "Uses a system that is already running, by its addresses", _create)
