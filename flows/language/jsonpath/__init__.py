"""JSONPath (RFC 9535) on RE2 and without a 50 ms import: a singular path gives the value, any other the list."""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache

from flows.language.errors import MissingField
from flows.language.jsonpath.parsing import PathParser
from flows.language.jsonpath.selecting import Query

__all__ = ["JsonPath", "compile_jsonpath"]


class JsonPath:
    """A compiled path.

    Args:
        text: as written.
        query: its segments.
    """

    __slots__ = ("query", "singular", "text")

    def __init__(self, text: str, query: Query) -> None:
        self.text = text
        self.query = query
        self.singular = query.singular

    def find(self, document: object) -> list[object]:
        """The values of all selected nodes.

        Args:
            document: the root.

        Raises:
            TooMuch: more nodes than one evaluation may visit.
        """
        return self.query.select(document, document)

    def value(self, document: object) -> object:
        """The value of a singular path, else the list of values.

        Args:
            document: the root.

        Raises:
            MissingField: it finds nothing.
            TooMuch: see :meth:`find`.
        """
        found = self.find(document)
        if not found:
            raise self._nothing(document)
        return found[0] if self.singular else found

    def _nothing(self, document: object) -> MissingField:
        """What to say about a path that finds nothing: a singular one breaks off at one value, whose names help."""
        node: object = document
        for segment in self.query.segments if self.singular else ():
            nodes = [found for selector in segment.selectors for found in selector(node, document)]
            if not nodes:
                among = node if isinstance(node, Mapping) else ()
                return MissingField(f"the path {self.text} finds nothing", str(segment.key), among)
            node = nodes[0]
        return MissingField(f"the path {self.text} finds nothing")


@lru_cache(maxsize=1024)
def compile_jsonpath(text: str) -> JsonPath:
    """A path ready to apply.

    Args:
        text: beginning with ``$``.

    Raises:
        SyntaxProblem: it is no path, or a filter is not well typed; with the offset of the wrong token.
    """
    return JsonPath(text, PathParser(text).path())
