"""Kong's declarative configuration: services with the routes that lead to them."""

from __future__ import annotations

from collections.abc import Iterator

from graph.facts import SourceFile
from graph.values import Fact
from scanners.idioms import kong


class Kong:
    """Declarative (DB-less, decK) files."""

    name: str = "kong"
    version: int = 1
    sniffs: bool = True

    def matches(self, path: str) -> bool:
        """Whether a path may be such a file.

        Args:
            path: relative to the repository.
        """
        return path.endswith((".yaml", ".yml", ".json"))

    def facts(self, source: SourceFile) -> Iterator[Fact]:
        """Routes.

        Args:
            source: the file.
        """
        yield from kong.facts(source)


MANIFEST = Kong()
