"""`testmesh strength FLOW|RUN`: which changes of its own green evidence a flow would notice, and what would."""

from __future__ import annotations

import argparse
import sys
from typing import TYPE_CHECKING

from testmesh.cli import Command
from testmesh.cli._options import add_folder, add_json, counted, print_json
from testmesh.kernel.errors import EXIT_OK, UserError

if TYPE_CHECKING:
    from testmesh.compose.strengthening import Measured

TOP = 12


def _arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("target", help="flow file or folder (last green runs are taken), run id, or 'latest'")
    parser.add_argument("--step", default="", help="only this step")
    parser.add_argument("--top", type=int, default=TOP, help=f"most gaps shown per flow (default {TOP})")
    parser.add_argument("--write", action="store_true", help="add the suggested assertions to the flow file")
    parser.add_argument("--min", type=float, metavar="SCORE", help="exit 1 when a flow notices fewer percent")
    add_folder(parser)
    add_json(parser)


def _run(options: argparse.Namespace) -> int:
    from flows.strength.report import data, lines
    from testmesh.compose.graphs import open_checkout
    from testmesh.compose.strengthening import strengths

    if options.min is not None and not 0 <= options.min <= 100:
        raise UserError(f"--min must be between 0 and 100, not {options.min:g}")
    found = strengths(open_checkout(options.dir), options.target, options.step)
    if options.step and not any(one.strength.steps or one.strength.problem for one in found):
        raise UserError(f"no step '{options.step}' with an answer was recorded", hint="leave out --step to see all")
    if options.json:
        print_json({"flows": [data(one.strength) for one in found]})
    else:
        for one in found:
            print("\n".join(lines(one.strength, options.top)))
    if options.write:
        for one in found:
            _write(one, quiet=options.json)
    return _exit(found, options.min)


def _exit(found: list[Measured], least: float | None) -> int:
    if least is None:
        return EXIT_OK
    return 1 if any(one.strength.problem or one.strength.score < least for one in found) else EXIT_OK


def _write(one: Measured, *, quiet: bool) -> None:
    import difflib

    from flows.reports import write_whole
    from flows.strength.measuring import strengthened

    new = strengthened(one.text, one.strength.gaps)
    if new == one.text or not one.path.is_file():
        return
    write_whole(one.path, new.encode())
    count = sum(bool(gap.suggestion) for gap in one.strength.gaps)
    if quiet:
        return
    old, text = one.text.splitlines(keepends=True), new.splitlines(keepends=True)
    sys.stdout.writelines(difflib.unified_diff(old, text, one.strength.file, one.strength.file))
    print(f"{one.strength.file}: {counted(count, 'assertion')} added")


COMMAND = Command("which changes a flow would not notice, and the assertion that would", _arguments, _run, "Flows")
