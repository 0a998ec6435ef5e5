"""What a deterministic repairer is: one edit of a contract in, the places of the flow that follow it out."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass

from agents.repair.flow_text import Replacement
from graph.answers import ContractEdit


@dataclass(frozen=True, slots=True)
class Broken:
    """A flow and the edit of the contract it did not follow.

    Args:
        text: the flow's text.
        edit: what changed.
        method: HTTP method of the step that saw it, or empty.
        request: path that step asked for, or empty.
    """

    text: str
    edit: ContractEdit
    method: str = ""
    request: str = ""


@dataclass(frozen=True, slots=True)
class Repairer:
    """One kind of fix, declared as `REPAIRER` by one module of `agents.repair.repairers`.

    Args:
        name: as shown and as outcomes are counted.
        about: one sentence.
        kind: the kind of edit it follows.
        edits: what to replace; nothing when the flow does not depend on it.
    """

    name: str
    about: str
    kind: str
    edits: Callable[[Broken], Iterable[Replacement]]
