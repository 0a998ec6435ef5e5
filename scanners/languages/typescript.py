"""The TypeScript language."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from graph.facts import SourceFile
from graph.values import Fact
from scanners.idioms import javascript, js_components, js_facts

if TYPE_CHECKING:
    from scanners.idioms.javascript import JsCode


class TypeScript:
    """The TypeScript language."""

    name = "typescript"
    version = 1
    suffixes = (".ts", ".mts", ".cts", ".tsx", *js_components.SUFFIXES)

    def parse(self, source: SourceFile) -> JsCode:
        """Read a file once.

        Args:
            source: within the size limit.
        """
        return javascript.parse(source, "tsx" if source.path.endswith(".tsx") else "typescript")

    def facts(self, parsed: JsCode) -> Iterator[Fact]:
        """What the code says.

        Args:
            parsed: what :meth:`parse` made.
        """
        return js_facts.facts(parsed)


LANGUAGE = TypeScript()
