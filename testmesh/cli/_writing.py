"""What `record` and `import` share: flows go to files that are never overwritten, and what is missing is said."""

from __future__ import annotations

import argparse
import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from testmesh.kernel.errors import EXIT_FAILED, EXIT_OK, UserError

if TYPE_CHECKING:
    from flows.importers import Imported, Source

SCHEMA = ".testmesh/schema.json"


def add_output(parser: argparse.ArgumentParser) -> None:
    """`--output` and `--force`.

    Args:
        parser: of the command.
    """
    parser.add_argument("--output", "-o", type=Path, metavar="PATH", help="file or folder (default: print the flow)")
    parser.add_argument("--force", action="store_true", help="overwrite flow files that are there")


def write(imported: Imported, source: Source, options: argparse.Namespace) -> int:
    """Writes or prints the flows of a file; 1 when something that checks is missing in them.

    Args:
        imported: as an importer left it.
        source: what was imported.
        options: with `output`, `force` and `dir`.
    """
    from flows.actions import catalogue
    from flows.importers.finishing import every_note, finished, notes_in_words

    output: Path | None = options.output
    single = output is not None and output.suffix in (".yaml", ".yml")
    folder = output.parent if output is not None and single else output
    flows = finished(imported, source, catalogue(), _schema(options.dir, folder) if folder is not None else None)
    if len(flows) > 1 and (single or folder is None):
        raise UserError(f"{source.file} becomes {len(flows)} flows", hint="give a folder as --output")
    for flow in flows:
        if folder is None:
            sys.stdout.write(flow.text)
        else:
            _file(output if output is not None and single else folder / f"{flow.stem}.yaml", flow.text, options.force)
    notes = every_note(imported)
    for line in notes_in_words(source.file, notes):
        print(line, file=sys.stderr)
    return EXIT_FAILED if any(note.checks for note in notes) else EXIT_OK


def _schema(root: Path, folder: Path) -> str | None:
    schema = root / SCHEMA
    return os.path.relpath(schema, folder).replace(os.sep, "/") if schema.is_file() else None


def _file(path: Path, text: str, force: bool) -> None:
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with path.open("w" if force else "x", encoding="utf-8", newline="") as file:
            file.write(text)
    except FileExistsError:
        raise UserError(f"{path} is there already", hint="give another --output, or --force") from None
    except OSError as error:
        raise UserError(f"cannot write {path}: {error.strerror}", hint="give another --output") from error
    print(f"wrote {path}", file=sys.stderr)


def beside(path: Path) -> str | None:
    """A text file, or None when it is not there.

    Args:
        path: of the file.

    Raises:
        UserError: it is too large, or no text.
    """
    from testmesh.guard.limits import MIB, read_bytes, utf8

    if not path.is_file():
        return None
    return utf8(read_bytes(path, shown=str(path), limit=64 * MIB), file=str(path), limit=64 * MIB)
