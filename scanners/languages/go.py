"""What Go code itself says: symbols, imports, bindings, returns, calls, payload types and environment reads."""

from __future__ import annotations

from collections.abc import Iterator

from graph.facts import SourceFile
from graph.values import Fact
from scanners.idioms import go, go_facts
from scanners.idioms.go import GoCode


class Go:
    """The Go language."""

    name = "go"
    version = 1
    suffixes = (".go",)

    def parse(self, source: SourceFile) -> GoCode:
        """Read a file once.

        Args:
            source: within the size limit.
        """
        return go.parse(source)

    def facts(self, parsed: GoCode) -> Iterator[Fact]:
        """What the code says.

        Args:
            parsed: what :meth:`parse` made.
        """
        yield from go_facts.facts(parsed)


LANGUAGE = Go()
