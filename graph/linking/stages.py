"""Order is declared, not positioned: stages name what they need and run in topological order."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from graphlib import CycleError, TopologicalSorter
from typing import Generic, TypeVar

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Stage(Generic[T]):
    """One step of linking.

    Args:
        name: what it provides.
        run: does it, on the shared state.
        needs: names of stages that must have run.
    """

    name: str
    run: Callable[[T], None]
    needs: frozenset[str] = frozenset()


def in_order(stages: Iterable[Stage[T]]) -> tuple[Stage[T], ...]:
    """The stages so that each comes after what it needs; ties by name.

    Args:
        stages: uniquely named.

    Raises:
        ValueError: an unknown need, or a cycle (both stages are named).
    """
    by_name = {stage.name: stage for stage in stages}
    sorter: TopologicalSorter[str] = TopologicalSorter()
    for stage in by_name.values():
        missing = sorted(stage.needs - by_name.keys())
        if missing:
            raise ValueError(f"stage {stage.name!r} needs {missing[0]!r}, which is not declared")
        sorter.add(stage.name, *sorted(stage.needs))
    try:
        sorter.prepare()
    except CycleError as error:
        raise ValueError("stages need each other: " + " -> ".join(error.args[1])) from error
    ordered: list[Stage[T]] = []
    while sorter.is_active():
        for name in sorted(sorter.get_ready()):
            ordered.append(by_name[name])
            sorter.done(name)
    return tuple(ordered)
