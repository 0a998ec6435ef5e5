"""The agents behind the service: one workspace's repositories, graph, runs and answers put into their hands."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from time import monotonic
from typing import TYPE_CHECKING

from api.services import (
    CoverageQuestion,
    DiagnosisQuestion,
    ImpactQuestion,
    RepairQuestion,
    ScanReport,
    SearchHit,
)
from graph.answers import Coverage, Diagnosis, Fix, Impact
from graph.runs import Run
from graph.spans import SpanSource
from graph.store import GraphStore
from testmesh.compose.diagnosing import commit_of, failing_flow, green_before
from testmesh.compose.graphs import LINKS, Tree, View, linked, neo4j_store, scan_trees, view_of
from testmesh.compose.past import alike, remember
from testmesh.kernel.clock import SystemClock, iso
from testmesh.kernel.errors import UserError
from testmesh.kernel.workspace import Workspace
from testmesh.workspaces.tenants import Kept, Repository

if TYPE_CHECKING:
    from agents.diagnosis import DiagnosisInputs

HISTORY = 50
MOST = 1000


@dataclass(frozen=True, slots=True)
class Folders:
    """Where the service keeps what is not in PostgreSQL.

    Args:
        data: its own folder; one folder a workspace is made below it.
    """

    data: Path

    def of(self, workspace: Workspace) -> Path:
        """A workspace's folder, made when missing.

        Args:
            workspace: whose.
        """
        folder = self.data / "workspaces" / workspace.id
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        return folder


def graph_opener(folders: Folders) -> Callable[[Workspace], GraphStore]:
    """Opens a workspace's graph: on Neo4j when ``TESTMESH_NEO4J_URL`` is set, else in a file of its own.

    Args:
        folders: of the service.
    """
    from graph.stores.embedded import EmbeddedStore

    url = os.environ.get("TESTMESH_NEO4J_URL", "")

    def opened(workspace: Workspace) -> GraphStore:
        if url:
            return neo4j_store(url, workspace)
        return EmbeddedStore(folders.of(workspace) / "graph.db", workspace.id)

    return opened


@dataclass(frozen=True, slots=True)
class ServiceEngines:
    """The questions of :class:`api.services.Engines`.

    Args:
        folders: of the service.
        graph: opens a workspace's graph.
        spans: opens a workspace's spans.
    """

    folders: Folders
    graph: Callable[[Workspace], GraphStore]
    spans: Callable[[Workspace], SpanSource]

    def scan(self, kept: Kept, repository: Repository) -> ScanReport:
        """Bring a repository's part of the graph up to date."""
        began = monotonic()
        with kept.alone("scan"):
            known = [r for r in kept.repositories.list(MOST) if r.commit and r.name != repository.name]
            trees = [self._tree(r) for r in (repository, *known)]
            results = scan_trees(trees, self._cache(kept))
            data = linked(results, kept.workspace)
            store = self.graph(kept.workspace)
            try:
                store.replace(LINKS, data)
            finally:
                store.close()
            main = results[0]
            problems = tuple(p.as_json() for p in main.problems)
            scanned = replace(repository, commit=main.commit, scanned=iso(SystemClock().now()), problems=problems)
            kept.repositories.put(scanned)
        stats = {"files": float(main.stats.files), "read": float(main.stats.read), "cached": float(main.stats.cached)}
        return ScanReport(scanned, len(data.nodes), len(data.edges), round(monotonic() - began, 3), stats)

    def _cache(self, kept: Kept) -> Path:
        return self.folders.of(kept.workspace) / "facts.db"

    def _tree(self, repository: Repository, revision: str = "") -> Tree:
        if "://" in repository.source:
            raise UserError(f"{repository.source} cannot be fetched by this version",
                            hint="register the path of a clone on the server")  # fmt: skip
        return Tree(Path(repository.source), repository.name, revision or repository.branch or "HEAD")

    def _view(self, kept: Kept, repository: Repository, revision: str, patch: str = "") -> View:
        others = [r for r in kept.repositories.list(MOST) if r.commit and r.name != repository.name]
        main = replace(self._tree(repository, revision), patch=patch)
        trees = [main, *(self._tree(r, r.commit) for r in others)]
        return view_of(trees, self._cache(kept), kept.workspace)

    def impact(self, kept: Kept, question: ImpactQuestion) -> Impact:
        """What a change affects."""
        from agents.impact import ImpactInputs, answer
        from testmesh.compose.changing import changes_of, of_nodes, patched

        named = (self._tree(question.repository).path, question.repository.name)
        head_name = question.head or question.repository.branch or "HEAD"
        if question.nodes:
            store = self.graph(kept.workspace)
            try:
                return answer(ImpactInputs(store, store, of_nodes(store, question.repository.name, question.nodes)))
            finally:
                store.close()
        if question.patch:
            change = patched(named, question.base or head_name, question.patch)
            sides = [self._view(kept, question.repository, change.base, p).graph for p in ("", question.patch)]
            return answer(ImpactInputs(sides[0], sides[1], change))
        if not question.base:
            raise UserError("the question names no base", hint="ask with base=REVISION and head=REVISION")
        change = changes_of(named, question.base, head_name)
        base, head = (self._view(kept, question.repository, r).graph for r in (change.base, change.head))
        return answer(ImpactInputs(base, head, change))

    def coverage(self, kept: Kept, question: CoverageQuestion) -> Coverage:
        """What no flow covers."""
        from agents.coverage import CoverageInputs, answer
        from agents.generation import skeletons

        store = self.graph(kept.workspace)
        try:
            return answer(CoverageInputs(store, skeletons(store) if question.skeletons else None))
        finally:
            store.close()

    def diagnose(self, kept: Kept, question: DiagnosisQuestion) -> Diagnosis:
        """Why a run failed."""
        from agents.diagnosis import AGENT
        from testmesh.compose.models import worded, workspace_secret, workspace_sources

        inputs = self._diagnosis_inputs(kept, question)
        diagnosis: Diagnosis = worded(workspace_sources(kept), workspace_secret(kept), AGENT, inputs)
        remember(self.folders.of(kept.workspace), inputs, diagnosis)
        return diagnosis

    def _diagnosis_inputs(self, kept: Kept, question: DiagnosisQuestion) -> DiagnosisInputs:
        from agents.diagnosis import DiagnosisInputs, GitSources, Views, commits
        from testmesh.compose.changing import changes_of
        from testmesh.guard.git import Repository as GitRepository

        run = question.run
        flow = failing_flow(run)
        green = green_before(kept.runs, run, flow.file)
        history = tuple(kept.runs.load(s.id) for s in kept.runs.list(HISTORY) if s.id != run.id)
        inputs = DiagnosisInputs(
            run=run,
            flow=flow.file,
            green=green,
            history=history,
            spans=self.spans(kept.workspace),
            similar=alike(self.folders.of(kept.workspace), run),
        )
        base = question.base or (commit_of(green.revision) if green else "")
        head = commit_of(run.revision)
        if question.repository is None or not base or not head:
            return inputs
        path = self._tree(question.repository).path
        named = (path, question.repository.name)
        change = changes_of(named, base, head)
        git = GitRepository(path)
        views = [self._view(kept, question.repository, revision) for revision in (change.base, head)]
        return replace(
            inputs,
            change=change,
            commits=commits(git, change.base, head, lambda a, b: changes_of(named, a, b)),
            sources=GitSources(git, change.base, head),
            views=Views(views[0].graph, views[1].graph, views[0].facts, views[1].facts),
        )

    def repair(self, kept: Kept, question: RepairQuestion) -> Fix:
        """What the fix is, and how sure we are; live checks need a site agent and are reported as not checked."""
        from agents.diagnosis import GitSources, diagnose
        from agents.repair import AGENT, RepairInputs, Seams
        from testmesh.compose.models import worded, workspace_secret, workspace_sources
        from testmesh.compose.repairing import impacted_flows, judge, validate
        from testmesh.guard.git import Repository as GitRepository

        if question.repository is None:
            raise UserError("the question names no repository", hint="say which registered repository holds the flow")
        inputs = self._diagnosis_inputs(kept, DiagnosisQuestion(question.run, question.repository))
        diagnosis = question.diagnosis or diagnose(inputs)
        git = GitRepository(self._tree(question.repository).path)
        commit = git.commit(commit_of(question.run.revision) or question.repository.branch or "HEAD")
        text = GitSources(git, commit, commit).head(diagnosis.flow)
        if text is None:
            raise UserError(f"{diagnosis.flow} is not in {question.repository.name} at {commit[:10]}")

        def again(run: Run) -> Diagnosis:
            return diagnose(replace(inputs, run=run))

        request = RepairInputs(
            diagnosis=diagnosis,
            run=question.run,
            path=diagnosis.flow,
            text=text,
            seams=Seams(validate, judge, None, again),
            green=inputs.green,
            impacted=impacted_flows(inputs, diagnosis.flow),
            system=question.repository.name,
        )
        return worded(workspace_sources(kept), workspace_secret(kept), AGENT, request)

    def search(self, kept: Kept, words: str, limit: int) -> Sequence[SearchHit]:
        """What fits a question in words, best first."""
        from testmesh.compose.models import workspace_sources
        from testmesh.compose.searching import found

        store = self.graph(kept.workspace)
        try:
            file = self.folders.of(kept.workspace) / "vectors.npz"
            hits = found(store, file, words, limit, workspace_sources(kept))
        finally:
            store.close()
        return [SearchHit(h.kind, h.label, h.uid, h.place, h.score, h.how) for h in hits]
