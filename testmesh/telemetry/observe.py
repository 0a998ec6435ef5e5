"""What a run was seen to do: its spans and its answers as links between things the graph knows (DESIGN §6)."""

from __future__ import annotations

from collections import defaultdict, deque
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from graph.runs import FlowRun, Run, StepRun
from graph.schema import GraphData, Node
from graph.spans import Span, SpanSource
from testmesh.telemetry.known import Known
from testmesh.telemetry.seen import Seen, merged
from testmesh.telemetry.store import Taken
from testmesh.telemetry.tracing import Addresses, Trace

LOCAL = "local"
__all__ = ["Observation", "merged", "observe", "observe_traces"]

Reached = dict[str, tuple[Node, str]]


@dataclass(frozen=True, slots=True)
class Observation:
    """What was seen.

    Args:
        data: links between known nodes, with the ends they need.
        spans: how many spans were looked at.
        unmatched: what spans name and the graph does not know, one sentence each, sorted.
    """

    data: GraphData
    spans: int = 0
    unmatched: tuple[str, ...] = ()


def observe(run: Run, source: SpanSource, known: Known) -> Observation:
    """The runtime links of a run.

    A span belongs to the step whose request is the parent of the first span above it; without such a parent its
    links still count, but no step is said to have exercised anything.

    Args:
        run: the recording; its exchanges carry the trace and span ids they sent.
        source: where the spans are.
        known: what the graph knows.
    """
    seen = Seen(known, run.started, run.id, run.environment or LOCAL)
    by_flow = [(flow, [step for top in flow.steps for step in _all_steps(top)]) for flow in run.flows]
    sent = dict.fromkeys(step.trace_id for _, steps in by_flow for step in steps if step.trace_id)
    spans = {trace_id: tuple(source.trace(trace_id)) for trace_id in sent}
    touched = _touched(seen, spans)
    for flow, steps in by_flow:
        for step in steps:
            _observe_step(seen, flow, step, touched)
    return Observation(seen.data(), seen.spans, tuple(sorted(seen.unmatched)))


def observe_traces(traces: Iterable[Taken], known: Known, at: str, environment: str = LOCAL) -> Observation:
    """The runtime links of traffic that no run caused.

    Args:
        traces: each span as new once.
        known: what the graph knows.
        at: moment of the observation, RFC 3339.
        environment: where they were seen.
    """
    seen = Seen(known, at, environment=environment)
    addresses = Addresses()
    taken = list(traces)
    for trace in taken:
        addresses.learn(trace.spans)
    for trace in taken:
        deque(Trace(seen, addresses, trace.spans, trace.counted).links(), maxlen=0)
    return Observation(seen.data(), seen.spans, tuple(sorted(seen.unmatched)))


def _touched(seen: Seen, traces: Mapping[str, Sequence[Span]]) -> dict[str, Reached]:
    """By the span id a request carried: what it reached by uid, with a span each."""
    addresses = Addresses()
    for spans in traces.values():
        addresses.learn(spans)
    found: dict[str, Reached] = defaultdict(dict)
    for spans in traces.values():
        for root, node, pointer in Trace(seen, addresses, spans).links():
            found[root].setdefault(node.uid, (node, pointer))
    return found


def _all_steps(step: StepRun) -> Iterator[StepRun]:
    yield step
    for inner in step.steps:
        yield from _all_steps(inner)


def _observe_step(seen: Seen, flow: FlowRun, step: StepRun, touched: Mapping[str, Reached]) -> None:
    node = seen.known.step(flow.file, step.phase, step.id)
    if node is None or not _answered(step):
        return
    grade = "passed" if step.verdict == "passed" and flow.verdict == "passed" else "executed"
    for exchange in step.exchanges:
        for target, pointer in touched.get(exchange.span_id, {}).values() if exchange.span_id else ():
            seen.link("EXERCISES", (node, target), pointer, grade)
    _raise_static(seen, node, grade)


def _raise_static(seen: Seen, step: Node, grade: str) -> None:
    """What the step's own configuration names was reached when the step got an answer."""
    for target in seen.known.exercised(step):
        seen.link("EXERCISES", (step, target), f"run {seen.run}", grade)


def _answered(step: StepRun) -> bool:
    return step.verdict in ("passed", "failed") and (
        not step.exchanges or any(exchange.candidates for exchange in step.exchanges)
    )
