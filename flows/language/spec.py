"""The typed flow: what every other part of TestMesh reads instead of YAML, each record with its position."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, NamedTuple

if TYPE_CHECKING:
    from flows.language.expressions import Expression
    from flows.language.templates import Template
    from testmesh.guard.yaml import MapNode

Phase = Literal["setup", "steps", "teardown"]
AssertionList = Literal["assert", "assert_any", "assert_none"]
Backoff = Literal["constant", "linear", "exponential"]
FailureKind = Literal["timeout", "connection", "assertion", "5xx", "4xx"]
PHASES: tuple[Phase, ...] = ("setup", "steps", "teardown")


class Position(NamedTuple):
    """A place in a file: 1-based line, 1-based column in characters."""

    line: int
    column: int


class Assertion(NamedTuple):
    """One line of `assert`, `assert_any` or `assert_none`.

    Args:
        expression: must evaluate to a boolean.
        message: shown when it does not hold; None for the generated one.
        at: where the expression is written.
    """

    expression: Expression
    message: Template | None
    at: Position

    @property
    def text(self) -> str:
        """The expression as written."""
        return self.expression.text


class Output(NamedTuple):
    """A named value taken from a step's result.

    Args:
        path: a compiled path; evaluated against the step's own result.
        default: used when the path finds nothing; None when there is none (then the step fails).
    """

    name: str
    path: Expression
    default: Template | None
    at: Position


@dataclass(frozen=True, slots=True, eq=False)
class Retry:
    """How often a failed step is tried again.

    Args:
        max_attempts: counts the first attempt.
        delay: seconds.
        retry_on: failure kinds or expressions; empty = any failure.
        retry_on_not: kinds or expressions that are never retried.
    """

    max_attempts: int
    delay: float
    backoff: Backoff
    retry_on: tuple[FailureKind | Expression, ...]
    retry_on_not: tuple[FailureKind | Expression, ...]
    at: Position


class Until(NamedTuple):
    """The condition that ends a repeated action.

    Args:
        interval: seconds between attempts; None = the growing pause of FLOWS §3.
        timeout: seconds for everything; None = the step's.
    """

    expression: Expression
    interval: float | None
    timeout: float | None
    at: Position


class OnError(NamedTuple):
    """What follows the failure of a step (FLOWS §3)."""

    action: Literal["fail", "continue", "retry"]
    at: Position


class Branch(NamedTuple):
    """A list of steps inside a container.

    Args:
        name: ``steps`` (for_each), ``then``, ``else`` (condition), ``0``, ``1``... (parallel).
    """

    name: str
    steps: tuple[Step, ...]
    at: Position


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class Step:
    """One step, checked.

    Args:
        action: the action's own name; `written_action` is the alias that the file uses.
        config: renders to a dict keyed by canonical field names; declared expression fields come out as
            :class:`Expression` objects, step lists of containers are left out (see `branches`).
        source: the same settings as plain values, templates still text; for what needs no run.
        when: the step is skipped unless this is true.
        wait: seconds of the eventual-assertion window; 0.0 for ``none``; None = the flow's or the default.
        hold: seconds that reads go on after the first satisfying candidate.
        timeout: seconds for everything in the step.
        retry: replaces the flow's; `on_error: retry` without `retry` becomes 3 attempts here.
        error_steps: run after the last attempt failed.
        branches: the nested lists of a container.
        reads: whether the action, with this config, only reads (FLOWS §3 Waiting).
        node: the YAML mapping, for positions of anything in it.
    """

    id: str
    action: str
    written_action: str
    phase: Phase
    at: Position
    name: str | None
    description: str | None
    config: Template
    source: Mapping[str, object]
    output: tuple[Output, ...]
    assert_all: tuple[Assertion, ...]
    assert_any: tuple[Assertion, ...]
    assert_none: tuple[Assertion, ...]
    when: Expression | None
    until: Until | None
    wait: float | None
    hold: float | None
    timeout: float | None
    retry: Retry | None
    on_error: OnError
    optional: bool
    error_steps: tuple[Step, ...]
    disabled: bool
    tags: tuple[str, ...]
    branches: tuple[Branch, ...]
    reads: bool
    node: MapNode

    @property
    def assertions(self) -> tuple[tuple[AssertionList, Assertion], ...]:
        """Every assertion with the list it stands in, in the order all, any, none."""
        found = _listed("assert", self.assert_all)
        if self.assert_any or self.assert_none:
            found += _listed("assert_any", self.assert_any) + _listed("assert_none", self.assert_none)
        return found


def _listed(name: AssertionList, found: tuple[Assertion, ...]) -> tuple[tuple[AssertionList, Assertion], ...]:
    return tuple([(name, assertion) for assertion in found])


class Variable(NamedTuple):
    """A name under `env`.

    Args:
        value: may use the process environment, `env_file` names and earlier `env` names.
        plain: a value without templates (then the process environment does not override it).
        type: ``number``, ``boolean``, ``string``, ``null``, ``array``, ``object``; None when templated.
    """

    name: str
    value: Template
    plain: bool
    type: str | None
    at: Position


class EnvFile(NamedTuple):
    """A parsed dotenv file: `values` are still text."""

    file: str
    values: Mapping[str, str]
    at: Position


class Data(NamedTuple):
    """The rows of a data-driven flow; each renders to a dict of variables.

    Args:
        file: where they came from, as written; None when inline.
    """

    rows: tuple[Template, ...]
    columns: tuple[str, ...]
    file: str | None
    at: Position


class FlowConfig(NamedTuple):
    """Defaults of the whole flow; seconds; None = not set."""

    timeout: float | None = None
    retry: Retry | None = None
    fail_fast: bool = False
    wait: float | None = None


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class Flow:
    """One flow file.

    Args:
        file: as the user would type it.
        require: service names under `graph.require`.
        references: variable name → first use, for every name that some template or expression refers to and that
            no step, output, loop variable or built-in defines.
        implied: names that actions imply (``DATABASE_URL``); they count as referenced but may be unset. The process
            environment may supply only `references` and these.
        defaulted: references that every use gives a default for.
        lent: names that flows it always runs need of the environment → where it names them.
        used: ids of steps whose results something refers to; results of others need not be kept.
        ids: all step ids, so that text can be compiled later with the same reading of ``a-b``.
    """

    file: str
    name: str
    at: Position
    description: str | None
    version: str | None
    suite: str | None
    author: str | None
    tags: tuple[str, ...]
    env: tuple[Variable, ...]
    env_file: EnvFile | None
    config: FlowConfig
    require: tuple[str, ...]
    data: Data | None
    setup: tuple[Step, ...]
    steps: tuple[Step, ...]
    teardown: tuple[Step, ...]
    references: Mapping[str, Position]
    implied: frozenset[str]
    defaulted: frozenset[str]
    used: frozenset[str]
    ids: frozenset[str]
    lent: Mapping[str, Position] = dataclasses.field(default_factory=dict)

    def phase(self, phase: Phase) -> tuple[Step, ...]:
        """The steps of one phase, in order."""
        return {"setup": self.setup, "steps": self.steps, "teardown": self.teardown}[phase]
