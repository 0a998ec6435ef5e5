"""`run --watch`: the flows that a changed file affects run again, until Ctrl-C; the terminal says what and why."""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING

from flows.runner.watching import FlowFiles, Stamp, changed, flow_files, stamps
from testmesh.cli._options import counted
from testmesh.kernel.errors import EXIT_OK, TestMeshError, UserError

if TYPE_CHECKING:
    from flows.runner.options import RunOptions
    from testmesh.compose.systems import System
    from testmesh.workspaces.records import Project

LOOK_SECONDS = 0.3
LIST_SECONDS = 3.0
QUIET_SECONDS = 0.1

Execute = Callable[["RunOptions", "System | None"], tuple[int, bool]]
"""One run: its exit code, and whether it was cancelled."""


@dataclass(slots=True)
class _Watch:
    """What is watched, and the environment that stays up between runs.

    Args:
        project: whose flows.
        wanted: as for one run.
        environment: whose services' code is watched; empty = none.
    """

    project: Project
    wanted: RunOptions
    environment: str = ""
    files: FlowFiles = field(default_factory=lambda: FlowFiles({}))
    sources: tuple[Path, ...] = ()
    seen: dict[Path, Stamp] = field(default_factory=dict)
    _listed: float = 0.0
    _affected: frozenset[Path] = frozenset()

    def start(self) -> None:
        """From now on changes count."""
        self.list()
        self.seen = self.look()

    def text(self) -> str:
        """What is watched, for people."""
        flows = counted(len(self.files.reads), "flow")
        if self.sources:
            return f"\nwatching {flows} and {len(self.sources)} files of the repository; Ctrl-C ends"
        return f"\nwatching {flows} and the files they name (source files too after 'testmesh scan .'); Ctrl-C ends"

    def look(self) -> dict[Path, Stamp]:
        """Stamps of everything watched; which files there are is asked anew every few seconds."""
        if time.monotonic() - self._listed > LIST_SECONDS:
            self.list()
        return stamps({*self.files.all, *self.sources, self.project.root / "testmesh.toml"})

    def list(self) -> None:
        """Finds the files to watch."""
        self.files = flow_files(self.wanted)
        self.sources = self._sources()
        self._listed = time.monotonic()

    def _sources(self) -> tuple[Path, ...]:
        """Files of the repository that git does not ignore: all when a graph says what they affect, else services'."""
        root = self.project.root
        folders = (root,) if self._scanned else self._code_folders()
        if not folders or not (root / ".git").exists():
            return ()
        from testmesh.guard.git import Repository

        paths = [root / entry.path for entry in Repository(root).work_tree()]
        return tuple(path for path in paths if any(path.is_relative_to(folder) for folder in folders))

    def _code_folders(self) -> tuple[Path, ...]:
        if not self.environment:
            return ()
        from testmesh.compose.service_code import code_folders

        return code_folders(self.project, self.environment)

    @property
    def _scanned(self) -> bool:
        return (self.project.state / "graph.db").exists()

    def wait(self) -> frozenset[Path]:
        """The files that changed, once nothing more changes for a moment."""
        while True:
            time.sleep(LOOK_SECONDS)
            now = self.look()
            found = changed(self.seen, now)
            if not found:
                continue
            time.sleep(QUIET_SECONDS)
            again = self.look()
            if again == now:
                self.seen = now
                return found

    def affected(self, paths: frozenset[Path]) -> tuple[Path, ...]:
        """The flows to run again.

        Args:
            paths: that changed.
        """
        self.list()
        if self.project.root / "testmesh.toml" in paths:
            return tuple(self.files.reads)
        direct = self.files.of(paths)
        if not paths - self.files.all:
            return direct
        if not self._scanned:
            return tuple(self.files.reads)
        before, self._affected = self._affected, self._by_graph()
        chosen = self._affected | before | set(direct)
        return tuple(flow for flow in self.files.reads if flow in chosen)

    def _by_graph(self) -> frozenset[Path]:
        """Flows that the uncommitted changes of the work tree affect."""
        from testmesh.compose.graphs import open_checkout
        from testmesh.compose.questions import impact

        found = impact(open_checkout(self.project.root), "HEAD")
        return frozenset((self.project.root / flow.file).resolve() for flow in found.flows)

    def beyond_flows(self, paths: frozenset[Path]) -> frozenset[Path]:
        """What of it is no flow's, so that the system itself may have changed.

        Args:
            paths: that changed.
        """
        return paths - self.files.all


@dataclass(slots=True)
class _Runs:
    """Runs one after the other in an environment that stays up between them.

    Args:
        options: of the command.
        project: whose environment.
        execute: one run.
    """

    options: argparse.Namespace
    project: Project
    execute: Execute
    code: int = EXIT_OK
    cancelled: bool = False
    _up: ExitStack = field(default_factory=ExitStack)
    _system: System | None = None

    def renew(self, paths: frozenset[Path]) -> None:
        """After a change of code: its services start anew, or the environment does before the next run.

        Args:
            paths: that changed, not empty.
        """
        names: tuple[str, ...] = ()
        try:
            if self.project.root / "testmesh.toml" in paths:
                from testmesh.workspaces.files import load_project

                self.project = load_project(self.project.root)
            elif self._system is not None:
                names = self._system.restart(paths)
        except TestMeshError as problem:
            self._told(problem)
        if names:
            print(f"         restarted {', '.join(names)}", flush=True)
        elif self._system is not None:
            print("         the environment starts anew", flush=True)
            self.down()

    def once(self, wanted: RunOptions) -> None:
        """One run; what is wrong with it is said, and watching goes on.

        Args:
            wanted: what to run.
        """
        try:
            if self.options.env and self._system is None:
                from testmesh.compose.systems import System

                self._system = self._up.enter_context(System(self.project, self.options.env))
            self.code, self.cancelled = self.execute(wanted, self._system)
        except TestMeshError as problem:
            self._told(problem)

    def _told(self, problem: TestMeshError) -> None:
        hint = getattr(problem, "hint", None)
        print(f"error: {problem}" + (f"\n  hint: {hint}" if hint else ""), file=sys.stderr)
        self.code = problem.exit_code

    def down(self) -> None:
        """Takes the environment down; the next run starts it anew."""
        self._system = None
        self._up.close()


def watch(options: argparse.Namespace, project: Project, wanted: RunOptions, execute: Execute) -> int:
    """Runs everything once, then what changed files affect, until Ctrl-C.

    Args:
        options: of the command.
        project: whose flows.
        wanted: as for one run.
        execute: one run.

    Returns:
        The exit code of the last run.

    Raises:
        UserError: together with options for programs.
    """
    for given, option in ((options.json, "--json"), (options.affected, "--affected"), (options.shard, "--shard")):
        if given:
            raise UserError(f"--watch does not go with {option}", hint=f"leave out {option}, or --watch")
    watching, runs = _Watch(project, wanted, options.env or ""), _Runs(options, project, execute)
    try:
        watching.start()
        runs.once(wanted)
        while not runs.cancelled:
            print(watching.text(), flush=True)
            found = watching.wait()
            flows = watching.affected(found)
            print(_why(project.root, found, flows), flush=True)
            code = watching.beyond_flows(found)
            if code:
                runs.renew(code)
                watching.project = runs.project
            if flows:
                runs.once(replace(wanted, paths=tuple(str(flow) for flow in flows)))
    except KeyboardInterrupt:
        print("watching ended", file=sys.stderr)
    finally:
        runs.down()
    return runs.code


def _why(root: Path, found: frozenset[Path], flows: tuple[Path, ...]) -> str:
    names = sorted(_shown(path, root) for path in found)
    more = f" and {len(names) - 3} more" if len(names) > 3 else ""
    what = ", ".join(_shown(flow, root) for flow in flows[:3]) + (" ..." if len(flows) > 3 else "")
    runs = f"runs {counted(len(flows), 'flow')}: {what}" if flows else "no flow is affected"
    return f"\nchanged  {', '.join(names[:3])}{more}\n         {runs}"


def _shown(path: Path, root: Path) -> str:
    return str(path.relative_to(root)) if path.is_relative_to(root) else str(path)
