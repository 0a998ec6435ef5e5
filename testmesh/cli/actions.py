"""`testmesh actions`: what steps can do, and what each takes and gives."""

from __future__ import annotations

import argparse
import sys

from testmesh.cli import Command
from testmesh.kernel.errors import EXIT_OK, UserError


def _arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("action", nargs="?", help="only this one, by name or alias")
    parser.add_argument("--markdown", action="store_true", help="the whole reference page")


def _run(options: argparse.Namespace) -> int:
    from flows.actions import catalogue
    from flows.language import reference

    known = catalogue()
    if options.action is None:
        specs = known.complete().specs
        sys.stdout.write(reference.page(specs) if options.markdown else reference.overview(specs))
        return EXIT_OK
    found = known.find(options.action)
    if found is None:
        raise UserError(f"there is no action '{options.action}'", hint=_nearest(options.action, known.complete().names))
    sys.stdout.write(reference.described(found[0]))
    return EXIT_OK


def _nearest(name: str, names: tuple[str, ...]) -> str:
    from flows.language.closest import closest

    near = closest(name, names)
    return f"did you mean '{near}'?" if near else "see 'testmesh actions'"


COMMAND = Command("list the step actions, or tell what one takes and gives", _arguments, _run, "Flows")
