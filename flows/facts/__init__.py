"""What flow files say about the system: flows, their steps, and what each step exercises and checks."""

from __future__ import annotations

from collections.abc import Iterator

from flows.actions import ActionCatalogue, Touch, catalogue
from flows.engine.loading import beside
from flows.engine.names import step_ids
from flows.facts.uses import Use, all_steps, uses
from flows.facts.values import Values, shape_of
from flows.language.check import Files, GivenFiles, load_flow
from flows.language.spec import Flow, Step
from graph.values import Fact, Location
from testmesh.kernel.diagnostics import Diagnostic
from testmesh.kernel.errors import UserError

__all__ = ["flow_facts"]
MAX_DEPTH = 10


def flow_facts(
    text: str | bytes, file: str, actions: ActionCatalogue | None = None, files: Files | None = None
) -> list[Fact]:
    """The facts of kinds flow, step and touch of one flow file; a broken one yields `problem` facts.

    Args:
        text: content.
        file: path relative to the repository's root.
        actions: the catalogue; that of this installation when None.
        files: files beside the flow (data, env files, other flows); None = it may name none.
    """
    known = actions or catalogue()
    checked = load_flow(text, file, known, files or GivenFiles())
    if checked.flow is None:
        return [_problem(finding) for finding in checked.errors]
    return list(_Facts(checked.flow, file, known, files).all())


def _problem(finding: Diagnostic) -> Fact:
    fields = {
        "rule": finding.rule,
        "message": finding.message,
        "hint": finding.hint or "",
        "severity": finding.severity,
    }
    return Fact("problem", fields, Location(finding.file, finding.line))


class _Facts:
    """The facts of one checked flow.

    Args:
        flow: the flow.
        file: that its facts are about.
        known: the catalogue.
        files: beside it, for `run_flow`.
    """

    def __init__(self, flow: Flow, file: str, known: ActionCatalogue, files: Files | None) -> None:
        self._flow = flow
        self._file = file
        self._known = known
        self._files = files
        self._values = Values(flow, step_ids(flow))

    def all(self) -> Iterator[Fact]:
        """The flow, its steps and what they touch."""
        flow = self._flow
        fields = {"name": flow.name, "tags": list(flow.tags), "suite": flow.suite or "", "requires": list(flow.require)}
        yield Fact("flow", fields, Location(self._file, flow.at.line))
        for index, step in enumerate(all_steps(flow)):
            yield Fact(
                "step",
                {
                    "flow": self._file,
                    "phase": step.phase,
                    "id": step.id,
                    "action": step.action,
                    "index": index,
                },
                Location(self._file, step.at.line),
            )
        yield from self.touches(0)

    def touches(self, depth: int) -> Iterator[Fact]:
        """What the steps exercise, with what is checked of it.

        Args:
            depth: of `run_flow`.
        """
        steps = list(all_steps(self._flow))
        reading = frozenset(step.id for step in steps if self._known.action(step.action).spec.checks_itself)
        used = uses(self._flow, reading)
        for step in steps:
            if step.action == "run_flow":
                yield from self._child(step, depth)
            for touch in self._known.action(step.action).touches(step.source):
                yield self._touch(step, touch, used[step.id], step.id in reading)

    def _touch(self, step: Step, touch: Touch, use: Use, reading: bool) -> Fact:
        fields: dict[str, object] = {
            "flow": self._file,
            "phase": step.phase,
            "step": step.id,
            "target": touch.target,
            "method": touch.method,
            "url": self._values.of(touch.url),
            "kind": touch.kind,
            "mode": touch.mode,
            "sql": touch.sql,
            "checks": list(_checks(touch, use, bool(step.assertions) or step.until is not None, reading)),
            "statuses": sorted(use.statuses),
            "reads": sorted({*use.asserted, *use.used}),
        }
        shape = shape_of(touch.sends)
        if shape is not None:
            fields["sends"] = shape
        return Fact("touch", fields, Location(self._file, step.at.line))

    def _child(self, step: Step, depth: int) -> Iterator[Fact]:
        """What a `run_flow` step exercises through the flow it runs."""
        name = step.source.get("flow")
        if self._files is None or not isinstance(name, str) or depth >= MAX_DEPTH:
            return
        try:
            text = self._files.read(name)
        except UserError:
            return
        files = _Beside(self._files, name)
        checked = load_flow(text, beside(self._file, name), self._known, files)
        if checked.flow is None:
            return
        for fact in _Facts(checked.flow, self._file, self._known, files).touches(depth + 1):
            where = {"phase": step.phase, "step": step.id}
            yield Fact(fact.kind, {**fact.fields, **where}, Location(self._file, step.at.line))


class _Beside:
    """The files beside a flow in another folder.

    Args:
        files: as seen from the outer flow.
        name: the inner flow, relative to the outer.
    """

    def __init__(self, files: Files, name: str) -> None:
        self._files = files
        self._name = name

    def read(self, name: str) -> bytes:
        """A file's bytes.

        Args:
            name: relative to the inner flow.
        """
        return self._files.read(beside(self._name, name))


def _checks(touch: Touch, use: Use, asserts: bool, reading: bool) -> Iterator[str]:
    if use.statuses:
        yield "status"
    if use.body or (touch.target != "endpoint" and asserts):
        yield "body"
    looked_at = touch.mode == "read" and touch.target != "endpoint" and (asserts or reading)
    if use.others or looked_at:
        yield "effect"
