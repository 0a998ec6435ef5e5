"""The C# language."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from graph.facts import SourceFile
from graph.values import Fact
from scanners.idioms import cs_code, cs_facts, cs_razor

if TYPE_CHECKING:
    from scanners.idioms.cs_code import CsCode


class CSharp:
    """The C# language."""

    name = "csharp"
    version = 1
    suffixes = (".cs", ".razor")

    def parse(self, source: SourceFile) -> CsCode:
        """Read a file once.

        Args:
            source: within the size limit.
        """
        if source.path.endswith(".razor"):
            source = SourceFile(source.path, cs_razor.as_csharp(source.path, source.data))
        return cs_code.parse(source)

    def facts(self, parsed: CsCode) -> Iterator[Fact]:
        """What the code says.

        Args:
            parsed: what :meth:`parse` made.
        """
        return cs_facts.facts(parsed)


LANGUAGE = CSharp()
