"""`testmesh fmt PATH...`: one layout for all flows, so that a diff shows only what was meant."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from testmesh.cli import Command
from testmesh.cli._options import add_folder, counted
from testmesh.kernel.errors import EXIT_FAILED, EXIT_OK, EXIT_USAGE, DiagnosticsError, UserError


def _arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("paths", nargs="*", help="flow files and folders (default: this repository's)")
    parser.add_argument("--check", action="store_true", help="change nothing; exit 1 when a file would change")
    parser.add_argument("--diff", action="store_true", help="change nothing; print what would change")
    add_folder(parser)


def _run(options: argparse.Namespace) -> int:
    from flows.runner.discovery import discover
    from testmesh.workspaces.files import load_project

    project = load_project(options.dir)
    paths = tuple(options.paths) or project.flows or (str(project.root),)
    changed, broken = 0, 0
    files = discover(paths, project.root)
    for file in files:
        try:
            changed += _file(project.root / file, file, options)
        except UserError as problem:
            broken += 1
            _say(problem)
    verb = "would change" if options.check or options.diff else "changed"
    print(f"{counted(len(files), 'file')}: {changed} {verb}" + (f", {broken} left alone" if broken else ""))
    if broken:
        return EXIT_USAGE
    return EXIT_FAILED if changed and options.check else EXIT_OK


def _file(path: Path, shown: str, options: argparse.Namespace) -> bool:
    from flows.language.formatting import formatted
    from testmesh.guard.limits import MIB, read_bytes, utf8

    before = utf8(read_bytes(path, shown=shown, limit=MIB), file=shown, limit=MIB)
    after = formatted(before, shown)
    if after == before:
        return False
    if options.diff:
        _diff(before, after, shown)
    if options.check or options.diff:
        print(f"would change {shown}", file=sys.stderr)
        return True
    try:
        path.write_text(after, encoding="utf-8", newline="")
    except OSError as error:
        raise UserError(f"cannot write {shown}: {error.strerror}", hint="give it write permission") from error
    print(f"changed {shown}")
    return True


def _diff(before: str, after: str, shown: str) -> None:
    import difflib

    lines = difflib.unified_diff(before.splitlines(), after.splitlines(), shown, shown, lineterm="")
    sys.stdout.write("".join(f"{line}\n" for line in lines))


def _say(problem: UserError) -> None:
    from testmesh.kernel.diagnostics import render

    if isinstance(problem, DiagnosticsError):
        for diagnostic in problem.diagnostics:
            print(render(diagnostic), file=sys.stderr)
        return
    print(f"error: {problem.message}", file=sys.stderr)


COMMAND = Command("lay out flow files the one way; comments stay", _arguments, _run, "Flows")
