"""The check of the seams with the line where each reader names the field, found in the revision's own text."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import replace
from typing import TYPE_CHECKING

from testmesh.compose.graphs import Checkout

if TYPE_CHECKING:
    from graph.contracts.findings import Check, Finding
    from scanners.trees import Tree

_SPAN = re.compile(r"^(.*):(\d+)-(\d+)$")
_LARGEST = 1 << 20


def pinpointed(checkout: Checkout, check: Check, revision: str | None) -> Check:
    """The same findings, each at the line of the reader's code that names the field.

    Args:
        checkout: whose graph.
        check: what was found.
        revision: of the main repository that was checked; None is its work tree.
    """
    wanted: dict[str, set[str]] = {}
    for finding in check.findings:
        match = _SPAN.match(finding.reader_span)
        if match and finding.field:
            wanted.setdefault(finding.repository, set()).add(match.group(1))
    texts = {
        (project.name, path): text
        for project in checkout.all
        if project.name in wanted
        for path, text in _texts(_tree(checkout, project.name, revision), wanted[project.name])
    }
    return replace(check, findings=tuple(_pinpoint(finding, texts) for finding in check.findings))


def _tree(checkout: Checkout, repository: str, revision: str | None) -> Tree:
    from scanners.trees import CommitTree, WorkTree
    from testmesh.guard.git import Repository

    project = next(p for p in checkout.all if p.name == repository)
    source = Repository(project.root)
    if repository != checkout.project.name or revision is None:
        return WorkTree(source)
    return CommitTree(source, source.commit(revision))


def _texts(tree: Tree, paths: set[str]) -> Iterator[tuple[str, list[str]]]:
    for content in tree.read({path: _LARGEST for path in tree.paths() if path in paths}):
        if content.data is not None:
            yield content.path, content.data.decode("utf-8", "replace").splitlines()


def _pinpoint(finding: Finding, texts: dict[tuple[str, str], list[str]]) -> Finding:
    match = _SPAN.match(finding.reader_span)
    lines = texts.get((finding.repository, match.group(1))) if match else None
    if match is None or lines is None or not finding.field:
        return finding
    first, last = int(match.group(2)), int(match.group(3))
    name = re.compile(_spelled(finding.field.rpartition(".")[2]), re.IGNORECASE)
    at = next((n for n, line in enumerate(lines[first - 1 : last], first) if name.search(line)), None)
    return finding if at is None else replace(finding, reader_at=f"{match.group(1)}:{at}")


def _spelled(field: str) -> str:
    """A pattern for a wire name as code may write it: ``customer_id``, ``customerId``, ``getCustomerId``."""
    words = [w for w in re.split(r"[_\-\s]|(?<=[a-z0-9])(?=[A-Z])", field) if w]
    return r"(?<![A-Za-z0-9])(?:get|set|is)?" + r"[_\-]?".join(map(re.escape, words)) + r"(?![A-Za-z0-9])"
