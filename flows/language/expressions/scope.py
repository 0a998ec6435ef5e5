"""Where names get their values; the engine assembles one, nearest name first."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Protocol

from flows.language.errors import NotEvaluable, UnknownName


class Scope(Protocol):
    """What an expression may ask for while it is evaluated."""

    def lookup(self, name: str) -> object:
        """The value of a bare name.

        Args:
            name: field of the step's own result (or its alias ``response``/``result``), loop variable, step id,
                output, variable or built-in; a step id gives a mapping of its outputs and result fields.

        Raises:
            UnknownName: nothing defines it.
            StepDidNotRun: a step without a result.
        """
        ...

    def document(self) -> object:
        """The step's own result, the root of ``$`` paths.

        Raises:
            NotEvaluable: there is no result here.
        """
        ...

    def effect(self, function: str, arguments: Sequence[object]) -> object:
        """The functions that are not pure: ``now`` (ISO text, UTC), ``uuid``, ``secret``, ``faker``, ``file``.

        Args:
            function: its name; ``faker`` gets the dotted provider, ``file`` (for matches_schema) a relative
                name and returns its parsed content.
            arguments: evaluated.

        Raises:
            NotEvaluable: not available here.
        """
        ...


class MappingScope:
    """A scope over plain mappings, for messages, tests and previews.

    Args:
        values: name → value.
        document: root of ``$`` paths; `values` itself when None.
        effects: function name → callable.
    """

    def __init__(
        self,
        values: Mapping[str, object],
        document: object = None,
        effects: Mapping[str, Callable[..., object]] | None = None,
    ) -> None:
        self._values = values
        self._document = document
        self._effects = effects or {}

    def lookup(self, name: str) -> object:
        """The value of a bare name."""
        try:
            return self._values[name]
        except KeyError:
            raise UnknownName(name) from None

    def document(self) -> object:
        """The root of ``$`` paths."""
        return self._values if self._document is None else self._document

    def effect(self, function: str, arguments: Sequence[object]) -> object:
        """The functions that are not pure, as given."""
        found = self._effects.get(function)
        if found is None:
            raise NotEvaluable(f"{function}() is not available here")
        return found(*arguments)


class InnerScope:
    """Names that come before those of another scope: one message, one loop iteration, a step's own result.

    Args:
        values: name → value, looked up first.
        outer: asked when `values` has no such name.
        document: root of ``$`` paths; `values` itself when None.
    """

    def __init__(self, values: Mapping[str, object], outer: Scope, document: object = None) -> None:
        self._values = values
        self._outer = outer
        self._document = document

    def lookup(self, name: str) -> object:
        """The value of a bare name, nearest first."""
        try:
            return self._values[name]
        except KeyError:
            return self._outer.lookup(name)

    def document(self) -> object:
        """The root of ``$`` paths."""
        return self._values if self._document is None else self._document

    def effect(self, function: str, arguments: Sequence[object]) -> object:
        """The outer scope's."""
        return self._outer.effect(function, arguments)
