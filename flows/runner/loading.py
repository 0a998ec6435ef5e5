"""Flow files from disk, checked once, good and bad beside each other."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

from flows.engine.effects import Loaded
from flows.engine.loading import KeptFiles, beside, checked
from flows.engine.masking import MASK
from flows.language.catalogue import Catalogue
from flows.language.check import DiskFiles
from flows.language.files import bounds
from flows.language.spec import Flow
from testmesh.guard.limits import MIB, read_bytes
from testmesh.kernel.diagnostics import Diagnostic
from testmesh.kernel.errors import UserError


class Opened(NamedTuple):
    """A flow file.

    Args:
        file: as in the run.
        text: content.
        flow: None when it cannot be run.
        findings: why not, and warnings.
    """

    file: str
    text: str
    flow: Flow | None
    findings: tuple[Diagnostic, ...] = ()


class Loader:
    """Reads flows below a folder.

    Args:
        root: file names are relative to it.
        known: the catalogue.
    """

    def __init__(self, root: Path, known: Catalogue) -> None:
        self._root = root
        self._known = known
        self._opened: dict[str, Opened] = {}
        self.included: dict[str, str] = {}

    def open_all(self, files: Sequence[str]) -> list[Opened]:
        """Every file, checked.

        Args:
            files: as in the run.
        """
        return [self.open(file) for file in files]

    def open(self, file: str) -> Opened:
        """One file, checked once.

        Args:
            file: as in the run.
        """
        known = self._opened.get(file)
        if known is None:
            known = self._opened[file] = self._read(file)
        return known

    def load(self, file: str, base: str) -> Loaded:
        """A flow that another one runs.

        Args:
            file: relative to `base`.
            base: the flow that names it.
        """
        path, inside = self._root / beside(base, file), bounds(self._root, base)
        if not path.resolve().is_relative_to(inside.resolve()):
            return Loaded(None, f"{file} leads out of the repository")
        opened = self.open(beside(base, file))
        if opened.flow is None:
            first = opened.findings[0]
            return Loaded(None, f"{opened.file}:{first.line}: {first.message}")
        self.included[opened.file] = opened.text
        return Loaded(opened.flow)

    def _read(self, file: str) -> Opened:
        path = self._root / file
        try:
            data = read_bytes(path, shown=file, limit=MIB)
        except UserError as problem:
            return Opened(file, "", None, (Diagnostic(file, 1, 1, "flow/unreadable", problem.message),))
        files = KeptFiles(file, DiskFiles(path.parent, inside=bounds(self._root, file)), self.included)
        found = checked(data, file, self._known, files)
        self._hide(file, found.flow)
        return Opened(file, found.text, found.flow, found.findings)

    def _hide(self, file: str, flow: Flow | None) -> None:
        """Env files hold secrets and are usually not in the repository: only their names go into a recording."""
        if flow is not None and flow.env_file is not None:
            names = "".join(f"{name}={MASK}\n" for name in flow.env_file.values)
            self.included[beside(file, flow.env_file.file)] = names
