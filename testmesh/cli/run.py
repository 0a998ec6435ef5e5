"""`testmesh run PATH...`: run flows, keep the recording, say what failed and why."""

from __future__ import annotations

import argparse
import gc
import os
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, cast

from testmesh.cli import Command
from testmesh.cli._options import add_folder, add_json, pairs
from testmesh.cli._selection import unstarted, wanted
from testmesh.kernel.errors import EXIT_FAILED, EXIT_OK, UserError

if TYPE_CHECKING:
    from flows.engine.masked_stream import Writable
    from flows.reports.terminal import Terminal
    from flows.runner.options import RunOptions
    from testmesh.compose.systems import Ran, System
    from testmesh.workspaces.records import Project

NOTHING = '{"run": null, "verdict": null, "flows": []}'


class _Reports(argparse.Action):
    """Several reports after one `--report`, as FLOWS §8 writes it; what follows them is a path."""

    def __call__(self, parser: object, namespace: argparse.Namespace, values: object, option: object = None) -> None:
        first, *more = cast("list[str]", values)
        reports = [text for text in more if "=" in text and text.partition("=")[0].isidentifier()]
        namespace.report = [*namespace.report, first, *reports]
        namespace.after_reports = [*namespace.after_reports, *(text for text in more if text not in reports)]


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
    parser.add_argument("--shard", metavar="I/N", help="only the I-th of N parts, the same split on every machine")
    parser.add_argument("--durations", type=Path, metavar="FILE", help="with --shard: a run that balances the parts")
    parser.add_argument("--only-failed", action="store_true", help="only what did not pass in the last run")
    parser.add_argument("--failed-in", metavar="RUN", help="only what did not pass in that run")
    parser.add_argument("--watch", action="store_true", help="run again what changed files affect, until Ctrl-C")
    parser.add_argument("--dry-run", action="store_true", help="resolve and print every request, send nothing")
    parser.add_argument("--allow-shell", action="store_true", help="allow shell steps in this run")
    said = "e.g. junit=out.xml html=run.html; may be repeated"
    parser.add_argument("--report", action=_Reports, nargs="+", default=[], metavar="NAME=FILE", help=said)
    parser.set_defaults(after_reports=[])
    parser.add_argument("--verbose", "-v", action="store_true", help="show every step")
    parser.add_argument("--server", metavar="URL", help="also keep the run at this service")
    add_folder(parser)
    add_json(parser)


def _run(options: argparse.Namespace) -> int:
    from testmesh.workspaces.files import load_project

    # Recordings are large and live to the end: collecting them over and over was 40 % of a long run.
    gc.set_threshold(50_000, 20, 50)
    _stop_like_ctrl_c()
    options.paths = [*options.after_reports, *options.paths]
    project = load_project(options.dir)
    reports = {name: Path(path) for name, path in pairs(options.report, "--report").items()}
    _check_reports(reports)
    if options.dry_run and options.watch:
        raise UserError("--watch does not go with --dry-run", hint="leave out one of them")
    asked = wanted(options, project)
    if isinstance(asked, str):
        print(NOTHING if options.json else asked)
        return EXIT_OK
    if options.dry_run:
        from testmesh.cli._dry_run import dry_run

        variables = unstarted(options, project) if options.env else {}
        return dry_run(options, replace(asked, environment=options.env, environment_variables=variables))
    execution = _Execution(options, project, reports)
    if options.watch:
        from testmesh.cli._watch import watch

        return watch(options, project, asked, execution.once)
    with _system(options, project) as system:
        return execution.once(asked, system)[0]


def _stop_like_ctrl_c() -> None:
    """SIGTERM and a closed terminal end a run as Ctrl-C does: teardown, recording, environment; a second one now."""
    import signal
    import threading

    if threading.current_thread() is threading.main_thread():
        if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
            # a shell starts `testmesh run &` in a script so; SIGTERM would then end in nothing
            signal.signal(signal.SIGINT, signal.default_int_handler)
        for number in (signal.SIGTERM, signal.SIGHUP):
            if signal.getsignal(number) is not signal.SIG_IGN:  # as `nohup` wants it
                signal.signal(number, lambda number, frame: signal.raise_signal(signal.SIGINT))


def _check_reports(reports: Mapping[str, Path]) -> None:
    if reports:
        from flows.reports import report

        for name in reports:
            report(name)


@contextmanager
def _system(options: argparse.Namespace, project: Project) -> Iterator[System | None]:
    if not options.env:
        yield None
        return
    from testmesh.compose.systems import System

    with System(project, options.env) as system:
        yield system


@dataclass(frozen=True, slots=True)
class _Execution:
    """How the runs of one command are executed.

    Args:
        options: of the command.
        project: whose flows.
        reports: report name to file.
    """

    options: argparse.Namespace
    project: Project
    reports: Mapping[str, Path]

    def once(self, asked: RunOptions, system: System | None) -> tuple[int, bool]:
        """One run with everything that follows it.

        Args:
            asked: what to run.
            system: the environment that is up, or None.

        Returns:
            The exit code, and whether the run was cancelled.
        """
        from flows.runner.running import exit_code
        from flows.runner.units import EmptyShard

        options = self.options
        try:
            ran = self._shown(asked, system)
        except EmptyShard as empty:
            print(NOTHING if options.json else empty.message)
            return EXIT_OK, False
        if system is not None or ran.spans:
            _observe(self.project, ran)
        problem = self._reported(ran) or ran.unkept
        if options.server:
            from testmesh.compose.remote import Remote

            Remote(options.server).upload(ran.run)
        _say(options, ran)
        if problem is not None:
            raise problem
        return exit_code(ran.run) if ran.run.flows else EXIT_FAILED, ran.run.verdict == "cancelled"

    def _reported(self, ran: Ran) -> UserError | None:
        """Writes the reports; what stands in the way of one is said at the end, when the run has been told whole."""
        if not self.reports:
            return None
        from flows.reports import write_reports
        from testmesh.compose.reporting import beside_of

        beside = beside_of(self.project.root, ran.run, ran.spans, green="html" in self.reports)
        try:
            write_reports(ran.run, self.reports, beside)
        except UserError as problem:
            return problem
        return None

    def _shown(self, asked: RunOptions, system: System | None) -> Ran:
        """A run that a person watches; what it knows to be secret never reaches the terminal."""
        from flows.engine.masked_stream import MaskedStream
        from flows.engine.masking import Masks
        from testmesh.compose.systems import run_flows_in

        masks = asked.masks or Masks()
        asked = replace(asked, masks=masks)
        if self.options.json:
            return run_flows_in(system, asked, [])
        stream = MaskedStream(sys.stdout, masks)
        terminal = _terminal(self.options, stream, later=system is not None)
        terminal.root = asked.root
        try:
            ran = run_flows_in(system, asked, [terminal])
            terminal.failures(ran.run, ran.spans)
            return ran
        except KeyboardInterrupt:
            print("the run was cut off: its teardown too, and nothing of it is kept", file=sys.stderr)
            raise
        finally:
            stream.close()


def _terminal(options: argparse.Namespace, out: Writable, *, later: bool) -> Terminal:
    from flows.reports.terminal import Terminal
    from testmesh.kernel.output import animated, coloured

    colour, live = coloured(sys.stdout), animated(sys.stdout)
    return Terminal(out, colour=colour, live=live, verbose=options.verbose, later=later)


def _observe(project: Project, ran: Ran) -> None:
    from testmesh.compose.graphs import open_checkout
    from testmesh.compose.systems import observe_run

    if (project.state / "graph.db").exists() or "TESTMESH_NEO4J_URL" in os.environ:
        observe_run(open_checkout(project.root), ran)


def _say(options: argparse.Namespace, ran: Ran) -> None:
    for file, reason in sorted(ran.not_run.items()):
        print(f"not run  {file}: {reason}", file=sys.stderr)
    for text in ran.troubles:
        print(f"note: {text}", file=sys.stderr)
    if options.json:
        from flows.reports.json import chunks

        sys.stdout.writelines(chunks(ran.run))


COMMAND = Command("run flows against a live system", _arguments, _run, "Flows")
