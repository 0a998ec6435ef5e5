"""Puts the data of a system back with the commands its owner names."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from testmesh.environments.environment import Reset
from testmesh.environments.launching import harmless_environment
from testmesh.environments.settings import EnvironmentSettings
from testmesh.environments.templates import Names
from testmesh.guard import process
from testmesh.guard.process import Command
from testmesh.kernel.errors import UnavailableError

_SECONDS = 120.0


def reset_by_commands(
    settings: EnvironmentSettings, names: Names, tree: Path, more: Mapping[str, str] | None = None
) -> Reset:
    """Run the commands of `reset`, in order.

    Args:
        settings: of the environment.
        names: for `${...}`.
        tree: where they run.
        more: further variables of theirs.

    Raises:
        UnavailableError: one failed; the data are not as they were.
        UserError: there is no such program.
    """
    env = {**harmless_environment(settings.inherit), **names.variables(), **(more or {})}
    for command in settings.reset:
        argv = tuple(names.fill(word) for word in command)
        done = process.run(Command(argv, cwd=tree, env=env, timeout=_SECONDS))
        if not done.ok:
            raise UnavailableError(
                f"reset of environment '{settings.name}'", f"'{argv[0]}' failed: {done.complaint()}",
                hint=" ".join(argv),
            )  # fmt: skip
    return Reset(done=True)
