"""What flow files say about the system: flows, their steps, and what each step exercises and checks."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from flows.actions import ActionCatalogue, Touch, catalogue
from flows.engine.loading import beside
from flows.engine.names import step_ids
from flows.facts.uses import Use, all_steps, uses
from flows.facts.values import Values, shape_of
from flows.language.check import load_flow
from flows.language.files import UnseenFiles
from flows.language.spec import Flow, Step
from graph.values import Fact, Location
from testmesh.kernel.diagnostics import Diagnostic

__all__ = ["flow_facts"]


def flow_facts(text: str | bytes, file: str, actions: ActionCatalogue | None = None) -> list[Fact]:
    """The facts of kinds flow, step and touch of one flow file; a broken one yields `problem` facts.

    Args:
        text: content.
        file: path relative to the repository's root.
        actions: the catalogue; that of this installation when None.
    """
    known, unseen = actions or catalogue(), UnseenFiles()
    checked = load_flow(text, file, known, unseen)
    if checked.flow is None:
        return [_problem(finding) for finding in checked.errors]
    named = tuple(sorted({beside(file, name) for name in unseen.named}))
    return list(_Facts(checked.flow, file, known, named).all())


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
        named: files it names, relative to the repository's root.
    """

    def __init__(self, flow: Flow, file: str, known: ActionCatalogue, named: tuple[str, ...]) -> None:
        self._flow = flow
        self._file = file
        self._known = known
        self._named = named
        self._values = Values(flow, step_ids(flow))

    def all(self) -> Iterator[Fact]:
        """The flow, its steps and what they touch."""
        flow = self._flow
        fields = {"name": flow.name, "tags": list(flow.tags), "suite": flow.suite or "", "requires": list(flow.require)}
        files = {"files": list(self._named)} if self._named else {}
        yield Fact("flow", fields | files, Location(self._file, flow.at.line))
        for index, step in enumerate(all_steps(flow)):
            yield Fact(
                "step",
                {
                    "flow": self._file,
                    "phase": step.phase,
                    "id": step.id,
                    "action": step.action,
                    "index": index,
                    **self._run(step),
                },
                Location(self._file, step.at.line),
            )
        yield from self._touches()

    def _run(self, step: Step) -> dict[str, object]:
        """The flow that a `run_flow` step runs and the variables it gives it; nothing when only the run knows."""
        name = step.source.get("flow")
        if step.action != "run_flow" or not isinstance(name, str) or "${" in name or "{{" in name:
            return {}
        given = step.source.get("input")
        inputs = given if isinstance(given, Mapping) else {}
        return {
            "runs": beside(self._file, name),
            "inputs": tuple((str(key), self._values.given(value)) for key, value in inputs.items()),
        }

    def _touches(self) -> Iterator[Fact]:
        """What the steps exercise, with what is checked of it."""
        steps = list(all_steps(self._flow))
        specs = {step.id: self._known.action(step.action).spec for step in steps}
        reading = frozenset(
            step.id for step in steps if (spec := specs[step.id]).checks_itself or spec.checks_when(step.source)
        )
        used = uses(self._flow, reading)
        for step in steps:
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


_OPERATIONS = frozenset({"endpoint", "rpc"})


def _checks(touch: Touch, use: Use, asserts: bool, reading: bool) -> Iterator[str]:
    if use.statuses:
        yield "status"
    if use.body or (touch.target not in _OPERATIONS and asserts):
        yield "body"
    looked_at = touch.mode == "read" and touch.target not in _OPERATIONS and (asserts or reading)
    if use.others or looked_at:
        yield "effect"
