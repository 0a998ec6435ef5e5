"""What a question to the graph declares, so that CLI, API and agents offer it without knowing it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from graph.change import Change
from graph.store import GraphStore


@dataclass(frozen=True, slots=True)
class Parameter:
    """One input of a query.

    Args:
        about: one sentence for people.
        type: text, number, flag or texts.
        required: whether it must be given.
        default: what is used otherwise.
    """

    about: str
    type: str = "text"
    required: bool = False
    default: Any = None


@dataclass(frozen=True, slots=True)
class Asked:
    """A question with everything it may look at.

    Args:
        store: the graph asked about (the head, where two revisions are compared).
        arguments: by parameter name, already of the declared types.
        base: the graph compared with, where the query compares.
        change: what differs between the two, where the query needs it.
    """

    store: GraphStore
    arguments: Mapping[str, Any] = field(default_factory=dict)
    base: GraphStore | None = None
    change: Change | None = None

    def given(self, name: str, otherwise: Any = None) -> Any:
        """An argument, or what stands for it.

        Args:
            name: parameter name.
            otherwise: used when it is absent or None.
        """
        value = self.arguments.get(name)
        return otherwise if value is None else value


@dataclass(frozen=True, slots=True)
class Query:
    """A question the graph answers.

    Args:
        name: as people type it.
        about: one sentence.
        parameters: by name.
        run: gives a record that has a JSON form (`graph.codec`).
        compares: whether it needs `Asked.base` and `Asked.change`.
        may_compare: whether it can use them, and answers for one revision without.
    """

    name: str
    about: str
    parameters: Mapping[str, Parameter]
    run: Callable[[Asked], Any]
    compares: bool = False
    may_compare: bool = False
