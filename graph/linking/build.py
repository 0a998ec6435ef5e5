"""Nodes and edges under construction: what several facts say about one thing is merged, in a fixed order."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TypeAlias

from graph.schema import EDGES, NODES, Edge, Evidence, GraphData, Json, Node, Resolution
from graph.values import Field, Shape, decode_shape, encode_shape
from testmesh.kernel.ids import uid

NodeKey: TypeAlias = tuple[str, tuple[str, ...]]
_RANK = {"resolved": 0, "candidate": 1, "unresolved": 2}
_MAX_EVIDENCE = 50
_CERTAIN = Resolution()


_NO_PROPS: dict[str, Json] = {}


@dataclass(slots=True)
class _Draft:
    """Most have one place and no properties: those cost no containers of their own."""

    props: dict[str, Json] = field(default_factory=lambda: _NO_PROPS)
    evidence: set[Evidence] | tuple[Evidence, ...] = ()
    resolution: Resolution = _CERTAIN

    def seen(self, evidence: Sequence[Evidence]) -> None:
        """Add places.

        Args:
            evidence: where it is said.
        """
        if isinstance(self.evidence, set):
            self.evidence.update(evidence)
        elif not self.evidence and len(evidence) == 1:
            self.evidence = (evidence[0],)
        elif evidence and tuple(evidence) != self.evidence:
            self.evidence = {*self.evidence, *evidence}

    def say(self, name: str, value: Json) -> None:
        """Merge a property.

        Args:
            name: of the property.
            value: what is said, None and empty texts say nothing.
        """
        if self.props is _NO_PROPS:
            if value is None or value == "":
                return
            self.props = {}
        _merge(self.props, name, value)


class GraphBuilder:
    """Collects nodes and edges by natural key.

    Args:
        workspace: workspace id, part of every uid.
    """

    def __init__(self, workspace: str) -> None:
        self.workspace = workspace
        self.nodes: dict[NodeKey, _Draft] = {}
        self.edges: dict[tuple[str, NodeKey, NodeKey], _Draft] = {}
        self._unknown: dict[tuple[str, NodeKey, NodeKey], set[str]] = {}

    def node(
        self, kind: str, key: tuple[str, ...], evidence: Sequence[Evidence], props: Mapping[str, Json] | None = None
    ) -> NodeKey:
        """Add to a node; text set first wins, lists are united.

        Args:
            kind: node kind.
            key: natural key.
            evidence: at least one.
            props: properties, None values skipped.

        Raises:
            ValueError: the key has the wrong number of parts.
        """
        if len(key) != len(NODES[kind].key):
            raise ValueError(f"{kind} key {key!r} needs {NODES[kind].key}")
        draft = self.nodes.get((kind, key))
        if draft is None:
            draft = self.nodes[kind, key] = _Draft()
        draft.seen(evidence)
        for name, value in (props or {}).items():
            draft.say(name, value)
        return kind, key

    def edge(
        self,
        kind: str,
        ends: tuple[NodeKey, NodeKey],
        resolution: Resolution,
        evidence: Sequence[Evidence],
        props: Mapping[str, Json] | None = None,
    ) -> None:
        """Add to an edge; the surest resolution wins, list properties are united.

        A property given as None means *not known*: it removes what others said, for an unknown reader may read it all.

        Args:
            kind: edge kind.
            ends: source and target, both added as nodes.
            resolution: how sure.
            evidence: at least one.
            props: properties.

        Raises:
            ValueError: the kind does not join these kinds of node.
        """
        source, target = ends
        allowed = EDGES[kind]
        if source[0] not in allowed.sources or target[0] not in allowed.targets:
            raise ValueError(f"{kind} does not join {source[0]} to {target[0]}")
        key = (kind, source, target)
        draft = self.edges.get(key)
        if draft is None:
            draft = self.edges[key] = _Draft(resolution=resolution)
        elif _order(resolution) < _order(draft.resolution):
            draft.resolution = resolution
        draft.seen(evidence)
        for name, value in (props or {}).items():
            if value is None:
                self._unknown.setdefault(key, set()).add(name)
            else:
                draft.say(name, value)

    def drop_edge(self, kind: str, source: NodeKey, target: NodeKey) -> None:
        """Forget an edge a person declared wrong.

        Args:
            kind: edge kind.
            source: its start.
            target: its end.
        """
        self.edges.pop((kind, source, target), None)

    def data(self) -> GraphData:
        """Everything collected, sorted by uid, with evidence sorted."""
        uids = {key: uid(self.workspace, *key) for key in self.nodes}
        nodes = {
            uids[key]: Node(key[0], key[1], uids[key], _frozen(draft.props, set()), _first(draft.evidence))
            for key, draft in self.nodes.items()
        }
        edges: dict[tuple[str, str, str], Edge] = {}
        for key, draft in self.edges.items():
            kind, source, target = key
            ident = (kind, uids[source], uids[target])
            props = _frozen(draft.props, self._unknown.get(key, set()))
            edges[ident] = Edge(*ident, props, _first(draft.evidence), draft.resolution)
        return GraphData(dict(sorted(nodes.items())), dict(sorted(edges.items())))


def _order(resolution: Resolution) -> tuple[int, str, str]:
    return _RANK[resolution.status], resolution.rule, resolution.reason


def _first(evidence: set[Evidence] | tuple[Evidence, ...]) -> tuple[Evidence, ...]:
    return evidence if isinstance(evidence, tuple) else tuple(sorted(evidence))[:_MAX_EVIDENCE]


def _frozen(props: Mapping[str, Json], unknown: set[str]) -> dict[str, Json]:
    return {
        name: sorted(value) if isinstance(value, set) else value
        for name, value in sorted(props.items())
        if name not in unknown
    }


def _merge(props: dict[str, Json], name: str, value: Json) -> None:
    if value is None or value == "":
        return
    if isinstance(value, list | tuple | set | frozenset):
        props[name] = set(props.get(name, ())) | set(value)
    elif isinstance(value, dict) and isinstance(props.get(name), dict):
        props[name] = encode_shape(united(decode_shape(props[name]), decode_shape(value)))
    elif isinstance(value, bool):
        props[name] = bool(props.get(name, False)) or value
    elif name not in props:
        props[name] = value


def united(one: Shape, other: Shape) -> Shape:
    """A shape that describes payloads of both: fields united, required only when required in both.

    Args:
        one: a shape.
        other: another of the same place.
    """
    if one == other:
        return one
    if one.type == "unknown":
        return other
    if other.type == "unknown":
        return one
    names = [f.name for f in one.fields] + [f.name for f in other.fields if one.field(f.name) is None]
    fields = tuple(_united_field(name, one.field(name), other.field(name)) for name in names)
    item = one.item if other.item is None else other.item if one.item is None else united(one.item, other.item)
    kind = one.type if one.type == other.type else "unknown"
    return Shape(kind, fields, item, one.open or other.open, one.named or other.named)


def _united_field(name: str, one: Field | None, other: Field | None) -> Field:
    if one is None or other is None:
        present = one or other
        assert present is not None
        return Field(name, present.shape, False if present.required is not None else None, present.enum)
    required = one.required if one.required == other.required else None
    enum = one.enum + tuple(e for e in other.enum if e not in one.enum) if one.enum and other.enum else ()
    return Field(name, united(one.shape, other.shape), required, enum)
