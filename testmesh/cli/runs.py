"""`testmesh runs`: the recordings kept here, newest first."""

from __future__ import annotations

import argparse
import sys

from testmesh.cli import Command
from testmesh.cli._options import add_folder, add_json, print_json
from testmesh.kernel.errors import EXIT_OK, UserError

MOST_UNREAD = 5
VERDICTS = ("passed", "failed", "error", "cancelled")


def _arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--flow", default="", help="only runs of this flow: its file, the end of it, or its name")
    parser.add_argument(
        "--verdict", default="", choices=VERDICTS, help="only runs (or, with --flow, flows) that ended so"
    )
    parser.add_argument("--since", default="", metavar="TIME", help="only later ones: 2h, 3d, 2026-11-26, a time (UTC)")
    parser.add_argument("--env", default="", help="only runs in this environment")
    parser.add_argument("--revision", default="", help="only runs of this revision (its beginning)")
    parser.add_argument("--limit", type=int, default=20, help="most rows (default 20)")
    add_folder(parser)
    add_json(parser)


def _run(options: argparse.Namespace) -> int:
    from testmesh.compose.diagnosing import file_runs
    from testmesh.compose.graphs import open_checkout
    from testmesh.compose.reporting import Wanted, listed, moment
    from testmesh.kernel.clock import SystemClock

    if options.limit < 1:
        raise UserError(f"--limit must be at least 1, not {options.limit}")
    since = moment(options.since, SystemClock().now()) if options.since else ""
    wanted = Wanted(options.flow, options.verdict, since, options.env, options.revision)
    runs = file_runs(open_checkout(options.dir))
    rows = list(listed(runs, wanted, options.limit))
    for reason in list(runs.unread.values())[:MOST_UNREAD]:
        print(f"not shown  {reason}", file=sys.stderr)
    if len(runs.unread) > MOST_UNREAD:
        print(f"not shown  {len(runs.unread) - MOST_UNREAD} more files that are no recordings", file=sys.stderr)
    if options.json:
        print_json(rows)
        return EXIT_OK
    for row in rows:
        counts = f"{row.passed} passed, {row.failed} failed"
        where = f" in {row.environment}" if row.environment else ""
        print(f"{row.id}  {row.started}  {row.verdict:<9}  {counts}  {row.revision[:12]}{where}")
    if not rows:
        print("no run fits" if wanted != Wanted() else "no runs yet: testmesh run PATH...")
    return EXIT_OK


COMMAND = Command("recordings kept here", _arguments, _run, "Flows")
