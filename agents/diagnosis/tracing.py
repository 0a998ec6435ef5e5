"""Where a commit's own hunk lies in the head: later commits shift, split or overwrite it."""

from __future__ import annotations

import difflib
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache

from agents.diagnosis.inputs import Commit, DiagnosisInputs, Sources
from graph.change import FileChange, Hunk


@dataclass(frozen=True, slots=True)
class Traced:
    """A commit's hunk as it lies in the head.

    Args:
        commit: its id.
        hunk: old side in the commit's parent, new side in the head.
        removed: lines it took away.
        added: lines it brought.
    """

    commit: str
    hunk: Hunk
    removed: tuple[str, ...]
    added: tuple[str, ...]


def traced(file: FileChange, inputs: DiagnosisInputs) -> Iterator[Traced]:
    """The hunks of each commit that still stand in the head, newest commit first.

    Args:
        file: of the whole range.
        inputs: with commits and sources.
    """
    head = inputs.sources.head(file.path) if inputs.sources else None
    if head is None:
        return
    for commit in inputs.commits:
        for own in commit.change.files:
            if own.path == file.path and commit.sources is not None:
                yield from _of(commit, own, commit.sources, head)


def _of(commit: Commit, own: FileChange, sources: Sources, head: str) -> Iterator[Traced]:
    then = sources.head(own.path)
    if then is None:
        return
    where = _mapping(then, head)
    for hunk in own.hunks:
        start = _start(hunk, where)
        if start is not None:
            removed, added = texts(own, hunk, sources)
            yield Traced(commit.id, Hunk(hunk.old_start, hunk.old_lines, start, hunk.new_lines), removed, added)


def _start(hunk: Hunk, where: dict[int, int]) -> int | None:
    """First line in the head; None when the lines were changed or split since."""
    if hunk.new_lines == 0:
        return where.get(hunk.new_start, 0 if hunk.new_start == 0 else None)
    lines = [where.get(n) for n in range(hunk.new_start, hunk.new_start + hunk.new_lines)]
    first = lines[0]
    if first is None or lines != list(range(first, first + len(lines))):
        return None
    return first


@lru_cache(maxsize=256)
def _mapping(then: str, head: str) -> dict[int, int]:
    """1-based lines of one text to those of the other, where they are the same."""
    matcher = difflib.SequenceMatcher(None, then.split("\n"), head.split("\n"), autojunk=False)
    found: dict[int, int] = {}
    for a, b, size in matcher.get_matching_blocks():
        found.update({a + i + 1: b + i + 1 for i in range(size)})
    return found


def texts(file: FileChange, hunk: Hunk, sources: Sources | None) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """The lines a hunk removes and adds.

    Args:
        file: the changed file.
        hunk: one of its regions.
        sources: texts of both sides, or None.
    """
    if sources is None:
        return (), ()
    old = _lines(sources.base(file.old_path) if file.status != "added" else None)
    new = _lines(sources.head(file.path) if file.status != "deleted" else None)
    removed = old[hunk.old_start - 1 : hunk.old_start - 1 + hunk.old_lines] if hunk.old_lines else []
    added = new[hunk.new_start - 1 : hunk.new_start - 1 + hunk.new_lines] if hunk.new_lines else []
    return tuple(removed), tuple(added)


def _lines(text: str | None) -> list[str]:
    return [] if text is None else text.split("\n")
