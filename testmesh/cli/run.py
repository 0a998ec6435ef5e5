"""`testmesh run PATH...`: run flows, keep the recording, say what failed and why."""

from __future__ import annotations

import argparse
import gc
import os
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from testmesh.cli import Command
from testmesh.cli._options import add_folder, add_json, counted
from testmesh.kernel.errors import EXIT_FAILED, EXIT_OK, UserError

if TYPE_CHECKING:
    from flows.reports.terminal import Terminal
    from flows.runner.options import RunOptions
    from graph.answers import Impact
    from testmesh.compose.systems import Ran, System
    from testmesh.workspaces.records import Project

NOTHING = '{"run": null, "verdict": null, "flows": []}'


def _arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("paths", nargs="*", help="flow files and folders (default: this repository's)")
    parser.add_argument("--tag", action="append", default=[], help="only flows with this tag; may be repeated")
    parser.add_argument("--suite", default="", help="only flows of this suite")
    parser.add_argument("--env", default="", help="environment of testmesh.toml; brought up when its engine can")
    parser.add_argument("--var", action="append", default=[], metavar="NAME=VALUE", help="a variable; may be repeated")
    parser.add_argument("--parallel", type=int, default=1, metavar="N", help="flows at once (default 1)")
    parser.add_argument("--seed", type=int, help="of everything random (default: a new one)")
    parser.add_argument("--fail-fast", action="store_true", help="start no further flow after the first failure")
    parser.add_argument("--affected", metavar="BASE..HEAD", help="only flows that the change affects")
    parser.add_argument("--report", action="append", default=[], metavar="NAME=FILE", help="e.g. junit=out.xml")
    parser.add_argument("--verbose", "-v", action="store_true", help="show every step")
    parser.add_argument("--server", metavar="URL", help="also keep the run at this service")
    add_folder(parser)
    add_json(parser)


def pairs(texts: list[str], option: str) -> dict[str, str]:
    """``NAME=VALUE`` texts as a mapping.

    Args:
        texts: as given.
        option: shown in errors.

    Raises:
        UserError: one has no ``=`` or no name.
    """
    found = {}
    for text in texts:
        name, equals, value = text.partition("=")
        if not equals or not name:
            raise UserError(f"{option} '{text}' is not NAME=VALUE", hint=f"write it as {option} NAME=VALUE")
        found[name] = value
    return found


def _run(options: argparse.Namespace) -> int:
    from testmesh.workspaces.files import load_project

    # Recordings are large and live to the end: collecting them over and over was 40 % of a long run.
    gc.set_threshold(50_000, 20, 50)

    project = load_project(options.dir)
    reports = {name: Path(path) for name, path in pairs(options.report, "--report").items()}
    _check_reports(reports)
    wanted = _wanted(options, project)
    if wanted is None:
        print(NOTHING if options.json else "no flow is affected")
        return EXIT_OK
    return _execute(options, project, wanted, reports)


def _check_reports(reports: Mapping[str, Path]) -> None:
    if reports:
        from flows.reports import report

        for name in reports:
            report(name)


def _wanted(options: argparse.Namespace, project: Project) -> RunOptions | None:
    from flows.runner.options import RunOptions

    paths = tuple(str(p) for p in options.paths) or project.flows or (str(project.root),)
    revision = _revision(project)
    if options.affected:
        affected = _affected(options, project)
        if not affected:
            return None
        paths = affected
    return RunOptions(
        paths=paths,
        root=project.root,
        tags=tuple(options.tag),
        suite=options.suite,
        variables=pairs(options.var, "--var"),
        process=dict(os.environ),
        parallel=options.parallel,
        fail_fast=options.fail_fast,
        seed=options.seed,
        revision=revision,
    )


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


@contextmanager
def _system(options: argparse.Namespace, project: Project) -> Iterator[System | None]:
    if not options.env:
        yield None
        return
    from testmesh.compose.systems import System

    with System(project, options.env) as system:
        yield system


def _execute(options: argparse.Namespace, project: Project, wanted: RunOptions, reports: Mapping[str, Path]) -> int:
    from flows.runner.running import exit_code
    from testmesh.compose.systems import run_flows_in

    listeners = [] if options.json else [_terminal(options)]
    with _system(options, project) as system:
        ran = run_flows_in(system, wanted, listeners)
        if system is not None:
            _observe(project, ran)
    if reports:
        from flows.reports import write_reports

        write_reports(ran.run, reports)
    if options.server:
        from testmesh.compose.remote import Remote

        Remote(options.server).upload(ran.run)
    _say(options, ran)
    code = exit_code(ran.run) if ran.run.flows else EXIT_FAILED
    return code


def _terminal(options: argparse.Namespace) -> Terminal:
    from flows.reports.terminal import Terminal

    real = sys.stdout.isatty()
    return Terminal(sys.stdout, colour=real and "NO_COLOR" not in os.environ, live=real, verbose=options.verbose)


def _observe(project: Project, ran: Ran) -> None:
    from testmesh.compose.graphs import open_checkout
    from testmesh.compose.systems import observe_run

    if (project.state / "graph.db").exists() or "TESTMESH_NEO4J_URL" in os.environ:
        observe_run(open_checkout(project.root), ran)


def _say(options: argparse.Namespace, ran: Ran) -> None:
    for file, reason in sorted(ran.not_run.items()):
        print(f"not run  {file}: {reason}", file=sys.stderr)
    if options.json:
        from flows.reports.json import write

        sys.stdout.write(write(ran.run))
    else:
        print(f"run {ran.run.id}")


COMMAND = Command("run flows against a live system", _arguments, _run, "Flows")
