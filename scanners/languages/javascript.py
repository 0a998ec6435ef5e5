"""The JavaScript language."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from graph.facts import SourceFile
from graph.values import Fact
from scanners.idioms import javascript, js_facts

if TYPE_CHECKING:
    from scanners.idioms.javascript import JsCode


class JavaScript:
    """The JavaScript language."""

    name = "javascript"
    version = 1
    suffixes = (".js", ".mjs", ".cjs", ".jsx")

    def parse(self, source: SourceFile) -> JsCode:
        """Read a file once.

        Args:
            source: within the size limit.
        """
        return javascript.parse(source, "javascript")

    def facts(self, parsed: JsCode) -> Iterator[Fact]:
        """What the code says.

        Args:
            parsed: what :meth:`parse` made.
        """
        return js_facts.facts(parsed)


LANGUAGE = JavaScript()
