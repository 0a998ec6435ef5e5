"""`testmesh impact BASE..HEAD`: what a change affects and which flows must run."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING

from testmesh.cli import Command
from testmesh.cli._options import add_folder, add_json, add_server, print_json
from testmesh.kernel.errors import EXIT_OK, UserError

if TYPE_CHECKING:
    from graph.answers import Impact

MAX_PATCH = 16 << 20


def _arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "range", nargs="?", default="HEAD", help="BASE..HEAD, or BASE for the work tree (default: HEAD)"
    )
    parser.add_argument("--patch", type=Path, help="a unified diff on top of the revision instead")
    parser.add_argument("--markdown", action="store_true", help="print a pull-request comment")
    parser.add_argument("--why", metavar="NODE", help="print the proof for one node or flow")
    add_folder(parser)
    add_json(parser)
    add_server(parser)


def _run(options: argparse.Namespace) -> int:
    from agents.impact import markdown, text, why

    impact = _asked(options)
    if options.json:
        print_json(impact)
    elif options.why:
        print(why(impact, options.why))
    else:
        print(markdown(impact) if options.markdown else text(impact))
    return EXIT_OK


def _asked(options: argparse.Namespace) -> Impact:
    if options.server:
        from testmesh.compose.remote import Remote

        return Remote(options.server).impact(options.repository, options.range, _patch(options.patch))
    from testmesh.compose.graphs import open_checkout
    from testmesh.compose.questions import impact

    return impact(open_checkout(options.dir), options.range, _patch(options.patch))


def _patch(path: Path | None) -> str:
    if path is None:
        return ""
    try:
        data = path.read_bytes()
    except OSError as error:
        raise UserError(f"{path}: {error.strerror}", hint="give the path of a unified diff") from error
    if len(data) > MAX_PATCH:
        raise UserError(f"{path} is larger than {MAX_PATCH >> 20} MiB", hint="compare revisions: BASE..HEAD")
    if not data.strip():
        raise UserError(f"{path} is empty", hint="make one with: git diff BASE > change.patch")
    return data.decode("utf-8", "surrogateescape")


COMMAND = Command("what a change affects, and which flows must run", _arguments, _run, "Agents", brief=True)
