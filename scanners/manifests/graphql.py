"""GraphQL schema files: queries, mutations and subscriptions a service offers, with their types."""

from __future__ import annotations

from collections.abc import Iterator

from graph.facts import SourceFile
from graph.values import Fact
from scanners.idioms import graphql_sdl


class GraphQl:
    """Schemas in GraphQL's own language; documents of clients are none."""

    name: str = "graphql"
    version: int = 1

    def matches(self, path: str) -> bool:
        """Whether a path is a GraphQL file.

        Args:
            path: relative to the repository.
        """
        return path.endswith((".graphql", ".graphqls", ".gql"))

    def facts(self, source: SourceFile) -> Iterator[Fact]:
        """Operations, types and problems.

        Args:
            source: the file.
        """
        text = source.data.decode("utf-8", "replace").removeprefix("\ufeff")
        if "type " in text or "input " in text or "schema" in text:
            yield from graphql_sdl.facts(source.path, text)


MANIFEST = GraphQl()
