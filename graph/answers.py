"""The four answers and their parts: what every surface (CLI, API, PR comment, page) renders and nothing recomputes."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

from graph.change import ChangedItem, Hunk
from graph.contracts.findings import Break

VERSION = 1
Selection = Literal["must", "may"]
Reached = Literal["none", "referenced", "executed", "passed", "unmeasured"]
FailureClass = Literal[
    "product regression", "contract change", "test defect", "data/state", "environment", "flaky", "unknown"
]
FixStatus = Literal["verified", "suggestion", "refused", "abstained"]


@dataclass(frozen=True, slots=True)
class Hop:
    """One edge of a proof path.

    Args:
        edge: edge kind, or ``CHANGED`` for the first hop.
        source: label.
        target: label.
        place: ``file:line`` of the evidence.
        status: resolved, candidate or unresolved.
        rule: linking rule.
        note: what about it matters, e.g. "reads `total`".
    """

    edge: str
    source: str
    target: str
    place: str
    status: str
    rule: str = ""
    note: str = ""


@dataclass(frozen=True, slots=True)
class Affected:
    """A node the change reaches.

    Args:
        kind: node kind.
        label: as people type it.
        uid: node uid.
        certain: every hop is resolved.
        path: proof, from the change to the node.
    """

    kind: str
    label: str
    uid: str
    certain: bool
    path: tuple[Hop, ...]


@dataclass(frozen=True, slots=True)
class SelectedFlow:
    """A flow that must or may run.

    Args:
        file: flow file.
        name: flow name.
        selection: must (all hops resolved) or may.
        reason: one sentence.
        path: proof, from the change to the flow; empty when selected by an unresolved boundary alone.
    """

    file: str
    name: str
    selection: Selection
    reason: str
    path: tuple[Hop, ...] = ()


@dataclass(frozen=True, slots=True)
class Boundary:
    """Something on the frontier that nobody could resolve.

    Args:
        place: ``file:line``.
        reason: why it is open.
        annotation: testmesh.toml lines that settle it, or empty.
        settles: what the annotation is keyed by.
    """

    place: str
    reason: str
    annotation: str = ""
    settles: str = ""


@dataclass(frozen=True, slots=True)
class Impact:
    """What a change affects, three-valued: affected with a path, unaffected, unknown with the boundary.

    Args:
        repository: repository name.
        base: merge base.
        head: head revision or ``worktree``.
        changed: what changed.
        affected: every reached service, endpoint, topic, dataset and flow, sorted by (kind, label).
        flows: flows that must or may run, musts first, then by file.
        unaffected_flows: files of flows proven unaffected.
        unknown: boundaries that kept an answer from being certain.
        untested: labels of affected endpoints that no flow exercises.
        notes: sentences about limits of this answer.
        breaks: payloads, operations and columns whose two sides no longer fit.
    """

    repository: str
    base: str
    head: str
    changed: tuple[ChangedItem, ...] = ()
    affected: tuple[Affected, ...] = ()
    flows: tuple[SelectedFlow, ...] = ()
    unaffected_flows: tuple[str, ...] = ()
    unknown: tuple[Boundary, ...] = ()
    untested: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()
    breaks: tuple[Break, ...] = ()


@dataclass(frozen=True, slots=True)
class Grade:
    """How well one thing is tested (DESIGN §6).

    Args:
        reached: none, referenced, executed, passed or unmeasured.
        checks: which of status, body, effect are asserted.
        flows: files of flows that reach it.
    """

    reached: Reached
    checks: tuple[str, ...] = ()
    flows: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class CoverageRow:
    """One covered or uncovered thing.

    Args:
        dimension: endpoint, status class, edge, topic, dataset or error branch.
        label: as people type it.
        uid: node uid (source node for an edge).
        place: ``file:line``.
        grade: how well.
        rank: gap priority, higher is worse; 0 when covered.
        why: parts of the rank as text, e.g. "fan-in 4, writes 2 datasets, exposed".
        skeleton: a runnable flow for a gap, or empty.
    """

    dimension: str
    label: str
    uid: str
    place: str
    grade: Grade
    rank: float = 0.0
    why: str = ""
    skeleton: str = ""


@dataclass(frozen=True, slots=True)
class Dimension:
    """Totals of one dimension.

    Args:
        name: as in CoverageRow.
        measured: False when it has no source of evidence; never shown as 0 %.
        covered: rows reached.
        total: rows.
        reason: why unmeasured.
    """

    name: str
    measured: bool
    covered: int
    total: int
    reason: str = ""


@dataclass(frozen=True, slots=True)
class Coverage:
    """What the flows cover.

    Args:
        dimensions: totals, fixed order.
        rows: sorted by (dimension, rank descending, label).
        unresolved_steps: steps that match no known node; never coverage.
    """

    dimensions: tuple[Dimension, ...] = ()
    rows: tuple[CoverageRow, ...] = ()
    unresolved_steps: tuple[Boundary, ...] = ()


@dataclass(frozen=True, slots=True)
class Clue:
    """One piece of evidence in a diagnosis.

    Args:
        detector: which detector found it.
        text: one sentence.
        place: ``file:line``, span id or step.
        weight: calibrated strength, 0..1.
    """

    detector: str
    text: str
    place: str
    weight: float


@dataclass(frozen=True, slots=True)
class Cause:
    """A ranked candidate cause.

    Args:
        text: one sentence.
        file: culprit file, or empty.
        line: 1-based, 0 when none.
        symbol: culprit symbol, or empty.
        hunk: culprit hunk, or None.
        commit: commit that brought it, or empty.
        score: calibrated, 0..1, rounded to 4 places.
        clues: what speaks for it.
    """

    text: str
    file: str = ""
    line: int = 0
    symbol: str = ""
    hunk: Hunk | None = None
    commit: str = ""
    score: float = 0.0
    clues: tuple[Clue, ...] = ()


@dataclass(frozen=True, slots=True)
class Confirmation:
    """What reverting the top hunk showed.

    Args:
        outcome: confirmed, refuted or not checked.
        text: one sentence.
        run: id of the run made, or empty.
    """

    outcome: Literal["confirmed", "refuted", "not checked"]
    text: str
    run: str = ""


@dataclass(frozen=True, slots=True)
class ContractEdit:
    """One edit of what the outside sees, as a failing flow shows it; what repair starts from.

    Args:
        kind: field, status, path, value or request (a field of what is sent).
        step: id of the step it was seen at.
        path: place in the step's result, e.g. ``body.items[0].total``; the requested path for a moved one.
        old: name, status, path template or value as it was.
        new: as it is now; empty when it is only gone.
    """

    kind: Literal["field", "status", "path", "value", "request"]
    step: str
    path: str
    old: str
    new: str


@dataclass(frozen=True, slots=True)
class Diagnosis:
    """Why a run failed.

    Args:
        run: run id.
        flow: failing flow's file.
        step: failing step's id.
        failure: the class, `unknown` when it abstains.
        summary: one paragraph.
        causes: ranked.
        clues: evidence about the class itself.
        base: revision it was compared with, or empty.
        head: revision that ran, or empty.
        confirmation: result of the revert, or None.
        not_checked: what could not be looked at, and why.
        contract: edits of the contract that the failure shows, most telling first.
    """

    run: str
    flow: str
    step: str
    failure: FailureClass
    summary: str
    causes: tuple[Cause, ...] = ()
    clues: tuple[Clue, ...] = ()
    base: str = ""
    head: str = ""
    confirmation: Confirmation | None = None
    not_checked: tuple[str, ...] = ()
    contract: tuple[ContractEdit, ...] = ()


@dataclass(frozen=True, slots=True)
class GateResult:
    """One gate a fix went through.

    Args:
        gate: its name, e.g. "re-judged on the recording".
        outcome: passed, failed or not checked.
        detail: one sentence with counts.
    """

    gate: str
    outcome: Literal["passed", "failed", "not checked"]
    detail: str


@dataclass(frozen=True, slots=True)
class FileEdit:
    """One file of a fix.

    Args:
        path: repository-relative.
        before: its text before.
        after: its text after.
    """

    path: str
    before: str
    after: str


@dataclass(frozen=True, slots=True)
class Confidence:
    """Probability of passing held-out checks, with the counts behind it (DESIGN §7).

    Args:
        passed: comparable cases that passed held-out checks.
        total: comparable cases.
        low: lower bound of the 95 % Wilson interval.
        high: upper bound.
        parts: what the case is comparable by, e.g. repairer and gates.
        source: file of the counted outcomes.
    """

    passed: int
    total: int
    low: float
    high: float
    parts: tuple[str, ...] = ()
    source: str = ""


@dataclass(frozen=True, slots=True)
class Fix:
    """A verified fix, a suggestion, or a refusal.

    Args:
        run: run id.
        status: verified, suggestion, refused or abstained.
        repairer: which repairer made it.
        title: one line.
        explanation: why; for a refusal, what the product should have done.
        edits: minimal edits.
        gates: in order.
        confidence: counts and interval, or None when there is no comparable case.
        not_checked: what was not checked.
        diagnosis: the report it rests on.
    """

    run: str
    status: FixStatus
    repairer: str
    title: str
    explanation: str
    edits: tuple[FileEdit, ...] = ()
    gates: tuple[GateResult, ...] = ()
    confidence: Confidence | None = None
    not_checked: tuple[str, ...] = ()
    diagnosis: Diagnosis | None = field(default=None)
