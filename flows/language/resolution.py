"""Walks a flow in the order in which it runs and checks every expression against what is defined there."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace

from flows.language.catalogue import ActionSpec, ExpressionScope
from flows.language.expressions.expression import Expression
from flows.language.expressions.infer import Inference
from flows.language.expressions.tree import Tree
from flows.language.files import GivenFiles
from flows.language.findings import Findings, More
from flows.language.names import Elsewhere, Place, ScopedNames, Visible, World
from flows.language.reader import Reader
from flows.language.shapes import ANYTHING, NUMBER, STRING, Shape, listing, record, with_article
from flows.language.spec import Assertion, Position, Step
from flows.language.steps import Read
from flows.language.templates import Template
from flows.language.values import type_name
from testmesh.guard.yaml_nodes import ListNode, MapNode, Node, ScalarNode

_ERROR = record(message=STRING, type=STRING, step=STRING)


@dataclass(slots=True, eq=False)
class Resolver:
    """Checks names and types.

    Args:
        world: the flow's names.
        reader: knows where each expression and template is written.
        read: what is known of each step.
        implied: filled with the connection variables that actions imply.
    """

    world: World
    reader: Reader
    read: Mapping[Step, Read]
    implied: set[str]

    def announce(self, steps: Iterable[Step], inside: str | None = None) -> None:
        """Notes every id and output before anything is resolved, so that early uses can be told from misspellings.

        Args:
            steps: of one list.
            inside: the container they are in.
        """
        for step in steps:
            self.world.elsewhere.setdefault(step.id, Elsewhere("step", step.at, inside))
            for output in step.output:
                owned = Elsewhere("output", output.at, inside, step.id, output.path.text)
                self.world.elsewhere.setdefault(output.name, owned)
            for branch in step.branches:
                self.announce(branch.steps, step.id)
            self.announce(step.error_steps, inside)

    def steps(self, steps: Iterable[Step], local: Mapping[str, Shape] | None = None) -> None:
        """Checks the steps of a list, one after the other.

        Args:
            steps: in order.
            local: loop variables and ``error``.
        """
        for step in steps:
            self._step(step, dict(local or {}))

    def template(self, template: Template, place: Place) -> None:
        """Checks every template in a value.

        Args:
            template: the value.
            place: where it stands.
        """
        where = self.reader.places.get(template)
        for path, tree in template.trees:
            node = where(path) if where is not None else None
            written = scalar_of(node, valued(template.source, path))
            if written is not None:
                self._infer(tree, place, written)

    def expression(self, expression: Expression | None, place: Place, *, condition: str | None = None) -> Shape:
        """Checks an expression.

        Args:
            expression: or None.
            place: where it stands.
            condition: how to call it when it must be boolean.
        """
        node = self.reader.written.get(expression) if expression is not None else None
        if expression is None or node is None:
            return ANYTHING
        return self._infer(expression.tree, place, node, condition)

    def _infer(self, tree: Tree, place: Place, node: ScalarNode, condition: str | None = None) -> Shape:
        inference = Inference(ScopedNames(self.world, place, node))
        if condition is None:
            return inference.shape(tree)
        inference.condition(tree, condition)
        return ANYTHING

    def _step(self, step: Step, local: dict[str, Shape]) -> None:
        read = self.read[step]
        before = Place(step.id, None, "", local)
        result = result_shape(read.spec, read.settings.source, read)
        if step.when is not None:
            self.expression(step.when, replace(before, future=result), condition="'when'")
        self.template(step.config, before)
        after = Place(step.id, result, read.spec.alias, local)
        for written in read.settings.expressions:
            place = self._scoped(written.scope, before, after, read)
            self.expression(written.expression, place, condition=written.condition)
        if read.known and not any(key in read.settings.nodes for key in read.spec.connection):
            self.implied.update(read.spec.implied)
        for key, variables in read.spec.supplies.items():
            self.implied.update(() if key in read.settings.nodes else variables)
        loops = self._branches(step, read, local)
        if loops is not None:
            after = replace(after, own=loops)
        self._assertions(step, after)
        for output in step.output:
            self.expression(output.path, after)
            if output.default is not None:
                self.template(output.default, after)
        self._publish(step, read, after.own or ANYTHING)
        self.steps(step.error_steps, {**local, "error": _ERROR})

    def _scoped(self, scope: ExpressionScope, before: Place, after: Place, read: Read) -> Place:
        if scope == "flow":
            return before
        if scope == "message":
            fields = read.spec.result.fields or {}
            several = fields.get("messages") or fields.get("requests") or ANYTHING
            one = several.items or ANYTHING
            return Place(before.step, one, "", before.local)
        if read.spec.fields_from is not None:
            return Place(before.step, ANYTHING, "", before.local)
        return after

    def _assertions(self, step: Step, after: Place) -> None:
        for _, assertion in step.assertions:
            self._assertion(assertion, after)
        if step.until is not None:
            self.expression(step.until.expression, after, condition="'until'")
        if step.retry is None:
            return
        failed = replace(after, local={**after.local, "error": _ERROR})
        for cause in (*step.retry.retry_on, *step.retry.retry_on_not):
            if isinstance(cause, Expression):
                self.expression(cause, failed, condition="a cause of a retry")

    def _assertion(self, assertion: Assertion, after: Place) -> None:
        self.expression(assertion.expression, after, condition="an assertion")
        if assertion.message is not None:
            self.template(assertion.message, after)

    def _branches(self, step: Step, read: Read, local: dict[str, Shape]) -> Shape | None:
        if not step.branches:
            return None
        outside = self.world.visible
        if read.spec.container == "for_each":
            self.world.visible = outside.copy()
            for branch in step.branches:
                self.steps(branch.steps, {**local, **self._loop(read, step, local)})
            inner = {name: shape for name, shape in self.world.visible.steps.items() if name not in outside.steps}
            self.world.visible = outside
            declared = read.spec.result
            results = listing(Shape("object", fields=inner))
            return declared._replace(fields={**(declared.fields or {}), "results": results})
        seen: list[Visible] = []
        for branch in step.branches:
            self.world.visible = outside.copy()
            self.steps(branch.steps, local)
            seen.append(self.world.visible)
        for visible in seen:
            outside.steps.update(visible.steps)
            outside.outputs.update(visible.outputs)
        self.world.visible = outside
        return None

    def _loop(self, read: Read, step: Step, local: dict[str, Shape]) -> dict[str, Shape]:
        name = read.settings.source.get("as")
        item = ANYTHING
        for expression, _, _ in read.settings.expressions:
            node = self.reader.written.get(expression)
            if node is not None and read.settings.nodes.get("items") is node:
                shape = self.expression(expression, Place(step.id, None, "", local))
                if shape.kind not in ("any", "array"):
                    self.world.findings.node(
                        "flow/type", node, f"a list is expected here, not {with_article(shape.kind)}"
                    )
                item = shape.items or ANYTHING
        return {str(name or "item"): item, "index": NUMBER}

    def _publish(self, step: Step, read: Read, result: Shape) -> None:
        outputs = {output.name: self._output_shape(output.path, read, result) for output in step.output}
        visible = self.world.visible
        for output in step.output:
            self._hides(output.name, output.at)
        fields = {**(result.fields or {}), read.spec.alias: result, **outputs}
        closed = result.closed and read.known
        visible.steps[step.id] = Shape("object", fields, closed=closed) if closed else Shape("any", fields)
        visible.outputs.update(outputs)
        if read.spec.fields_from == "":
            visible.outputs.update(result.fields or {})

    def _output_shape(self, path: Expression, read: Read, result: Shape) -> Shape:
        """Inferred a second time, without findings."""
        node = self.reader.written.get(path)
        if node is None:
            return ANYTHING
        quiet = World(Findings(""), self.world.variables, GivenFiles(), self.world.elsewhere, self.world.visible)
        return Inference(ScopedNames(quiet, Place(None, result, read.spec.alias), node)).shape(path.tree)

    def _hides(self, name: str, at: Position) -> None:
        from flows.language.builtins import BUILTINS

        visible = self.world.visible
        known = (
            ("output", visible.outputs),
            ("step", visible.steps),
            ("variable", self.world.variables),
            ("built-in", BUILTINS),
        )
        for kind, names in known:
            if name in names:
                verb = "is hidden by the" if kind == "step" else "hides the earlier"
                message = f"the output '{name}' {verb} {kind} of that name"
                self.world.findings.add("flow/hides", at, message, More(len(name), severity="warning"))
                return


def valued(source: object, path: Iterable[str | int]) -> object:
    """What a value holds at a path.

    Args:
        source: the value.
        path: keys and indexes.
    """
    for part in path:
        source = source[part] if isinstance(source, Mapping | list) else None  # type: ignore[index]
    return source


def scalar_of(node: Node | None, text: object) -> ScalarNode | None:
    """The scalar that wrote a text, also below a node whose keys were renamed on the way.

    Args:
        node: where to look.
        text: the text.
    """
    waiting = [node]
    while waiting:
        found = waiting.pop()
        if isinstance(found, ScalarNode) and (found is node or found.text == text):
            return found
        if isinstance(found, ListNode):
            waiting += found.items
        elif isinstance(found, MapNode):
            waiting += [entry.value for entry in found.entries.values()]
    return None


def result_shape(spec: ActionSpec, source: Mapping[str, object], read: Read) -> Shape:
    """The shape of a step's result.

    Args:
        spec: the action.
        source: the config as plain values.
        read: knows whether the action is known.
    """
    if spec.fields_from is None or not read.known:
        return spec.result
    names = source if spec.fields_from == "" else source.get(spec.fields_from)
    if not isinstance(names, Mapping):
        return spec.result
    plain = spec.fields_from == ""
    return Shape(
        "object", {name: _value_shape(value) if plain else ANYTHING for name, value in names.items()}, closed=True
    )


def _value_shape(value: object) -> Shape:
    if isinstance(value, str) and ("${" in value or "{{" in value):
        return ANYTHING
    kind = type_name(value)
    return ANYTHING if kind == "null" else Shape(kind)  # type: ignore[arg-type]
