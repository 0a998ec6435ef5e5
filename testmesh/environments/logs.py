"""Reads the stamped log files of an environment back as lines by service and time."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path

from testmesh.environments.environment import LogLine, Logs
from testmesh.kernel.clock import iso


def read(folder: Path, since: datetime) -> Logs:
    """Every line printed from then on, in order of time.

    Args:
        folder: holds `<service>.log` files whose lines are a time, a tab and text.
        since: timezone-aware.
    """
    first = iso(since)
    lines: list[LogLine] = []
    for file in sorted(folder.glob("*.log")):
        for line in file.read_text("utf-8", "replace").splitlines():
            at, tab, text = line.partition("\t")
            if tab and at >= first:
                lines.append(LogLine(file.stem, at, text))
    lines.sort(key=lambda line: (line.at, line.service))
    return Logs(tuple(lines))


def forget(folder: Path) -> None:
    """Remove the logs of an earlier start.

    Args:
        folder: holds `<service>.log` files.
    """
    for file in folder.glob("*.log"):
        file.unlink()
