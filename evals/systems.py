"""Small systems written down as data become git commits, scanned and linked like any other repository."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from flows.facts.files import FLOWS
from graph.linking.link import RepositoryFacts, link
from graph.schema import GraphData
from scanners.scan import ScanRequest, scan
from testmesh.guard.git_write import NewCommit, Writer, init_bare
from testmesh.kernel.errors import UserError

AUTHOR = "Eval <eval@localhost>"
DATE = "2026-04-01T09:00:00+00:00"
Files = Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Edit:
    """One replacement in a file; without old text the new text is the whole file.

    Args:
        path: repository-relative.
        old: text to replace, found exactly once.
        new: what comes instead.
    """

    path: str
    old: str
    new: str


class Shelf:
    """A bare repository that holds the commits of many small systems side by side.

    Args:
        path: where to make it.
        name: of the repository in the graphs.
    """

    def __init__(self, path: Path, name: str = "system") -> None:
        init_bare(path)
        self.path, self.name = path, name
        self._writer = Writer(path)

    def commit(self, files: Files, parent: str = "") -> str:
        """A commit of files, on top of the parent's.

        Args:
            files: path to text.
            parent: 40 hex, or empty.
        """
        data = {path: text.encode() for path, text in files.items()}
        return self._writer.commit(NewCommit(parent, data, "eval", AUTHOR, DATE))

    def facts(self, commit: str) -> RepositoryFacts:
        """What scanners say about a commit, flow files included.

        Args:
            commit: 40 hex.
        """
        found = scan(ScanRequest(self.path, commit, self.name, (FLOWS,), workers=1))
        return RepositoryFacts(self.name, commit, found.facts)


def edited(files: Files, edits: Sequence[Edit]) -> dict[str, str]:
    """Only the files that edits change, with their new text.

    Args:
        files: path to text.
        edits: replacements.

    Raises:
        UserError: an edit does not fit exactly once.
    """
    made: dict[str, str] = {}
    for edit in edits:
        text = made.get(edit.path, files.get(edit.path, ""))
        if edit.old and text.count(edit.old) != 1:
            raise UserError(f"{edit.path}: {edit.old!r} is there {text.count(edit.old)} times, not once")
        made[edit.path] = text.replace(edit.old, edit.new) if edit.old else edit.new
    return made


def workspace(sources: Sequence[RepositoryFacts]) -> GraphData:
    """The graph of several repositories.

    Args:
        sources: their facts.
    """
    return link(sources, "eval")
