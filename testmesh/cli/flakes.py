"""`testmesh flakes`: flows that passed and failed at one revision, with counts and what was different."""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from dataclasses import asdict
from itertools import islice
from typing import TYPE_CHECKING

from testmesh.cli import Command
from testmesh.cli._options import add_folder, add_json, counted, print_json
from testmesh.kernel.errors import EXIT_OK, UserError

if TYPE_CHECKING:
    from flows.strength.flakes import Flake

LAST = 200


def _arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--flow", default="", help="only this file's flow")
    parser.add_argument("--last", type=int, default=LAST, metavar="N", help=f"runs to look at (default {LAST})")
    add_folder(parser)
    add_json(parser)


def _run(options: argparse.Namespace) -> int:
    from flows.strength.flakes import flakes
    from testmesh.compose.graphs import open_checkout
    from testmesh.compose.past_flows import recent

    if options.last < 2:
        raise UserError(f"--last must be at least 2, not {options.last}", hint="a flake needs two runs")
    runs = list(islice(recent(open_checkout(options.dir)), options.last))
    found = flakes(runs, options.flow)
    if options.json:
        print_json({"runs": len(runs), "flakes": [asdict(flake) for flake in found]})
    else:
        print("\n".join(_lines(found, len(runs))))
    return EXIT_OK


def _lines(found: list[Flake], runs: int) -> Iterator[str]:
    if not found:
        yield f"no flow passed and failed at one revision in {counted(runs, 'run')}"
        return
    for flake in found:
        total = flake.failed + flake.passed
        row = "" if flake.row is None else f" row {flake.row}"
        what = "needed another attempt in" if flake.retried else "failed"
        share = f"{what} {flake.failed} of {total} ({flake.low:.0%} to {flake.high:.0%})"
        yield f"{flake.file}{row} {flake.step}: {share}"
        yield f"  {flake.assertion}"
        yield from (f"  {line}" for line in (flake.circumstance, flake.difference) if line)
        what = "same revision" if flake.known else "revision of the services unknown: it may have been other code"
        yield f"  {what}; first {flake.first}, last {flake.last}, e.g. run {flake.runs[0]}"


COMMAND = Command("flows that passed and failed, or needed a retry, at one revision", _arguments, _run, "Flows")
