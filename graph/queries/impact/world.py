"""Base and head as one graph, so that an edge that only one side has still carries the change."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass

from graph.schema import Edge, Node
from graph.store import AnyOf, GraphStore, Page, Subgraph

EdgeId = tuple[str, str, str]


@dataclass(frozen=True, slots=True)
class Via:
    """How a state was reached from the one before.

    Args:
        edge: the edge gone along, in either direction, or None for a step that no edge of the graph stands for;
            with neither edge nor label it is no step for people.
        note: what about it matters.
        certain: nothing about this step is a guess.
        label: name of a step without an edge.
    """

    edge: EdgeId | None
    note: str = ""
    certain: bool = True
    label: str = ""


_EVERYTHING = Page(limit=1_000_000)
NODES = ("Service", "Endpoint", "Topic", "Dataset", "Flow", "Step", "Unresolved", "Config", "Store")
EDGES = (
    "OWNS", "HANDLED_BY", "CALLS", "PUBLISHES", "CONSUMES", "READS", "WRITES", "ROUTES_TO", "ACCEPTS", "RETURNS",
    "CARRIES", "CONFIGURED_BY", "CONTAINS", "EXERCISES", "DEPENDS_ON",
)  # fmt: skip


class World:
    """Nodes and edges of both revisions, the head's words first.

    What rules worked out is kept in `vias`, `callers`, `rooted`, `background`, `groups`, `unasked` and `silent`.

    Args:
        base: graph of the merge base.
        head: graph of the head.
    """

    def __init__(self, base: GraphStore, head: GraphStore) -> None:
        self.base: Subgraph = base.slice((), EDGES)
        self.head: Subgraph = head.slice((), EDGES)
        self.stores = head, base
        self._symbols: dict[tuple[str, str], dict[str, Node]] | None = None
        self._alone: dict[str, Node] = {}
        self._open: dict[str, dict[str, list[tuple[EdgeId, Node]]]] = {}
        self.groups: dict[tuple[str, str], str] = {}
        self.vias: dict[EdgeId, Via] = {}
        self.callers: dict[str, list[tuple[Node, Via]]] = {}
        self.background: dict[str, bool] = {}
        self.rooted: dict[str, bool] = {}
        self.unasked: dict[str, list[tuple[Node, str]]] | None = None
        self.silent: dict[str, bool] = {}
        self._out_of: dict[str, list[tuple[EdgeId, Node]]] = {}
        self._back_of: dict[str, list[tuple[EdgeId, Node]]] = {}
        self._out: dict[str, list[EdgeId]] = defaultdict(list)
        self._back: dict[str, list[EdgeId]] = defaultdict(list)
        for number in dict.fromkeys([*self.head.edges, *self.base.edges]):
            self._out[number[1]].append(number)
            self._back[number[2]].append(number)
        self.named = [dict(graph.slice(NODES, ()).nodes) for graph in (head, base)]
        named = self.named[1] | self.named[0]
        self._named: Mapping[str, Node] = named
        self._kinds: dict[str, list[Node]] = defaultdict(list)
        for node in sorted(named.values(), key=lambda n: n.label):
            self._kinds[node.kind].append(node)

    def node(self, uid: str) -> Node:
        """The node of a uid that is in either graph.

        Args:
            uid: node uid.
        """
        for known in (self._named, self.head.nodes, self.base.nodes):
            if uid in known:
                return known[uid]
        return self._alone[uid]

    def has(self, uid: str) -> bool:
        """Whether either graph knows the uid.

        Args:
            uid: node uid.
        """
        return uid in self._named or uid in self.head.nodes or uid in self.base.nodes or uid in self._alone

    def edge(self, number: EdgeId) -> Edge:
        """The edge of an id that is in either graph.

        Args:
            number: kind, source uid, target uid.
        """
        return self.head.edges[number] if number in self.head.edges else self.base.edges[number]

    def out(self, uid: str, *kinds: str) -> list[tuple[EdgeId, Node]]:
        """Edges of these kinds that start at a node, with the node at their end, by label.

        Args:
            uid: where they start.
            kinds: edge kinds.
        """
        if uid not in self._out_of:
            self._out_of[uid] = sorted(((e, self.node(e[2])) for e in self._out.get(uid, ())), key=_order)
        return [found for found in self._out_of[uid] if found[0][0] in kinds]

    def back(self, uid: str, *kinds: str) -> list[tuple[EdgeId, Node]]:
        """Edges of these kinds that end at a node, with the node they start at, by label.

        Args:
            uid: where they end.
            kinds: edge kinds.
        """
        if uid not in self._back_of:
            self._back_of[uid] = sorted(((e, self.node(e[1])) for e in self._back.get(uid, ())), key=_order)
        return [found for found in self._back_of[uid] if found[0][0] in kinds]

    def of(self, kind: str) -> list[Node]:
        """Every node of a kind other than Symbol, by label.

        Args:
            kind: one of NODES.
        """
        return self._kinds.get(kind, [])

    def symbols(self, repository: str, file: str) -> Mapping[str, Node]:
        """The symbols of a file on either side, by qualified name; the head's words first.

        Args:
            repository: repository name.
            file: repository-relative path.
        """
        if self._symbols is None:
            self._symbols = defaultdict(dict)
            for store in reversed(self.stores):
                for node in store.slice(("Symbol",), ()).nodes.values():
                    self._symbols[node.key[0], node.key[1]][node.key[2]] = node
                    if not self.has(node.uid):  # nothing is known to touch it, and it may change all the same
                        self._alone[node.uid] = node
        return self._symbols.get((repository, file), {})

    def sides(self, repository: str, files: frozenset[str]) -> list[list[Node]]:
        """The symbols of files at the head, and at the base.

        Args:
            repository: repository name.
            files: repository-relative paths.
        """
        where = {"repository": repository, "file": AnyOf(files)}
        return [list(store.find("Symbol", where, _EVERYTHING).nodes) for store in self.stores]

    def symbol(self, repository: str, file: str, name: str) -> Node | None:
        """A symbol by its natural key, on either side.

        Args:
            repository: repository name.
            file: repository-relative path.
            name: qualified name.
        """
        return self.symbols(repository, file).get(name)

    def open_ends(self, edge: str) -> Mapping[str, list[tuple[EdgeId, Node]]]:
        """What has a loose end of a kind, by the service it surely goes to, empty when nobody knows.

        Args:
            edge: kind of edge that is missing.
        """
        if edge not in self._open:
            found: dict[str, list[tuple[EdgeId, Node]]] = {}
            for loose in self.of("Unresolved"):
                if loose.props.get("edge") == edge:
                    found.setdefault(str(loose.props.get("service") or ""), []).extend(self.back(loose.uid, edge))
            self._open[edge] = found
        return self._open[edge]

    def services(self, uid: str) -> list[Node]:
        """The services that deploy a symbol or endpoint.

        Args:
            uid: node uid.
        """
        return [node for _, node in self.back(uid, "OWNS")]


def _order(found: tuple[EdgeId, Node]) -> tuple[str, str]:
    return found[1].label, found[0][0]
