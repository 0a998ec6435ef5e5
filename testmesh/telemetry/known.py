"""What the graph knows already, by the names spans use: observation adds links and never guesses nodes."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from functools import cached_property

from graph.linking.paths import fit, template
from graph.schema import GraphData, Node
from testmesh.telemetry.conventions import Access, DataOperation, HttpOperation, MessageOperation

_SAME = {"postgresql": "postgres", "valkey": "redis", "mariadb": "mysql"}


class Known:
    """The nodes observation may link, by the names spans use.

    Args:
        data: services, endpoints, topics, datasets, flows' steps and their links.
    """

    def __init__(self, data: GraphData) -> None:
        self.data = data
        self._by_kind: dict[str, list[Node]] = defaultdict(list)
        for node in data.nodes.values():
            self._by_kind[node.kind].append(node)

    @cached_property
    def _services(self) -> dict[str, Node]:
        found: dict[str, Node] = {}
        for node in self._by_kind["Service"]:
            for name in (*node.props.get("hosts", ()), node.key[0].rpartition("/")[2]):
                found.setdefault(str(name).lower(), node)
        return found | {node.key[0].lower(): node for node in self._by_kind["Service"]}

    @cached_property
    def _endpoints(self) -> dict[str, list[Node]]:
        found: dict[str, list[Node]] = defaultdict(list)
        for node in self._by_kind["Endpoint"]:
            found[node.key[0]].append(node)
        return found

    def service(self, name: str) -> Node | None:
        """The service of a `service.name`, or of a host it answers to.

        Args:
            name: as the span says.
        """
        return self._services.get(name.lower())

    def addressed(self, host: str, port: int) -> Node | None:
        """The service behind a host, when it is known by that name.

        Args:
            host: name or address.
            port: 0 when unknown.
        """
        return (self.service(f"{host}:{port}") if port else None) or self.service(host)

    def endpoint(self, service: Node, operation: HttpOperation) -> Node | None:
        """The endpoint an operation reached: the best fitting one, None when none or several fit equally.

        Args:
            service: whose.
            operation: with a path or a route.
        """
        for written in (operation.path, operation.route):
            if written:
                found = self._fitting(service, operation.method, template(written))
                if len(found) == 1:
                    return found[0]
        return None

    def _fitting(self, service: Node, method: str, path: str) -> list[Node]:
        ranked = []
        for node in self._endpoints.get(service.key[0], ()):
            _, protocol, offered, offered_path = node.key
            if protocol == "http" and offered in (method, "ANY"):
                how = fit(path, offered_path)
                if how is not None:
                    ranked.append(((how, offered == method), node))
        best = max((rank for rank, _ in ranked), default=None)
        return [node for rank, node in ranked if rank == best]

    def topic(self, operation: MessageOperation) -> Node | None:
        """The topic of that name; of that broker when several brokers have one.

        Args:
            operation: of a producer or consumer.
        """
        named = [n for n in self._by_kind["Topic"] if operation.destination in (n.key[1], *n.props.get("alias", ()))]
        exact = [n for n in named if n.key[0] == operation.broker]
        return _only(exact or named)

    def dataset(self, operation: DataOperation, access: Access, service: Node | None) -> Node | None:
        """The dataset an access touched; the service's own when several stores have one of that name.

        Args:
            operation: which store.
            access: which name in it.
            service: who accessed it.
        """
        kind = _SAME.get(operation.store, operation.store)
        found = [n for n in self._by_kind["Dataset"] if _names(n, access) and _kind_fits(n.key[0], kind)]
        if len(found) > 1:
            stored = [n for n in found if operation.database and n.key[1] == operation.database]
            found = stored or [n for n in found if service is not None and n.uid in self._touched[service.uid]] or found
        return _only(found)

    @cached_property
    def _touched(self) -> dict[str, set[str]]:
        """Datasets by the service that the code says accesses them."""
        owners: dict[str, set[str]] = defaultdict(set)
        for kind, source, target in self.data.edges:
            if kind == "OWNS":
                owners[target].add(source)
        found: dict[str, set[str]] = defaultdict(set)
        for kind, source, target in self.data.edges:
            if kind in ("READS", "WRITES"):
                for owner in owners.get(source, {source}):
                    found[owner].add(target)
        return found

    def step(self, file: str, phase: str, step_id: str) -> Node | None:
        """The step of a flow.

        Args:
            file: as the run names it.
            phase: setup, steps or teardown.
            step_id: its id.
        """
        return _only(self._steps.get((phase, step_id, file), ()))

    @cached_property
    def _steps(self) -> dict[tuple[str, str, str], list[Node]]:
        found: dict[tuple[str, str, str], list[Node]] = defaultdict(list)
        for node in self._by_kind["Step"]:
            _, file, phase, step_id = node.key
            found[phase, step_id, file].append(node)
        return found

    def exercised(self, step: Node) -> list[Node]:
        """What the step's own configuration names for certain.

        Args:
            step: a known step.
        """
        return self._exercises[step.uid]

    @cached_property
    def _exercises(self) -> dict[str, list[Node]]:
        found: dict[str, list[Node]] = defaultdict(list)
        for (kind, source, target), edge in self.data.edges.items():
            node = self.data.nodes[target]
            if kind == "EXERCISES" and edge.resolution.status == "resolved" and node.kind != "Unresolved":
                found[source].append(node)
        return found


def _only(found: Iterable[Node]) -> Node | None:
    nodes = list(found)
    return nodes[0] if len(nodes) == 1 else None


def _names(node: Node, access: Access) -> bool:
    name = node.key[2]
    if name.lower() in (access.name.lower(), f"{access.schema}.{access.name}".lower()):
        return True
    return "{}" in name and fit(access.name.replace(":", "/"), name.replace(":", "/")) is not None


def _kind_fits(known: str, said: str) -> bool:
    plain = _SAME.get(known.lower(), known.lower())
    return plain in (said, "", "sql")
