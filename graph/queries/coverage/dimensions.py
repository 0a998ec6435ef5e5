"""The six dimensions of coverage: what counts as a row, when it is covered, and how bad its gap is."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping

from graph.answers import CoverageRow, Grade
from graph.queries.coverage.reading import EdgeId, Reading, Touch, fan_in, grade, written
from graph.schema import Node

_FRONT = ("gateway", "frontend")


def rows_of(name: str, reading: Reading) -> Iterator[CoverageRow]:
    """The rows of one dimension.

    Args:
        name: one of DIMENSIONS.
        reading: the graph.
    """
    yield from DIMENSIONS[name](reading)


def _place(node: Node) -> str:
    sure = [e for e in node.evidence if e.layer != "flow"] or list(node.evidence)
    return sure[0].place() if sure else ""


def _row(dimension: str, node: Node, how: Grade, risk: tuple[float, str], label: str = "") -> CoverageRow:
    rank, why = risk if how.reached == "none" else (0.0, "")
    return CoverageRow(dimension, label or node.label, node.uid, _place(node), how, rank, why)


def _endpoints(reading: Reading) -> list[Node]:
    return [n for n in reading.of("Endpoint") if not n.props.get("operational")]


def _endpoint_rows(reading: Reading) -> Iterator[CoverageRow]:
    for node in _endpoints(reading):
        yield _row("endpoint", node, grade(reading.touches.get(node.uid, ())), _risk(reading, node))


def _risk(reading: Reading, node: Node) -> tuple[float, str]:
    """Who depends on it, what it changes, and whether people outside can call it."""
    users, effects = fan_in(reading, node), written(reading, node.uid)
    exposed = _exposed(reading, node)
    parts = [f"fan-in {users}"] if users else []
    for kind, noun in (("Dataset", "writes"), ("Topic", "publishes")):
        if effects[kind]:
            parts.append(f"{noun} {', '.join(sorted(reading.graph.nodes[u].label for u in effects[kind]))}")
    parts += ["exposed"] if exposed else []
    rank = 1.0 + 2 * users + 2 * len(effects["Dataset"]) + 2 * len(effects["Topic"]) + (1 if exposed else 0)
    return rank, ", ".join(parts)


def _exposed(reading: Reading, node: Node) -> bool:
    """Reached by a gateway or front end, or by nobody we know, which leaves people outside."""
    if node.kind != "Endpoint":
        return False
    callers = reading.origins(node.uid, "CALLS", "ROUTES_TO")
    names = {name for caller in callers for name in reading.owners(caller)}
    sorts = {s.key[0]: s.props.get("sort") for s in reading.of("Service")}
    return not callers or any(sorts.get(name) in _FRONT for name in names)


def _status_rows(reading: Reading) -> Iterator[CoverageRow]:
    for node in _endpoints(reading):
        said = {str(s) for s in (*(node.props.get("statuses") or ()), *(node.props.get("errors") or ()))}
        for group in sorted({f"{s[0]}xx" for s in said if s[:1].isdigit()}):
            touches = [t for t in reading.touches.get(node.uid, ()) if any(s[:1] == group[0] for s in t.statuses)]
            label = f"{node.label} {group}"
            yield _row("status class", node, grade(touches), _risk(reading, node), label)


def _error_rows(reading: Reading) -> Iterator[CoverageRow]:
    for node in _endpoints(reading):
        for status in sorted({str(s) for s in node.props.get("errors") or ()}):
            touches = [t for t in reading.touches.get(node.uid, ()) if status in t.statuses]
            yield _row("error branch", node, grade(touches), _risk(reading, node), f"{node.label} {status}")


def _edge_rows(reading: Reading) -> Iterator[CoverageRow]:
    """Calls from one service to another; covered when a flow's way leads over the call."""
    sites: dict[tuple[str, str], list[EdgeId]] = {}
    for number in sorted(reading.graph.edges):
        source, target = reading.graph.nodes[number[1]], reading.graph.nodes[number[2]]
        if number[0] in ("CALLS", "ROUTES_TO") and target.kind == "Endpoint":
            owner = ", ".join(reading.owners(source)) or source.label
            sites.setdefault((owner, target.uid), []).append(number)
    for (owner, target_uid), numbers in sites.items():
        yield _edge_row(reading, owner, reading.graph.nodes[target_uid], numbers)


def _edge_row(reading: Reading, owner: str, target: Node, numbers: list[EdgeId]) -> CoverageRow:
    flows = {flow for number in numbers for flow in reading.passing.get(number[1], ())}
    ran = {t.flow for t in _observed(reading.touches.get(target.uid, ()))}
    how = Grade("executed" if flows & ran else "referenced" if flows else "none", (), tuple(sorted(flows)))
    rank, why = _risk(reading, target) if how.reached == "none" else (0.0, "")
    places = sorted(e.place() for number in numbers for e in reading.graph.edges[number].evidence)
    first = places[0] if places else ""
    return CoverageRow("edge", f"{owner} -> {target.label}", numbers[0][1], first, how, rank, why)


def _observed(touches: Iterable[Touch]) -> list[Touch]:
    return [t for t in touches if t.edge.props.get("grade") in ("executed", "passed")]


def _stored_rows(kind: str, dimension: str) -> Callable[[Reading], Iterator[CoverageRow]]:
    def rows(reading: Reading) -> Iterator[CoverageRow]:
        for node in reading.of(kind):
            touches = reading.touches.get(node.uid, ())
            users = fan_in(reading, node)
            makers = reading.origins(node.uid, "WRITES", "PUBLISHES")
            passed = sorted({flow for m in makers for flow in reading.passing.get(m.uid, ())})
            parts = [f"used by {users} service{'' if users == 1 else 's'}"] if users else []
            parts += [f"written in {len(makers)} places"] if makers else []
            parts += [f"{len(passed)} flows write it and never look"] if passed else []
            yield _row(dimension, node, grade(touches), (1.0 + 2 * users + len(makers), ", ".join(parts)))

    return rows


DIMENSIONS: Mapping[str, Callable[[Reading], Iterator[CoverageRow]]] = {
    "endpoint": _endpoint_rows,
    "status class": _status_rows,
    "edge": _edge_rows,
    "topic": _stored_rows("Topic", "topic"),
    "dataset": _stored_rows("Dataset", "dataset"),
    "error branch": _error_rows,
}
