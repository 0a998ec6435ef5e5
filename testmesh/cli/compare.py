"""`testmesh compare A B`: what changed between two recordings, without what differs in every run."""

from __future__ import annotations

import argparse
import sys

from testmesh.cli import Command
from testmesh.cli._options import add_folder, add_json
from testmesh.kernel.errors import EXIT_OK


def _arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("before", nargs="?", default="latest", help="run id or its beginning (default: the latest)")
    parser.add_argument(
        "after", nargs="?", help="the later run; without it, the first is compared with the last green one"
    )
    add_folder(parser)
    add_json(parser)


def _run(options: argparse.Namespace) -> int:
    from flows.reports.comparing import compare, comparison_data, comparison_lines
    from testmesh.compose.diagnosing import file_runs
    from testmesh.compose.graphs import open_checkout
    from testmesh.compose.reporting import green_run_before

    runs = file_runs(open_checkout(options.dir))
    first = runs.load(options.before)
    before, after = (
        (green_run_before(runs, first), first) if options.after is None else (first, runs.load(options.after))
    )
    found = compare(before, after)
    if options.json:
        from flows.events import to_json

        sys.stdout.write(to_json(comparison_data(found)) + "\n")
    else:
        print("\n".join(comparison_lines(found)))
    return EXIT_OK


COMMAND = Command("what changed between two recordings", _arguments, _run, "Flows")
