"""`testmesh show RUN`: a recording again, as it was printed, as a page, as JSON or as any report."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from testmesh.cli import Command
from testmesh.cli._options import add_folder, add_json, pairs
from testmesh.kernel.errors import EXIT_OK

if TYPE_CHECKING:
    from graph.runs import Run


def _arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("run", nargs="?", help="run id, its beginning, or 'latest' (the default)")
    parser.add_argument("--verbose", "-v", action="store_true", help="show every step")
    parser.add_argument("--recording", action="store_true", help="print the whole recording as JSON")
    page = "write one self-contained page (default: .testmesh/pages/RUN.html; - for standard output)"
    parser.add_argument("--html", nargs="?", const="", metavar="FILE", help=page)
    parser.add_argument("--report", action="append", default=[], metavar="NAME=FILE", help="e.g. junit=out.xml")
    add_folder(parser)
    add_json(parser)


def _run(options: argparse.Namespace) -> int:
    from testmesh.compose.diagnosing import file_runs
    from testmesh.compose.graphs import open_checkout

    checkout = open_checkout(options.dir)
    run = file_runs(checkout).opened(_chosen(options))
    reports = _reports(options, run, checkout.project.state)
    if reports:
        return _write(run, reports, checkout.project.root)
    if options.recording:
        from flows.runner.writing import run_chunks

        sys.stdout.writelines(run_chunks(run))
    elif options.json:
        from flows.reports.json import chunks

        sys.stdout.writelines(chunks(run))
    else:
        from flows.reports.terminal import coloured, plain, run_lines
        from testmesh.kernel import output
        from testmesh.telemetry.kept import spans_of

        spans = spans_of(checkout.project.root, run.id)
        paint = coloured if output.coloured(sys.stdout) else plain
        lines = run_lines(run, paint, verbose=options.verbose, spans=spans)
        sys.stdout.writelines(line + "\n" for line in lines)
    return EXIT_OK


def _chosen(options: argparse.Namespace) -> str:
    """The run; `show --html RUN` says it too, since a page would be called otherwise."""
    if options.run is None and options.html and options.html.isalnum():
        options.run, options.html = options.html, ""
    return "latest" if options.run is None else str(options.run)


def _reports(options: argparse.Namespace, run: Run, state: Path) -> Mapping[str, Path]:
    found = {name: Path(file) for name, file in pairs(options.report, "--report").items()}
    if options.html is not None:
        found["html"] = Path(options.html) if options.html else state / "pages" / f"{run.id}.html"
    return found


def _write(run: Run, reports: Mapping[str, Path], root: Path) -> int:
    from flows.reports import write_reports
    from testmesh.compose.reporting import beside_of

    write_reports(run, reports, beside_of(root, run, green="html" in reports))
    for file in reports.values():
        if str(file) != "-":
            print(file)
    return EXIT_OK


COMMAND = Command("print a recording, or write it as a page", _arguments, _run, "Flows")
