"""A run as a recording: the event stream, the artefact folded from it, and where artefacts are kept (DESIGN §7)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal, Protocol, TypeAlias

VERSION = 1
StepVerdict = Literal["passed", "failed", "error", "skipped", "not_run"]
RunVerdict = Literal["passed", "failed", "error", "cancelled"]
Json: TypeAlias = Any


@dataclass(frozen=True, slots=True)
class Exchange:
    """What one attempt of a step sent and everything that came back.

    Args:
        request: the action's resolved config, secrets masked, JSON-shaped.
        candidates: results in recorded order, each the action's result map; of a consumer every message read
            (``value raw key headers topic partition offset timestamp json``), whether it matched or not.
        at_ms: milliseconds after the run's start of each candidate.
        ended: satisfied, window, error, timeout or cancelled: why no further candidate was read.
        error: message when it ended in one, else empty.
        error_type: timeout, connection, assertion, 4xx, 5xx, config or empty.
        span_id: 16 hex sent as the parent of what the system did about this attempt, or empty.
    """

    request: Json
    candidates: tuple[Json, ...] = ()
    at_ms: tuple[float, ...] = ()
    ended: str = ""
    error: str = ""
    error_type: str = ""
    span_id: str = ""


@dataclass(frozen=True, slots=True)
class AssertionResult:
    """One assertion's verdict with both sides (FLOWS §8).

    Args:
        list: assert, assert_any, assert_none or until.
        expression: as written.
        passed: whether it held.
        left: left side's value when it is a comparison.
        right: right side's value.
        message: the author's message, or why it could not be evaluated.
        line: 1-based line in the flow file.
    """

    list: str
    expression: str
    passed: bool
    left: Json = None
    right: Json = None
    message: str = ""
    line: int = 0


@dataclass(frozen=True, slots=True)
class StepRun:
    """One execution of a step.

    Args:
        id: step id.
        phase: setup, steps or teardown.
        action: canonical action.
        verdict: passed, failed, error, skipped or not_run.
        message: why, one or a few lines.
        started_ms: after the run's start.
        duration_ms: length.
        exchanges: one per attempt.
        result: the candidate that became the step's result, or None.
        outputs: name to value.
        assertions: judged on the result (or on the nearest candidate of a failure).
        steps: nested executions; read lazily when there are very many.
        iteration: 0-based, None outside loops.
        trace_id: 32 hex sent as `traceparent`, or empty.
        line: 1-based line of the step in its file.
        optional: its failure does not count (`optional: true`).
    """

    id: str
    phase: str
    action: str
    verdict: StepVerdict
    message: str = ""
    started_ms: float = 0.0
    duration_ms: float = 0.0
    exchanges: tuple[Exchange, ...] = ()
    result: Json = None
    outputs: Mapping[str, Json] = field(default_factory=dict)
    assertions: tuple[AssertionResult, ...] = ()
    steps: Sequence[StepRun] = ()
    iteration: int | None = None
    trace_id: str = ""
    line: int = 0
    optional: bool = False


@dataclass(frozen=True, slots=True)
class FlowRun:
    """One execution of a flow: one file, one data row.

    Its repr leaves out what is long: `asyncio.run` makes that of what it gives back, only to throw it away.

    Args:
        file: as given, relative to the run's root where possible.
        name: flow name.
        row: 0-based data row, None without data.
        verdict: passed, failed, error or cancelled.
        duration_ms: length.
        steps: top-level step executions in order of start, all phases; read lazily in a run of very many.
        message: why, when no step says it.
        source: the flow file's text, so that the recording can be judged anywhere.
        variables: inputs after masking.
        builtins: RANDOM_ID and the like as used.
        problems: findings of a file that could not be run at all, in the JSON form of FLOWS §8 (exit 2).
        started_ms: after the run's start.
    """

    file: str
    name: str
    row: int | None
    verdict: RunVerdict
    duration_ms: float
    steps: Sequence[StepRun] = field(default=(), repr=False)
    message: str = ""
    source: str = field(default="", repr=False)
    variables: Mapping[str, Json] = field(default_factory=dict)
    builtins: Mapping[str, Json] = field(default_factory=dict)
    problems: tuple[Json, ...] = ()
    started_ms: float = 0.0


@dataclass(frozen=True, slots=True)
class Run:
    """The artefact of one `testmesh run`.

    Args:
        id: sortable run id.
        started: RFC 3339, UTC.
        finished: RFC 3339, UTC.
        verdict: passed, failed, error or cancelled.
        flows: executions.
        seed: of random and faker values.
        environment: environment name or empty.
        deployed: service to revision, or `unknown`.
        revision: commit of the flows' repository, `<commit>+<digest>` with uncommitted changes, or `unknown`.
        options: how it was asked for (paths, tags, vars names), JSON-shaped.
        logs: service to the lines of the run's window, masked; empty when the environment has none.
        version: of this record.
        log_times: service to when each of its lines was written, ms after the run's start; without it nobody knows.
    """

    id: str
    started: str
    finished: str
    verdict: RunVerdict
    flows: tuple[FlowRun, ...]
    seed: int = 0
    environment: str = ""
    deployed: Mapping[str, str] = field(default_factory=dict)
    revision: str = "unknown"
    options: Mapping[str, Json] = field(default_factory=dict)
    logs: Mapping[str, Sequence[str]] = field(default_factory=dict)
    version: int = VERSION
    log_times: Mapping[str, Sequence[float]] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class RunStarted:
    """The first event of a run."""

    run: str
    at: str
    flows: tuple[str, ...]
    seed: int


@dataclass(frozen=True, slots=True)
class FlowStarted:
    """A flow execution begins."""

    run: str
    file: str
    name: str
    row: int | None


@dataclass(frozen=True, slots=True)
class StepStarted:
    """A step begins."""

    run: str
    file: str
    row: int | None
    id: str
    phase: str
    action: str
    path: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class StepFinished:
    """A step ended, with all its evidence."""

    run: str
    file: str
    row: int | None
    step: StepRun
    path: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class FlowFinished:
    """A flow execution ended."""

    run: str
    flow: FlowRun


@dataclass(frozen=True, slots=True)
class RunFinished:
    """The last event of a run."""

    run: Run


Event: TypeAlias = RunStarted | FlowStarted | StepStarted | StepFinished | FlowFinished | RunFinished


@dataclass(frozen=True, slots=True)
class RunSummary:
    """A run in a listing.

    Args:
        id: run id.
        started: RFC 3339.
        verdict: of the run.
        passed: flow executions passed.
        failed: flow executions failed or in error.
        revision: as in Run.
        environment: as in Run.
    """

    id: str
    started: str
    verdict: RunVerdict
    passed: int
    failed: int
    revision: str = "unknown"
    environment: str = ""


class RunStore(Protocol):
    """Where run artefacts are kept."""

    def save(self, run: Run) -> None:
        """Keep a run, atomically; saving the same id again replaces it."""
        ...

    def load(self, run_id: str) -> Run:
        """The run of that id, a unique prefix, or ``latest``.

        Raises:
            NotFoundError: there is none.
        """
        ...

    def list(self, limit: int = 50, before: str = "") -> Sequence[RunSummary]:
        """Newest first, those older than `before`."""
        ...
