"""Which files changed since the last look, by their stat: no library, no limit of watches, the same on every disk."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import NamedTuple

from flows.actions import catalogue
from flows.runner.discovery import discover
from flows.runner.loading import Loader
from flows.runner.options import RunOptions
from testmesh.kernel.errors import UserError

Stamp = tuple[int, int, int]


def stamps(paths: Iterable[Path]) -> dict[Path, Stamp]:
    """Modification time, size and inode of each file that is there.

    Args:
        paths: files.
    """
    found: dict[Path, Stamp] = {}
    for path in paths:
        try:
            seen = os.stat(path)
        except OSError:
            continue
        found[path] = (seen.st_mtime_ns, seen.st_size, seen.st_ino)
    return found


def changed(before: Mapping[Path, Stamp], after: Mapping[Path, Stamp]) -> frozenset[Path]:
    """Files that came, went or differ.

    Args:
        before: of the last look.
        after: of this one.
    """
    return frozenset(path for path in before.keys() | after.keys() if before.get(path) != after.get(path))


class FlowFiles(NamedTuple):
    """The flow files of a run with what each of them reads.

    Args:
        reads: flow file to itself and the files beside it that it names, all absolute.
    """

    reads: Mapping[Path, frozenset[Path]]

    @property
    def all(self) -> frozenset[Path]:
        """Every file of every flow."""
        return frozenset(path for paths in self.reads.values() for path in paths)

    def of(self, paths: frozenset[Path]) -> tuple[Path, ...]:
        """The flows that read one of these files, in order.

        Args:
            paths: absolute.
        """
        return tuple(flow for flow, reads in self.reads.items() if reads & paths)


def flow_files(options: RunOptions) -> FlowFiles:
    """The flow files that a run would run now; none when there is none yet.

    Args:
        options: of the run.
    """
    try:
        names = discover(options.paths, options.root)
    except UserError:
        return FlowFiles({})
    found: dict[Path, frozenset[Path]] = {}
    for name in names:
        loader = Loader(options.root, catalogue())
        opened = loader.open(name)
        path = (options.root / name).resolve()
        beside = (options.root / included for included in loader.included)
        found[path] = frozenset((path, *(other.resolve() for other in beside)))
        if opened.flow is None:
            found[path] |= frozenset(p for p in path.parent.iterdir() if p.is_file() and p.suffix in _BESIDE)
    return FlowFiles(found)


_BESIDE = frozenset([".yaml", ".yml", ".json", ".csv", ".env", ".graphql", ".proto", ".sql"])
"""A flow that cannot be read names its files in vain: any of these beside it may be what it lacks."""
