"""APISIX's standalone configuration: routes with the upstreams they lead to."""

from __future__ import annotations

import posixpath
from collections.abc import Iterator

from graph.facts import SourceFile
from graph.values import Fact
from scanners.idioms import apisix


class Apisix:
    """Files named after APISIX."""

    name: str = "apisix"
    version: int = 1

    def matches(self, path: str) -> bool:
        """Whether a path may be such a file.

        Args:
            path: relative to the repository.
        """
        return "apisix" in posixpath.basename(path).lower() and path.endswith((".yaml", ".yml", ".json"))

    def facts(self, source: SourceFile) -> Iterator[Fact]:
        """Routes.

        Args:
            source: the file.
        """
        yield from apisix.facts(source)


MANIFEST = Apisix()
