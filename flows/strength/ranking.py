"""Which unnoticed change matters most: what a consumer reads and what was stored or sent before what was answered."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from flows.strength.mutation import Kind, Mutation, Where

_BY_KIND: Mapping[Kind, int] = {
    "status": 100,
    "absent": 95,
    "endless": 80,
    "empty": 90,
    "fewer": 75,
    "value": 70,
    "more": 60,
    "dropped": 60,
    "null": 55,
    "retyped": 40,
    "order": 30,
    "header": 20,
}
_ANSWERS = frozenset({"http_request", "graphql", "grpc_call", "websocket", "sse", "wait_for"})
_EFFECT, _READ, _UNCHECKED, _SETUP, _DEPTH = 30, 25, 50, 40, 2


@dataclass(frozen=True, slots=True)
class Weights:
    """What is known about the steps of a flow beside their answers.

    Args:
        reads: field names that code which consumes the answer or the message reads, by step id, as the graph knows.
        unchecked: steps none of whose lies are noticed.
    """

    reads: Mapping[str, frozenset[str]] = field(default_factory=dict)
    unchecked: frozenset[Where] = frozenset()

    def of(self, lie: Mutation, action: str) -> int:
        """How much it matters; more is worse.

        Args:
            lie: what is not noticed.
            action: of its step.
        """
        weight = _BY_KIND[lie.kind] - _DEPTH * len(lie.path)
        weight += 0 if action in _ANSWERS else _EFFECT
        weight += _UNCHECKED if (lie.step, lie.inside) in self.unchecked else 0
        weight -= _SETUP if lie.inside[0] == "setup" else 0
        return weight + (_READ if self.consumed(lie) else 0)

    def consumed(self, lie: Mutation) -> bool:
        """Whether known code reads the field.

        Args:
            lie: what is different.
        """
        names = {part for part in lie.path if isinstance(part, str)}
        return bool(names & self.reads.get(lie.step, frozenset()))
