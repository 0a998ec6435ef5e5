"""What each name means at each place of a flow, in the order in which steps run."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import NamedTuple, cast

from flows.language.builtins import BUILTINS, faker_names, faker_provider
from flows.language.closest import closest
from flows.language.expressions import tree as t
from flows.language.expressions.infer import Finding
from flows.language.files import Files
from flows.language.findings import MAX_SUGGESTIONS, Findings, More
from flows.language.shapes import ANYTHING, Kind, Shape
from flows.language.spec import Position
from testmesh.guard.yaml_nodes import ScalarNode


class Elsewhere(NamedTuple):
    """A name that some step defines, wherever it stands.

    Args:
        kind: ``step`` or ``output``.
        at: where it is defined.
        inside: the container or step it is inside of, None at the top level.
        step: of an output: whose it is.
        path: of an output: as written.
    """

    kind: str
    at: Position
    inside: str | None
    step: str | None = None
    path: str = ""


@dataclass(slots=True, eq=False)
class Visible:
    """What earlier steps have defined at some point of the flow."""

    steps: dict[str, Shape] = field(default_factory=dict)
    outputs: dict[str, Shape] = field(default_factory=dict)

    def copy(self) -> Visible:
        """For a branch that others do not see."""
        return Visible(dict(self.steps), dict(self.outputs))


@dataclass(slots=True, eq=False)
class Uses:
    """What the flow refers to: variables, and steps whose results are asked for (also by themselves, as a whole)."""

    first: dict[str, Position] = field(default_factory=dict)
    optional: set[str] = field(default_factory=set)
    defaulted: set[str] = field(default_factory=set)
    required: set[str] = field(default_factory=set)
    steps: set[str] = field(default_factory=set)


@dataclass(frozen=True, slots=True, eq=False)
class Place:
    """Where an expression stands.

    Args:
        step: id of its step, None outside of steps.
        own: shape of the step's result, None before it has one.
        alias: the lookup-only name of that result.
        local: loop variables and ``error``.
        future: shape of the result that the step will have.
    """

    step: str | None = None
    own: Shape | None = None
    alias: str = ""
    local: dict[str, Shape] = field(default_factory=dict)
    future: Shape | None = None


@dataclass(slots=True, eq=False)
class World:
    """Everything that is the same for all expressions of a flow.

    Args:
        findings: where problems go.
        variables: declared in env, env_file and data, and given from outside.
        files: files beside the flow.
        elsewhere: every id and output of the flow.
        visible: what is defined so far.
        uses: filled while expressions are read.
        near: misspelt name → the nearest name of the flow.
        pending: plain names of `env` that are written further down; nothing outside supplies them (FLOWS §2).
    """

    findings: Findings
    variables: dict[str, Shape]
    files: Files
    elsewhere: dict[str, Elsewhere] = field(default_factory=dict)
    visible: Visible = field(default_factory=Visible)
    uses: Uses = field(default_factory=Uses)
    near: dict[str, str | None] = field(default_factory=dict)
    pending: dict[str, Position] = field(default_factory=dict)


class ScopedNames:
    """Resolves the names of one expression.

    Args:
        world: the flow so far.
        place: where the expression stands.
        node: the scalar that holds it.
        schemas: called with the right side of `matches_schema`.
    """

    def __init__(self, world: World, place: Place, node: ScalarNode) -> None:
        self.world = world
        self.place = place
        self.node = node

    def report(self, finding: Finding) -> None:
        """Takes a finding, at the place in the file that wrote it."""
        at = self.node.position(finding.start)
        more = More(finding.length, finding.suggestion)
        self.world.findings.add(finding.rule, at, finding.message, more)

    def resolve(self, name: t.Name, *, optional: bool, member: str | None) -> Shape:
        """The shape of a name, nearest first (FLOWS §4)."""
        found = self._known(name.name)
        if found is not None:
            return found
        at = Position(*self.node.position(name.start))
        uses = self.world.uses
        own = self.place.own
        if own is not None and not own.closed and own.kind in ("any", "object"):
            uses.first.setdefault(name.name, at)
            uses.optional.add(name.name)
            return ANYTHING
        if self._elsewhere(name) or self._pending(name, optional) or self._early(name):
            return ANYTHING
        if self._undefined(name, member):
            return ANYTHING
        uses.first.setdefault(name.name, at)
        (uses.optional if optional else uses.required).add(name.name)
        return ANYTHING

    def _known(self, name: str) -> Shape | None:
        place, world = self.place, self.world
        if place.own is not None:
            if place.own.fields is not None and name in place.own.fields:
                if name == "results":
                    self._whole()
                return place.own.fields[name]
            if name in (place.alias, place.step):
                self._whole()
                return place.own
        for names in (place.local, world.visible.steps, world.visible.outputs, world.variables):
            if name in names:
                if names is world.visible.steps:
                    world.uses.steps.add(name)
                return names[name]
        return BUILTINS.get(name)

    def _whole(self) -> None:
        """The step's own result is asked for as a whole, so nothing of it may be let go."""
        if self.place.step is not None:
            self.world.uses.steps.add(self.place.step)

    def _elsewhere(self, name: t.Name) -> bool:
        found = self.world.elsewhere.get(name.name)
        if found is None:
            return False
        what = "step" if found.kind == "step" else "output"
        if name.name == self.place.step:
            rule, message = "flow/used-before", f"step '{name.name}' has no result yet here"
        elif found.step == self.place.step and self.place.own is not None:
            rule = "flow/used-before"
            message = f"output '{name.name}' is for later steps; here, write its path ({found.path})"
        elif found.inside is not None and self._passed(found.at):
            rule = "flow/out-of-scope"
            message = f"{what} '{name.name}' is only known inside '{found.inside}' (line {found.at.line})"
        else:
            rule = "flow/used-before"
            message = f"{what} '{name.name}' is defined only later, at line {found.at.line}"
        self.report(Finding(rule, name.start, len(name.name), message))
        return True

    def _early(self, name: t.Name) -> bool:
        fields = self.place.future.fields if self.place.future is not None else None
        if fields is None or name.name not in fields:
            return False
        message = f"'{name.name}' is a field of this step's result, and there is none yet here"
        self.report(Finding("flow/used-before", name.start, len(name.name), message))
        return True

    def _pending(self, name: t.Name, optional: bool) -> bool:
        at = self.world.pending.get(name.name)
        if at is None or optional:
            return False
        message = f"'{name.name}' is declared only later, at line {at.line}; values of 'env' may use earlier names"
        self.report(Finding("flow/used-before", name.start, len(name.name), message))
        return True

    def _passed(self, at: Position) -> bool:
        return at < Position(*self.node.at)

    def _undefined(self, name: t.Name, member: str | None) -> bool:
        if member is None and name.name.isupper():
            return False
        near = self._near(name.name)
        if member is None and near is None:
            return False
        what = "step, output or variable" if member is None else "step or output"
        message = f"there is no {what} '{name.name}'"
        self.report(Finding("flow/undefined", name.start, len(name.name), message, near))
        return True

    def _near(self, name: str) -> str | None:
        """The nearest name here; over all names of the flow it is looked for once per misspelling."""
        own = self.place.own
        world = self.world
        if len(world.near) >= MAX_SUGGESTIONS:
            return None
        fields = [*(own.fields or ()), self.place.alias] if own is not None else []
        here = closest(name, [*filter(None, fields), *self.place.local])
        if here is None and name not in world.near:
            world.near[name] = closest(name, [*world.elsewhere, *world.variables, *BUILTINS])
        return here or world.near.get(name)

    def default(self, node: t.Default) -> Shape:
        """The shape of ``${NAME:default}``: what defines NAME, else not known."""
        found = self._known(node.name)
        if found is not None:
            return ANYTHING
        offset = node.start if self._at(node.start, node.name) else node.start + 2
        name = t.Name(node.name, offset, offset + len(node.name))
        if self._elsewhere(name):
            return ANYTHING
        uses = self.world.uses
        uses.first.setdefault(node.name, Position(*self.node.position(offset)))
        uses.defaulted.add(node.name)
        return ANYTHING

    def _at(self, offset: int, name: str) -> bool:
        return self.node.text.startswith(name, offset)

    def document(self, node: t.Tree) -> Shape:
        """The shape of ``$``; an error where there is no result yet."""
        if self.place.own is not None:
            self._whole()
            return self.place.own
        message = "there is no result here that a '$' path could start from"
        self.report(Finding("flow/no-result", node.start, max(1, node.end - node.start), message))
        return ANYTHING

    def faker(self, node: t.Faker) -> Shape:
        """FAKER values; an unknown provider is an error."""
        if faker_provider(node.provider) is None:
            near = closest(node.provider, faker_names())
            message = f"FAKER has no '{node.provider}'"
            length = len("FAKER.") + len(node.provider)
            self.report(Finding("flow/faker", node.start, length, message, f"FAKER.{near}" if near else None))
        return ANYTHING

    def schema(self, node: t.Tree) -> None:
        """Checks what can be known of a JSON Schema: an inline map is one, a named file exists and holds one."""
        from flows.language.schemafiles import schema_problem

        found = schema_problem(node, self.world.files)
        if found is not None:
            rule, message = found
            self.report(Finding(rule, node.start, max(1, node.end - node.start), message))


def env_shape(value: object) -> Shape:
    """The declared type of a plain `env` value.

    Args:
        value: as YAML gives it.
    """
    from flows.language.values import type_name

    kind = type_name(value)
    return ANYTHING if kind == "null" else Shape(cast("Kind", kind))
