"""What evaluating a Value can give: text with holes, an object, or something outside the scanned code."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TypeAlias

from graph.linking.corpus import FileKey, SymbolKey
from graph.values import Call, Value

NOT_SET = "empty until it is set"  # the reason of a hole


@dataclass(frozen=True, slots=True)
class Hole:
    """A part of a text that could not be evaluated.

    Args:
        reason: why, for people.
        env: environment variable or configuration key that would give it, or empty.
        param: the function whose callers give it, or None.
        base: class or interface that what is asked for is or extends, or None.
    """

    reason: str
    env: str = ""
    param: SymbolKey | None = None
    base: SymbolKey | None = None


Part: TypeAlias = str | Hole


@dataclass(frozen=True, slots=True)
class Text:
    """Text with holes; neighbouring literals are joined.

    Args:
        parts: in order.
    """

    parts: tuple[Part, ...]

    @property
    def template(self) -> str:
        """The text with ``{}`` for every hole."""
        return "".join(part if isinstance(part, str) else "{}" for part in self.parts)

    @property
    def holes(self) -> tuple[Hole, ...]:
        """The holes, in order."""
        return tuple(part for part in self.parts if isinstance(part, Hole))


@dataclass(frozen=True, slots=True)
class Arguments:
    """What a call passes, and where that is written.

    Args:
        positional: in order.
        named: by keyword.
        frame: the caller's frame.
    """

    positional: tuple[Value, ...]
    named: tuple[tuple[str, Value], ...]
    frame: Frame


@dataclass(frozen=True, slots=True)
class Instance:
    """An object of a class of ours.

    Args:
        owner: the class.
        arguments: of the constructing call, None when unknown.
    """

    owner: SymbolKey
    arguments: Arguments | None = None


@dataclass(frozen=True, slots=True)
class Definition:
    """A function, class or module of ours, not called.

    Args:
        symbol: file and name; an empty name is the module.
        sort: function, class or module.
        owner: the object a method was taken from.
    """

    symbol: SymbolKey
    sort: str
    owner: Instance | None = None


@dataclass(frozen=True, slots=True)
class Outside:
    """A name or object of code we do not have.

    Args:
        name: dotted external name.
        call: the call that made it, None for the name itself.
        frame: where the call is written.
    """

    name: str
    call: Call | None = None
    frame: Frame | None = None


Thing: TypeAlias = Text | Instance | Definition | Outside


@dataclass(frozen=True, slots=True)
class Outcome:
    """One possible result.

    Args:
        thing: what the value may be.
        trail: rules used, sorted.
    """

    thing: Thing
    trail: frozenset[str] = frozenset()

    @property
    def left_out(self) -> bool:
        """Whether it is a part of an argument that no caller gives."""
        thing = self.thing
        return isinstance(thing, Text) and bool(thing.holes) and all(h.param is None and not h.env for h in thing.holes)


@dataclass(frozen=True, slots=True)
class Frame:
    """Where a Value is evaluated.

    Args:
        file: the file it is written in.
        scope: the symbol it is written in.
        arguments: of the call of that symbol, None when any caller is possible.
        owner: what ``self`` is, None when any object of the class is possible.
    """

    file: FileKey
    scope: str
    arguments: Arguments | None = None
    owner: Instance | None = None


@dataclass(slots=True)
class Context:
    """What holds for one whole evaluation.

    Args:
        service: the service whose environment applies, or empty.
        bound: arguments chosen for functions whose callers are tried one by one.
        budget: evaluation steps left.
        constants: module-level constants that were read.
        keys: environment variables and configuration keys that were read.
        active: names and functions being evaluated, with how many of their assignments may still be used.
        depth: how deeply nested the present evaluation is.
        reentered: names whose assignment mentions the name itself.
    """

    service: str = ""
    bound: Mapping[SymbolKey, Arguments] = field(default_factory=dict)
    budget: int = 4000
    constants: set[SymbolKey] = field(default_factory=set)
    keys: set[str] = field(default_factory=set)
    active: dict[SymbolKey, int] = field(default_factory=dict)
    reentered: set[SymbolKey] = field(default_factory=set)
    depth: int = 0


def joined(parts: tuple[Part, ...]) -> Text:
    """A Text with neighbouring literals joined and empty ones dropped.

    Args:
        parts: any parts.
    """
    merged: list[Part] = []
    for part in parts:
        if isinstance(part, str) and merged and isinstance(merged[-1], str):
            merged[-1] = merged[-1] + part
        elif part != "":
            merged.append(part)
    return Text(tuple(merged))
