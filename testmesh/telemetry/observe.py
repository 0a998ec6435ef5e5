"""What a run was seen to do: its spans and its answers as links between things the graph knows (DESIGN §6)."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace

from graph.runs import FlowRun, Run, StepRun
from graph.schema import Edge, Evidence, GraphData, Node, Resolution
from graph.spans import Span, SpanSource
from testmesh.telemetry.conventions import data_of, http_of, message_of
from testmesh.telemetry.known import Known

SCANNER = "otlp"
_GRADES = ("referenced", "executed", "passed")
_RESOLVED = Resolution("resolved", "observed", "seen while a flow ran")


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
    seen = _Seen(known, run.id)
    for flow in run.flows:
        steps = [step for top in flow.steps for step in _all_steps(top)]
        touched = _touched(seen, source, steps)
        for step in steps:
            _observe_step(seen, flow, step, touched)
    data = GraphData(dict(sorted(seen.nodes.items())), dict(sorted(seen.edges.items())))
    return Observation(data, seen.spans, tuple(sorted(seen.unmatched)))


def _touched(seen: _Seen, source: SpanSource, steps: list[StepRun]) -> dict[str, dict[str, str]]:
    """By the span id a request carried: the uids it reached, with a span each."""
    found: dict[str, dict[str, str]] = defaultdict(dict)
    for trace_id in dict.fromkeys(step.trace_id for step in steps if step.trace_id):
        spans = {span.span_id: span for span in source.trace(trace_id)}
        for root, uid, pointer in _Trace(seen, spans).links():
            found[root].setdefault(uid, pointer)
    return found


def merged(one: GraphData, other: GraphData) -> GraphData:
    """What two observations saw together, for adding to a day's bucket; the first evidence of a link is kept.

    Args:
        one: the bucket's content so far.
        other: what was seen now.
    """
    edges = dict(one.edges)
    for key, edge in other.edges.items():
        edges[key] = _joined(edges[key], edge) if key in edges else edge
    return GraphData({**other.nodes, **one.nodes}, edges)


def _joined(one: Edge, other: Edge) -> Edge:
    if "grade" not in one.props or "grade" not in other.props:
        return one
    best = max(one.props["grade"], other.props["grade"], key=_GRADES.index)
    return replace(one, props={**one.props, "grade": best})


@dataclass(slots=True)
class _Seen:
    known: Known
    run: str
    nodes: dict[str, Node] = field(default_factory=dict)
    edges: dict[tuple[str, str, str], Edge] = field(default_factory=dict)
    unmatched: set[str] = field(default_factory=set)
    spans: int = 0

    def link(self, kind: str, ends: tuple[Node, Node], pointer: str, props: Mapping[str, object] | None = None) -> None:
        """Add a link between two known nodes."""
        evidence = (Evidence("runtime", SCANNER, pointer=pointer),)
        for node in ends:
            self.nodes.setdefault(node.uid, Node(node.kind, node.key, node.uid, {}, evidence))
        edge = Edge(kind, ends[0].uid, ends[1].uid, dict(props or {}), evidence, _RESOLVED)
        known = self.edges.get(edge.id)
        self.edges[edge.id] = edge if known is None else _joined(known, edge)


def _all_steps(step: StepRun) -> Iterator[StepRun]:
    yield step
    for inner in step.steps:
        yield from _all_steps(inner)


def _observe_step(seen: _Seen, flow: FlowRun, step: StepRun, touched: Mapping[str, Mapping[str, str]]) -> None:
    node = seen.known.step(flow.file, step.phase, step.id)
    if node is None or not _answered(step):
        return
    grade = "passed" if step.verdict == "passed" and flow.verdict == "passed" else "executed"
    for exchange in step.exchanges:
        for target, pointer in touched.get(exchange.span_id, {}).items():
            seen.link("EXERCISES", (node, seen.known.data.nodes[target]), pointer, {"grade": grade})
    _raise_static(seen, node, grade)


def _raise_static(seen: _Seen, step: Node, grade: str) -> None:
    """What the step's own configuration names was reached when the step got an answer."""
    for target in seen.known.exercised(step):
        seen.link("EXERCISES", (step, target), f"run {seen.run}", {"grade": grade})


def _answered(step: StepRun) -> bool:
    return step.verdict in ("passed", "failed") and (
        not step.exchanges or any(exchange.candidates for exchange in step.exchanges)
    )


@dataclass(slots=True)
class _Trace:
    seen: _Seen
    by_id: dict[str, Span]

    def links(self) -> Iterator[tuple[str, str, str]]:
        """Add the trace's links; (parent of the first span above, uid reached, pointer) of each thing reached."""
        self.seen.spans += len(self.by_id)
        for span in sorted(self.by_id.values(), key=lambda s: (s.start_ns, s.span_id)):
            for node in self._reached(span):
                yield self._root(span), node.uid, _pointer(span)

    def _root(self, span: Span) -> str:
        passed: set[str] = set()
        while span.parent_id in self.by_id and span.span_id not in passed:
            passed.add(span.span_id)
            span = self.by_id[span.parent_id]
        return span.parent_id

    def _reached(self, span: Span) -> Iterator[Node]:
        if span.kind == "server":
            yield from self._served(span)
        elif span.kind in ("producer", "consumer"):
            yield from self._messaged(span)
        elif span.kind == "client":
            yield from self._stored(span)
            yield from self._unanswered(span)

    def _served(self, span: Span) -> Iterator[Node]:
        endpoint = self._endpoint(span)
        if endpoint is None:
            return
        yield endpoint
        parent = self.by_id.get(span.parent_id)
        if parent is not None and parent.kind == "client" and parent.service != span.service:
            caller = self._origin(parent)
            if caller is not None:
                self.seen.link("CALLS", (caller, endpoint), _pointer(span))

    def _unanswered(self, span: Span) -> Iterator[Node]:
        """A request to a service that sends no spans itself: its host and path say what was called."""
        operation = http_of(span)
        if operation is None or any(other.parent_id == span.span_id for other in self.by_id.values()):
            return
        service = self.seen.known.addressed(operation.host, operation.port)
        endpoint = self.seen.known.endpoint(service, operation) if service is not None else None
        caller = self._origin(span)
        if endpoint is not None and caller is not None and operation.status:
            self.seen.link("CALLS", (caller, endpoint), _pointer(span))
            yield endpoint

    def _messaged(self, span: Span) -> Iterator[Node]:
        operation = message_of(span)
        if operation is None:
            return
        topic = self.seen.known.topic(operation)
        if topic is None:
            self.seen.unmatched.add(f"{span.service} uses {operation.broker} topic {operation.destination}")
            return
        yield topic
        # A consumer's own origin is its service: the producer above it in the trace is another service's business.
        origin = self._origin(span)
        if origin is not None:
            self.seen.link("PUBLISHES" if operation.sends else "CONSUMES", (origin, topic), _pointer(span))

    def _stored(self, span: Span) -> Iterator[Node]:
        operation = data_of(span)
        if operation is None:
            return
        service = self.seen.known.service(span.service)
        origin = self._origin(span)
        for access in operation.accesses:
            dataset = self.seen.known.dataset(operation, access, service)
            if dataset is None:
                self.seen.unmatched.add(f"{span.service} {access.mode}s {operation.store} {access.name}")
                continue
            yield dataset
            if origin is not None:
                self.seen.link("WRITES" if access.mode == "write" else "READS", (origin, dataset), _pointer(span))

    def _origin(self, span: Span) -> Node | None:
        """The endpoint a span ran under in its own service, else the service itself."""
        at: Span | None = span
        passed: set[str] = set()
        while at is not None and at.service == span.service and at.span_id not in passed:
            if at.kind == "server":
                found = self._endpoint(at)
                return found or self.seen.known.service(span.service)
            if at.kind == "consumer":
                break
            passed.add(at.span_id)
            at = self.by_id.get(at.parent_id)
        return self.seen.known.service(span.service)

    def _endpoint(self, span: Span) -> Node | None:
        operation = http_of(span)
        service = self.seen.known.service(span.service)
        if operation is None:
            return None
        if service is None:
            self.seen.unmatched.add(f"service {span.service}")
            return None
        found = self.seen.known.endpoint(service, operation)
        if found is None:
            self.seen.unmatched.add(f"{span.service} answers {operation.method} {operation.route or operation.path}")
        return found


def _pointer(span: Span) -> str:
    return f"{span.trace_id}/{span.span_id}"
