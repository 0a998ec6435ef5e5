"""What a workspace is, and what testmesh.toml says, as frozen values."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from testmesh.kernel.workspace import LOCAL, Workspace

__all__ = ["LOCAL", "DeclaredEdge", "DeclaredService", "Project", "Workspace"]


@dataclass(frozen=True, slots=True)
class DeclaredService:
    """A `[services.NAME]` table.

    Args:
        name: the service.
        root: its folder, or empty.
        hosts: names, host:port or ${VAR} it answers to.
    """

    name: str
    root: str = ""
    hosts: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class DeclaredEdge:
    """An `[[edges]]` table.

    Args:
        source: service or label.
        to: label such as ``orders:POST /orders``.
        why: reason, shown wherever the edge is.
    """

    source: str
    to: str
    why: str


@dataclass(frozen=True, slots=True)
class Project:
    """A repository with its testmesh.toml; every default when there is none.

    Args:
        root: the repository's top folder.
        name: repository name used in node keys.
        services: declared or corrected services.
        edges: declared edges.
        ignore: globs whose facts do not count.
        environments: raw `[environments.X]` tables, parsed by `testmesh.environments.settings`.
        telemetry: raw `[telemetry]` table, parsed by `testmesh.telemetry.settings`.
        models: raw `[models]` table, parsed by `testmesh.routing`.
        flows: folders or globs that hold flows, relative to root; empty means everywhere.
        shell: process variables that shell steps may see; None = such steps are not allowed. Only commands that a
            person types look at this, never a server.
        file: path of testmesh.toml, or None.
    """

    root: Path
    name: str
    services: tuple[DeclaredService, ...] = ()
    edges: tuple[DeclaredEdge, ...] = ()
    ignore: tuple[str, ...] = ()
    environments: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    telemetry: Mapping[str, Any] = field(default_factory=dict)
    models: Mapping[str, Any] = field(default_factory=dict)
    flows: tuple[str, ...] = ()
    shell: tuple[str, ...] | None = None
    file: Path | None = None

    @property
    def state(self) -> Path:
        """The tool's own folder, which ignores itself in git."""
        return self.root / ".testmesh"
