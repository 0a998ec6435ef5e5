"""Runs as files: one artefact per run, written whole or not at all."""

from __future__ import annotations

import contextlib
import json
import os
import re
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from flows.events import run_from_json
from flows.reports import write_whole
from flows.runner.reading import opened
from flows.runner.writing import run_chunks
from graph.runs import Run, RunSummary
from testmesh.guard.limits import MIB
from testmesh.kernel.errors import NotFoundError, UserError

LONG = 4 * MIB
_NAME = re.compile(r"[0-9A-Za-z_-]+\Z")


class FileRunStore:
    """Run artefacts in a folder, `<id>.json` each.

    Args:
        folder: usually ``.testmesh/runs``; made when the first run is saved.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self.unread: dict[str, str] = {}
        """What :meth:`list` passed over: file name to the reason."""

    def save(self, run: Run) -> None:
        """Keeps a run, atomically; saving the same id again replaces it.

        Args:
            run: a finished run.

        Raises:
            UserError: the disk is full or the folder cannot be written; nothing is left behind.
        """
        _own_folder(self._folder)
        write_whole(self._folder / f"{_checked(run.id)}.json", (chunk.encode() for chunk in run_chunks(run)))

    def load(self, run_id: str) -> Run:
        """The run of that id, a unique prefix, or ``latest``.

        Args:
            run_id: id, prefix or ``latest``.

        Raises:
            NotFoundError: there is none, or several.
            UserError: the file is no run artefact.
        """
        path = self._folder / f"{self._resolved(run_id)}.json"
        try:
            data = path.read_bytes()
        except OSError as error:
            raise NotFoundError(f"run {run_id} cannot be read: {error.strerror}") from error
        try:
            return run_from_json(data)
        except UserError as problem:
            hint = problem.hint or "it was cut short or edited: delete it; other runs are not affected"
            raise UserError(f"{path}: {problem.message}", hint=hint) from problem

    def opened(self, run_id: str) -> Run:
        """The same; of a long run the steps stay in the file and are read anew each time round.

        Args:
            run_id: as for :meth:`load`.

        Raises:
            NotFoundError: as for :meth:`load`.
            UserError: the file is no run artefact; a damaged step says so when its turn comes.
        """
        path = self._folder / f"{self._resolved(run_id)}.json"
        with contextlib.suppress(OSError):
            if path.stat().st_size > LONG and (run := opened(path)) is not None:
                return run
        return self.load(run_id)

    def list(self, limit: int = 50, before: str = "") -> Sequence[RunSummary]:
        """Newest first, those older than `before`; what cannot be read is passed over, and stands in `unread`.

        Args:
            limit: at most so many.
            before: run id, exclusive.
        """
        found: list[RunSummary] = []
        for name in self._ids():
            if before and name >= before:
                continue
            if len(found) >= limit:
                break
            try:
                # The name of a file that was copied here is what finds it again, not the id within.
                found.append(replace(summary(self.opened(name)), id=name))
            except UserError as problem:
                self.unread[name] = problem.message
        return found

    def _ids(self) -> Sequence[str]:
        try:
            with os.scandir(self._folder) as entries:
                names = [entry.name for entry in entries if entry.name.endswith(".json") and entry.is_file()]
        except OSError:
            return []
        return sorted((name[:-5] for name in names if _NAME.match(name[:-5])), reverse=True)

    def _resolved(self, run_id: str) -> str:
        ids = self._ids()
        if run_id == "latest":
            if not ids:
                raise NotFoundError("there are no runs yet", hint="testmesh run PATH...")
            return ids[0]
        if run_id in ids:
            return run_id
        found = [name for name in ids if run_id and name.startswith(run_id.lower())]
        if len(found) == 1:
            return found[0]
        if found:
            raise NotFoundError(f"'{run_id}' begins the ids of {len(found)} runs: {', '.join(found[:3])}, ...")
        raise NotFoundError(f"there is no run '{run_id}'", hint="testmesh runs lists them")


def summary(run: Run) -> RunSummary:
    """A run in a listing.

    Args:
        run: a finished run.
    """
    passed = sum(flow.verdict == "passed" for flow in run.flows)
    failed = sum(flow.verdict in ("failed", "error") for flow in run.flows)
    return RunSummary(run.id, run.started, run.verdict, passed, failed, run.revision, run.environment)


def _checked(run_id: str) -> str:
    if not _NAME.match(run_id):
        raise UserError(f"not a run id: {json.dumps(run_id)}")
    return run_id


def _own_folder(folder: Path) -> None:
    for place in (folder, folder.parent):
        if place.is_symlink():
            raise UserError(f"{place} is a link; nothing is written through it", hint="remove it, and run again")
    try:
        folder.mkdir(parents=True, exist_ok=True)
        ignore = folder.parent / ".gitignore"
        if folder.parent.name == ".testmesh" and not ignore.exists():
            write_whole(ignore, b"*\n")
    except OSError as error:
        hint = "free some space or check the folder's permissions"
        raise UserError(f"{folder} could not be made: {error.strerror or error}", hint=hint) from error
