"""`testmesh diagnose RUN`: why a run failed, with the proof when asked for."""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from typing import TYPE_CHECKING

from testmesh.cli import Command
from testmesh.cli._options import add_folder, add_json, add_server, print_json, refuse_local
from testmesh.kernel.errors import EXIT_OK

if TYPE_CHECKING:
    from graph.answers import Cause, Diagnosis

SHOWN = 5


def _arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("run", nargs="?", default="latest", help="run id or its beginning (default: the latest)")
    parser.add_argument("--flow", default="", help="the failing flow to explain (default: the first)")
    parser.add_argument("--base", default="", help="revision to compare with (default: the last green run's)")
    parser.add_argument("--env", default="", help="environment for the proof (default: the run's)")
    parser.add_argument("--confirm", action="store_true", help="take the first hunk back in a scratch copy, run again")
    add_folder(parser)
    add_json(parser)
    add_server(parser)


def _run(options: argparse.Namespace) -> int:
    found = _asked(options)
    if options.json:
        print_json(found)
    else:
        print("\n".join(as_text(found)))
    return EXIT_OK


def _asked(options: argparse.Namespace) -> Diagnosis:
    if options.server:
        from testmesh.compose.remote import Remote

        refuse_local({"--flow": options.flow, "--env": options.env, "--confirm": options.confirm})
        return Remote(options.server).diagnosis(options.run, options.repository, options.base)
    from testmesh.compose.diagnosing import Asked, diagnosed
    from testmesh.compose.graphs import open_checkout

    asked = Asked(options.run, options.flow, options.base, options.env)
    return diagnosed(open_checkout(options.dir), asked, confirm=options.confirm)


def as_text(found: Diagnosis) -> Iterator[str]:
    """The report for a terminal.

    Args:
        found: the answer.
    """
    yield f"{found.flow}#{found.step}: {found.failure}"
    yield f"  {found.summary}"
    for clue in found.clues[:SHOWN]:
        yield f"  because {clue.text} [{clue.place}]"
    for number, cause in enumerate(found.causes[:SHOWN], 1):
        yield from _cause(number, cause)
    if found.confirmation is not None:
        yield f"  proof: {found.confirmation.outcome}: {found.confirmation.text}"
    if found.not_checked:
        yield "  not checked:"
        yield from (f"    {reason}" for reason in found.not_checked)


def _cause(number: int, cause: Cause) -> Iterator[str]:
    place = f"{cause.file}:{cause.line}" if cause.file else ""
    by = f" in {cause.commit[:10]}" if cause.commit else ""
    yield f"  {number}. {cause.text} [{place}]{by}, score {cause.score:.2f}"
    yield from (
        f"       {clue.text} [{clue.place}] ({clue.detector} {clue.weight:.2f})" for clue in cause.clues[:SHOWN]
    )


COMMAND = Command("why a run failed", _arguments, _run, "Agents")
