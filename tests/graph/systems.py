"""Small systems written as lines, so that a test about impact or coverage can be read.

``get_order = orders/app.py::get``                a symbol of service orders
``GET orders /orders/{} : get_order``             an endpoint and its handler
``get_order -> find`` calls · ``get_order -> GET orders /orders/{}`` calls over the wire
``place !> order.created`` publishes · ``order.created >! handle`` consumes
``place w> orders`` writes · ``get_order r> orders`` reads
``flow f.yaml: a=POST orders /orders; b=table orders; c=topic order.created``
A ``?`` at the end of a line makes its link a candidate.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from graph.change import Change, ChangedItem
from graph.overlay import Overlay
from graph.schema import Edge, Evidence, GraphData, Node, Resolution, node

WS, REPO = "w", "shop"
CANDIDATE = Resolution("candidate", "guess", "for a test")


class System:
    """A graph under construction.

    Args:
        text: lines as in the module's docstring.
    """

    def __init__(self, text: str) -> None:
        self.nodes: dict[str, Node] = {}
        self.edges: dict[tuple[str, str, str], Edge] = {}
        self.named: dict[str, Node] = {}
        for line in text.strip().splitlines():
            if line.strip():
                self._line(line.strip())

    def store(self) -> Overlay:
        """The system as a store."""
        return Overlay(None, GraphData(self.nodes, self.edges))

    def add(self, kind: str, key: tuple[str, ...], line: int = 1, **props: Any) -> Node:
        """A node, made once."""
        file = key[1] if kind in ("Symbol", "Step", "Flow") else "spec"
        made = node(WS, kind, key, props=props, evidence=(Evidence("code", "test", file, line, REPO),))
        return self.nodes.setdefault(made.uid, made)

    def link(self, kind: str, source: Node, target: Node, sure: bool = True, **props: Any) -> None:
        """An edge."""
        how = Resolution("resolved", "test") if sure else CANDIDATE
        edge = Edge(kind, source.uid, target.uid, props, (Evidence("code", "test", source.label, 1, REPO),), how)
        self.edges[edge.id] = edge

    def symbol(self, name: str, place: str, **props: Any) -> Node:
        """``orders/app.py::get`` of the service its first folder names."""
        file, _, qualified = place.partition("::")
        made = self.add("Symbol", (REPO, file, qualified), **({"digest": "d", "sort": "function"} | props))
        self.named[name] = made
        service = file.split("/")[0]
        self.link("OWNS", self.add("Service", (service,), repository=REPO, root=service, sort="business"), made)
        return made

    def endpoint(self, text: str) -> Node:
        """``GET orders /orders/{}``."""
        method, service, path = text.split()
        made = self.add("Endpoint", (service, "http", method, path))
        owner = self.add("Service", (service,), repository=REPO, root=service, sort="business")
        self.link("OWNS", owner, made)
        return made

    def target(self, text: str) -> Node:
        """An endpoint, ``table t``, ``topic t`` or ``? cause``."""
        word, _, rest = text.partition(" ")
        if word == "table":
            return self.add("Dataset", ("postgresql", "", rest))
        if word == "topic":
            return self.add("Topic", ("kafka", rest))
        if word == "?":
            return self.add("Unresolved", (REPO, "x.py", "7", rest), reason=rest, edge="CALLS", annotation="[x]")
        return self.endpoint(text)

    def _line(self, line: str) -> None:
        sure = not line.endswith("?")
        line = line.rstrip("? ") if not sure else line
        if line.startswith("flow "):
            self._flow(line[5:], sure)
        elif " : " in line:
            door, _, handler = line.partition(" : ")
            self.link("HANDLED_BY", self.endpoint(door), self.named[handler], sure)
        elif " = " in line:
            name, _, place = line.partition(" = ")
            self.symbol(name, place)
        else:
            self._edge(line, sure)

    def _edge(self, line: str, sure: bool) -> None:
        left, sign, right = next(
            (line.partition(f" {s} ")[0], s, line.partition(f" {s} ")[2])
            for s in ("->", "!>", ">!", "w>", "r>")
            if f" {s} " in line
        )
        if sign == "->":
            self.link("CALLS", self.named[left], self.named.get(right) or self.target(right), sure)
        elif sign == "!>":
            self.link("PUBLISHES", self.named[left], self.target(f"topic {right}"), sure)
        elif sign == ">!":
            self.link("CONSUMES", self.named[right], self.target(f"topic {left}"), sure)
            self.link("HANDLED_BY", self.target(f"topic {left}"), self.named[right], sure)
        else:
            kind = "WRITES" if sign == "w>" else "READS"
            self.link(kind, self.named[left], self.target(f"table {right}"), sure)

    def _flow(self, text: str, sure: bool) -> None:
        file, _, rest = text.partition(": ")
        flow = self.add("Flow", (REPO, file), name=file.removesuffix(".yaml"))
        for part in rest.split("; "):
            name, _, what = part.partition("=")
            step = self.add("Step", (REPO, file, "steps", name), checks=["status", "body"], statuses=["200"])
            self.link("CONTAINS", flow, step)
            mode = "write" if what.startswith(("POST", "send ")) else "read"
            target = self.target(what.replace("send ", "topic "))
            self.link("EXERCISES", step, target, sure, mode=mode, grade="referenced", checks=["status"])


def change(*items: ChangedItem) -> Change:
    """A change of the test repository."""
    return Change(REPO, "b" * 40, "h" * 40, (), items)


def touched(place: str, kind: str = "symbol", action: str = "modified") -> ChangedItem:
    """``orders/app.py::get`` changed."""
    file, _, name = place.partition("::")
    return ChangedItem(kind, action, file, 1, name)  # type: ignore[arg-type]


def with_digest(system: System, names: Iterable[str], digest: str) -> System:
    """The same system with other tokens in these symbols."""
    for name in names:
        old = system.named[name]
        new = Node(old.kind, old.key, old.uid, {**old.props, "digest": digest}, old.evidence)
        system.nodes[old.uid] = system.named[name] = new
    return system
