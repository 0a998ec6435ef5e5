"""The files that a flow may name, read relative to it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Protocol

from testmesh.guard.limits import MIB, read_bytes
from testmesh.kernel.errors import NotFoundError, UserError

if TYPE_CHECKING:
    from pathlib import Path


class Files(Protocol):
    """Where the content of named files comes from."""

    def read(self, name: str) -> bytes:
        """A file's bytes.

        Args:
            name: relative to the flow file.

        Raises:
            UserError: it does not exist, is too large or cannot be read.
        """
        ...

    def look(self, name: str) -> None:
        """Makes sure that a file is there whose content the flow only sends, so that nobody keeps it.

        Args:
            name: relative to the flow file.

        Raises:
            UserError: it is not.
        """
        ...


class NotAtHand(UserError):
    """A named file that nobody looked for: nothing is known about it, and nothing is wrong with its name."""


class UnseenFiles:
    """The files of a flow that is read alone, as in a scan, where files are handed over one at a time."""

    def __init__(self) -> None:
        self.named: dict[str, None] = {}

    def read(self, name: str) -> bytes:
        """Remembers the name; the content is not at hand."""
        self.named[name] = None
        raise NotAtHand(f"{name} is not at hand")

    def look(self, name: str) -> None:
        """Remembers the name."""
        self.read(name)


class DiskFiles:
    """Files beside a flow file on disk.

    Args:
        folder: the flow file's folder; None = no file is at hand.
        limit: bytes of one file.
        inside: folder that no name may lead out of, links included; None trusts every name.
    """

    def __init__(self, folder: Path | None = None, limit: int = 8 * MIB, inside: Path | None = None) -> None:
        self._folder = folder
        self._limit = limit
        self._inside = inside

    def read(self, name: str) -> bytes:
        """A file's bytes."""
        return read_bytes(self._place(name), shown=name, limit=self._limit)

    def look(self, name: str) -> None:
        """Makes sure that a file is there."""
        self.path(name)

    def path(self, name: str) -> Path:
        """Where a file is, for libraries that open it themselves.

        Args:
            name: relative to the flow file.

        Raises:
            UserError: it does not exist, or leads out of the repository.
        """
        found = self._place(name)
        if not found.exists():
            raise NotFoundError(f"{name} does not exist")
        return found

    def _place(self, name: str) -> Path:
        if self._folder is None:
            raise NotAtHand(f"{name} is not at hand")
        path = self._folder / name
        if self._inside is not None and not path.resolve().is_relative_to(self._inside.resolve()):
            raise UserError(f"{name} leads out of the repository", hint="a flow may only name files of its repository")
        return path


def bounds(root: Path, file: str) -> Path:
    """The folder that the files a flow names must lie in: its repository, or its own folder when it lies elsewhere.

    Args:
        root: of the repository.
        file: the flow, relative to the root or absolute.
    """
    path = root / file
    return root if path.resolve().is_relative_to(root.resolve()) else path.parent


class GivenFiles:
    """Files that are already in memory: uploads, tests.

    Args:
        files: name as the flow writes it → content.
    """

    def __init__(self, files: Mapping[str, bytes] | None = None) -> None:
        self._files = files or {}

    def read(self, name: str) -> bytes:
        """A file's bytes."""
        if name not in self._files:
            raise NotFoundError(f"{name} does not exist")
        return self._files[name]

    def look(self, name: str) -> None:
        """Makes sure that a file is there."""
        self.read(name)


class FilesBeside:
    """The files of a flow that lies in another folder than the one that names it.

    Args:
        files: beside the naming flow.
        name: the named flow, relative to the naming one.
    """

    def __init__(self, files: Files, name: str) -> None:
        self._files = files
        self._folder = name.rpartition("/")[0]

    def read(self, name: str) -> bytes:
        """A file's bytes."""
        return self._files.read(f"{self._folder}/{name}" if self._folder else name)

    def look(self, name: str) -> None:
        """Makes sure that a file is there."""
        self._files.look(f"{self._folder}/{name}" if self._folder else name)
