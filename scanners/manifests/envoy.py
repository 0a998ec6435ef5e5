"""Envoy's static configuration: routes of virtual hosts and where their clusters lead."""

from __future__ import annotations

from collections.abc import Iterator

from graph.facts import SourceFile
from graph.values import Fact
from scanners.idioms import envoy


class Envoy:
    """Envoy bootstrap and route files."""

    name: str = "envoy"
    version: int = 1
    sniffs: bool = True

    def matches(self, path: str) -> bool:
        """Whether a path may be such a file.

        Args:
            path: relative to the repository.
        """
        return path.endswith((".yaml", ".yml", ".json", ".yaml.tmpl", ".yaml.template"))

    def facts(self, source: SourceFile) -> Iterator[Fact]:
        """Routes.

        Args:
            source: the file.
        """
        yield from envoy.facts(source)


MANIFEST = Envoy()
