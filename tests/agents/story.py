"""Hand-made runs and changes for tests of agents: small, and shaped like real ones."""

from __future__ import annotations

import difflib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from agents.diagnosis.inputs import Commit
from graph.change import Change, ChangedItem, FileChange, Hunk
from graph.runs import AssertionResult, Exchange, FlowRun, Run, StepRun


@dataclass(frozen=True)
class Texts:
    """Both sides of a change as dictionaries."""

    before: Mapping[str, str]
    after: Mapping[str, str]

    def base(self, path: str) -> str | None:
        return self.before.get(path)

    def head(self, path: str) -> str | None:
        return self.after.get(path)

    def head_files(self) -> Sequence[str]:
        return sorted(self.after)


def change(texts: Texts, *, commits: Mapping[str, tuple[str, ...]] | None = None, items: Any = ()) -> Change:
    """The change between both sides, with the hunks git would show without context."""
    files = []
    for path in sorted({*texts.before, *texts.after}):
        old, new = texts.before.get(path), texts.after.get(path)
        if old == new:
            continue
        status: Any = "added" if old is None else "deleted" if new is None else "modified"
        touched = (commits or {}).get(path, ())
        files.append(FileChange(path, path, status, hunks(old or "", new or ""), touched))
    return Change("demo", "b" * 40, "a" * 40, tuple(files), tuple(items))


def hunks(old: str, new: str) -> tuple[Hunk, ...]:
    """Regions in unified-diff terms: an empty side starts at the line before it."""
    matcher = difflib.SequenceMatcher(None, old.splitlines(), new.splitlines(), autojunk=False)
    found = []
    for tag, i1, i2, j1, j2 in matcher.get_opcodes():
        if tag != "equal":
            found.append(Hunk(i1 + (i2 > i1), i2 - i1, j1 + (j2 > j1), j2 - j1))
    return tuple(found)


def symbol(file: str, name: str, *found: Hunk) -> ChangedItem:
    """A changed symbol."""
    return ChangedItem("symbol", "modified", file, 1, name, "", tuple(found))


@dataclass(frozen=True)
class Http:
    """One HTTP step of a hand-made run."""

    id: str
    method: str
    url: str
    status: int
    body: Any = None
    checks: tuple[tuple[str, bool, Any, Any], ...] = ()
    error: str = ""
    error_type: str = ""
    extra: Mapping[str, Any] = field(default_factory=dict)

    def step(self, index: int) -> StepRun:
        result = (
            None if self.error_type == "connection" else {"status": self.status, "body": self.body, "url": self.url}
        )
        exchange = Exchange(
            {"method": self.method, "url": self.url, **self.extra},
            () if result is None else (result,),
            (1.0,) if result is not None else (),
            "error" if self.error else "satisfied",
            self.error,
            self.error_type,
        )
        good = not self.error and all(c[1] for c in self.checks)
        return StepRun(
            id=self.id,
            phase="steps",
            action="http_request",
            verdict="passed" if good else "error" if self.error else "failed",
            message=self.error,
            exchanges=(exchange,),
            result=result,
            assertions=tuple(AssertionResult("assert", e, ok, a, b, line=index + 10) for e, ok, a, b in self.checks),
            line=index + 1,
        )


def flow_run(file: str, *steps: Http, source: str = "flow") -> FlowRun:
    made = tuple(s.step(i) for i, s in enumerate(steps))
    verdict: Any = "passed" if all(s.verdict == "passed" for s in made) else "failed"
    return FlowRun(file, file, None, verdict, 5.0, made, source=source)


def run(name: str, *flows: FlowRun, revision: str = "a" * 40, **more: Any) -> Run:
    verdict: Any = "passed" if all(f.verdict == "passed" for f in flows) else "failed"
    return Run(name, "2026-01-01T00:00:00Z", "2026-01-01T00:00:05Z", verdict, flows, revision=revision, **more)


def commit(name: str, message: str, made: Change, texts: Texts) -> Commit:
    return Commit(name, message, made, texts)
