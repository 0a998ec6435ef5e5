"""The hunks that may be the cause, each with its text, its symbol and the commit that brought it."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

from agents.diagnosis.inputs import DiagnosisInputs, Sources
from agents.diagnosis.tracing import texts, traced
from graph.change import Change, ChangedItem, FileChange, Hunk

Role = Literal["code", "config", "deploy", "spec", "migration", "flow", "test", "docs"]

_ROLES: tuple[tuple[Role, re.Pattern[str]], ...] = (
    ("docs", re.compile(r"(^|/)(docs?|changelog|licen[sc]e|readme)[^/]*(/|$)|\.(md|rst|adoc|txt)$", re.I)),
    (
        "test",
        re.compile(r"(^|/)(tests?|__tests__|spec)/|(^|/)(test_[^/]*|conftest)\.py$|\.(test|spec)\.[jt]sx?$", re.I),
    ),
    ("migration", re.compile(r"\.sql$", re.I)),
    ("deploy", re.compile(r"(^|/)(compose|docker-compose)[^/]*\.ya?ml$|(^|/)Dockerfile|(^|/)testmesh\.toml$", re.I)),
    ("config", re.compile(r"(^|/)\.env|\.(env|ini|cfg|properties|conf|toml)$|(^|/)(requirements[^/]*\.txt)$", re.I)),
)
_ITEM_ROLES: dict[str, Role] = {"flow": "flow", "operation": "spec", "deploy": "deploy", "table": "migration"}
_SPEC_HEAD = re.compile(r"^\s*[\"']?(openapi|swagger)[\"']?\s*:", re.M)
_LOGGED = re.compile(r"^\s*(log|logger|logging|console|_log|LOG)\.(debug|info|warn|warning|error|log)\(.*\)\s*;?\s*$")
_COMMENT = re.compile(r"^\s*(#|//|\*|/\*|--|$)")


@dataclass(frozen=True, slots=True)
class Candidate:
    """One changed region that may be the cause.

    Args:
        index: position in the case's list.
        file: path on the head side (base side for a deletion).
        hunk: the region, None for a file without hunks.
        role: what sort of file it is in.
        symbol: innermost changed symbol or other named thing around it, or empty.
        removed: lines it takes away.
        added: lines it brings.
        commit: id of the commit that brought it, or empty.
    """

    index: int
    file: str
    hunk: Hunk | None
    role: Role
    symbol: str
    removed: tuple[str, ...]
    added: tuple[str, ...]
    commit: str

    @property
    def line(self) -> int:
        """1-based line on the head side, of the first line that says something."""
        if self.hunk is None:
            return 0
        offset = next((i for i, text in enumerate(self.added) if text.strip()), 0)
        return max(1, self.hunk.new_start + offset)

    @property
    def place(self) -> str:
        """``file:line``."""
        return f"{self.file}:{self.line}" if self.hunk else self.file

    @property
    def product(self) -> bool:
        """Whether it can change what the system does."""
        return self.role not in ("flow", "test", "docs", "spec")

    @property
    def inert(self) -> bool:
        """Whether it only touches comments, empty lines and what is logged."""
        lines = [*self.removed, *self.added]
        return bool(lines) and all(_COMMENT.match(text) or _LOGGED.match(text) for text in lines)


def candidates(inputs: DiagnosisInputs, flow_files: frozenset[str]) -> tuple[Candidate, ...]:
    """Every changed region of the range.

    Args:
        inputs: with change, sources and commits.
        flow_files: files known to be flows.
    """
    if inputs.change is None:
        return ()
    found: list[Candidate] = []
    for file in inputs.change.files:
        for part in _of_file(file, inputs, flow_files):
            found.append(_numbered(part, len(found)))
    return tuple(found)


def _numbered(part: Candidate, index: int) -> Candidate:
    return Candidate(index, part.file, part.hunk, part.role, part.symbol, part.removed, part.added, part.commit)


def _of_file(file: FileChange, inputs: DiagnosisInputs, flow_files: frozenset[str]) -> Iterator[Candidate]:
    change, sources = inputs.change, inputs.sources
    assert change is not None
    role = role_of(file.path, change, sources, flow_files)
    if not file.hunks:
        yield Candidate(0, file.path, None, role, "", (), (), file.commits[0] if len(file.commits) == 1 else "")
        return
    found = list(traced(file, inputs))
    for one in found:
        symbol = _symbol(change, file, one.hunk)
        yield Candidate(0, file.path, one.hunk, role, symbol, one.removed, one.added, one.commit)
    for hunk in file.hunks:
        if not any(_overlap(hunk, one.hunk) for one in found):
            removed, added = texts(file, hunk, sources)
            commit = file.commits[0] if len(file.commits) == 1 else ""
            yield Candidate(0, file.path, hunk, role, _symbol(change, file, hunk), removed, added, commit)


def _overlap(one: Hunk, other: Hunk) -> bool:
    """Whether two regions meet on the head side; a pure deletion lies between two lines."""
    return one.new_start <= _last(other) and other.new_start <= _last(one)


def _last(hunk: Hunk) -> int:
    return hunk.new_start + max(hunk.new_lines, 1) - 1 if hunk.new_lines else hunk.new_start + 1


def role_of(path: str, change: Change, sources: Sources | None, flow_files: frozenset[str]) -> Role:
    """What sort of file a path is.

    Args:
        path: repository-relative.
        change: whose items may say it.
        sources: to recognise API descriptions by their content.
        flow_files: files known to be flows.
    """
    for item in change.items:
        if item.file == path and item.kind in _ITEM_ROLES:
            return _ITEM_ROLES[item.kind]
    if any(path == f or path.endswith("/" + f) or f.endswith("/" + path) for f in flow_files):
        return "flow"
    for role, pattern in _ROLES:
        if pattern.search(path):
            return role
    if path.endswith((".yaml", ".yml", ".json")):
        text = (sources.head(path) or sources.base(path) or "") if sources else ""
        if _SPEC_HEAD.search(text[:2000]):
            return "spec"
        return "flow" if re.search(r"^\s*(flow|steps)\s*:", text, re.M) and "action:" in text else "config"
    return "code"


def _symbol(change: Change, file: FileChange, hunk: Hunk) -> str:
    def meets(item: ChangedItem) -> bool:
        return any(_overlap(hunk, other) for other in item.hunks)

    around = [i for i in change.items if i.file in (file.path, file.old_path) and i.name and meets(i)]
    return min(around, key=_narrowness).name if around else ""


def _narrowness(item: ChangedItem) -> tuple[bool, bool, int]:
    return item.kind != "symbol", item.kind in ("file", "module"), -item.name.count(".")
