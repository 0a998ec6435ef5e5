"""Everything a diagnosis may look at, gathered: recordings, the change, both graphs, texts, spans, a scratch tree."""

from __future__ import annotations

import tempfile
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from graph.answers import Diagnosis
from graph.change import Change
from graph.runs import FlowRun, Run, RunStore
from testmesh.compose.graphs import Checkout, view_at
from testmesh.compose.past import alike, remember
from testmesh.compose.spans import KeptSpans
from testmesh.compose.systems import System, run_flows_in
from testmesh.compose.trees import export
from testmesh.guard.git import Repository
from testmesh.kernel.errors import UserError

if TYPE_CHECKING:
    from agents.diagnosis import DiagnosisInputs, Scene
    from flows.runner.store import FileRunStore

HISTORY = 50


@dataclass(frozen=True, slots=True)
class Asked:
    """How a diagnosis was asked for.

    Args:
        run: run id, prefix or ``latest``.
        flow: the failing flow to explain; the first when empty.
        base: revision to compare with; the last green run's when empty.
        environment: environment for the proof; the run's own when empty.
    """

    run: str
    flow: str = ""
    base: str = ""
    environment: str = ""


def file_runs(checkout: Checkout) -> FileRunStore:
    """The recordings of a repository.

    Args:
        checkout: whose.
    """
    from flows.runner.store import FileRunStore

    return FileRunStore(checkout.project.state / "runs")


def green_before(runs: RunStore, run: Run, flow: str) -> Run | None:
    """The last run before this one in which a flow passed.

    Args:
        runs: where to look.
        run: the failing run.
        flow: the flow's file.
    """
    for summary in runs.list(HISTORY, before=run.id):
        if summary.passed:
            found = runs.load(summary.id)
            mine = [f for f in found.flows if f.file == flow]
            if mine and all(f.verdict == "passed" for f in mine):
                return found
    return None


def failing_flow(run: Run, flow: str = "") -> FlowRun:
    """The failed execution to explain.

    Args:
        run: a recording.
        flow: file, or empty for the first that failed.

    Raises:
        UserError: nothing failed, or not that flow.
    """
    failed = [f for f in run.flows if f.verdict in ("failed", "error")]
    wanted = [f for f in failed if not flow or f.file == flow or f.file.endswith("/" + flow)]
    if wanted:
        return wanted[0]
    if not failed:
        raise UserError(f"run {run.id} has no failed flow", hint="diagnose a run that failed: testmesh runs")
    names = ", ".join(f.file for f in failed)
    raise UserError(f"'{flow}' did not fail in run {run.id}", hint=f"these did: {names}")


def commit_of(revision: str) -> str:
    """The commit of a run's revision, without its digest of uncommitted changes; empty when unknown.

    Args:
        revision: as in a run.
    """
    return "" if revision == "unknown" else revision.split("+", maxsplit=1)[0]


@dataclass(frozen=True, slots=True)
class Range:
    """What a failing run is compared with.

    Args:
        change: base to head.
        base: 40 hex.
        head: 40 hex, or None for the work tree.
    """

    change: Change
    base: str
    head: str | None


def range_of(checkout: Checkout, asked: Asked, run: Run, green: Run | None) -> Range | None:
    """The change between the last good revision and the one that ran, or None when no base is known.

    Args:
        checkout: whose repository.
        asked: may name the base.
        run: the failing run.
        green: last green run, or None.
    """
    from testmesh.compose.changing import changes_of

    root = checkout.project.root
    base = asked.base or commit_of(str(run.options.get("base", ""))) or (commit_of(green.revision) if green else "")
    head = commit_of(run.revision)
    if not base:
        return None
    dirty = "+" in run.revision or not head
    change = changes_of((root, checkout.project.name), base, None if dirty else head)
    return Range(change, change.base, None if dirty else head)


def inputs_of(checkout: Checkout, asked: Asked) -> tuple[DiagnosisInputs, Range | None]:
    """Everything the diagnosis agent may look at.

    Args:
        checkout: whose repository.
        asked: which run and how.
    """
    from agents.diagnosis import DiagnosisInputs, GitSources, Views, commits
    from testmesh.compose.changing import changes_of

    runs = file_runs(checkout)
    run = runs.load(asked.run)
    flow = failing_flow(run, asked.flow)
    green = green_before(runs, run, flow.file)
    history = tuple(runs.load(s.id) for s in runs.list(HISTORY, before="") if s.id != run.id)
    found = range_of(checkout, asked, run, green)
    spans = KeptSpans(checkout.project.root, run.id)
    similar = alike(checkout.project.state, run)
    inputs = DiagnosisInputs(run=run, flow=flow.file, green=green, history=history, spans=spans, similar=similar)
    if found is None:
        return inputs, None
    root = checkout.project.root
    repository = Repository(root)
    head = found.head or repository.commit("HEAD")
    base_view, head_view = view_at(checkout, found.base), view_at(checkout, found.head)
    committed, tree = GitSources(repository, found.base, head), WorkTreeSources(repository, found.base, root)
    inputs = replace(
        inputs,
        change=found.change,
        commits=commits(repository, found.base, head, lambda a, b: changes_of((root, checkout.project.name), a, b)),
        sources=committed if found.head else tree,
        views=Views(base_view.graph, head_view.graph, base_view.facts, head_view.facts),
    )
    return inputs, found


class WorkTreeSources:
    """Both sides of a change whose head is the work tree.

    Args:
        repository: where the base is.
        base: 40 hex.
        root: the work tree's top folder.
    """

    def __init__(self, repository: Repository, base: str, root: Path) -> None:
        from agents.diagnosis import GitSources

        self._base = GitSources(repository, base, base)
        self._files = {e.path for e in repository.work_tree() if not e.link}
        self._root = root

    def base(self, path: str) -> str | None:
        """The file's text before."""
        return self._base.base(path)

    def head(self, path: str) -> str | None:
        """The file's text now."""
        file = self._root / path
        if path not in self._files or not file.is_file() or file.stat().st_size > 1 << 20:
            return None
        data = file.read_bytes()
        return None if b"\0" in data else data.decode("utf-8", "replace")

    def head_files(self) -> Sequence[str]:
        """Paths of all files now, sorted."""
        return sorted(self._files)


def diagnosed(checkout: Checkout, asked: Asked, *, confirm: bool = False) -> Diagnosis:
    """Why a run failed; with `confirm`, proven by taking the first hunk back.

    Args:
        checkout: whose repository.
        asked: which run and how.
        confirm: bring a scratch tree up and run the flow again.
    """
    from agents.diagnosis import AGENT
    from agents.diagnosis import confirm as confirmed
    from testmesh.compose.models import answered

    inputs, found = inputs_of(checkout, asked)
    diagnosis: Diagnosis = answered(checkout, AGENT, inputs)
    if confirm:
        diagnosis = confirmed(diagnosis, scene_of(checkout, asked, inputs, found))
    remember(checkout.project.state, inputs, diagnosis)
    return diagnosis


def scene_of(checkout: Checkout, asked: Asked, inputs: DiagnosisInputs, found: Range | None) -> Scene:
    """What a confirmation works on.

    Args:
        checkout: whose repository.
        asked: may name the environment.
        inputs: of the diagnosis.
        found: the range.

    Raises:
        UserError: no change, or no environment to bring up.
    """
    from agents.diagnosis import Scene

    name = asked.environment or inputs.run.environment
    if found is None or inputs.change is None or inputs.sources is None:
        raise UserError("nothing can be taken back: no base revision is known", hint="name one: --base REVISION")
    if not name:
        raise UserError("the run names no environment to bring up", hint="name one: --env NAME")
    if found.head is None:
        raise UserError("the run was made with uncommitted changes; they cannot be taken back one by one",
                        hint="commit them, run again, then diagnose --confirm")  # fmt: skip
    head = found.head

    def run_tree(files: dict[str, str | None], flows: Sequence[str]) -> Run:
        return run_in_scratch(checkout, name, (head, files), flows)

    return Scene(inputs.change, inputs.sources, run_tree, inputs.commits)


def run_in_scratch(
    checkout: Checkout, environment: str, tree: tuple[str, dict[str, str | None]], flows: Sequence[str]
) -> Run:
    """Bring up a scratch copy of a commit with some files replaced, and run flows of it.

    Args:
        checkout: whose repository and settings.
        environment: which to bring up.
        tree: (commit, path to another text or None).
        flows: files to run.
    """
    from flows.runner.options import RunOptions

    with tempfile.TemporaryDirectory(prefix="testmesh-tree-") as scratch:
        folder = Path(scratch)
        folder.chmod(0o755)
        export(Repository(checkout.project.root), tree[0], folder, tree[1])
        with System(checkout.project, environment, folder, traces=False) as system:
            options = RunOptions(tuple(flows), folder, revision=tree[0], process={})
            return run_flows_in(system, options, save=False).run
