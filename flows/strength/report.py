"""A flow's strength as people and programs read it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from flows.strength.measuring import Gap, StepStrength, Strength

_CHANGES = 4


def data(found: Strength) -> dict[str, object]:
    """JSON-shaped.

    Args:
        found: one flow's strength.
    """
    return {
        "file": found.file,
        "run": found.run,
        "recordings": found.recordings,
        "score": found.score,
        "noticed": found.noticed,
        "all": found.all,
        "problem": found.problem,
        "steps": [_step_data(step) for step in found.steps],
        "gaps": [_gap_data(gap) for gap in found.gaps],
    }


def _step_data(step: StepStrength) -> dict[str, object]:
    return {
        "id": step.id,
        "inside": list(step.inside),
        "action": step.action,
        "line": step.line,
        "noticed": step.noticed,
        "all": step.all,
    }


def _gap_data(gap: Gap) -> dict[str, object]:
    return {
        "step": gap.step,
        "inside": list(gap.inside),
        "line": gap.line,
        "changes": list(gap.changes),
        "suggestion": gap.suggestion or None,
        "advice": gap.advice,
        "consumed": gap.consumed,
        "weight": gap.weight,
    }


def lines(found: Strength, top: int) -> Iterator[str]:
    """For the terminal: the score, steps that check nothing, the others, then gaps with the line that closes each.

    Args:
        found: one flow's strength.
        top: most gaps shown.
    """
    if found.problem and not found.run:
        yield f"{found.file}: not measured: {found.problem} (testmesh run {found.file})"
        return
    if found.problem:
        yield f"{found.file}: not measured, its recording {found.run} does not pass with the flow as it is now:"
        yield f"  {found.problem}"
        yield f"  testmesh run {found.file} makes a new one"
        return
    yield f"{found.file}: {found.score:g} % ({found.noticed} of {found.all} changes would be noticed), run {found.run}"
    silent = [step for step in found.steps if not step.noticed]
    for step in silent:
        yield f"  checks nothing: {_named(step)}"
    for step in found.steps:
        if step.noticed:
            yield f"  {step.noticed:>4} of {step.all:<4} {_named(step)}"
    if found.gaps:
        yield "  would not be noticed:"
    for gap in found.gaps[:top]:
        yield from _gap(found.file, gap)
    if len(found.gaps) > top:
        yield f"  and {len(found.gaps) - top} more: --top {len(found.gaps)}"
    if found.gaps and found.recordings == 1:
        yield "  (one recording: what differs from run to run is told by name and form only; run again to be surer)"


def _named(step: StepStrength) -> str:
    return f"{step.id} ({step.action}, line {step.line})"


def _gap(file: str, gap: Gap) -> Iterator[str]:
    read = " (read by known code)" if gap.consumed else ""
    yield f"    {file}:{gap.line} {gap.step}: {_words(gap.changes)}{read}"
    if gap.suggestion:
        yield f"      + {gap.suggestion}"
    if gap.advice:
        yield f"      {gap.advice}"


def _words(changes: Sequence[str]) -> str:
    """Changes of one place with the place once."""
    groups: dict[str, list[str]] = {}
    for change in changes:
        where, _, what = change.partition(": ")
        groups.setdefault(where, []).append(what)
    parts = [f"{where}: {', '.join(whats)}" for where, whats in groups.items()]
    more = f"; and {len(parts) - _CHANGES} more places" if len(parts) > _CHANGES else ""
    return "; ".join(parts[:_CHANGES]) + more
