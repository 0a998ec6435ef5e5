"""Node and edge kinds as data: constraints, upserts, clean-up, JSON Schema, docs, legend derive from here."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal, TypeAlias

from testmesh.kernel.ids import uid

VERSION = 1
Layer = Literal["code", "spec", "deploy", "runtime", "flow", "annotation"]
Status = Literal["resolved", "candidate", "unresolved"]
Json: TypeAlias = Any


@dataclass(frozen=True, slots=True)
class Prop:
    """A property of a node or edge kind.

    Args:
        about: description, shown in docs and legend.
        type: text, number, flag, texts or json.
        index: whether stores index it.
    """

    about: str
    type: str = "text"
    index: bool = False


@dataclass(frozen=True, slots=True)
class NodeKind:
    """A kind of node.

    Args:
        name: as in DESIGN §4.
        key: natural key parts, in order.
        props: further properties.
        about: one sentence.
    """

    name: str
    key: tuple[str, ...]
    props: Mapping[str, Prop]
    about: str


@dataclass(frozen=True, slots=True)
class EdgeKind:
    """A kind of edge.

    Args:
        name: as in DESIGN §4.
        sources: node kinds it may start at.
        targets: node kinds it may end at.
        props: further properties.
        about: one sentence.
    """

    name: str
    sources: tuple[str, ...]
    targets: tuple[str, ...]
    props: Mapping[str, Prop]
    about: str


def _node(name: str, key: str, about: str, /, **props: Prop) -> tuple[str, NodeKind]:
    return name, NodeKind(name, tuple(key.split()), props, about)


_SHOWN = Prop("Where a person can open it, file:line")

NODES: Mapping[str, NodeKind] = dict(
    (
        _node(
            "Service",
            "name",
            "A deployable unit.",
            root=Prop("Folder, repository-relative"),
            sort=Prop("business, gateway, frontend, infrastructure or job", index=True),
            repository=Prop("Repository it lives in", index=True),
            language=Prop("Main language"),
            hosts=Prop("Names it answers to", "texts"),
        ),
        _node(
            "Endpoint",
            "service protocol method path",
            "An operation a service offers.",
            operational=Prop("Health, metrics and the like", "flag"),
            statuses=Prop("Statuses the code or spec says it answers", "texts"),
            errors=Prop("Error statuses among them", "texts"),
            template=Prop("Path as written, with parameter names"),
            query=Prop("Query parameters it reads", "texts"),
            coded=Prop("What its code alone says: `status 200`, `query page`", "texts"),
            described=Prop("What its API description alone says: `status 200`, `query page`", "texts"),
        ),
        _node(
            "Topic",
            "broker name",
            "A Kafka topic, queue, stream, channel or subject.",
            alias=Prop("Other names in use", "texts"),
        ),
        _node("Store", "kind name", "A database, cache or bucket store."),
        _node(
            "Dataset",
            "store_kind store name",
            "A table, collection, key pattern or bucket.",
            columns=Prop("Columns or fields known", "texts"),
            declared=Prop("Columns that models and migrations declare", "texts"),
        ),
        _node(
            "Schema",
            "owner role",
            "The payload of an endpoint request or response, a topic or a dataset.",
            shape=Prop("Fields and types", "json"),
        ),
        _node(
            "Symbol",
            "repository file name",
            "A function, method or class.",
            sort=Prop("function, method, class, constant or module"),
            line=Prop("First line", "number"),
            end_line=Prop("Last line", "number"),
            digest=Prop("Hash of its tokens"),
            decorated=Prop("A decorator or annotation may register it", "flag"),
        ),
        _node(
            "Config",
            "service key",
            "An environment variable or configuration key a service reads.",
            value=Prop("Value in the default environment, never of a secret"),
        ),
        _node("Package", "ecosystem name", "A library a service depends on."),
        _node(
            "Flow",
            "repository file",
            "An integration test.",
            name=Prop("Flow name", index=True),
            tags=Prop("Tags", "texts"),
            suite=Prop("Suite"),
            files=Prop("Files it names", "texts"),
        ),
        _node(
            "Step",
            "repository file phase id",
            "A step of a flow.",
            action=Prop("Action"),
            checks=Prop("status, body, effect", "texts"),
            statuses=Prop("Statuses it asserts", "texts"),
            reads=Prop("Body fields it checks or uses", "texts"),
            line=Prop("Line in the flow file", "number"),
        ),
        _node("Environment", "name", "Where a system runs."),
        _node("External", "host", "A host outside the system."),
        _node(
            "Unresolved",
            "repository file line cause",
            "A loose end: a call, publish or access whose target could not be named.",
            reason=Prop("Why, for people"),
            annotation=Prop("testmesh.toml lines that settle it"),
            edge=Prop("Kind of edge that is missing"),
            settles=Prop("What the annotation is keyed by, e.g. PAYMENTS_URL", index=True),
            service=Prop("Service it surely goes to, when only the operation is unknown", index=True),
        ),
    )
)

_OBSERVED = ("OWNS", "CALLS", "PUBLISHES", "CONSUMES", "READS", "WRITES", "EXERCISES")
_ANY_ORIGIN = ("Symbol", "Endpoint", "Service")
_FIELDS = Prop("Payload fields", "json")
_READS = Prop("Response or message fields the source reads", "texts")
_SEEN: Mapping[str, Prop] = {
    "seen": Prop("How often spans showed it, at runtime", "number"),
    "first_seen": Prop("When it was first seen, by our clock"),
    "last_seen": Prop("When it was last seen, by our clock"),
    "environments": Prop("Where it was seen", "texts"),
    "runs": Prop("The latest runs that showed it", "texts"),
}
_EXPECTS = Prop("What the source takes the response or message to be: types and required fields", "json")


def _edge(
    name: str, sources: tuple[str, ...], targets: tuple[str, ...], about: str, **props: Prop
) -> tuple[str, EdgeKind]:
    return name, EdgeKind(name, sources, targets, {**props, **_SEEN} if name in _OBSERVED else props, about)


EDGES: Mapping[str, EdgeKind] = dict(
    (
        _edge("OWNS", ("Service",), ("Endpoint", "Symbol"), "A service deploys this."),
        _edge("HANDLED_BY", ("Endpoint", "Topic"), ("Symbol",), "The code behind an operation or subscription."),
        _edge(
            "CALLS",
            _ANY_ORIGIN,
            ("Symbol", "Endpoint", "External", "Unresolved"),
            "A call, in code or over the wire.",
            sends=_FIELDS,
            reads=_READS,
            expects=_EXPECTS,
            settles=Prop("What an annotation that settles a candidate is keyed by"),
            annotation=Prop("testmesh.toml lines that would settle a candidate"),
        ),
        _edge("PUBLISHES", _ANY_ORIGIN, ("Topic", "Unresolved"), "Sends messages.", sends=_FIELDS),
        _edge("CONSUMES", _ANY_ORIGIN, ("Topic", "Unresolved"), "Receives messages.", reads=_READS, expects=_EXPECTS),
        _edge(
            "READS",
            _ANY_ORIGIN,
            ("Dataset", "Unresolved"),
            "Reads stored data.",
            columns=Prop("Columns read", "texts"),
        ),
        _edge(
            "WRITES",
            _ANY_ORIGIN,
            ("Dataset", "Unresolved"),
            "Changes stored data.",
            columns=Prop("Columns written", "texts"),
        ),
        _edge("ROUTES_TO", ("Endpoint", "Service"), ("Endpoint", "Service"), "A gateway rule."),
        _edge("ACCEPTS", ("Endpoint",), ("Schema",), "Request payload."),
        _edge("RETURNS", ("Endpoint",), ("Schema",), "Response payload.", status=Prop("Status class or code")),
        _edge("CARRIES", ("Topic", "Dataset"), ("Schema",), "Message or row payload."),
        _edge("CONFIGURED_BY", ("Symbol", "Service"), ("Config", "Package"), "Depends on a value or library."),
        _edge("IMPORTS", ("Service", "Symbol"), ("Package",), "Uses a library."),
        _edge("CONTAINS", ("Flow", "Store"), ("Step", "Dataset"), "Part of."),
        _edge(
            "DEPENDS_ON",
            ("Service",),
            ("Service", "Store"),
            "Declared in deployment files; never evidence of a call.",
        ),
        _edge(
            "EXERCISES",
            ("Step",),
            ("Endpoint", "Topic", "Dataset", "Unresolved"),
            "A test touches it.",
            grade=Prop("referenced, executed or passed"),
            checks=Prop("status, body, effect", "texts"),
            statuses=Prop("Statuses asserted", "texts"),
            reads=_READS,
            mode=Prop("read or write"),
        ),
    )
)


@dataclass(frozen=True, slots=True, order=True)
class Evidence:
    """Where a claim comes from, one click away (DESIGN sentence 4).

    Args:
        layer: which kind of source.
        scanner: pack, manifest, language or rule that said so.
        file: repository-relative file, or empty.
        line: 1-based, 0 when not a file.
        repository: repository name, or empty.
        commit: 40 hex, `worktree`, or empty.
        pointer: JSON pointer, span id or run id, when that is the place.
    """

    layer: str
    scanner: str
    file: str = ""
    line: int = 0
    repository: str = ""
    commit: str = ""
    pointer: str = ""

    def place(self) -> str:
        """``file:line`` or the pointer, for people."""
        return f"{self.file}:{self.line}" if self.file else self.pointer


@dataclass(frozen=True, slots=True, order=True)
class Resolution:
    """How sure a link is, with its rule (DESIGN §3).

    Args:
        status: resolved, candidate or unresolved.
        rule: id of the linking rule.
        reason: one sentence for people.
    """

    status: Status = "resolved"
    rule: str = ""
    reason: str = ""


@dataclass(frozen=True, slots=True)
class Node:
    """A thing in the system.

    Args:
        kind: a key of NODES.
        key: natural key parts.
        uid: ``sha256(workspace | kind | key)``.
        props: further properties, JSON-shaped.
        evidence: sorted, at least one.
    """

    kind: str
    key: tuple[str, ...]
    uid: str
    props: Mapping[str, Json] = field(default_factory=dict)
    evidence: tuple[Evidence, ...] = ()

    @property
    def label(self) -> str:
        """What people see and type, e.g. ``orders:POST /api/v1/orders``."""
        return label(self.kind, self.key)


@dataclass(frozen=True, slots=True)
class Edge:
    """A directed link; its identity is (kind, source, target).

    Args:
        kind: a key of EDGES.
        source: uid of the source node.
        target: uid of the target node.
        props: further properties, JSON-shaped.
        evidence: sorted, at least one.
        resolution: status, rule, reason.
    """

    kind: str
    source: str
    target: str
    props: Mapping[str, Json] = field(default_factory=dict)
    evidence: tuple[Evidence, ...] = ()
    resolution: Resolution = Resolution()

    @property
    def id(self) -> tuple[str, str, str]:
        """(kind, source uid, target uid)."""
        return self.kind, self.source, self.target


@dataclass(frozen=True, slots=True)
class GraphData:
    """A whole graph or the part one bucket owns, as values.

    Args:
        nodes: by uid.
        edges: by (kind, source uid, target uid).
    """

    nodes: Mapping[str, Node] = field(default_factory=dict)
    edges: Mapping[tuple[str, str, str], Edge] = field(default_factory=dict)


def label(kind: str, key: tuple[str, ...]) -> str:
    """A node's name for people; unique within a kind.

    Args:
        kind: node kind.
        key: natural key parts.
    """
    make = _LABELS.get(kind)
    return make(key) if make else ":".join(part for part in key if part)


_LABELS: Mapping[str, Any] = {
    "Endpoint": lambda k: f"{k[0]}:{k[2]} {k[3]}" if k[1] == "http" else f"{k[0]}:{k[1]} {k[3]}",
    "Topic": lambda k: f"{k[0]}:{k[1]}",
    "Store": lambda k: f"{k[0]}:{k[1]}",
    "Dataset": lambda k: f"{k[1] or k[0]}/{k[2]}",
    "Symbol": lambda k: f"{k[1]}::{k[2]}" if k[2] else k[1],
    "Step": lambda k: f"{k[1]}#{k[3]}",
    "Flow": lambda k: k[1],
    "Unresolved": lambda k: f"{k[1]}:{k[2]} ({k[3]})",
}


def node(workspace: str, kind: str, key: tuple[str, ...], **extra: Any) -> Node:
    """A node with its uid computed.

    Args:
        workspace: workspace id.
        kind: node kind.
        key: natural key parts, as many as the kind has.
        extra: `props` and `evidence` of the node.

    Raises:
        ValueError: the key has the wrong number of parts.
    """
    if len(key) != len(NODES[kind].key):
        raise ValueError(f"{kind} key {key!r} needs {NODES[kind].key}")
    return Node(kind, key, uid(workspace, kind, key), **extra)
