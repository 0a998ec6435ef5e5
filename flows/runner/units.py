"""Flow executions: which ones a run consists of, in what order, and what is said of those that never start."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from typing import NamedTuple

from flows.runner.loading import Opened, Outline
from flows.runner.options import RunOptions
from graph.runs import FlowRun
from testmesh.kernel.errors import UserError

Key = tuple[str, "int | None"]


class EmptyShard(UserError):
    """More shards than executions: nothing falls on this one, which is no failure."""


class Unit(NamedTuple):
    """One flow execution to do.

    Args:
        opened: the file.
        outline: of its flow.
        row: 0-based data row or None.
    """

    opened: Opened
    outline: Outline
    row: int | None

    @property
    def key(self) -> Key:
        """What identifies it in a run."""
        return (self.opened.file, self.row)


class Work(NamedTuple):
    """What a run has to do.

    Args:
        unusable: files that cannot be run; they are reported.
        groups: executions; those of one group run one after the other.
    """

    unusable: Sequence[Opened]
    groups: Sequence[Sequence[Unit]]

    def files(self, opened: Sequence[Opened]) -> tuple[str, ...]:
        """The files that take part.

        Args:
            opened: every file, in order.
        """
        taking = {found.file for found in self.unusable} | {group[0].opened.file for group in self.groups}
        return tuple(found.file for found in opened if found.file in taking)


def work_of(opened: Sequence[Opened], options: RunOptions) -> Work:
    """The executions that are wanted.

    Args:
        opened: every file, good and bad.
        options: tags, suite, shard and the executions of a replay.

    Raises:
        EmptyShard: nothing falls on the shard.
    """
    usable = [(found, found.outline) for found in opened if found.outline is not None]
    groups = [group for found, outline in usable for group in _groups(found, outline, options)]
    unusable = [found for found in opened if found.outline is None]
    if options.shard is None:
        return Work(unusable, groups)
    from flows.runner.sharding import Portion, chosen

    portions = [
        Portion(tuple(unit.key for unit in group), sum(unit.outline.size for unit in group)) for group in groups
    ]
    portions += [Portion(((found.file, None),), 1) for found in unusable]
    keys = chosen(portions, options.shard)
    if not keys:
        executions = sum(len(portion.keys) for portion in portions)
        raise EmptyShard(f"shard {options.shard}: nothing falls on it, there are only {executions} executions in all")
    return Work(
        [found for found in unusable if (found.file, None) in keys], [group for group in groups if group[0].key in keys]
    )


def wanted(outline: Outline, options: RunOptions) -> bool:
    """Whether tags and suite select a flow.

    Args:
        outline: of the flow.
        options: of the run.
    """
    if options.suite and outline.suite != options.suite:
        return False
    return not options.tags or bool(set(options.tags) & set(outline.tags))


def _groups(opened: Opened, outline: Outline, options: RunOptions) -> list[list[Unit]]:
    rows: list[int | None] = [None] if outline.rows is None else list(range(outline.rows))
    units = [Unit(opened, outline, row) for row in rows]
    if options.only:
        units = [unit for unit in units if unit.key in options.only]
    groups = [units] if outline.fail_fast else [[unit] for unit in units]
    return [group for group in groups if group]


def unusable_run(opened: Opened) -> FlowRun:
    """The record of a file that cannot be run.

    Args:
        opened: the file.
    """
    findings = tuple(found.as_json() for found in opened.findings)
    message = opened.findings[0].message if opened.findings else "cannot be read"
    return FlowRun(opened.file, opened.file, None, "error", 0.0, message=message, source=opened.text, problems=findings)


def not_started(unit: Unit, why: str) -> FlowRun:
    """The record of an execution that never began.

    Args:
        unit: the execution.
        why: shown to people.
    """
    opened = unit.opened
    return FlowRun(
        opened.file, unit.outline.name, unit.row, "cancelled", 0.0, message=f"not run: {why}", source=opened.text
    )


def sorted_runs(opened: Sequence[Opened], done: Mapping[Key, FlowRun]) -> list[FlowRun]:
    """Executions in the order of files and rows.

    Args:
        opened: files in order.
        done: executions by file and row.
    """
    by_file: dict[str, list[tuple[int, FlowRun]]] = defaultdict(list)
    for (file, row), flow_run in done.items():
        by_file[file].append((-1 if row is None else row, flow_run))
    return [pair[1] for found in opened for pair in sorted(by_file[found.file], key=lambda pair: pair[0])]
