"""Settings of which not everything is known yet: what is known gets its value, the rest keeps its template."""

from __future__ import annotations

from collections.abc import Mapping

from flows.engine.names import Names
from flows.language.errors import NotEvaluable, StepDidNotRun, SyntaxProblem, UnknownName
from flows.language.expressions.pieces import Piece, pieces
from flows.language.spec import Flow
from flows.language.templates import compile_template
from flows.language.values import to_json


class NotYetKnown(NotEvaluable):
    """A value that only the run gives; unlike a missing one it never counts as absent for `exists` and `??`.

    Args:
        name: the step, output or variable.
    """

    def __init__(self, name: str) -> None:
        super().__init__(f"'{name}' is known only when the run is there")
        self.name = name


class PlannedNames(Names):
    """A scope before the run: steps have no results yet.

    `unknown` are variables that the run gives; `certain` are names that no step can still define; `early`: no step
    has been looked at yet, so that what is not there will not come.
    """

    early: bool = False
    unknown: frozenset[str] = frozenset()
    certain: frozenset[str] = frozenset()

    @classmethod
    def before(cls, names: Names, certain: frozenset[str]) -> PlannedNames:
        """A flow's outermost scope before it runs.

        Args:
            names: the scope that a run would begin with.
            certain: names that no step can still define.
        """
        found = cls(names.variables, names.builtins, names.sources, names.flow)
        found.certain = certain
        return found

    def inner(self, loop: Mapping[str, object] | None = None, *, everything: bool = False) -> Names:
        """The scope of a nested list.

        Args:
            loop: loop variables of one iteration.
            everything: as in a run.
        """
        names = PlannedNames(self.variables, self.builtins, self.sources, self.flow, self)
        names.loop, names.unknown, names.certain = loop or {}, self.unknown, self.certain
        return names

    def lookup(self, name: str) -> object:
        """The value of a bare name.

        Args:
            name: as in an expression.

        Raises:
            NotYetKnown: the run gives it.
        """
        if name in self.unknown:
            raise NotYetKnown(name)
        try:
            return super().lookup(name)
        except (StepDidNotRun, UnknownName):
            if self.early or name in self.certain:
                raise
            raise NotYetKnown(name) from None


def certain(flow: Flow) -> frozenset[str]:
    """Connection names that actions imply and no step of the flow gives a value.

    Args:
        flow: checked.
    """
    given: set[str] = set()
    waiting = [*flow.setup, *flow.steps, *flow.teardown]
    while waiting:
        step = waiting.pop()
        given.update(output.name for output in step.output)
        given.update(str(key) for key in step.source)
        waiting += [*step.error_steps, *(inner for branch in step.branches for inner in branch.steps)]
    return flow.implied - given


def partly(value: object, names: Names, ids: frozenset[str], later: dict[str, None]) -> object:
    """A value with everything known filled in.

    Args:
        value: as written.
        names: what is known.
        ids: step ids of the flow, for ``a-b``.
        later: gets the names that are not known yet.

    Raises:
        NotEvaluable: a part can never be evaluated.
    """
    if isinstance(value, Mapping):
        return {key: partly(item, names, ids, later) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [partly(item, names, ids, later) for item in value]
    if not isinstance(value, str):
        return value
    try:
        return compile_template(value, ids=ids).render(names)
    except SyntaxProblem as problem:
        raise NotEvaluable(problem.message) from problem
    except NotYetKnown as problem:
        later[problem.name] = None
    parts = pieces(value)
    if len(parts) == 1:
        return value
    return "".join(part if isinstance(part, str) else _filled(part, names, ids, later) for part in parts)


def _filled(piece: Piece, names: Names, ids: frozenset[str], later: dict[str, None]) -> str:
    written = f"${{{piece.body}}}"
    try:
        found = compile_template(written, ids=ids).render(names)
    except NotYetKnown as problem:
        later[problem.name] = None
        return written
    return found if isinstance(found, str) else to_json(found)
