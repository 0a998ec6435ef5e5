"""`testmesh packs`: which languages, frameworks and files are read, and how often they were judged right."""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from typing import TYPE_CHECKING

from testmesh.cli import Command
from testmesh.cli._options import add_json, print_json
from testmesh.kernel.errors import EXIT_OK

if TYPE_CHECKING:
    from testmesh.compose.reading import Reader


def _arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "words", nargs="*", help="only those whose name, language or description has all of these words"
    )
    add_json(parser)


def _run(options: argparse.Namespace) -> int:
    from testmesh.compose.reading import readers

    found = [r for r in readers() if all(word.lower() in r.text for word in options.words)]
    if options.json:
        print_json(found)
    else:
        print("\n".join(_shown(found)) or "nothing reads that")
    return EXIT_OK


def _shown(found: list[Reader]) -> Iterator[str]:
    wide = max((len(r.name) for r in found), default=0)
    for sort in ("language", "pack", "file"):
        rows = [r for r in found if r.sort == sort]
        if rows:
            yield {"language": "Languages", "pack": "Frameworks and clients", "file": "Files"}[sort]
        for reader in rows:
            spoken = f"{', '.join(reader.languages)}: " if reader.languages else ""
            yield f"  {reader.name:<{wide}}  {_judged(reader):<28}  {spoken}{reader.about}"


def _judged(reader: Reader) -> str:
    if reader.sort == "language":
        return f"{reader.packs} packs"
    if not reader.measured:
        return f"unmeasured ({reader.right + reader.wrong} rows judged)"
    return f"{reader.right} of {reader.right + reader.wrong} right (>= {reader.lower:.2f})"


COMMAND = Command("what is read, and how well it was measured", _arguments, _run, "Graph")
