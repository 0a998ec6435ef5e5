"""`testmesh fix RUN`: a verified edit of a stale flow with counts behind its confidence, or a refusal."""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from typing import TYPE_CHECKING

from testmesh.cli import Command
from testmesh.cli._options import add_folder, add_json, add_server, print_json, refuse_local
from testmesh.kernel.errors import EXIT_FAILED, EXIT_OK, UserError

if TYPE_CHECKING:
    from graph.answers import Fix
    from testmesh.compose.graphs import Checkout


def _arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("run", nargs="?", default="latest", help="run id or its beginning (default: the latest)")
    parser.add_argument("--flow", default="", help="the failing flow to repair (default: the first)")
    parser.add_argument("--base", default="", help="revision to compare with (default: the last green run's)")
    parser.add_argument("--env", default="", help="environment for the live checks (default: the run's)")
    parser.add_argument("--no-live", action="store_true", help="skip the live checks; reported as not checked")
    parser.add_argument("--times", type=int, help="how often it must fail before and pass after (default 3)")
    parser.add_argument("--apply", action="store_true", help="write the edit into the work tree")
    parser.add_argument("--pr", metavar="REMOTE", help="push it as a branch with its text to this bare repository")
    add_folder(parser)
    add_json(parser)
    add_server(parser)


def _run(options: argparse.Namespace) -> int:
    times = 3 if options.times is None else options.times
    if times < 1:
        raise UserError("--times must be at least 1")
    if options.server:
        from testmesh.compose.remote import Remote

        _refuse_local(options)
        fix = Remote(options.server).fix(options.run, options.repository)
        return _shown(options, fix)
    from testmesh.compose.diagnosing import Asked
    from testmesh.compose.graphs import open_checkout
    from testmesh.compose.repairing import RepairAsked, keep, repaired

    checkout = open_checkout(options.dir)
    asked = Asked(options.run, options.flow, options.base, options.env)
    fix = repaired(checkout, RepairAsked(asked, not options.no_live, times))
    keep(checkout, fix)
    code = _shown(options, fix)
    if fix.edits and options.apply:
        _apply(checkout, fix)
    if options.pr:
        _push(checkout, fix, options.pr)
    return code


def _refuse_local(options: argparse.Namespace) -> None:
    named = {"--flow": options.flow, "--base": options.base, "--env": options.env, "--no-live": options.no_live}
    refuse_local({**named, "--times": options.times, "--apply": options.apply, "--pr": options.pr})


def _shown(options: argparse.Namespace, fix: Fix) -> int:
    if options.json:
        print_json(fix)
    else:
        print("\n".join(as_text(fix)))
    return EXIT_OK if fix.status in ("verified", "suggestion") else EXIT_FAILED


def as_text(fix: Fix) -> Iterator[str]:
    """The fix for a terminal.

    Args:
        fix: the answer.
    """
    from testmesh.forges.comment import diff, shown

    yield f"{fix.status}: {fix.title}"
    yield from (f"  {line}" for line in fix.explanation.splitlines())
    for edit in fix.edits:
        yield from (f"  {line}" for line in diff(edit).splitlines())
    for gate in fix.gates:
        yield f"  [{gate.outcome}] {gate.gate}: {gate.detail}"
    if fix.confidence is not None:
        yield f"  confidence: {shown(fix.confidence)}"
    elif fix.edits:
        yield "  confidence: no comparable case has been counted yet"
    if fix.not_checked:
        yield "  not checked:"
        yield from (f"    {reason}" for reason in fix.not_checked)


def _apply(checkout: Checkout, fix: Fix) -> None:
    from flows.reports import write_whole

    for edit in fix.edits:
        path = checkout.project.root / edit.path
        if not path.is_file() or path.read_bytes() != edit.before.encode():
            raise UserError(
                f"{edit.path} was changed meanwhile; nothing was written", hint="run the flow again, then fix"
            )
        write_whole(path, edit.after.encode())
        print(f"  {edit.path} written")


def _push(checkout: Checkout, fix: Fix, remote: str) -> None:
    from testmesh.compose.repairing import proposed

    pull = proposed(checkout, fix, remote)
    print(f"  pull request #{pull.number} {pull.outcome}: branch {pull.branch} @ {pull.commit[:10]} ({pull.place})")


COMMAND = Command("the fix of a failed run, verified, or a refusal", _arguments, _run, "Agents")
