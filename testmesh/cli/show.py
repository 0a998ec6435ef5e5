"""`testmesh show RUN`: a recording again, as it was printed or as JSON."""

from __future__ import annotations

import argparse
import sys

from testmesh.cli import Command
from testmesh.cli._options import add_folder, add_json
from testmesh.kernel.errors import EXIT_OK


def _arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("run", help="run id, its beginning, or 'latest'")
    parser.add_argument("--verbose", "-v", action="store_true", help="show every step")
    parser.add_argument("--recording", action="store_true", help="print the whole recording as JSON")
    add_folder(parser)
    add_json(parser)


def _run(options: argparse.Namespace) -> int:
    from testmesh.compose.diagnosing import file_runs
    from testmesh.compose.graphs import open_checkout

    run = file_runs(open_checkout(options.dir)).load(options.run)
    if options.recording:
        from flows.events import run_to_json

        sys.stdout.write(run_to_json(run) + "\n")
    elif options.json:
        from flows.reports.json import write

        sys.stdout.write(write(run))
    else:
        from flows.reports.terminal import run_lines

        print("\n".join(run_lines(run, verbose=options.verbose)))
    return EXIT_OK


COMMAND = Command("print a recording", _arguments, _run, "Flows")
