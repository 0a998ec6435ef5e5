"""KrakenD: endpoints of the gateway and the backends that each of them asks."""

from __future__ import annotations

import posixpath
from collections.abc import Iterator

from graph.facts import SourceFile
from graph.values import Fact
from scanners.idioms import krakend


class KrakenD:
    """KrakenD's configuration in JSON or YAML."""

    name: str = "krakend"
    version: int = 1

    def matches(self, path: str) -> bool:
        """Whether a path may be such a file.

        Args:
            path: relative to the repository.
        """
        return "krakend" in posixpath.basename(path).lower() and path.endswith((".json", ".yaml", ".yml"))

    def facts(self, source: SourceFile) -> Iterator[Fact]:
        """Routes.

        Args:
            source: the file.
        """
        yield from krakend.facts(source)


MANIFEST = KrakenD()
