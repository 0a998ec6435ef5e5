"""What `testmesh run` is to run: paths, the flows a change affects, what failed before, one machine's share."""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from testmesh.cli._options import counted, pairs
from testmesh.kernel.errors import UserError

if TYPE_CHECKING:
    from flows.actions import ShellPolicy
    from flows.runner.options import RunOptions
    from graph.answers import Impact
    from testmesh.workspaces.records import Project


def wanted(options: argparse.Namespace, project: Project) -> RunOptions | str:
    """The run that is asked for, or one line that says why there is nothing to run.

    Args:
        options: of the command.
        project: whose flows.

    Raises:
        UserError: options contradict each other, or name what is not there.
    """
    from flows.runner.options import RunOptions

    paths = tuple(str(p) for p in options.paths) or project.flows or (str(project.root),)
    if options.affected:
        paths = _affected(options, project)
        if not paths:
            return "no flow is affected"
    asked = RunOptions(
        paths=paths,
        root=project.root,
        tags=tuple(options.tag),
        suite=options.suite,
        variables=pairs(options.var, "--var"),
        process=dict(os.environ),
        parallel=options.parallel,
        fail_fast=options.fail_fast,
        seed=options.seed,
        revision=_revision(project),
        shell=shell_policy(project, allowed=options.allow_shell),
    )
    asked = _sharded(options, asked)
    return _failed(options, project, asked) if options.only_failed or options.failed_in else asked


def _sharded(options: argparse.Namespace, asked: RunOptions) -> RunOptions:
    if not options.shard:
        if options.durations is not None:
            raise UserError("--durations balances shards", hint="add --shard I/N, or leave out --durations")
        return asked
    from flows.runner.sharding import Shard, durations_of, shard_of

    known = {} if options.durations is None else durations_of(options.durations)
    return replace(asked, shard=Shard(*shard_of(options.shard), known))


def _failed(options: argparse.Namespace, project: Project, asked: RunOptions) -> RunOptions | str:
    """The executions of an earlier run that did not pass: what failed, erred, or was never started."""
    from flows.runner.store import FileRunStore

    run = FileRunStore(project.state / "runs").load("latest" if options.failed_in is None else options.failed_in)
    found = [(flow.file, flow.row) for flow in run.flows if flow.verdict != "passed"]
    if not found:
        return f"every flow passed in run {run.id}"
    within = [(project.root / p).resolve() for p in asked.paths]
    kept = [(f, row) for f, row in found if any((project.root / f).resolve().is_relative_to(w) for w in within)]
    gone = [f for f in dict.fromkeys(f for f, _ in kept) if not (project.root / f).is_file()]
    for file in gone:
        print(f"not run  {file}: it failed in run {run.id} and is no longer there", file=sys.stderr)
    kept = [(file, row) for file, row in kept if file not in gone]
    if not kept:
        return f"nothing of what is asked for failed in run {run.id}"
    print(f"{counted(len(kept), 'flow')} did not pass in run {run.id}", file=sys.stderr)
    return replace(asked, paths=tuple(dict.fromkeys(file for file, _ in kept)), only=frozenset(kept))


def shell_policy(project: Project, *, allowed: bool = False) -> ShellPolicy | None:
    """A person's own policy: the file in the repository they run, or an option of this one command.

    Args:
        project: whose flows.
        allowed: by the option.
    """
    if project.shell is None and not allowed:
        return None
    from flows.actions import ShellPolicy

    return ShellPolicy(project.shell or ())


def _revision(project: Project) -> str:
    if not (project.root / ".git").exists():
        return "unknown"
    from testmesh.compose.systems import revision_of

    return revision_of(project)


def _affected(options: argparse.Namespace, project: Project) -> tuple[str, ...]:
    from testmesh.compose.graphs import open_checkout
    from testmesh.compose.questions import impact

    found = impact(open_checkout(project.root), options.affected)
    musts = sum(f.selection == "must" for f in found.flows)
    shown = (
        f"{counted(musts, 'flow')} must run, {len(found.flows) - musts} may, {len(found.unaffected_flows)} unaffected"
    )
    print(f"affected by {options.affected}: {shown}", file=sys.stderr)
    chosen = [Path(file) for file in dict.fromkeys([*(f.file for f in found.flows), *_changed_flows(found, project)])]
    within = [(Path.cwd() / p).resolve() for p in options.paths]
    kept = [c for c in chosen if not within or any((project.root / c).is_relative_to(w) for w in within)]
    return tuple(str(project.root / path) for path in kept if (project.root / path).is_file())


def _changed_flows(found: Impact, project: Project) -> Iterator[str]:
    """Flow files the change adds or edits, the broken ones too: no graph knows those, and a run must report them."""
    from flows.runner.discovery import looks_like_flow

    for item in found.changed:
        if item.file.endswith((".yaml", ".yml")) and looks_like_flow(project.root / item.file):
            yield item.file


def unstarted(options: argparse.Namespace, project: Project) -> Mapping[str, str]:
    """The variables of an environment that is not brought up: what only its start decides stands as a note.

    Args:
        options: of the command.
        project: whose environment.

    Raises:
        UserError: there is no such environment.
    """
    from testmesh.environments.settings import from_toml

    if options.env not in project.environments:
        known = ", ".join(sorted(project.environments)) or "none"
        raise UserError(f"testmesh.toml has no environment '{options.env}'", hint=f"it has: {known}")
    settings = from_toml(options.env, project.environments[options.env])
    found = {
        name: value if "${" not in value else f"<{name} of environment {options.env}>"
        for name, value in settings.variables.items()
    }
    return found | {part.variable: f"<{part.variable} of environment {options.env}>" for part in settings.parts}
