"""The run as `run --json` prints it (FLOWS §8)."""

from __future__ import annotations

from flows.events import run_report, to_json
from flows.reports import Report
from flows.reports.beside import NOTHING, Beside
from graph.runs import Run


def write(run: Run, beside: Beside = NOTHING) -> str:
    """The report.

    Args:
        run: a finished run.
        beside: not used.
    """
    return to_json(run_report(run)) + "\n"


REPORT = Report("The run as JSON, as `run --json` prints it.", write)
