"""Does the edited flow still notice everything the old one noticed? Measured on mutated evidence, not argued."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

from agents.repair.inputs import Judge, alone, judged
from flows.strength.mutation import Mutation, mutations
from flows.strength.places import Each, Part
from flows.strength.telling import stands, tell
from graph.answers import ContractEdit
from graph.runs import Run


@dataclass(frozen=True, slots=True)
class Strength:
    """What two texts of a flow notice.

    Args:
        before: lies the old text notices about its own green evidence.
        kept: those that the new text notices about the new evidence.
        lost: those that it does not.
        gone: those about places that the new evidence does not have.
    """

    before: int
    kept: int
    lost: tuple[Mutation, ...] = ()
    gone: tuple[Mutation, ...] = ()


def noticed(judge: Judge, run: Run, text: str, lies: Iterable[Mutation]) -> frozenset[Mutation]:
    """The lies a text of the flow does not let pass.

    Args:
        judge: judges recorded evidence.
        run: a recording of one execution that passes as it is.
        text: the flow's text.
        lies: what to tell.
    """
    flow = run.flows[0]
    return frozenset(lie for lie in lies if not stands(judged(judge, alone(run, tell(flow, lie)), text)))


def compare(judge: Judge, old: tuple[Run, str], new: tuple[Run, str], edits: Sequence[ContractEdit]) -> Strength | None:
    """What the new text notices of all that the old one did; None when one of the recordings does not pass as it is.

    Args:
        judge: judges recorded evidence.
        old: green recording and the old text.
        new: recording after the change and the new text.
        edits: how places of the old evidence are called in the new one.
    """
    if any(not stands(judged(judge, *side)) for side in (old, new)):
        return None
    before = noticed(judge, *old, mutations(old[0].flows[0]))
    possible = frozenset(_key(m) for m in mutations(new[0].flows[0]))
    renamed = {m: _renamed(m, edits) for m in before}
    here = {m for m, r in renamed.items() if _key(r) in possible}
    after = {_key(m) for m in noticed(judge, *new, {renamed[m] for m in here})}
    lost = tuple(sorted((m for m in here if _key(renamed[m]) not in after), key=_order))
    gone = tuple(sorted((m for m in before if m not in here and m.kind != "status"), key=_order))
    return Strength(len(before), len(here) - len(lost), lost, gone)


def _key(mutation: Mutation) -> tuple[str, str, str]:
    """Which other status was told does not matter, that one was does."""
    return mutation.step, mutation.kind, mutation.where


def _order(mutation: Mutation) -> tuple[str, str, str, str]:
    return (*_key(mutation), mutation.variant)


def _renamed(mutation: Mutation, edits: Sequence[ContractEdit]) -> Mutation:
    path = mutation.path
    for edit in edits:
        if edit.kind == "field" and edit.new:
            path = tuple(_part(part, edit.old, edit.new) for part in path)
    return replace(mutation, path=path)


def _part(part: Part, old: str, new: str) -> Part:
    return new if part == old and not isinstance(part, Each) else part


def summary(found: Strength) -> str:
    """One sentence with counts.

    Args:
        found: the comparison.
    """
    text = f"{found.kept} of {found.before} lies the old text noticed are still noticed"
    if found.lost:
        first = found.lost[0]
        text += f"; lost {len(found.lost)}, e.g. {first.kind} {first.where} at {first.step}"
    if found.gone:
        text += f"; {len(found.gone)} are about places the system no longer answers, e.g. {found.gone[0].where}"
    return text
