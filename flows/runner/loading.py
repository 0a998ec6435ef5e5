"""Flow files from disk, checked once, good and bad beside each other."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

from flows.engine.effects import Loaded
from flows.engine.loading import KeptFiles, beside, checked
from flows.language.catalogue import Catalogue
from flows.language.check import CheckedFlow, DiskFiles
from flows.language.files import bounds
from flows.language.masked_text import MASK
from flows.language.reader import descend
from flows.language.spec import Flow, Step
from testmesh.guard.limits import MIB, read_bytes
from testmesh.kernel.diagnostics import Diagnostic
from testmesh.kernel.errors import UserError

NOT_ALLOWED = "flow/shell-not-allowed"


class Outline(NamedTuple):
    """What of a flow decides whether and when it runs.

    Args:
        name: of the flow.
        tags: of the flow.
        suite: of the flow.
        rows: data rows; None without data.
        fail_fast: a failing row stops the others.
        size: steps, nested ones included.
    """

    name: str
    tags: tuple[str, ...]
    suite: str | None
    rows: int | None
    fail_fast: bool
    size: int


class Opened(NamedTuple):
    """A flow file.

    Args:
        file: as in the run.
        text: content.
        flow: None when it cannot be run, or is read again when its turn comes.
        findings: why not, and warnings.
        outline: None when it cannot be run.
    """

    file: str
    text: str
    flow: Flow | None
    findings: tuple[Diagnostic, ...] = ()
    outline: Outline | None = None


class Loader:
    """Reads flows below a folder.

    Args:
        root: file names are relative to it.
        known: the catalogue.
        keep: steps of checked flows that stay in memory; flows beyond that are read again when their turn comes.
        shell: flows may have shell steps.
    """

    def __init__(self, root: Path, known: Catalogue, keep: float = math.inf, *, shell: bool = True) -> None:
        self._shell = shell
        self._root = root
        self._known = known
        self._opened: dict[str, Opened] = {}
        self._room = keep
        self._latest: tuple[str, Flow] | None = None
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
            known = self._read(file)
            if known.outline is not None:
                self._room -= known.outline.size
                # The first flow always stays: most runs have one, and its turn comes at once.
                if self._room < 0 and self._opened:
                    self._room += known.outline.size
                    known = known._replace(flow=None)
            self._opened[file] = known
        return known

    def flow(self, opened: Opened, *, last: bool = False) -> Flow:
        """The checked flow of a usable file.

        Args:
            opened: with an outline.
            last: nobody will ask for it again, so it need not stay.

        Raises:
            UserError: a file that it names has changed since, so that it cannot be run any more.
        """
        kept = self._opened.get(opened.file, opened).flow or opened.flow
        if kept is not None:
            if last:
                self._opened[opened.file] = opened._replace(flow=None)
            return kept
        if self._latest is not None and self._latest[0] == opened.file:
            return self._latest[1]
        found = self._checked(opened.file, opened.text.encode())
        if found.flow is None:
            raise UserError(f"{opened.file} was fine when the run began: {found.findings[0].message}")
        self._latest = (opened.file, found.flow)
        return found.flow

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
        if opened.outline is None:
            first = opened.findings[0]
            return Loaded(None, f"{opened.file}:{first.line}: {first.message}")
        self.included[opened.file] = opened.text
        return Loaded(self.flow(opened))

    def _read(self, file: str) -> Opened:
        path = self._root / file
        try:
            data = read_bytes(path, shown=file, limit=MIB)
        except UserError as problem:
            return Opened(file, "", None, (Diagnostic(file, 1, 1, "flow/unreadable", problem.message),))
        found = self._checked(file, data)
        outline = None if found.flow is None else outline_of(found.flow)
        return Opened(file, found.text, found.flow, found.findings, outline)

    def _checked(self, file: str, data: bytes) -> CheckedFlow:
        files = KeptFiles(file, DiskFiles((self._root / file).parent, inside=bounds(self._root, file)), self.included)
        found = checked(data, file, self._known, files)
        self._hide(file, found.flow)
        if self._shell or found.flow is None:
            return found
        refused = tuple(self._refused(file, found.flow))
        return CheckedFlow(None, (*found.findings, *refused), found.text) if refused else found

    def _refused(self, file: str, flow: Flow) -> Iterator[Diagnostic]:
        """Steps that run commands, here or in a flow that is run from here."""
        for step in steps_of(flow):
            child = step.source.get("flow") if step.action == "run_flow" else None
            if step.action == "shell":
                yield _refusal(file, step)
            elif isinstance(child, str) and "${" not in child and "{{" not in child:
                opened = self.open(beside(file, child))
                for finding in opened.findings:
                    if finding.rule == NOT_ALLOWED:
                        line, column = _place(step, "config", "flow")
                        yield Diagnostic(file, line, column, NOT_ALLOWED, f"{opened.file}: {finding.message}")

    def _hide(self, file: str, flow: Flow | None) -> None:
        """Env files hold secrets and are usually not in the repository: only their names go into a recording."""
        if flow is not None and flow.env_file is not None:
            names = "".join(f"{name}={MASK}\n" for name in flow.env_file.values)
            self.included[beside(file, flow.env_file.file)] = names


def steps_of(flow: Flow) -> Iterator[Step]:
    """Every step of a flow, nested ones and error steps included.

    Args:
        flow: checked.
    """
    waiting: list[Step] = [*flow.setup, *flow.steps, *flow.teardown]
    while waiting:
        step = waiting.pop()
        yield step
        waiting += step.error_steps
        for branch in step.branches:
            waiting += branch.steps


def _refusal(file: str, step: Step) -> Diagnostic:
    message = f"step '{step.id}' runs a command on this machine: write '[shell]' and 'allow = true' into testmesh.toml"
    message += ", or allow it for one run with --allow-shell"
    line, column = _place(step, "action")
    return Diagnostic(file, line, column, NOT_ALLOWED, message, length=len(step.written_action))


def _place(step: Step, *path: str) -> tuple[int, int]:
    """Where a value of a step is written."""
    found = descend(step.node, path)
    return found.at if found is not None else step.at


def outline_of(flow: Flow) -> Outline:
    """What of a flow decides whether and when it runs.

    Args:
        flow: checked.
    """
    size = sum(1 for _ in steps_of(flow))
    rows = None if flow.data is None else len(flow.data.rows)
    return Outline(flow.name, flow.tags, flow.suite, rows, flow.config.fail_fast, size)
