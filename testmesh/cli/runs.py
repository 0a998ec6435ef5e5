"""`testmesh runs`: the recordings kept here, newest first."""

from __future__ import annotations

import argparse

from testmesh.cli import Command
from testmesh.cli._options import add_folder, add_json, print_json
from testmesh.kernel.errors import EXIT_OK


def _arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--limit", type=int, default=20, help="most rows (default 20)")
    add_folder(parser)
    add_json(parser)


def _run(options: argparse.Namespace) -> int:
    from testmesh.compose.diagnosing import file_runs
    from testmesh.compose.graphs import open_checkout

    rows = file_runs(open_checkout(options.dir)).list(options.limit)
    if options.json:
        print_json(list(rows))
        return EXIT_OK
    for row in rows:
        counts = f"{row.passed} passed, {row.failed} failed"
        where = f" in {row.environment}" if row.environment else ""
        print(f"{row.id}  {row.started}  {row.verdict:<9}  {counts}  {row.revision[:12]}{where}")
    if not rows:
        print("no runs yet: testmesh run PATH...")
    return EXIT_OK


COMMAND = Command("recordings kept here", _arguments, _run, "Flows")
