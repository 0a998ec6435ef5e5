"""The protocol every graph engine speaks, set at a time."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from typing import Literal, Protocol

from graph.schema import Edge, GraphData, Json, Node

Direction = Literal["out", "in", "both"]


@dataclass(frozen=True, slots=True, order=True)
class Bucket:
    """Who owns what it said last time; a replace touches exactly this (DESIGN §3).

    Args:
        scanner: `links`, `flows`, `runtime`, `annotations`, ...
        repository: repository name, or environment for runtime.
        root: folder, or day for runtime.
    """

    scanner: str
    repository: str = ""
    root: str = ""

    @property
    def name(self) -> str:
        """Stable text form."""
        return f"{self.scanner}|{self.repository}|{self.root}"


@dataclass(frozen=True, slots=True)
class Pattern:
    """Which edges a traversal follows.

    Args:
        edges: edge kinds to their direction; an empty mapping follows every kind in direction `both`.
        stop_at: node kinds whose edges are not followed further.
    """

    edges: Mapping[str, Direction] = field(default_factory=dict)
    stop_at: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class AnyOf:
    """A condition of `find` that several values satisfy.

    Args:
        values: scalars, any of which matches.
    """

    values: frozenset[str | int | float | bool]


@dataclass(frozen=True, slots=True)
class Page:
    """A slice of a listing, ordered by uid.

    Args:
        after: uid to start behind, empty for the first page.
        limit: most rows.
    """

    after: str = ""
    limit: int = 1000


FIRST_PAGE = Page()


@dataclass(frozen=True, slots=True)
class Found:
    """A page of nodes.

    Args:
        nodes: ordered by uid.
        next: `after` of the next page, or None at the end.
    """

    nodes: tuple[Node, ...]
    next: str | None


@dataclass(frozen=True, slots=True)
class Subgraph:
    """What a traversal reached.

    Args:
        nodes: by uid, the starts included.
        edges: by id; both ends are in `nodes`.
        truncated: the limit cut it; conclusions from absence are not allowed.
    """

    nodes: Mapping[str, Node]
    edges: Mapping[tuple[str, str, str], Edge]
    truncated: bool = False


class VersionConflict(Exception):
    """The graph moved on since the caller read it; read again and retry."""


class GraphStore(Protocol):
    """One workspace's graph. All methods are set at a time; ordering happens in Python."""

    def get(self, uids: Collection[str]) -> Mapping[str, Node]:
        """The nodes of these uids that exist."""
        ...

    def find(self, kind: str, where: Mapping[str, Json] | None = None, page: Page = FIRST_PAGE) -> Found:
        """Nodes of a kind whose key parts or properties equal `where` (or are one of an AnyOf), ordered by uid."""
        ...

    def expand(self, starts: Collection[str], pattern: Pattern, depth: int, limit: int = 200_000) -> Subgraph:
        """Everything within `depth` steps of `starts` along `pattern`; one round trip."""
        ...

    def slice(self, nodes: Collection[str] | None = None, edges: Collection[str] | None = None) -> Subgraph:
        """All nodes and edges of these kinds (None: of every kind), with both ends of each edge; one round trip."""
        ...

    def content(self, bucket: Bucket) -> GraphData:
        """What this bucket said last, alone and unmerged; empty when it owns nothing."""
        ...

    def replace(self, bucket: Bucket, content: GraphData, expect_version: int | None = None) -> int:
        """Make `content` all that `bucket` says, atomically; returns the new version.

        Raises:
            VersionConflict: `expect_version` is given and is not the current one.
            ValueError: an edge's end is missing from `content`, or a kind is not of the schema.
        """
        ...

    def version(self) -> int:
        """Grows with every replace that changed something; 0 for an empty graph."""
        ...

    def buckets(self) -> tuple[Bucket, ...]:
        """The buckets that own something, sorted."""
        ...

    def close(self) -> None:
        """Release files and connections."""
        ...
