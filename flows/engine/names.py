"""What a name means at a step: loop variables, step ids, outputs, variables, built-ins, in that order (FLOWS §4)."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, NamedTuple

from flows.engine.builtins import Builtins, uuid4
from flows.engine.given import Given
from flows.language.errors import NotEvaluable, StepDidNotRun, UnknownName

if TYPE_CHECKING:
    from flows.language.spec import Flow


class Sources(NamedTuple):
    """Where the functions that are not pure get their values.

    Args:
        now: ISO text of the present moment (of the recording, when one is judged).
        secret: value of a named secret; raises NotEvaluable when there is none.
        faker: (dotted provider, reproducible bytes) → value.
        file: parsed content of a schema file named relative to a flow file.
        outside: what every flow of the run is given, for `run_flow` children.
    """

    now: Callable[[], str]
    secret: Callable[[str], str]
    faker: Callable[[str, bytes], object]
    file: Callable[[str, str], object]
    outside: Given = Given()


class Names:
    """A scope of the expression language, one per list of steps; inner lists see outer names, not the reverse.

    Args:
        variables: resolved inputs.
        builtins: of the flow execution.
        sources: for functions that are not pure.
        file: the flow's file.
        ids: every step id of the flow, to tell a step that did not run from a name nobody defines.
        outer: of the enclosing list.

    `used` are the ids of steps that something refers to; None = all of them may be.
    """

    def __init__(
        self,
        variables: Mapping[str, object],
        builtins: Builtins,
        sources: Sources,
        flow: tuple[str, frozenset[str]],
        outer: Names | None = None,
    ) -> None:
        self.variables = variables
        self.builtins = builtins
        self.sources = sources
        self.flow = flow
        self.outer = outer
        self.loop: Mapping[str, object] = {}
        self.steps: dict[str, Mapping[str, object]] = {}
        self.results: dict[str, Mapping[str, object]] = {}
        self.outputs: dict[str, object] = {}
        self.used: frozenset[str] | None = None
        self._place: tuple[object, ...] = ()
        self._drawn = 0

    def inner(self, loop: Mapping[str, object] | None = None, *, everything: bool = False) -> Names:
        """The scope of a nested list.

        Args:
            loop: loop variables of one iteration.
            everything: every step's result is asked for as part of a whole.
        """
        names = Names(self.variables, self.builtins, self.sources, self.flow, self)
        names.loop = loop or {}
        names.used = None if everything else self.used
        return names

    def wanted(self, step: str) -> bool:
        """Whether anything asks for a step's result, so that it has to stay in memory.

        Args:
            step: its id.
        """
        return self.used is None or step in self.used

    def at(self, place: tuple[object, ...]) -> None:
        """Says which step draws random values next, so that they do not depend on what runs beside it.

        Args:
            place: path of the step.
        """
        self._place = place
        self._drawn = 0

    def keep(self, step: str, view: Mapping[str, object], outputs: Mapping[str, object], alias: str) -> None:
        """Makes a finished step visible to later ones.

        Args:
            step: its id.
            view: its result as expressions see it.
            outputs: by name.
            alias: the lookup-only name of the whole result.
        """
        if self.wanted(step):
            self.results[step] = {**view, **outputs}
            self.steps[step] = {alias: view, **view, **outputs}
        self.outputs.update(outputs)

    def take(self, inner: Names) -> None:
        """Makes what a finished nested list defined visible here.

        Args:
            inner: the nested scope.
        """
        self.steps.update(inner.steps)
        self.results.update(inner.results)
        self.outputs.update(inner.outputs)

    def lookup(self, name: str) -> object:
        """The value of a bare name, nearest first.

        Args:
            name: a step id, loop variable, output, variable or built-in.

        Raises:
            StepDidNotRun: a step of this flow without a result.
            UnknownName: nothing defines it.
        """
        for kind in ("loop", "steps", "outputs"):
            scope: Names | None = self
            while scope is not None:
                found: Mapping[str, object] = getattr(scope, kind)
                if name in found:
                    return found[name]
                scope = scope.outer
            if kind == "steps" and name in self.flow[1]:
                raise StepDidNotRun(name)
        if name in self.variables:
            return self.variables[name]
        try:
            return self.builtins.get(name)
        except KeyError:
            raise UnknownName(name) from None

    def document(self) -> object:
        """There is no result outside a step's own assertions.

        Raises:
            NotEvaluable: always.
        """
        raise NotEvaluable("there is no result here that '$' could stand for")

    def effect(self, function: str, arguments: Sequence[object]) -> object:
        """The functions that are not pure.

        Args:
            function: now, uuid, secret, faker or file.
            arguments: evaluated.
        """
        if function == "now":
            return self.sources.now()
        if function == "uuid":
            return uuid4(self._draw("uuid"))
        if function == "faker":
            return self.sources.faker(str(arguments[0]), self._draw("faker"))
        if function == "secret":
            return self.sources.secret(str(arguments[0]))
        if function == "file":
            return self.sources.file(str(arguments[0]), self.flow[0])
        raise NotEvaluable(f"{function}() is not available here")

    def _draw(self, what: str) -> bytes:
        self._drawn += 1
        return self.builtins.bytes(what, *self._place, self._drawn)


def step_ids(flow: Flow) -> frozenset[str]:
    """Every step id of a flow, nested ones and error steps included.

    Args:
        flow: a checked file.
    """
    found: set[str] = set()
    waiting = [*flow.setup, *flow.steps, *flow.teardown]
    while waiting:
        step = waiting.pop()
        found.add(step.id)
        waiting += step.error_steps
        for branch in step.branches:
            waiting += branch.steps
    return frozenset(found)
