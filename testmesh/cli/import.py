"""`testmesh import [FORMAT] FILE...`: tests of other tools become flows that give the same verdicts."""

from __future__ import annotations

import argparse
from collections.abc import Mapping
from pathlib import Path

from testmesh.cli import Command
from testmesh.cli._options import add_folder
from testmesh.cli._writing import add_output, beside, write
from testmesh.kernel.errors import EXIT_USAGE, UserError


def _arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("files", nargs="+", metavar="[FORMAT] FILE", help="files of one format; it is found by itself")
    parser.add_argument("--variables", type=Path, metavar="FILE", help="that tool's environment file")
    add_output(parser)
    add_folder(parser)


def _run(options: argparse.Namespace) -> int:
    from flows.importers import importers

    known = importers()
    files = list(options.files)
    name = files.pop(0) if files[0] in known and not Path(files[0]).exists() else None
    if not files:
        raise UserError("no file is given", hint=f"testmesh import {name} FILE...")
    codes = [_one(Path(file), name, options) for file in files]
    return max(codes)


def _one(path: Path, name: str | None, options: argparse.Namespace) -> int:
    import sys

    from flows.importers import Source, detected, importers

    known = importers()
    text = beside(path)
    if text is None:
        raise UserError(f"{path}: there is no such file", hint="give files, not folders")
    chosen = name or detected(path.name, text)
    if chosen is None:
        raise UserError(
            f"{path}: this is none of {', '.join(known)}", hint="name the format: testmesh import FORMAT FILE"
        )
    importer = known[chosen]
    variables: Mapping[str, object] = {}
    if options.variables is not None:
        variables = _variables(chosen, options.variables)
    source = Source(str(path), text, lambda other: beside(path.parent / other), variables)
    try:
        return write(importer.read(source), source, options)
    except UserError as problem:
        if len(options.files) <= 2:
            raise
        print(f"error: {problem.message}", file=sys.stderr)
        return EXIT_USAGE


def _variables(chosen: str, path: Path) -> Mapping[str, object]:
    from flows.importers import importers

    reader = importers()[chosen].environment
    text = beside(path)
    if reader is None or text is None:
        problem = "there is no such file" if text is None else f"{chosen} has no environment files"
        raise UserError(f"{path}: {problem}", hint="leave out --variables")
    return reader(str(path), text)


COMMAND = Command("make flows of OpenAPI, Postman, Hurl, Tavern, runn and .http files", _arguments, _run, "Flows")
