"""A recording whose steps stay in its file: going through it step by step needs little memory, however long it is."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, BinaryIO

from flows.events import flow_from, run_from_json, step_from
from flows.language.values import parse_json
from flows.runner.spool import Entry, LineFile, SpooledSteps
from graph.runs import FlowRun, Run, StepRun
from testmesh.kernel.errors import UserError

_OPEN = b'"steps":[\n'


class _OtherLayout(Exception):
    """Steps do not have lines of their own: an artefact of an older version, or one that was edited."""


def opened(path: Path) -> Run | None:
    """The run of an artefact, its steps read when they are asked for; None when it is not written line by line.

    Args:
        path: of the artefact.

    Raises:
        OSError: it cannot be read.
    """
    with path.open("rb") as file:
        try:
            return _Reader(file).run()
        except (_OtherLayout, ValueError, KeyError, TypeError, UserError):
            return None


class _Reader:
    """Goes through the lines of an artefact once and notes where each step begins."""

    def __init__(self, file: BinaryIO) -> None:
        self._file = file
        self._lines = LineFile(os.dup(file.fileno()))
        self._place = 0

    def _line(self) -> bytes:
        line = self._file.readline()
        self._place += len(line)
        return line

    def run(self) -> Run:
        """The run."""
        run = run_from_json(_closed(self._line(), b'"flows":[\n'))
        flows: list[FlowRun] = []
        while not (line := self._line()).startswith(b"]"):
            data, steps = self._around(line)
            flows.append(replace(flow_from(data), steps=steps))
        if line != b"]}\n":
            raise _OtherLayout
        return replace(run, flows=tuple(flows))

    def _around(self, head: bytes) -> tuple[dict[str, Any], Sequence[StepRun]]:
        """A record that began with this line, and its steps."""
        before: Any = parse_json(_closed(head.removeprefix(b","), _OPEN), ours=True)
        entries: list[Entry] = []
        while not (line := self._line()).startswith(b"]"):
            if line.endswith(b"}\n"):
                entries.append(self._place - len(line.removeprefix(b",")))
            else:
                data, steps = self._around(line)
                entries.append(replace(step_from(data), steps=steps))
        after: Any = parse_json(b"{" + line[1:].removeprefix(b","), ours=True)
        return before | after, SpooledSteps(self._lines, entries)


def _closed(line: bytes, end: bytes) -> bytes:
    """A record that a line begins, without what its list holds."""
    if not line.endswith(end):
        raise _OtherLayout
    return line + b"]}"
