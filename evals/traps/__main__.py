"""How impact fares behind indirections: ``python -m evals.traps --json FILE``."""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from evals.systems import Shelf
from evals.traps.cases import traps
from evals.traps.judging import Verdict, judged


def figures(rows: Sequence[Verdict]) -> dict[str, Any]:
    """Counts and shares; a share without a denominator is None.

    Args:
        rows: verdicts.
    """
    total, found = len(rows), sum(r.change == "found" for r in rows)
    twins = sum(r.twin != "unaffected" for r in rows)
    return {
        "traps": total,
        "false_safe": sum(r.change == "unaffected" for r in rows),
        "found": found,
        "found_share": round(found / total, 4) if total else None,
        "twins_not_unaffected": twins,
        "twins_share": round(twins / total, 4) if total else None,
        "bystanders": sum(r.bystanders for r in rows),
    }


def table(report: dict[str, Any]) -> str:
    """The report for a terminal.

    Args:
        report: from :func:`measured`.
    """
    lines = [f"{'':12} {'traps':>6} {'false-safe':>11} {'found':>6} {'share':>6} {'twins wrong':>12} {'share':>6}"]
    for name, row in [*report["by_language"].items(), ("all", report)]:
        shares = [f"{row[key]:6.2f}" if row[key] is not None else "     -" for key in ("found_share", "twins_share")]
        lines.append(
            f"{name:12} {row['traps']:6} {row['false_safe']:11} {row['found']:6} {shares[0]} "
            f"{row['twins_not_unaffected']:12} {shares[1]}"
        )
    for row in report["rows"]:
        if row["change"] != "found":
            mark = "FALSE SAFE" if row["change"] == "unaffected" else "unknown"
            lines.append(f"{mark:10} {row['language']:10} {row['name']}: {row['path']}")
        if row["twin"] != "unaffected":
            lines.append(f"TWIN       {row['language']:10} {row['name']}: {row['twin_path']}")
    return "\n".join(lines)


def measured(names: Sequence[str], language: str) -> dict[str, Any]:
    """The report.

    Args:
        names: of traps, all when empty.
        language: only traps in this language, or empty.
    """
    chosen = [t for t in traps() if (not names or t.name in names) and language in ("", t.language)]
    with tempfile.TemporaryDirectory() as folder:
        shelf = Shelf(Path(folder) / "traps")
        rows = [judged(shelf, trap) for trap in chosen]
    report = figures(rows)
    languages = sorted({r.language for r in rows})
    report["by_language"] = {name: figures([r for r in rows if r.language == name]) for name in languages}
    report["rows"] = [asdict(r) for r in rows]
    return report


def main(arguments: Sequence[str] | None = None) -> int:
    """The command.

    Args:
        arguments: of the command line, without the program.
    """
    parser = argparse.ArgumentParser(prog="python -m evals.traps", description=__doc__)
    parser.add_argument("names", nargs="*", help="only these traps")
    parser.add_argument("--language", default="")
    parser.add_argument("--json", type=Path)
    chosen = parser.parse_args(arguments)
    report = measured(chosen.names, chosen.language)
    if chosen.json:
        chosen.json.write_text(json.dumps(report, indent=1) + "\n", encoding="utf-8")
    print(table(report))
    return 0 if not report["false_safe"] else 1


if __name__ == "__main__":
    sys.exit(main())
