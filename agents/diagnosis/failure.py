"""Which step failed, how, and what the same step got when it worked."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

from agents.diagnosis.differences import Difference, Kind, between, last_exchange, last_result
from graph.runs import AssertionResult, FlowRun, Json, Run, StepRun

FAILING = ("failed", "error")
_COMPARISON = re.compile(r"^\s*(?:\$\.)?(?P<path>[\w.\[\]$-]+)\s*(?P<op>==|!=|>=|<=|>|<|contains|in|exists)")
_OF_ELEMENT = re.compile(r"(?<![\w}\"'$])\.([A-Za-z_]\w*)")
_WHOLE = re.compile(r"(?<![\w.$])(?:value|rows|body|messages)(?![\w.\[])")
_TAKEN = re.compile(r"[A-Za-z_$][\w$-]*(?:(?:\.[A-Za-z_][\w-]*)|\[-?\d+\])+")


@dataclass(frozen=True, slots=True)
class Failure:
    """One failing flow execution, looked at from its first failing step.

    Args:
        flow: the execution.
        step: the innermost step that failed first.
        earlier: leaf steps before it, in order.
        green: the same flow's passing execution, or None.
        differences: what differs from green at this and earlier steps, this step's first.
    """

    flow: FlowRun
    step: StepRun
    earlier: tuple[StepRun, ...]
    green: FlowRun | None
    differences: tuple[Difference, ...]

    @property
    def error_type(self) -> str:
        """timeout, connection, 5xx ... of the last attempt, or empty."""
        exchange = last_exchange(self.step)
        return exchange.error_type if exchange else ""

    @property
    def failed_assertions(self) -> tuple[AssertionResult, ...]:
        """Those that did not hold."""
        return tuple(a for a in self.step.assertions if not a.passed)

    def words(self) -> str:
        """The failure as one text, for fingerprints and looking up similar ones."""
        parts = [self.flow.file, self.step.id, self.step.action, self.step.message, self.error_type]
        return "\n".join([*parts, *(a.expression for a in self.failed_assertions)])


def failing_flows(run: Run) -> tuple[FlowRun, ...]:
    """Flow executions that did not pass.

    Args:
        run: any run.
    """
    return tuple(f for f in run.flows if f.verdict in FAILING)


def same_flow(run: Run | None, flow: FlowRun) -> FlowRun | None:
    """The passing execution of the same file and row, or None.

    Args:
        run: the run to look in.
        flow: the failing execution.
    """
    if run is None:
        return None
    same = (f for f in run.flows if f.file == flow.file and f.verdict == "passed")
    ranked = sorted(same, key=lambda f: f.row != flow.row)
    return ranked[0] if ranked else None


def locate(run: Run, green: Run | None, wanted: str = "") -> Failure | None:
    """The failure to explain, or None when nothing in the run failed.

    Args:
        run: the failing run.
        green: a run in which the flow passed, or None.
        wanted: flow file, empty for the first failing one.
    """
    flow = next((f for f in failing_flows(run) if wanted in ("", f.file)), None)
    if flow is None:
        return None
    steps = tuple(leaves(flow.steps))
    index = _first_failing(steps)
    if index is None:
        nothing = StepRun(id="", phase="steps", action="", verdict="error", message=flow.message)
        return Failure(flow, nothing, (), same_flow(green, flow), ())
    step, earlier = steps[index], tuple(s for s in steps[:index] if s.phase != "teardown")
    passed = same_flow(green, flow)
    return Failure(flow, step, earlier, passed, _differences(step, earlier, (flow, passed)))


def leaves(steps: Sequence[StepRun]) -> Iterator[StepRun]:
    """Step executions without nested ones, in order; a failing container with no failing leaf counts itself.

    Args:
        steps: executions.
    """
    for step in steps:
        inner = tuple(leaves(step.steps))
        yield from inner
        if not inner or (step.verdict in FAILING and not any(s.verdict in FAILING for s in inner)):
            yield step


def _first_failing(steps: Sequence[StepRun]) -> int | None:
    failing = [i for i, s in enumerate(steps) if s.verdict in FAILING]
    counting = [i for i in failing if not steps[i].optional]
    outside = [i for i in counting if steps[i].phase != "teardown"]
    return next(iter(outside or counting or failing), None)


def counterpart(green: FlowRun | None, step: StepRun) -> StepRun | None:
    """The same step in the passing execution, or None.

    Args:
        green: passing execution.
        step: the step now.
    """
    if green is None:
        return None
    same = [s for s in leaves(green.steps) if s.id == step.id and s.phase == step.phase]
    exact = [s for s in same if s.iteration == step.iteration]
    return next(iter(exact or same), None)


def _differences(
    step: StepRun, earlier: Sequence[StepRun], flow: tuple[FlowRun, FlowRun | None]
) -> tuple[Difference, ...]:
    now, green = flow
    looked_at = _paths(step)
    here = [_marked(d, looked_at) for d in _of_step(step, counterpart(green, step))]
    found = [d for d in here if d.asserted or not _settled(d, step, now.source)]
    for before in reversed(earlier):
        passed = counterpart(green, before)
        if passed is not None:
            seen = between(before.id, last_result(passed), last_result(before))
            found += [_used(d, step) for d in seen if not _settled(d, before, now.source)]
    return tuple(sorted(found, key=lambda d: not d.asserted))


def _settled(item: Difference, step: StepRun, source: str) -> bool:
    """Whether the flow as it is now agrees with the difference: it checks the place and holds, or never names it."""
    if item.kind == "missing" and source and not re.search(rf"(?<![\w]){re.escape(item.name)}(?![\w])", source):
        return True
    holding = frozenset(_plain(p) for a in step.assertions if a.passed for p in _TAKEN.findall(a.expression))
    if item.kind == "status":
        return any(a.passed and re.search(r"\bstatus\b", a.expression) for a in step.assertions)
    return _marked(replace(item, asserted=False), holding).asserted


def _used(item: Difference, step: StepRun) -> Difference:
    """A later failure that names the place, as `${place.body.total}`, looks at it too."""
    texts = (step.message, *(a.message for a in step.assertions if not a.passed))
    named = rf"\b{re.escape(item.step)}\b.*\b{re.escape(item.name)}\b|'{re.escape(item.name)}'"
    return replace(item, asserted=True) if any(re.search(named, text) for text in texts) else item


def _of_step(step: StepRun, passed: StepRun | None) -> tuple[Difference, ...]:
    now = last_result(step)
    exchange = last_exchange(step)
    if exchange is not None and exchange.error_type == "connection":
        return (Difference("unreachable", step.id, target(exchange.request)),)
    if _empty(now):
        return (Difference("silent", step.id, target(exchange.request if exchange else {}), None, None, True),)
    if passed is not None:
        return between(step.id, last_result(passed), now)
    return tuple(_expected(step))


def _empty(result: Json) -> bool:
    if result is None:
        return True
    if not isinstance(result, Mapping):
        return False
    return result.get("rows") == [] or ("messages" in result and not result["messages"])


def target(request: Json) -> str:
    """What a request was aimed at, for people: URL, topic, statement or key.

    Args:
        request: an exchange's request.
    """
    if not isinstance(request, Mapping):
        return ""
    for name in ("url", "topic", "query", "key", "args", "connection", "address"):
        if request.get(name):
            return str(request[name])
    return ""


def _expected(step: StepRun) -> Iterator[Difference]:
    """Without a passing run the assertions themselves say what was expected."""
    for assertion in step.assertions:
        match = _COMPARISON.match(assertion.expression)
        if assertion.passed or match is None:
            continue
        path = _plain(match["path"])
        if assertion.left is None and assertion.message:
            yield Difference("missing", step.id, path, assertion.right, None, True)
        elif match["op"] == "==":
            kind: Kind = "status" if path in ("status", "status_code") else "value"
            yield Difference(kind, step.id, path, assertion.right, assertion.left, True)


def _paths(step: StepRun) -> frozenset[str]:
    texts = [a.expression for a in step.assertions if not a.passed] + [step.message]
    found = {_plain(p) for text in texts for p in _TAKEN.findall(text)}
    if any(re.search(r"\bstatus\b", a.expression) for a in step.assertions if not a.passed):
        found.add("status")
    for assertion in step.assertions:
        if not assertion.passed:
            found |= set(_WHOLE.findall(assertion.expression))
            found |= {f"*.{name}" for name in _OF_ELEMENT.findall(assertion.expression)}
    return frozenset(found)


def _plain(path: str) -> str:
    for prefix in ("$.", "response.", "result."):
        path = path.removeprefix(prefix)
    return path


def _marked(item: Difference, looked_at: frozenset[str]) -> Difference:
    """Whether a failed assertion looks at this place, whatever alias it uses for the first message or row."""
    plain = re.sub(r"\[\d+\]", "", re.sub(r"^messages\[0\]\.", "", item.path))
    if plain.partition(".")[0] in looked_at:
        return replace(item, asserted=True)
    bare = {re.sub(r"\[-?\d+\]", "", seen) for seen in looked_at}
    if f"*.{item.name}" in looked_at and any(plain.startswith(b + ".") for b in bare):
        return replace(item, asserted=True)
    if any(b == plain or b.endswith(("." + plain, "." + item.name)) or b.startswith(plain + ".") for b in bare):
        return replace(item, asserted=True)
    return item
