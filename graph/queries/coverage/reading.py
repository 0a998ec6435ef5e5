"""The graph as coverage needs it: what there is, which steps touch it, and what flows run on the way."""

from __future__ import annotations

from collections import defaultdict, deque
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from graph.answers import Boundary, Grade, Reached
from graph.schema import Edge, Node
from graph.store import GraphStore, Subgraph

EdgeId = tuple[str, str, str]
_NODES = ("Service", "Endpoint", "Topic", "Dataset", "Flow", "Step", "Unresolved")
_EDGES = (
    "OWNS", "HANDLED_BY", "CALLS", "PUBLISHES", "CONSUMES", "READS", "WRITES", "ROUTES_TO", "CONTAINS", "EXERCISES",
)  # fmt: skip
_ONWARD = ("HANDLED_BY", "CALLS", "PUBLISHES", "ROUTES_TO")
_GRADES: tuple[Reached, ...] = ("none", "referenced", "executed", "passed")
_CHECKS = ("status", "body", "effect")


@dataclass(frozen=True, slots=True)
class Touch:
    """A step that touches something.

    Args:
        flow: file of its flow.
        step: the Step.
        edge: the EXERCISES edge.
    """

    flow: str
    step: Node
    edge: Edge

    @property
    def statuses(self) -> tuple[str, ...]:
        """Statuses it asserts, e.g. 201 or 4xx."""
        return tuple(str(s) for s in self.edge.props.get("statuses") or self.step.props.get("statuses") or ())


@dataclass(slots=True)
class Reading:
    """What coverage is computed from.

    Args:
        graph: nodes and edges.
        flows: flow files that exist.
        touches: target uid to the steps that touch it, sure ones only.
        unresolved: steps that touch something nobody knows.
        passing: uid of anything run on the way to files of the flows that run it.
        out: uid to edges that start there.
        back: uid to edges that end there.
    """

    graph: Subgraph
    flows: tuple[str, ...] = ()
    touches: dict[str, list[Touch]] = field(default_factory=lambda: defaultdict(list))
    unresolved: tuple[Boundary, ...] = ()
    passing: dict[str, set[str]] = field(default_factory=lambda: defaultdict(set))
    out: dict[str, list[EdgeId]] = field(default_factory=lambda: defaultdict(list))
    back: dict[str, list[EdgeId]] = field(default_factory=lambda: defaultdict(list))

    def ends(self, uid: str, *kinds: str) -> list[Node]:
        """Nodes at the end of edges of these kinds.

        Args:
            uid: where they start.
            kinds: edge kinds.
        """
        return [self.graph.nodes[e[2]] for e in self.out.get(uid, ()) if e[0] in kinds]

    def origins(self, uid: str, *kinds: str) -> list[Node]:
        """Nodes at the start of edges of these kinds.

        Args:
            uid: where they end.
            kinds: edge kinds.
        """
        return [self.graph.nodes[e[1]] for e in self.back.get(uid, ()) if e[0] in kinds]

    def owners(self, node: Node) -> list[str]:
        """Names of the services a node belongs to.

        Args:
            node: of any kind.
        """
        if node.kind == "Service":
            return [node.key[0]]
        if node.kind == "Endpoint":
            return [node.key[0]]
        return sorted(s.key[0] for s in self.origins(node.uid, "OWNS"))

    def of(self, kind: str) -> list[Node]:
        """Real nodes of a kind, by label; what only a flow mentions is no part of the system.

        Args:
            kind: node kind.
        """
        found = (n for n in self.graph.nodes.values() if n.kind == kind and real(n))
        return sorted(found, key=lambda n: n.label)


def real(node: Node) -> bool:
    """Whether anything but a flow says it exists.

    Args:
        node: of any kind.
    """
    return any(e.layer != "flow" for e in node.evidence) or not node.evidence


def grade(touches: Iterable[Touch], least: Reached = "none", flows: Iterable[str] = ()) -> Grade:
    """How well something is tested.

    Args:
        touches: the steps that touch it.
        least: what it is known to be in any case.
        flows: files of further flows that reach it.
    """
    found = list(touches)
    grades = [least, *(_reached(t.edge) for t in found)]
    checks = {str(c) for t in found for c in t.edge.props.get("checks") or t.step.props.get("checks") or ()}
    files = {*flows, *(t.flow for t in found)}
    return Grade(
        _GRADES[max(map(_GRADES.index, grades))], tuple(c for c in _CHECKS if c in checks), tuple(sorted(files))
    )


def _reached(edge: Edge) -> Reached:
    said = edge.props.get("grade")
    return "executed" if said == "executed" else "passed" if said == "passed" else "referenced"


def read(store: GraphStore) -> Reading:
    """Everything coverage needs, in one round trip.

    Args:
        store: the graph.
    """
    reading = Reading(store.slice(_NODES, _EDGES))
    for number in reading.graph.edges:
        reading.out[number[1]].append(number)
        reading.back[number[2]].append(number)
    loose = list(_touches(reading))
    reading.unresolved = tuple(sorted(loose, key=lambda b: (b.place, b.reason)))
    flows = [n for n in reading.graph.nodes.values() if n.kind == "Flow"]
    reading.flows = tuple(sorted(n.key[1] for n in flows))
    starts: dict[str, set[str]] = defaultdict(set)
    for uid, touches in reading.touches.items():
        for touch in touches:
            starts[touch.flow].add(uid)
    for flow, uids in sorted(starts.items()):
        for uid in passed(reading, uids):
            reading.passing[uid].add(flow)
    return reading


def _touches(reading: Reading) -> Iterable[Boundary]:
    for number in reading.graph.edges:
        if number[0] != "EXERCISES":
            continue
        edge, step = reading.graph.edges[number], reading.graph.nodes[number[1]]
        target = reading.graph.nodes[number[2]]
        if target.kind == "Unresolved" or not real(target) or edge.resolution.status != "resolved":
            yield _loose(edge, step, target)
        else:
            reading.touches[target.uid].append(Touch(step.key[1], step, edge))


def _loose(edge: Edge, step: Node, target: Node) -> Boundary:
    line = step.props.get("line") or (edge.evidence[0].line if edge.evidence else 0)
    reason = edge.resolution.reason or str(target.props.get("reason") or "")
    if target.kind != "Unresolved":
        reason = reason or f"{target.label} is named by the flow and by nothing else"
    annotation, settles = (str(target.props.get(name) or "") for name in ("annotation", "settles"))
    return Boundary(f"{step.key[1]}:{line}", f"step {step.key[3]}: {reason or target.label}", annotation, settles)


def passed(reading: Reading, starts: Iterable[str]) -> set[str]:
    """All that runs when these are used: handlers, what they call, and consumers of what they publish."""
    seen = set(starts)
    queue = deque(seen)
    while queue:
        uid = queue.popleft()
        onward = [e[2] for e in reading.out.get(uid, ()) if e[0] in _ONWARD]
        onward += [e[1] for e in reading.back.get(uid, ()) if e[0] == "CONSUMES"]
        for far in onward:
            if far not in seen:
                seen.add(far)
                queue.append(far)
    return seen


def fan_in(reading: Reading, node: Node) -> int:
    """How many services other than its own use something.

    Args:
        reading: the graph.
        node: an Endpoint, Topic or Dataset.
    """
    kinds = {"Endpoint": ("CALLS", "ROUTES_TO"), "Topic": ("CONSUMES",), "Dataset": ("READS", "WRITES")}
    users = {name for origin in reading.origins(node.uid, *kinds.get(node.kind, ())) for name in reading.owners(origin)}
    return len(users - set(reading.owners(node)))


def written(reading: Reading, uid: str) -> Mapping[str, set[str]]:
    """What running something in its own process writes and publishes.

    Args:
        reading: the graph.
        uid: an Endpoint or Symbol.
    """
    seen, queue = {uid}, deque([uid])
    found: dict[str, set[str]] = {"Dataset": set(), "Topic": set()}
    while queue:
        for number in reading.out.get(queue.popleft(), ()):
            far = number[2]
            if number[0] in ("WRITES", "PUBLISHES"):
                found.setdefault(reading.graph.nodes[far].kind, set()).add(far)
            elif number[0] in ("HANDLED_BY", "CALLS") and far not in seen and _is_code(reading, far):
                seen.add(far)
                queue.append(far)
    return found


def _is_code(reading: Reading, uid: str) -> bool:
    return reading.graph.nodes[uid].kind == "Symbol"
