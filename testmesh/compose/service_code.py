"""Which files are the code of which service of an environment, so that a change restarts no more than it must."""

from __future__ import annotations

from collections.abc import Iterable
from fnmatch import fnmatchcase
from pathlib import Path
from typing import TYPE_CHECKING

from testmesh.kernel.errors import SettingError
from testmesh.workspaces.records import Project

if TYPE_CHECKING:
    from testmesh.environments.settings import EnvironmentSettings


def code_folders(project: Project, name: str) -> tuple[Path, ...]:
    """Folders with the code of an environment's services, as far as it starts them; none when its settings are wrong.

    Args:
        project: whose.
        name: environment name.
    """
    from testmesh.environments.settings import from_toml

    try:
        settings = from_toml(name, project.environments.get(name, {}))
    except SettingError:
        return ()
    if settings.engine == "running":
        return ()
    folders = [found.root for found in project.services if found.root] + [found.cwd for found in settings.services]
    return tuple((project.root / folder).resolve() for folder in folders)


def services_of(paths: Iterable[Path], settings: EnvironmentSettings, project: Project, tree: Path) -> tuple[str, ...]:
    """The services whose code files are; empty when one of them is no service's, or belongs to the data.

    Args:
        paths: absolute.
        settings: of the environment.
        project: says which folder a service's code is in.
        tree: the system's files.
    """
    found: set[str] = set()
    for path in paths:
        owners = _owners(path, settings, project, tree.resolve())
        if not owners:
            return ()
        found |= owners
    return tuple(service.name for service in settings.services if service.name in found)


def _owners(path: Path, settings: EnvironmentSettings, project: Project, tree: Path) -> frozenset[str]:
    """By the folder that testmesh.toml gives a service, else by the one that it runs in."""
    if not path.is_relative_to(tree):
        return frozenset()
    patterns = [pattern for part in settings.parts for pattern in (*part.migrations, *part.seed)]
    if any(fnmatchcase(path.relative_to(tree).as_posix(), pattern) for pattern in patterns):
        return frozenset()
    names = {service.name for service in settings.services}
    roots = {found.name: tree / found.root for found in project.services if found.root and found.name in names}
    own = {name for name, root in roots.items() if path.is_relative_to(root.resolve())}
    return frozenset(own or {s.name for s in settings.services if path.is_relative_to((tree / s.cwd).resolve())})
