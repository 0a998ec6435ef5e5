"""nginx configuration files and templates of them."""

from __future__ import annotations

import re
from collections.abc import Iterator

from graph.facts import SourceFile
from graph.values import Fact
from scanners.idioms import nginx

_FILE = re.compile(r"(^|/)([\w.-]+\.(conf|nginx)|sites-(enabled|available)/[\w.-]+)(\.\w+)?$")


class Nginx:
    """nginx configuration files and templates of them."""

    name: str = "nginx"
    version: int = 2

    def matches(self, path: str) -> bool:
        """Whether a path may be nginx configuration.

        Args:
            path: relative to the repository.
        """
        return bool(_FILE.search(path))

    def facts(self, source: SourceFile) -> Iterator[Fact]:
        """Routes and own endpoints.

        Args:
            source: the file.
        """
        if b"location" in source.data and b"{" in source.data:
            yield from nginx.facts(source)


MANIFEST = Nginx()
