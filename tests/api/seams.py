"""The seams of a service under test: a real database and graph, and engines whose answers name the workspace."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from api.services import (
    CoverageQuestion,
    DiagnosisQuestion,
    ImpactQuestion,
    Policy,
    RepairQuestion,
    ScanReport,
    SearchHit,
    Services,
)
from graph.answers import (
    Cause,
    Clue,
    Confidence,
    Coverage,
    CoverageRow,
    Diagnosis,
    Dimension,
    FileEdit,
    Fix,
    GateResult,
    Grade,
    Impact,
)
from graph.stores.embedded import EmbeddedStore
from testmesh.kernel.errors import UserError
from testmesh.telemetry.store import SpanStore
from testmesh.workflow.jobs import InProcessJobs
from testmesh.workspaces.records import Workspace
from testmesh.workspaces.sql.store import SqlDirectory
from testmesh.workspaces.tenants import Kept, Repository
from tests.api.impacts import an_impact


@dataclass(frozen=True, slots=True)
class Marked:
    """Engines whose every answer names the workspace it was made for, so that a leak can be seen."""

    def scan(self, kept: Kept, repository: Repository) -> ScanReport:
        if repository.name == "bug":
            raise AssertionError("secret detail")
        if repository.name == "broken":
            raise UserError("no such revision", hint="fetch it")
        scanned = replace(repository, commit="c" * 40, scanned="2026-01-01T00:00:00.000Z")
        kept.repositories.put(scanned)
        return ScanReport(scanned, 3, 2, 0.1, {"files": 7})

    def impact(self, kept: Kept, question: ImpactQuestion) -> Impact:
        base, head = question.base or "b" * 40, question.head or "worktree"
        return an_impact(kept.workspace.id, question.repository.name, base, head)

    def coverage(self, kept: Kept, question: CoverageQuestion) -> Coverage:
        if question.repository == "bug":
            raise AssertionError("secret detail")
        mark = kept.workspace.id
        row = CoverageRow(
            "endpoint", f"{mark}:DELETE /orders/{{}}", "u", "orders/app.py:40", Grade("none"), 3.0, "fan-in 2"
        )
        return Coverage((Dimension("endpoint", True, 1, 2),), (row,))

    def diagnose(self, kept: Kept, question: DiagnosisQuestion) -> Diagnosis:
        mark = kept.workspace.id
        clue = Clue("shape difference", "`total` is gone from the response", "orders/app.py:12", 0.8)
        cause = Cause(
            "The field was renamed", "orders/app.py", 12, f"{mark}.total", commit="d" * 40, score=0.9312, clues=(clue,)
        )
        return Diagnosis(
            question.run.id, "flows/order.yaml", "create", "product regression", f"{mark}: renamed", (cause,)
        )

    def repair(self, kept: Kept, question: RepairQuestion) -> Fix:
        mark = kept.workspace.id
        return Fix(
            question.run.id,
            "suggestion",
            "renamed-field",
            f"{mark}: follow the new name",
            "The contract says so.",
            (FileEdit("flows/order.yaml", "total\n", "amount\n"),),
            (
                GateResult("parses and validates", "passed", "1 of 1"),
                GateResult("live", "not checked", "no environment"),
            ),
            Confidence(19, 20, 0.76, 0.99, ("renamed-field",), "outcomes.json"),
            diagnosis=question.diagnosis,
        )

    def search(self, kept: Kept, words: str, limit: int) -> Sequence[SearchHit]:
        return [
            SearchHit("Endpoint", f"{kept.workspace.id}:GET /orders/{{}}", "u1", "orders/app.py:12", 0.8123, "name")
        ]


@dataclass(slots=True)
class Rooms:
    """One graph file and one span store per workspace."""

    folder: Path
    spans: dict[str, SpanStore] = field(default_factory=dict)

    def graph(self, workspace: Workspace) -> EmbeddedStore:
        return EmbeddedStore(self.folder / f"{workspace.id}.db", workspace.id)

    def span_store(self, workspace: Workspace) -> SpanStore:
        return self.spans.setdefault(workspace.id, SpanStore())


def services_over(directory: SqlDirectory, folder: Path) -> tuple[Services, Rooms]:
    rooms = Rooms(folder)
    allowed = folder / "allowed"
    allowed.mkdir(exist_ok=True)
    policy = Policy(roots=(str(allowed),), upload=1 << 20)
    return Services(directory, rooms.graph, Marked(), rooms.span_store, InProcessJobs(), policy), rooms
