"""What the graph knows already, by the names spans use, and the few things spans may say that it does not."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from functools import cached_property
from typing import TypeVar

from graph.linking.paths import fit, template
from graph.schema import Evidence, GraphData, Node, node
from testmesh.kernel.workspace import LOCAL
from testmesh.telemetry.conventions import HttpOperation, MessageOperation, service_hosts
from testmesh.telemetry.databases import Access, DataOperation

SCANNER = "otlp"
_SAME = {"postgresql": "postgres", "valkey": "redis", "mariadb": "mysql"}
_ANY_BROKER = ("", "unknown")
_MOST_CACHED = 50_000

K = TypeVar("K")
V = TypeVar("V")


class Known:
    """The nodes observation may link, by the names spans use.

    What only earlier observation said is not known: else a second look would judge by what the first one made up.

    Args:
        data: services, endpoints, topics, datasets, flows' steps and their links.
        workspace: id of whose graph it is; nodes that are new get their uid in it.
    """

    def __init__(self, data: GraphData, workspace: str = LOCAL.id) -> None:
        self.data = data
        self.workspace = workspace
        self._by_kind: dict[str, list[Node]] = defaultdict(list)
        for one in data.nodes.values():
            if not one.evidence or any(e.layer != "runtime" for e in one.evidence):
                self._by_kind[one.kind].append(one)
        self._endpoint_of: dict[tuple[str, str, str, str], tuple[Node, ...]] = {}
        self._dataset_of: dict[tuple[str, str, Access, str], tuple[Node, ...]] = {}
        self._topic_of: dict[MessageOperation, tuple[Node, ...]] = {}

    @cached_property
    def _services(self) -> dict[str, Node]:
        found: dict[str, Node] = {}
        for one in self._by_kind["Service"]:
            for name in (*one.props.get("hosts", ()), one.key[0].rpartition("/")[2]):
                found.setdefault(str(name).lower(), one)
        return found | {one.key[0].lower(): one for one in self._by_kind["Service"]}

    @cached_property
    def _endpoints(self) -> dict[str, list[Node]]:
        found: dict[str, list[Node]] = defaultdict(list)
        for one in self._by_kind["Endpoint"]:
            found[one.key[0]].append(one)
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
        for name in service_hosts(host):
            found = (self.service(f"{name}:{port}") if port else None) or self.service(name)
            if found is not None:
                return found
        return None

    def endpoint(self, service: Node, operation: HttpOperation) -> Node | None:
        """The endpoint an operation reached: the best fitting one, None when none or several fit equally.

        Args:
            service: whose.
            operation: with a path or a route.
        """
        for written in (operation.path, operation.route):
            if written:
                found = self._fitting(service, operation, written)
                if len(found) == 1:
                    return found[0]
        return None

    def _fitting(self, service: Node, operation: HttpOperation, written: str) -> tuple[Node, ...]:
        path = written if operation.protocol == "grpc" else template(written)
        key = (service.key[0], operation.protocol, operation.method, path)
        found = self._endpoint_of.get(key)
        if found is None:
            fitting = self._rpc(*key) if operation.protocol == "grpc" else self._http(*key)
            found = _remember(self._endpoint_of, key, tuple(fitting))
        return found

    def _http(self, service: str, protocol: str, method: str, path: str) -> list[Node]:
        ranked = []
        for one in self._endpoints.get(service, ()):
            _, offered_protocol, offered, offered_path = one.key
            if offered_protocol == protocol and offered in (method, "ANY"):
                how = fit(path, offered_path)
                if how is not None:
                    ranked.append(((how, offered == method), one))
        best = max((rank for rank, _ in ranked), default=None)
        return [one for rank, one in ranked if rank == best]

    def _rpc(self, service: str, protocol: str, method: str, path: str) -> list[Node]:
        offered = [one for one in self._endpoints.get(service, ()) if one.key[1] == protocol]
        exact = [one for one in offered if one.key[3] == path]
        return exact or [one for one in offered if _bare(one.key[3]) == _bare(path)]

    def topics(self, operation: MessageOperation) -> tuple[Node, ...]:
        """The topics of that name; those of that broker when several brokers have one.

        Args:
            operation: of a producer or consumer.
        """
        found = self._topic_of.get(operation)
        if found is None:
            found = _remember(self._topic_of, operation, tuple(self._topics(operation)))
        return found

    def _topics(self, operation: MessageOperation) -> list[Node]:
        for name in (operation.destination, *operation.others):
            named = [n for n in self._by_kind["Topic"] if name in (n.key[1], *n.props.get("alias", ()))]
            exact = [n for n in named if n.key[0].partition("@")[0] == operation.broker]
            found = exact or [n for n in named if n.key[0].partition("@")[0] in _ANY_BROKER]
            if found:
                return found
        return []

    def datasets(self, operation: DataOperation, access: Access, service: Node | None) -> tuple[Node, ...]:
        """The datasets an access may have touched; the service's own when several stores have one of that name.

        Args:
            operation: which store.
            access: which name in it.
            service: who accessed it.
        """
        key = (operation.store, operation.database, access, service.uid if service is not None else "")
        found = self._dataset_of.get(key)
        if found is None:
            found = _remember(self._dataset_of, key, tuple(self._datasets(operation, access, service)))
        return found

    def _datasets(self, operation: DataOperation, access: Access, service: Node | None) -> list[Node]:
        kind = _SAME.get(operation.store, operation.store)
        found = [n for n in self._by_kind["Dataset"] if _names(n, access) and _kind_fits(n.key[0], kind)]
        if len(found) > 1:
            stored = [n for n in found if operation.database and n.key[1] == operation.database]
            found = stored or [n for n in found if service is not None and n.uid in self._touched[service.uid]] or found
        return found

    def home(self, operation: DataOperation) -> tuple[str, str]:
        """Kind and name of the store an access went to, spelt as the graph spells them where it knows only one.

        Args:
            operation: which store.
        """
        kind = _SAME.get(operation.store, operation.store)
        homes = {n.key[:2] for n in self._by_kind["Dataset"] if n.key[0] and _SAME.get(n.key[0], n.key[0]) == kind}
        named = {home for home in homes if home[1] == operation.database}
        found = sorted(named or homes)
        if len(found) == 1:
            return found[0][0], found[0][1]
        return (found[0][0] if found else operation.store), operation.database

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
        return only(self._steps.get((phase, step_id, file), ()))

    @cached_property
    def _steps(self) -> dict[tuple[str, str, str], list[Node]]:
        found: dict[tuple[str, str, str], list[Node]] = defaultdict(list)
        for one in self._by_kind["Step"]:
            _, file, phase, step_id = one.key
            found[phase, step_id, file].append(one)
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
            reached = self.data.nodes[target]
            said = not edge.evidence or any(e.layer != "runtime" for e in edge.evidence)
            if kind == "EXERCISES" and said and edge.resolution.status == "resolved" and reached.kind != "Unresolved":
                found[source].append(reached)
        return found

    def new(self, kind: str, *key: str) -> Node:
        """A node that only spans know of.

        Args:
            kind: of the schema.
            key: its natural key.
        """
        return node(self.workspace, kind, key, evidence=(Evidence("runtime", SCANNER, pointer=" ".join(key)),))


def _remember(cache: dict[K, V], key: K, found: V) -> V:
    if len(cache) < _MOST_CACHED:
        cache[key] = found
    return found


def only(found: Iterable[Node]) -> Node | None:
    """The one node, None when there is none or there are several.

    Args:
        found: candidates.
    """
    nodes = list(found)
    return nodes[0] if len(nodes) == 1 else None


def _bare(path: str) -> tuple[str, str]:
    """Simple service name and method of ``package.Service/Method``."""
    service, _, method = path.rpartition("/")
    return service.rpartition(".")[2], method


def _names(one: Node, access: Access) -> bool:
    name = one.key[2]
    if name.lower() in (access.name.lower(), f"{access.schema}.{access.name}".lower()):
        return True
    return "{}" in name and fit(access.name.replace(":", "/"), name.replace(":", "/")) is not None


def _kind_fits(known: str, said: str) -> bool:
    plain = _SAME.get(known.lower(), known.lower())
    return plain in (said, "", "sql")
