"""`testmesh coverage`: what the flows reach and check, and the gaps with a flow for each."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING

from testmesh.cli import Command
from testmesh.cli._options import add_folder, add_json, add_server, counted, print_json
from testmesh.kernel.errors import EXIT_OK

if TYPE_CHECKING:
    from graph.answers import Coverage

LONGEST = 80


def _arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--markdown", action="store_true", help="print Markdown")
    parser.add_argument("--write", type=Path, metavar="FOLDER", help="write a flow for every gap into this folder")
    add_folder(parser)
    add_json(parser)
    add_server(parser)


def _run(options: argparse.Namespace) -> int:
    from agents.coverage import markdown, text

    found = _asked(options)
    if options.write is not None:
        print(f"{options.write}: {counted(write_skeletons(found, options.write), 'flow')} written")
    elif options.json:
        print_json(found)
    else:
        print(markdown(found) if options.markdown else text(found))
    return EXIT_OK


def _asked(options: argparse.Namespace) -> Coverage:
    if options.server:
        from testmesh.compose.remote import Remote

        return Remote(options.server).coverage(options.repository)
    from testmesh.compose.graphs import open_checkout
    from testmesh.compose.questions import coverage
    from testmesh.compose.refreshing import refresh

    checkout = open_checkout(options.dir)
    refresh(checkout)
    return coverage(checkout)


def write_skeletons(found: Coverage, folder: Path) -> int:
    """Write a flow file for every gap; files that exist are never touched.

    Args:
        found: with skeletons.
        folder: made when missing.

    Raises:
        UserError: the folder cannot be written.
    """
    from flows.reports import write_whole

    written = 0
    for row in found.rows:
        name = "".join(c if c.isalnum() else "_" for c in row.label).strip("_").lower()[:LONGEST]
        file = folder / f"{name}.yaml"
        if row.skeleton and not file.exists():
            write_whole(file, row.skeleton.encode())
            written += 1
    return written


COMMAND = Command("what no flow covers, with a flow for each gap", _arguments, _run, "Agents", brief=True)
