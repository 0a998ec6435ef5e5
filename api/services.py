"""The seams of the service: what routes call, so that the api package knows no scanner, agent, store or database."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol

from graph.answers import Coverage, Diagnosis, Fix, Impact
from graph.runs import Run
from graph.spans import Span
from graph.store import GraphStore
from testmesh.kernel.clock import Clock, SystemClock
from testmesh.telemetry.store import Taken
from testmesh.workflow.jobs import JobRunner
from testmesh.workspaces.records import Workspace
from testmesh.workspaces.tenants import Directory, Kept, Repository

MIB = 1 << 20


@dataclass(frozen=True, slots=True)
class Policy:
    """What the operator of the server allows.

    Args:
        roots: folders below which a repository's local path must lie; empty forbids local paths.
        hosts: hosts repositories may be fetched from; empty allows every public host.
        body: bytes of an ordinary request body.
        upload: bytes of a run or of a batch of spans.
        secure_cookie: send the page cookie over HTTPS only.
        docs: serve OpenAPI and its page.
    """

    roots: tuple[str, ...] = ()
    hosts: tuple[str, ...] = ()
    body: int = MIB
    upload: int = 64 * MIB
    secure_cookie: bool = False
    docs: bool = True


@dataclass(frozen=True, slots=True)
class ScanReport:
    """What a scan did.

    Args:
        repository: as registered, with its new commit, time and problems.
        nodes: nodes the repository's bucket holds now.
        edges: edges there.
        seconds: wall time.
        stats: counts of the scan, by name.
    """

    repository: Repository
    nodes: int
    edges: int
    seconds: float
    stats: Mapping[str, float] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class ImpactQuestion:
    """What is asked of the impact agent.

    Args:
        repository: a registered one.
        base: revision, or empty with a patch or nodes.
        head: revision, or empty for the checked-out one.
        patch: unified diff on top of `base`, or empty.
        nodes: labels or uids to start from instead of a diff.
    """

    repository: Repository
    base: str = ""
    head: str = ""
    patch: str = ""
    nodes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class CoverageQuestion:
    """What is asked of the coverage agent.

    Args:
        repository: name, or empty for all.
        skeletons: whether to write a flow for each gap.
    """

    repository: str = ""
    skeletons: bool = False


@dataclass(frozen=True, slots=True)
class DiagnosisQuestion:
    """What is asked of the diagnosis agent.

    Args:
        run: the recording.
        repository: where the culprit may be, None when the run's flows name none.
        base: revision to compare with, or empty for the last green run's.
    """

    run: Run
    repository: Repository | None = None
    base: str = ""


@dataclass(frozen=True, slots=True)
class RepairQuestion:
    """What is asked of the repair agent.

    Args:
        run: the recording.
        repository: where the flow is.
        diagnosis: an earlier answer, None to make one.
    """

    run: Run
    repository: Repository | None = None
    diagnosis: Diagnosis | None = None


@dataclass(frozen=True, slots=True)
class SearchHit:
    """One node or flow that fits a question in words.

    Args:
        kind: node kind.
        label: as people type it.
        uid: node uid.
        place: ``file:line``, or empty.
        score: 0..1, rounded to 4 places.
        how: what matched: name, text or meaning.
    """

    kind: str
    label: str
    uid: str
    place: str
    score: float
    how: str = ""


class Engines(Protocol):
    """The questions, answered for one workspace; `testmesh.compose` puts the agents behind it."""

    def scan(self, kept: Kept, repository: Repository) -> ScanReport:
        """Bring a repository's part of the graph up to date."""
        ...

    def impact(self, kept: Kept, question: ImpactQuestion) -> Impact:
        """What a change affects."""
        ...

    def coverage(self, kept: Kept, question: CoverageQuestion) -> Coverage:
        """What no flow covers."""
        ...

    def diagnose(self, kept: Kept, question: DiagnosisQuestion) -> Diagnosis:
        """Why a run failed."""
        ...

    def repair(self, kept: Kept, question: RepairQuestion) -> Fix:
        """What the fix is, and how sure we are."""
        ...

    def search(self, kept: Kept, words: str, limit: int) -> Sequence[SearchHit]:
        """What fits a question in words, best first."""
        ...


class Spans(Protocol):
    """Where received spans go, per workspace."""

    def add(self, spans: Sequence[Span]) -> int:
        """Keep them; returns how many could be kept."""
        ...

    def trace(self, trace_id: str) -> Sequence[Span]:
        """The spans of one trace known so far."""
        ...

    def take(self, trace_ids: Collection[str]) -> None:
        """Say that these traces were looked at."""
        ...

    def untaken(self) -> int:
        """Spans that nobody looked at yet for what they show."""
        ...

    def take_quiet(self, seconds: float, but: Collection[str] = ()) -> Sequence[Taken]:
        """Traces without news for so long, each span as new once."""
        ...


@dataclass(frozen=True, slots=True)
class Services:
    """Everything the app is built from.

    Args:
        directory: workspaces and tokens.
        graph: opens the graph of a workspace; whoever opens it closes it.
        engines: the questions.
        spans: the span store of a workspace.
        jobs: runs work that outlives a request.
        policy: what is allowed.
        clock: time.
        version: shown in `/health` and OpenAPI.
    """

    directory: Directory
    graph: Callable[[Workspace], GraphStore]
    engines: Engines
    spans: Callable[[Workspace], Spans]
    jobs: JobRunner
    policy: Policy = Policy()
    clock: Clock = field(default_factory=SystemClock)
    version: str = "0.1.0"
