"""The run as `run --json` prints it (FLOWS §8)."""

from __future__ import annotations

from flows.events import run_report, to_json
from flows.reports import Report
from graph.runs import Run


def write(run: Run) -> str:
    """The report.

    Args:
        run: a finished run.
    """
    return to_json(run_report(run)) + "\n"


REPORT = Report("The run as JSON, as `run --json` prints it.", write)
