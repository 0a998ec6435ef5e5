"""`testmesh schema`: the JSON Schema of flow files, so that editors complete and check them while they are typed."""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path

from testmesh.cli import Command
from testmesh.kernel.errors import EXIT_OK, UserError


def _arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--output", "-o", type=Path, metavar="FILE", help="write it there (default: print it)")


def schema_text() -> str:
    """The schema of everything this installation knows, as JSON text."""
    from flows.actions import catalogue
    from flows.language.schema import json_schema

    return json.dumps(json_schema(catalogue().complete()), indent=1, ensure_ascii=False) + "\n"


def _run(options: argparse.Namespace) -> int:
    text = schema_text()
    if options.output is None:
        sys.stdout.write(text)
        return EXIT_OK
    try:
        options.output.write_text(text, encoding="utf-8")
    except OSError as error:
        raise UserError(f"cannot write {options.output}: {error.strerror}", hint="give another file") from error
    return EXIT_OK


COMMAND = Command("print the JSON Schema of flow files, for editors", _arguments, _run, "Flows")
