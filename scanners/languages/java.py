"""The Java language: what a source file says of itself, without any framework."""

from __future__ import annotations

from collections.abc import Iterator

from graph.facts import SourceFile
from graph.values import Fact
from scanners.idioms import java, java_facts
from scanners.idioms.java import JavaCode


class Java:
    """The Java language."""

    name = "java"
    version = 1
    suffixes = (".java",)

    def parse(self, source: SourceFile) -> JavaCode:
        """Read a file once.

        Args:
            source: within the size limit.
        """
        return java.parse(source)

    def facts(self, parsed: JavaCode) -> Iterator[Fact]:
        """What the code says.

        Args:
            parsed: what :meth:`parse` made.
        """
        return java_facts.facts(parsed)


LANGUAGE = Java()
