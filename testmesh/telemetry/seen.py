"""What was seen, counted: memory grows with distinct links, never with spans."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from graph.schema import Edge, Evidence, GraphData, Json, Node, Resolution
from testmesh.telemetry.known import SCANNER, Known

EVIDENCE = 3
RUNS = 10
MOST_UNMATCHED = 1000
_GRADES = ("referenced", "executed", "passed")
_RESOLVED = Resolution("resolved", "observed", "seen at runtime")

EdgeId = tuple[str, str, str]


@dataclass(slots=True)
class _Tally:
    ends: tuple[Node, Node]
    pointers: list[str]
    count: int = 0
    grade: str = ""


@dataclass(slots=True)
class Seen:
    """Links as they are found.

    Args:
        known: what the graph knows.
        at: moment of the observation by our clock, RFC 3339; those of the services may be wrong.
        run: id of the run that caused it, or empty.
        environment: where it was seen.
        unmatched: what spans name and nobody knows, one sentence each.
        spans: how many spans were looked at.
    """

    known: Known
    at: str = ""
    run: str = ""
    environment: str = ""
    unmatched: set[str] = field(default_factory=set)
    spans: int = 0
    _tallies: dict[EdgeId, _Tally] = field(default_factory=dict)

    def link(self, kind: str, ends: tuple[Node, Node], pointer: str, grade: str = "") -> None:
        """Count a link.

        Args:
            kind: of edge.
            ends: source and target.
            pointer: the span or run that shows it.
            grade: of an EXERCISES edge; the best one stays.
        """
        key = (kind, ends[0].uid, ends[1].uid)
        tally = self._tallies.get(key)
        if tally is None:
            tally = self._tallies[key] = _Tally(ends, [])
        tally.count += 1
        if len(tally.pointers) < EVIDENCE and pointer not in tally.pointers:
            tally.pointers.append(pointer)
        if grade:
            tally.grade = max(tally.grade or grade, grade, key=_GRADES.index)

    def miss(self, text: str) -> None:
        """Remember what could not be matched.

        Args:
            text: one sentence.
        """
        if len(self.unmatched) < MOST_UNMATCHED:
            self.unmatched.add(text)

    def data(self) -> GraphData:
        """The links with their ends, sorted."""
        nodes: dict[str, Node] = {}
        edges: dict[EdgeId, Edge] = {}
        for key, tally in sorted(self._tallies.items()):
            evidence = tuple(Evidence("runtime", SCANNER, pointer=pointer) for pointer in sorted(tally.pointers))
            for end in tally.ends:
                nodes.setdefault(end.uid, Node(end.kind, end.key, end.uid, {}, evidence[:1]))
            edges[key] = Edge(*key, self._props(tally), evidence, _RESOLVED)
        return GraphData(dict(sorted(nodes.items())), edges)

    def _props(self, tally: _Tally) -> dict[str, Json]:
        props: dict[str, Json] = {"seen": tally.count}
        if self.at:
            props |= {"first_seen": self.at, "last_seen": self.at}
        if self.environment:
            props["environments"] = [self.environment]
        if self.run:
            props["runs"] = [self.run]
        if tally.grade:
            props["grade"] = tally.grade
        return props


def merged(one: GraphData, other: GraphData) -> GraphData:
    """What two observations saw together, for adding to a day's bucket; a run that is in it already is not added.

    Args:
        one: the bucket's content so far.
        other: what was seen now.
    """
    edges = dict(one.edges)
    for key, edge in other.edges.items():
        edges[key] = _joined(edges[key], edge) if key in edges else edge
    return GraphData({**other.nodes, **one.nodes}, edges)


def _joined(one: Edge, other: Edge) -> Edge:
    props = {**other.props, **one.props}
    runs, more = list(one.props.get("runs", ())), list(other.props.get("runs", ()))
    new = [run for run in more if run not in runs]
    if new or not more:
        props["seen"] = _count(one.props) + _count(other.props)
    if runs or new:
        props["runs"] = (runs + new)[-RUNS:]
    for name, pick in (("first_seen", min), ("last_seen", max)):
        said = [str(p[name]) for p in (one.props, other.props) if p.get(name)]
        if said:
            props[name] = pick(said)
    grades = [p["grade"] for p in (one.props, other.props) if "grade" in p]
    if grades:
        props["grade"] = max(grades, key=_GRADES.index)
    pointers = dict.fromkeys((*one.evidence, *other.evidence))
    return replace(one, props=props, evidence=tuple(sorted(list(pointers)[:EVIDENCE])))


def _count(props: Mapping[str, Json]) -> int:
    found = props.get("seen", 1)
    return found if isinstance(found, int) else 1
