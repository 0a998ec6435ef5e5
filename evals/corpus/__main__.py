"""The whole corpus once with every report: ``python -m evals.corpus FOLDER``."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from evals.corpus.places import places
from evals.corpus.running import flows, run
from flows.reports import write_reports
from flows.reports.terminal import run_lines

REPORTS = {
    "junit": "run.xml",
    "json": "run.json",
    "html": "run.html",
    "md": "run.md",
    "ctrf": "run.ctrf.json",
    "github": "run.txt",
}


def main() -> int:
    """Run, write the reports, and say whether every verdict is the expected one."""
    parser = argparse.ArgumentParser(prog="python -m evals.corpus", description=__doc__)
    parser.add_argument("folder", type=Path, help="where the reports go")
    options = parser.parse_args()
    with places() as up:
        known = {flow.file: flow for flow in flows(up)}
        done = run(tuple(known), up, parallel=4)
    write_reports(done, {name: options.folder / file for name, file in REPORTS.items()})
    print("\n".join(run_lines(done)))
    wrong = [flow.file for flow in done.flows if flow.verdict not in known[flow.file].expected]
    print(
        f"{len(done.flows)} executions, {len(wrong)} with another verdict than expected: {', '.join(wrong) or 'none'}"
    )
    for tag, reason in up.missing.items():
        print(f"not run: flows that need {tag}: {reason}")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
