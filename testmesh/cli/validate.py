"""`testmesh validate PATH...`: everything that can be known about flows before the first request."""

from __future__ import annotations

import argparse
import json
import os
import sys
from typing import TYPE_CHECKING

from testmesh.cli import Command
from testmesh.cli._options import add_folder, add_json, counted
from testmesh.kernel.errors import EXIT_OK, EXIT_USAGE

if TYPE_CHECKING:
    from flows.runner.loading import Loader, Opened


def _arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("paths", nargs="*", help="flow files and folders (default: this repository's)")
    add_folder(parser)
    add_json(parser)


def _run(options: argparse.Namespace) -> int:
    from flows.actions import catalogue
    from flows.runner.discovery import discover
    from flows.runner.loading import Loader
    from testmesh.workspaces.files import load_project

    project = load_project(options.dir)
    paths = tuple(options.paths) or project.flows or (str(project.root),)
    loader = Loader(project.root, catalogue(), shell=project.shell is not None)
    opened = [_warned(loader, file) for file in loader.open_all(discover(paths, project.root))]
    findings = [finding for file in opened for finding in file.findings]
    errors = [f for f in findings if f.severity == "error"]
    if options.json:
        sys.stdout.write(
            json.dumps({"files": len(opened), "findings": [f.as_json() for f in findings]}, indent=2) + "\n"
        )
    else:
        _print(opened)
        warnings = len(findings) - len(errors)
        print(f"{counted(len(opened), 'file')}: {counted(len(errors), 'error')}, {counted(warnings, 'warning')}")
    return EXIT_USAGE if errors else EXIT_OK


def _warned(loader: Loader, file: Opened) -> Opened:
    """The file, with a warning for each variable that is not set here."""
    from flows.engine.variables import unset

    if file.outline is None:
        return file
    return file._replace(findings=(*file.findings, *unset(loader.flow(file), os.environ)))


def _print(opened: list[Opened]) -> None:
    from testmesh.kernel.diagnostics import render

    for file in opened:
        for finding in file.findings:
            print(render(finding, file.text))


COMMAND = Command("check flows without running them", _arguments, _run, "Flows")
