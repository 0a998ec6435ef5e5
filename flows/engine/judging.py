"""What a candidate is worth: assertions, conditions and outputs see evidence and names, never a connection."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, NamedTuple

from flows.language.errors import MissingField, NotEvaluable, Undecided
from flows.language.expressions import evaluate_assertion
from flows.language.expressions.scope import InnerScope, Scope
from graph.runs import AssertionResult

if TYPE_CHECKING:
    from flows.language.expressions import Expression, Outcome
    from flows.language.spec import Assertion, Step


class Judgement(NamedTuple):
    """How one candidate came out.

    Args:
        lines: every assertion with both sides.
        holds: the lists together are satisfied.
        failed: why not, one line each; empty when it holds.
        error: it does not hold only because lines have no value (verdict *error*, not *failed*).
        score: how many lines hold, to find the nearest candidate.
        undecided: in a recording, that it does not hold is only due to what is masked.
    """

    lines: tuple[AssertionResult, ...] = ()
    holds: bool = True
    failed: tuple[str, ...] = ()
    error: bool = False
    score: int = 0
    undecided: bool = False


NOTHING_ASKED = Judgement()


def scope_of(view: Mapping[str, object], alias: str, outer: Scope) -> Scope:
    """The scope of a step's own assertions, `until` and outputs.

    Args:
        view: its result as expressions see it; ``$`` stands for it.
        alias: the lookup-only name of the whole.
        outer: everything before the step.
    """
    values = view if alias in view else {**view, alias: view}
    return InnerScope(values, outer, view)


def judged(step: Step, scope: Scope) -> Judgement:
    """Evaluates every assertion of a step on one candidate.

    Args:
        step: the step.
        scope: with the candidate's fields.
    """
    if not step.assert_all and not step.assert_any and not step.assert_none:
        return NOTHING_ASKED
    return combined(step.assertions, scope)


def combined(assertions: Iterable[tuple[str, Assertion]], scope: Scope) -> Judgement:
    """The verdict of assertion lists together.

    Args:
        assertions: list name and assertion.
        scope: with the candidate's fields.
    """
    lines: list[AssertionResult] = []
    failed: list[str] = []
    refuted = doubt = unable = False
    any_lines: list[AssertionResult] = []
    for name, assertion in assertions:
        outcome = evaluate_assertion(assertion.expression, scope)
        passed = outcome.evaluable and (not outcome.passed if name == "assert_none" else outcome.passed)
        message = outcome.problem or ("" if passed else _why_not(assertion, scope))
        line = AssertionResult(name, assertion.text, passed, outcome.left, outcome.right, message, assertion.at.line)
        lines.append(line)
        if name == "assert_any" and outcome.evaluable:
            any_lines.append(line)
        if not passed and (name != "assert_any" or not outcome.evaluable):
            failed.append(_explained(line, outcome, authored=assertion.message is not None))
            refuted = refuted or outcome.evaluable
            doubt = doubt or outcome.undecided
            unable = unable or not (outcome.evaluable or outcome.undecided)
    if any_lines and not any(line.passed for line in any_lines):
        failed.append("none of assert_any holds: " + "; ".join(line.expression for line in any_lines))
        refuted = True
    error = bool(failed) and not refuted
    score = sum(line.passed for line in lines)
    return Judgement(tuple(lines), not failed, tuple(failed), error, score, doubt and not refuted and not unable)


def _why_not(assertion: Assertion, scope: Scope) -> str:
    """What the author says about it, and what a condition without sides says about itself."""
    return ": ".join(filter(None, (_message(assertion, scope), _reason(assertion.expression, scope))))


def _reason(expression: Expression, scope: Scope) -> str:
    from flows.language.expressions.reasons import reason

    return reason(expression, scope)


def _message(assertion: Assertion, scope: Scope) -> str:
    if assertion.message is None:
        return ""
    try:
        return str(assertion.message.render(scope))
    except NotEvaluable as problem:
        return f"(the message cannot be written: {problem.message})"


def _explained(line: AssertionResult, outcome: Outcome, *, authored: bool) -> str:
    if outcome.undecided:
        return f"undecided: {line.expression} depends on a masked value"
    if not outcome.evaluable:
        return f"{line.expression}: {line.message}"
    negated = "assert_none: " if line.list == "assert_none" else ""
    shown = f"{negated}{line.expression}"
    if line.message:
        return f"{line.message} ({shown})" if authored else f"{shown} ({line.message})"
    return f"{shown} (left: {short(line.left)}, right: {short(line.right)})"


def short(value: object) -> str:
    """A value for a message, at most 200 characters of JSON.

    Args:
        value: any value.
    """
    from flows.language.values import to_json

    try:
        text = to_json(value)
    except NotEvaluable:
        text = str(value)
    return text if len(text) <= 200 else text[:197] + "..."


def condition(expression: Expression, scope: Scope, name: str = "until") -> Judgement:
    """Whether a condition holds; what cannot be evaluated does not hold yet.

    Args:
        expression: must be boolean.
        scope: with the candidate's fields.
        name: how the line is listed.
    """
    outcome = evaluate_assertion(expression, scope)
    message = outcome.problem or ("" if outcome.passed else _reason(expression, scope))
    line = AssertionResult(name, expression.text, outcome.passed, outcome.left, outcome.right, message)
    if outcome.passed:
        return Judgement((line,), score=1)
    why = (_explained(line, outcome, authored=False),)
    return Judgement((line,), False, why, not outcome.evaluable, undecided=outcome.undecided)


class Outputs(NamedTuple):
    """The outputs of a step, or why one has no value.

    Args:
        values: by name.
        problem: empty when all have values.
        undecided: one of them depends on what is masked in the recording.
    """

    values: Mapping[str, object] = {}
    problem: str = ""
    undecided: bool = False


def outputs(step: Step, scope: Scope) -> Outputs:
    """Takes a step's outputs from its result.

    Args:
        step: the step.
        scope: with the result's fields.
    """
    values: dict[str, object] = {}
    for output in step.output:
        try:
            values[output.name] = output.path.evaluate(scope)
        except MissingField as missing:
            if output.default is None:
                return Outputs(values, f"output '{output.name}' ({output.path.text}): {missing.told()}")
            try:
                values[output.name] = output.default.render(scope)
            except NotEvaluable as problem:
                return Outputs(values, f"default of output '{output.name}': {problem.message}")
        except NotEvaluable as problem:
            why = f"output '{output.name}' ({output.path.text}): {problem.message}"
            return Outputs(values, why, isinstance(problem, Undecided))
    return Outputs(values)
