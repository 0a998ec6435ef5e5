"""How often packs were right on real code, as people judged it row by row: ``python -m evals.judging``."""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from evals.scanning_all import wilson

JUDGED = Path(__file__).parent / "judged"
SHIPPED = Path(__file__).parents[1] / "scanners" / "judged.json"
NEEDED = ("repo", "commit", "file", "line", "claim", "right")


def counted(folder: Path = JUDGED) -> Mapping[str, Mapping[str, int]]:
    """Right and wrong rows and the repositories they come from, by pack.

    Args:
        folder: one JSON list of rows a pack.

    Raises:
        ValueError: a row lacks a field, or is there twice.
    """
    return {file.stem: _of(file) for file in sorted(folder.glob("*.json"))}


def _of(file: Path) -> Mapping[str, int]:
    rows: list[dict[str, Any]] = json.loads(file.read_text("utf-8"))
    for row in rows:
        lacking = [name for name in NEEDED if name not in row]
        if lacking:
            raise ValueError(f"{file.name}: a row has no {', '.join(lacking)}: {row}")
    places = [(r["repo"], r["file"], r["line"], r["claim"]) for r in rows]
    twice = {place for place in places if places.count(place) > 1}
    if twice:
        raise ValueError(f"{file.name}: judged twice: {sorted(twice)[0]}")
    right = sum(bool(r["right"]) for r in rows)
    return {"right": right, "wrong": len(rows) - right, "repositories": len({r["repo"] for r in rows})}


def main(arguments: Sequence[str] | None = None) -> int:
    """Print the table, and write the counts the product ships.

    Args:
        arguments: of the command line.
    """
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--write", action="store_true", help=f"write {SHIPPED.name} beside the packs")
    options = parser.parse_args(arguments)
    found = counted()
    for name, row in found.items():
        total = row["right"] + row["wrong"]
        lower = wilson(row["right"], total)
        print(
            f"{name:24} {row['right']:4}/{total:<4} {lower if lower is not None else '-'}  {row['repositories']} repos"
        )
    if options.write:
        SHIPPED.write_text(json.dumps(found, indent=1, sort_keys=True) + "\n", "utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
