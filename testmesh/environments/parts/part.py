"""What every backing server offers an environment: an address, a way back to the start, an end."""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from testmesh.environments.launching import Launcher
from testmesh.environments.settings import PartSettings
from testmesh.kernel.errors import UserError


class RunningPart(Protocol):
    """A backing server that answers."""

    @property
    def address(self) -> str:
        """What its variable holds."""
        ...

    def reset(self) -> None:
        """Back to the data it had after the start."""
        ...

    def close(self) -> None:
        """Remove what is left once its program has ended."""
        ...


@dataclass(frozen=True, slots=True)
class Place:
    """Where a part starts.

    Args:
        tree: the system's files.
        folder: scratch folder of this environment instance.
        launcher: starts its programs.
        mark: unique to this environment instance.
    """

    tree: Path
    folder: Path
    launcher: Launcher
    mark: str


@dataclass(frozen=True, slots=True)
class Part:
    """A kind of backing server.

    Args:
        name: the word in `[environments.<name>.parts]`.
        summary: one sentence for people.
        start: brings one up; returns when it answers.
    """

    name: str
    summary: str
    start: Callable[[PartSettings, Place], RunningPart]


def substitute(name: str) -> str | None:
    """Address of a real server to use instead, from `TESTMESH_PART_<NAME>`.

    A name of its own, so that a `DATABASE_URL` left in a shell is never reset by accident.

    Args:
        name: the part's name.
    """
    return os.environ.get(f"TESTMESH_PART_{name.upper()}") or None


def files(tree: Path, patterns: tuple[str, ...], part: str) -> tuple[Path, ...]:
    """The files of a part, pattern by pattern, each in order of names.

    Args:
        tree: the system's files.
        patterns: globs relative to it.
        part: the part's name, for the complaint.

    Raises:
        UserError: a pattern matches nothing, or leads out of the tree.
    """
    found: list[Path] = []
    for pattern in patterns:
        matches = sorted(p for p in tree.glob(pattern) if p.is_file())
        if not matches:
            raise UserError(f"part {part}: no file matches '{pattern}' in {tree}")
        found += matches
    for path in found:
        if not path.resolve().is_relative_to(tree.resolve()):
            raise UserError(f"part {part}: {path} leads out of {tree}")
    return tuple(found)
