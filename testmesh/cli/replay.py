"""`testmesh replay RUN`: the same flows again, with the same seed and inputs."""

from __future__ import annotations

import argparse
import os
import sys

from testmesh.cli import Command
from testmesh.cli._options import add_folder, add_json, pairs
from testmesh.cli._selection import shell_policy
from testmesh.kernel.errors import UserError


def _arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("run", nargs="?", default="latest", help="run id or its beginning (default: the latest)")
    parser.add_argument("--env", default="", help="environment (default: the run's)")
    parser.add_argument("--var", action="append", default=[], metavar="NAME=VALUE", help="an input that was masked")
    add_folder(parser)
    add_json(parser)


def _run(options: argparse.Namespace) -> int:
    from contextlib import nullcontext

    from flows.reports.terminal import Terminal
    from flows.runner.options import RunOptions
    from flows.runner.replaying import replay_options
    from flows.runner.running import exit_code
    from testmesh.compose.diagnosing import file_runs
    from testmesh.compose.graphs import open_checkout
    from testmesh.compose.systems import System, revision_of, run_flows_in

    checkout = open_checkout(options.dir)
    project, run = checkout.project, file_runs(checkout).load(options.run)
    if not run.flows:
        raise UserError(f"run {run.id} has no flow to replay")
    name = options.env or run.environment
    given = RunOptions(
        paths=(),
        root=project.root,
        variables=pairs(options.var, "--var"),
        process=dict(os.environ),
        revision=revision_of(project),
        shell=shell_policy(project),
    )
    wanted = replay_options(run, given)
    terminal = Terminal(sys.stdout, later=bool(name))
    terminal.root = project.root
    listeners = [] if options.json else [terminal]
    with System(project, name) if name else nullcontext() as system:
        ran = run_flows_in(system, wanted, listeners)
    again = ran.run
    if not options.json:
        terminal.failures(again, ran.spans)
    else:
        from flows.reports.json import write

        sys.stdout.write(write(again))
    if ran.unkept is not None:
        raise ran.unkept
    return exit_code(again)


COMMAND = Command("run a recording's flows again with the same seed and inputs", _arguments, _run, "Flows")
