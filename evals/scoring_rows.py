"""Rows to compare: read from a truth file, and derived from a graph (service views follow from symbols' owners)."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

from evals.scoring import Claim, Key, Truth, flagged, path_of, same
from graph.schema import Edge, GraphData, Node

Rows = Sequence[Mapping[str, Any]]
_EXCUSES = re.compile(
    r"neither way|doubtful|not wrong|not a mistake|left out on purpose|\baccept(ed)?\b", re.IGNORECASE
)
_DEFAULT_SCHEMA = re.compile(r"^(public|dbo)\.")


class TruthFile:
    """A truth file as rows.

    Args:
        data: its JSON.
    """

    def __init__(self, data: Mapping[str, Any]) -> None:
        self._data = data
        self.languages = {s["name"]: s.get("language") or "" for s in self._of("services")}
        self._kinds = {s["name"]: s.get("kind", "business") for s in self._of("services")}
        self._aliases: dict[str, list[str]] = defaultdict(list)
        for service in self._of("services"):
            self._aliases[service["name"]] = [service["name"], *service.get("aliases", ())]
        self._known: dict[str, list[Key]] = {}
        self._variants = {s["name"] for s in self._of("services") if flagged(s)}

    def _of(self, name: str) -> Rows:
        rows: Rows = self._data.get(name, [])
        return rows

    def infrastructure(self, service: str) -> bool:
        """Whether a service is infrastructure.

        Args:
            service: its name.
        """
        return bool(self._kinds.get(service) == "infrastructure")

    def names(self, service: str) -> Sequence[str]:
        """The names a service is known by.

        Args:
            service: its name in the truth file.
        """
        return self._aliases.get(service) or [service]

    def _truth(self, row: Mapping[str, Any], keys: Iterable[Key], owner: str, infrastructure: bool) -> Truth:
        place = f"{row.get('file', '')}:{row.get('line', '')}"
        neutral = flagged(row) or owner in self._variants
        return Truth(tuple(keys), self.languages.get(owner, ""), infrastructure, neutral, place)

    def services(self) -> list[Truth]:
        """Services by name or alias."""
        return [
            self._truth(s, [(name,) for name in self.names(s["name"])], s["name"], self.infrastructure(s["name"]))
            for s in self._of("services")
        ]

    def endpoints(self) -> list[Truth]:
        """(service, protocol, method, path)."""
        made = []
        for row in self._of("endpoints"):
            path = path_of(row["path"])
            keys = [(name, row["protocol"], _method(row), path) for name in self.names(row["service"])]
            operational = row.get("kind") == "operational" or self.infrastructure(row["service"])
            made.append(self._truth(row, keys, row["service"], operational))
        return made

    def endpoint_edges(self) -> list[Truth]:
        """(from, to, protocol, method, path)."""
        made = []
        for row in self._of("calls"):
            pairs = [(a, b) for a in self.names(row["from"]) for b in self.names(row["to"])]
            keys = [(*pair, row["protocol"], _method(row), path_of(row["path"])) for pair in pairs]
            made.append(self._truth(row, keys, row["from"], self.infrastructure(row["to"])))
        return made

    def service_edges(self) -> list[Truth]:
        """(from, to), neutral only when every call between them is."""
        groups: dict[Key, list[Truth]] = defaultdict(list)
        for row, truth in zip(self._of("calls"), self.endpoint_edges(), strict=True):
            groups[row["from"], row["to"]].append(truth)
        made = []
        for (source, target), truths in groups.items():
            keys = tuple((a, b) for a in self.names(source) for b in self.names(target))
            first = next((t for t in truths if not t.neutral), truths[0])
            made.append(Truth(keys, first.language, first.infrastructure, first.neutral, first.place))
        return made

    def topics(self, name: str) -> list[Truth]:
        """(service, broker, topic); an exchange or an alternative name is the topic, too.

        Args:
            name: publishes or consumes.
        """
        made = []
        for row in self._of(name):
            topics = [row["topic"], *_texts(row.get("also")), *_texts(row.get("aliases")), *_texts(row.get("exchange"))]
            keys = [(s, row["broker"], topic) for topic in topics for s in self.names(row["service"])]
            made.append(self._truth(row, keys, row["service"], False))
        return made

    def datasets(self) -> list[Truth]:
        """(service, dataset, mode)."""
        made = []
        for row in self._of("accesses"):
            names = [row["dataset"], *_texts(row.get("aliases"))]
            keys = [(s, dataset_name(n), row["mode"]) for n in names for s in self.names(row["service"])]
            made.append(self._truth(row, keys, row["service"], False))
        return made

    def known(self, category: str, key: Key) -> bool:
        """Whether a claim is one of the truth's rows that count.

        Args:
            category: endpoint_edges, publishes, consumes or datasets.
            key: of the claim.
        """
        if category not in self._known:
            rows = self.endpoint_edges() if category == "endpoint_edges" else self._others(category)
            self._known[category] = [k for row in rows if not row.neutral for k in row.keys]
        return any(same(key, other) for other in self._known[category])

    def _others(self, category: str) -> list[Truth]:
        return self.datasets() if category == "datasets" else self.topics(category)

    def excuses(self) -> Callable[[Key], bool]:
        """Whether a note makes a claim neutral: the note names every part of it that is a name."""
        notes = [str(note) for note in self._data.get("notes", []) if _EXCUSES.search(str(note))]
        routed = {(r["gateway"], r["to"]) for r in self._of("routes")}
        gateways: set[Key] = {
            (c["from"], g) for c in self._of("calls") for g, _ in routed if g in str(c.get("via", ""))
        }

        ruled = {(str(r["gateway"]), path_of(str(r["path"]))) for r in self._of("routes")}
        stores = {(str(s[part]),) for s in self._of("stores") for part in ("name", "instance") if part in s}

        def excused(key: Key) -> bool:
            if key in stores or (len(key) == 4 and (key[0], key[3]) in ruled):
                return True
            if len(key) == 2 and (key in routed or key in gateways):
                return True
            table = len(key) == 3 and key[2] in ("read", "write") and "_" in key[1]
            names = key[1:2] if table else key
            words = [w for w in names if w and w not in ("http", "grpc", "read", "write") and not w.isupper()]
            return any(all(_mentions(note, word) for word in words) for note in notes)

        return excused


def _mentions(note: str, word: str) -> bool:
    return re.search(rf"(?<![\w-]){re.escape(word)}(?![\w-])", note) is not None


def _method(row: Mapping[str, Any]) -> str:
    method = str(row.get("method", "ANY"))
    return method if row.get("protocol") == "grpc" else method.upper()


def _texts(value: Any) -> list[str]:
    if isinstance(value, str):
        return [value]
    return [v for v in value if isinstance(v, str)] if isinstance(value, list) else []


def dataset_name(name: str) -> str:
    """A dataset's name as compared: without case and schema prefix, ``{}`` for every part of a key.

    Args:
        name: as written.
    """
    bare = _DEFAULT_SCHEMA.sub("", name.lower())
    bare = re.sub(r"\{[^}]*\}", "{}", bare)
    return bare if ":" in bare or "{" in bare else bare.rpartition(".")[2]


class Claims:
    """What a graph says, as rows.

    Args:
        data: the graph.
        truth: for languages and kinds of services it knows.
    """

    def __init__(self, data: GraphData, truth: TruthFile) -> None:
        self._data = data
        self._truth = truth
        self._owners: dict[str, list[str]] = defaultdict(list)
        for edge in data.edges.values():
            if edge.kind == "OWNS":
                self._owners[edge.target].append(data.nodes[edge.source].key[0])
        self._services = {n.key[0]: n for n in data.nodes.values() if n.kind == "Service"}

    def _language(self, service: str) -> str:
        node = self._services.get(service)
        known = self._truth.languages.get(service)
        return known or str(node.props.get("language", "") if node else "")

    def _infrastructure(self, service: str) -> bool:
        node = self._services.get(service)
        return self._truth.infrastructure(service) or bool(node and node.props.get("sort") == "infrastructure")

    def services(self) -> list[Claim]:
        """Services by name."""
        return [
            Claim((name,), self._language(name), self._infrastructure(name), _place(node))
            for name, node in sorted(self._services.items())
        ]

    def endpoints(self) -> list[Claim]:
        """(service, protocol, method, path) of what is surely offered; gateway rules are routes, not operations."""
        made = []
        sure = {e.target for e in self._data.edges.values() if e.kind == "OWNS" and e.resolution.status == "resolved"}
        rules = {
            e.target for e in self._data.edges.values() if e.kind == "OWNS" and e.resolution.rule == "gateway rule"
        }
        for node in sorted(self._data.nodes.values(), key=lambda n: n.label):
            if node.kind == "Endpoint" and node.uid in sure and node.uid not in rules:
                service, protocol, method, path = node.key
                aside = bool(node.props.get("operational")) or self._infrastructure(service)
                made.append(Claim((service, protocol, method, path), self._language(service), aside, _place(node)))
        return made

    def _calls(self) -> Iterable[tuple[str, Edge]]:
        for edge in self._data.edges.values():
            source = self._data.nodes[edge.source]
            if edge.kind == "CALLS":
                for service in [source.key[0]] if source.kind == "Service" else self._owners.get(edge.source, ()):
                    yield service, edge

    def endpoint_edges(self, *, resolved: bool = False) -> list[Claim]:
        """(from, to, protocol, method, path).

        Args:
            resolved: only certain ones.
        """
        made: dict[Key, Claim] = {}
        for service, edge in self._calls():
            target = self._data.nodes[edge.target]
            if target.kind != "Endpoint" or target.key[0] == service:
                continue
            if resolved and edge.resolution.status != "resolved":
                continue
            key = (service, *target.key)
            made[key] = Claim(key, self._language(service), self._infrastructure(target.key[0]), _place(edge))
        return [made[key] for key in sorted(made)]

    def service_edges(self) -> list[Claim]:
        """(from, to), requests whose operation is unknown but whose service is certain included."""
        made = {c.key[:2]: Claim(c.key[:2], c.language, c.infrastructure, c.place) for c in self.endpoint_edges()}
        for service, edge in self._calls():
            to = str(self._data.nodes[edge.target].props.get("service", ""))
            if to and to != service:
                claim = Claim((service, to), self._language(service), self._infrastructure(to), _place(edge))
                made.setdefault((service, to), claim)
        return [made[key] for key in sorted(made)]

    def topics(self, kind: str) -> list[Claim]:
        """(service, broker, topic).

        Args:
            kind: PUBLISHES or CONSUMES.
        """
        return self._touching(kind, "Topic", lambda node: node.key)

    def datasets(self) -> list[Claim]:
        """(service, dataset, mode)."""
        made = []
        for kind, mode in (("READS", "read"), ("WRITES", "write")):
            made += self._touching(kind, "Dataset", lambda node, mode=mode: (dataset_name(node.key[2]), mode))  # type: ignore[misc]
        return made

    def _acting(self, edge: Edge) -> Sequence[str]:
        source = self._data.nodes[edge.source]
        return [source.key[0]] if source.kind == "Service" else self._owners.get(edge.source, ())

    def _touching(self, kind: str, target_kind: str, key_of: Callable[[Node], Key]) -> list[Claim]:
        made: dict[Key, Claim] = {}
        for edge in self._data.edges.values():
            target = self._data.nodes[edge.target]
            if edge.kind == kind and target.kind == target_kind:
                for service in self._acting(edge):
                    key = (service, *key_of(target))
                    made.setdefault(key, Claim(key, self._language(service), False, _place(edge)))
        return [made[key] for key in sorted(made)]

    def ruled(self) -> Iterable[tuple[str, Key, str]]:
        """Category, key and linking rule of every claimed link; a rule is named without what was read on the way."""
        touching: dict[str, tuple[str, Callable[[Node], Key]]] = {
            "PUBLISHES": ("publishes", lambda node: node.key),
            "CONSUMES": ("consumes", lambda node: node.key),
            "READS": ("datasets", lambda node: (dataset_name(node.key[2]), "read")),
            "WRITES": ("datasets", lambda node: (dataset_name(node.key[2]), "write")),
        }
        made: dict[tuple[str, Key, str], None] = {}
        for service, edge in self._calls():
            target = self._data.nodes[edge.target]
            if target.kind == "Endpoint" and target.key[0] != service:
                made["endpoint_edges", (service, *target.key), _rule(edge)] = None
        for edge in self._data.edges.values():
            target = self._data.nodes[edge.target]
            if edge.kind in touching and target.kind in ("Topic", "Dataset"):
                category, key_of = touching[edge.kind]
                for service in self._acting(edge):
                    made[category, (service, *key_of(target)), _rule(edge)] = None
        return sorted(made)

    def business(self) -> Mapping[str, bool]:
        """Every service, and whether it has code of its own that does business."""
        owning = {service for services in self._owners.values() for service in services}
        return {name: name in owning and not self._infrastructure(name) for name in sorted(self._services)}

    def open_causes(self) -> Mapping[str, set[str]]:
        """For each service, what annotations would have to settle: causes of loose ends and of guesses."""
        found: dict[str, set[str]] = defaultdict(set)
        for edge in self._data.edges.values():
            target = self._data.nodes[edge.target]
            settles = str(edge.props.get("settles") or target.props.get("settles") or "")
            if target.kind == "Unresolved":
                settles = settles or target.key[3]
            elif edge.resolution.status != "candidate" or not settles:
                continue
            for service in self._owners.get(edge.source, ()):
                found[service].add(settles)
        return found


def _rule(edge: Edge) -> str:
    return edge.resolution.rule.partition("+")[0]


def _place(thing: Node | Edge) -> str:
    return thing.evidence[0].place() if thing.evidence else ""
