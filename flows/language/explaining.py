"""What a flow does and what it proves, as sentences, from the flow alone: nothing is run."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from flows.language.catalogue import ActionSpec, Catalogue
from flows.language.expressions import tree as t
from flows.language.expressions.expression import Expression
from flows.language.sentences import does, in_words
from flows.language.spec import PHASES, Flow, Phase, Retry, Step

DEFAULT_WAIT = 5.0
DEFAULT_UNTIL = 60.0


@dataclass(frozen=True, slots=True)
class ExplainedStep:
    """One step in words.

    Args:
        id: of the step.
        phase: setup, steps or teardown.
        line: where it is written.
        does: what it sends, asks or computes.
        when: under which condition, or empty.
        waits: how long and for what, or empty.
        checks: what must hold.
        keeps: outputs for later steps.
        failure: what a failure means, when it is not the usual.
        gaps: what it leaves unchecked.
        steps: nested ones.
    """

    id: str
    phase: Phase
    line: int
    does: str
    when: str
    waits: str
    checks: tuple[str, ...]
    keeps: tuple[str, ...]
    failure: str
    gaps: tuple[str, ...]
    steps: tuple[ExplainedStep, ...]


@dataclass(frozen=True, slots=True)
class Explanation:
    """A flow in words.

    Args:
        file: of the flow.
        name: of the flow.
        description: of the flow, or empty.
        runs: how often it runs, and how long it may take.
        steps: of all phases, in order.
        needed: variables that must come from outside.
        defaulted: variables that have a default.
        connections: variables that name where to connect.
        services: that must be part of the system.
        files: that the flow reads.
    """

    file: str
    name: str
    description: str
    runs: str
    steps: tuple[ExplainedStep, ...]
    needed: tuple[str, ...]
    defaulted: tuple[str, ...]
    connections: tuple[str, ...]
    services: tuple[str, ...]
    files: tuple[str, ...]


def explained(flow: Flow, catalogue: Catalogue) -> Explanation:
    """A flow in words.

    Args:
        flow: checked.
        catalogue: known actions.
    """
    explainer = _Explainer(flow, catalogue)
    steps = tuple(step for phase in PHASES for step in explainer.steps(flow.phase(phase)))
    given = {variable.name for variable in flow.env if variable.plain}
    outside = [name for name in flow.references if name not in given and name not in flow.implied]
    files = [flow.env_file.file] if flow.env_file is not None else []
    if flow.data is not None and flow.data.file is not None:
        files.append(flow.data.file)
    return Explanation(
        file=flow.file,
        name=flow.name,
        description=flow.description or "",
        runs=_runs(flow),
        steps=steps,
        needed=tuple(name for name in outside if name not in flow.defaulted),
        defaulted=tuple(name for name in outside if name in flow.defaulted),
        connections=tuple(sorted(explainer.connections)),
        services=flow.require,
        files=tuple(files),
    )


def _runs(flow: Flow) -> str:
    rows = len(flow.data.rows) if flow.data is not None else 0
    often = f"once for each of {rows} data rows" if rows > 1 else "once"
    ends = ", and ends after the first row that fails" if rows > 1 and flow.config.fail_fast else ""
    bound = f"; setup and steps may take {in_words(flow.config.timeout)}" if flow.config.timeout else ""
    again = f"; a step that fails {_retry(flow.config.retry)}" if flow.config.retry is not None else ""
    return f"Runs {often}{ends}{bound}{again}."


class _Explainer:
    def __init__(self, flow: Flow, catalogue: Catalogue) -> None:
        self.flow = flow
        self.catalogue = catalogue
        self.connections: set[str] = set()

    def steps(self, steps: Iterable[Step]) -> tuple[ExplainedStep, ...]:
        return tuple(self._step(step) for step in steps)

    def _step(self, step: Step) -> ExplainedStep:
        found = self.catalogue.find(step.written_action)
        spec = found[0] if found is not None else None
        if spec is not None:
            self._connect(step, spec)
        nested = tuple(inner for branch in step.branches for inner in self.steps(branch.steps))
        after = self.steps(step.error_steps)
        return ExplainedStep(
            id=step.id,
            phase=step.phase,
            line=step.at.line,
            does=does(step, spec),
            when=self._when(step),
            waits=self._waits(step, spec),
            checks=_checks(step),
            keeps=tuple(f"{output.name} from {output.path.text}" for output in step.output),
            failure=_failure(step, bool(after)),
            gaps=() if step.phase == "teardown" else tuple(self._gaps(step, spec)),
            steps=(*nested, *after),
        )

    def _connect(self, step: Step, spec: ActionSpec) -> None:
        """Variables that are looked at because the step itself does not say where to connect."""
        asked = [] if any(key in step.source for key in spec.connection) else [spec.implied]
        asked += [names for key, names in spec.supplies.items() if key not in step.source]
        self.connections.update(" or ".join(names) for names in asked if names)

    def _when(self, step: Step) -> str:
        if step.disabled:
            return "Is disabled: it never runs."
        return f"Only when {step.when.text}." if step.when is not None else ""

    def _waits(self, step: Step, spec: ActionSpec | None) -> str:
        told: list[str] = []
        window = step.wait if step.wait is not None else self.flow.config.wait
        if step.until is not None:
            limit = step.until.timeout or step.timeout or DEFAULT_UNTIL
            told.append(f"repeats until {step.until.expression.text}, for at most {in_words(limit)}")
        elif spec is not None and spec.windowed:
            told.append(_window(step, spec))
        elif step.reads and step.assertions:
            limit = DEFAULT_WAIT if window is None else window
            told.append(
                f"reads again until its assertions hold, for at most {in_words(limit)}" if limit else "reads once"
            )
        if step.hold:
            told.append(f"then goes on reading for {in_words(step.hold)}, and they must go on holding")
        if step.retry is not None:
            told.append(_retry(step.retry))
        if step.timeout and step.until is None:
            told.append(f"takes at most {in_words(step.timeout)} in all")
        return _sentence("; ".join(told))

    def _gaps(self, step: Step, spec: ActionSpec | None) -> Iterable[str]:
        if step.disabled or spec is None or spec.exempt or spec.container is not None:
            return
        strict = any(output.default is None for output in step.output)
        checks = spec.checks_itself or spec.checks_when(step.source)
        proves = bool(step.assertions) or checks or step.until is not None
        if not proves:
            yield "nothing beyond that its outputs exist" if strict else "anything: it cannot fail on what comes back"
            return
        if step.assert_any and not step.assert_all:
            yield "which of its alternatives holds"
        yield from _unseen(step, spec)


def _unseen(step: Step, spec: ActionSpec) -> Iterable[str]:
    """Parts of a known kind of result that no assertion, condition or output looks at."""
    seen = _fields(step, spec.alias)
    if spec.family in ("http", "graphql", "grpc") and not spec.checks_itself:
        if "status" not in seen and "status_code" not in seen:
            yield "the status of the answer"
        if not seen & {"body", "data", "errors", "response"}:
            yield "the body of the answer"
    elif spec.family == "sql" and seen and seen <= {"count", "row_count", "rows_affected"}:
        yield "what the rows hold"
    elif spec.family == "messaging" and spec.windowed and step.source.get("expect") != "none":
        narrowed = step.source.get("match") is not None
        if not seen and not narrowed:
            yield "what the message says: any one passes"


def _fields(step: Step, alias: str) -> set[str]:
    found: set[str] = set()
    expressions = [assertion.expression for _, assertion in step.assertions]
    expressions += [output.path for output in step.output]
    if step.until is not None:
        expressions.append(step.until.expression)
    for expression in expressions:
        found |= _roots(expression, alias)
    return found


def _roots(expression: Expression, alias: str) -> set[str]:
    found: set[str] = set()
    waiting: list[t.Tree] = [expression.tree]
    while waiting:
        tree = waiting.pop()
        if isinstance(tree, t.Member) and isinstance(tree.target, t.Name) and tree.target.name == alias:
            found.add(tree.name)
        elif isinstance(tree, t.PathOf):
            found.add(tree.path.lstrip("$.[\"'").replace("[", ".").split(".")[0].strip("\"']"))
        elif isinstance(tree, t.Name):
            found.add(tree.name)
        waiting += t.children(tree)
    return found


def _checks(step: Step) -> tuple[str, ...]:
    found: list[str] = []
    for name, assertion in step.assertions:
        how = {"assert": "", "assert_any": "one of: ", "assert_none": "never: "}[name]
        said = assertion.message.source if assertion.message is not None else None
        found.append(f"{how}{assertion.text}" + (f" ({said})" if isinstance(said, str) else ""))
    return tuple(found)


def _failure(step: Step, followed: bool) -> str:
    told: list[str] = []
    if step.optional:
        told.append("a failure does not fail the run")
    elif step.on_error.action == "continue":
        told.append("after a failure the flow goes on, and the run is failed")
    if followed:
        told.append("its error steps run after the last attempt failed")
    return _sentence("; ".join(told))


def _window(step: Step, spec: ActionSpec) -> str:
    written = step.source.get("timeout")
    default = _default_timeout(spec)
    limit = str(written) if written is not None else in_words(default) if default else "its timeout"
    if step.source.get("expect") == "none":
        return f"watches for {limit} that no message comes"
    what = "until its condition holds" if spec.condition else "for what it expects"
    return f"waits {what}, for at most {limit}"


def _default_timeout(spec: ActionSpec) -> float | None:
    from flows.language.config import fields_of

    field = fields_of(spec.config).get("timeout")
    return field.default if field is not None and isinstance(field.default, int | float) else None


def _retry(retry: Retry) -> str:
    only = [str(cause.text if isinstance(cause, Expression) else cause) for cause in retry.retry_on]
    narrowed = f" after {', '.join(only)}" if only else ""
    return f"is tried up to {retry.max_attempts} times{narrowed}, {in_words(retry.delay)} apart"


def _sentence(text: str) -> str:
    return f"{text[0].upper()}{text[1:]}." if text else ""


def as_json(explanation: Explanation) -> Mapping[str, object]:
    """The published form.

    Args:
        explanation: of one flow.
    """
    import dataclasses

    return dataclasses.asdict(explanation)
