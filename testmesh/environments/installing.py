"""Fetches what a service needs once (npm packages, ...), kept by the content of its lock file, outside the tree."""

from __future__ import annotations

import contextlib
import hashlib
import os
import re
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

from testmesh.environments.launching import harmless_environment
from testmesh.environments.settings import InstallSettings, Requirement
from testmesh.guard import process
from testmesh.guard.process import Command
from testmesh.kernel.errors import UnavailableError, UserError

_INSTALL_SECONDS = 300.0
_VERSION = re.compile(r"(\d+(?:\.\d+)*)")


def missing(requirement: Requirement) -> str | None:
    """Why a requirement does not hold, or None.

    Args:
        requirement: a program and its smallest version.
    """
    found = shutil.which(requirement.program)
    if found is None:
        return f"needs {requirement}, and there is no '{requirement.program}' on the path"
    if not requirement.version:
        return None
    answer = process.run(Command((found, "--version"), timeout=10.0))
    match = _VERSION.search(answer.text())
    if not answer.ok or match is None:
        return f"needs {requirement}, and '{requirement.program} --version' says nothing usable"
    version = tuple(int(n) for n in match[1].split("."))
    if version < requirement.version:
        return f"needs {requirement}, and the one on the path is {match[1]}"
    return None


def installed(settings: InstallSettings, folder: Path, argv: tuple[str, ...]) -> Path:
    """The cache folder that holds what `install` fetched, filled if it is not there yet.

    Args:
        settings: the service's install.
        folder: the service's folder in the tree.
        argv: its command, resolved.

    Raises:
        UserError: an input file does not exist.
        UnavailableError: the command failed.
    """
    digest = hashlib.sha256("\0".join(argv).encode())
    for name in settings.inputs:
        path = folder / name
        if not path.is_file():
            raise UserError(f"install needs '{name}', which is not in {folder}")
        digest.update(b"\0" + name.encode() + b"\0" + path.read_bytes())
    place = cache_folder() / "installs" / digest.hexdigest()[:32]
    with _locked(place):
        if not place.exists():
            _fill(place, settings, folder, argv)
    return place


def cache_folder() -> Path:
    """`$XDG_CACHE_HOME/testmesh`, by default `~/.cache/testmesh`."""
    base = os.environ.get("XDG_CACHE_HOME") or str(Path.home() / ".cache")
    return Path(base) / "testmesh"


def _fill(place: Path, settings: InstallSettings, folder: Path, argv: tuple[str, ...]) -> None:
    scratch = Path(tempfile.mkdtemp(prefix="filling-", dir=place.parent))
    try:
        for name in settings.inputs:
            target = scratch / name
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(folder / name, target)
        done = process.run(Command(argv, cwd=scratch, env=harmless_environment(), timeout=_INSTALL_SECONDS))
        if not done.ok:
            raise UnavailableError(
                " ".join(argv), f"failed: {done.complaint()}", hint=f"run it in {folder} to see more"
            )
        scratch.rename(place)
    finally:
        shutil.rmtree(scratch, ignore_errors=True)


@contextlib.contextmanager
def _locked(place: Path) -> Iterator[None]:
    """Only one of us fills a folder; the others wait for it."""
    import fcntl

    place.parent.mkdir(parents=True, exist_ok=True)
    with place.with_suffix(".lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield
