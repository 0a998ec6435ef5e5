"""JSONPath text to selectors, strictly by the grammar of RFC 9535."""

from __future__ import annotations

import re

from flows.language.errors import SyntaxProblem
from flows.language.jsonpath.cursor import Cursor
from flows.language.jsonpath.selecting import (
    Query,
    Segment,
    Selector,
    by_filter,
    by_index,
    by_name,
    by_slice,
    everything,
)

# Written as what a name may not hold: a set up to U+10FFFF takes 7 ms to compile.
_NAME = re.compile(r"[^\x00-@\[-^`{-\x7f\ud800-\udfff][^\x00-/:-@\[-^`{-\x7f\ud800-\udfff]*")
_INT = re.compile(r"-?[0-9]+")
_LIMIT = 2**53 - 1


class PathParser:
    """Parses one path.

    Args:
        text: beginning with ``$``.
    """

    def __init__(self, text: str) -> None:
        self.cursor = Cursor(text)
        self.depth = 0

    def path(self) -> Query:
        """The whole text as a path from the root.

        Raises:
            SyntaxProblem: it is none.
        """
        if not self.cursor.take("$"):
            raise self.cursor.problem("a path begins with '$'")
        found = self.segments(relative=False)
        if not self.cursor.done:
            raise self._unexpected()
        return found

    def _unexpected(self) -> SyntaxProblem:
        hint = ""
        if self.cursor.peek() == "-":
            hint = "; a name with '-' is written ['name']"
        return self.cursor.problem(f"{self.cursor.shown()} stands where '.' or '[' is expected{hint}")

    def segments(self, *, relative: bool) -> Query:
        """Segments up to where none follows.

        Args:
            relative: whether they start at ``@``.
        """
        self.depth += 1
        if self.depth > 40:
            raise self.cursor.problem("filters nested too deep")
        found: list[Segment] = []
        while True:
            before = self.cursor.at
            self.cursor.skip()
            if self.cursor.take(".."):
                found.append(self._after_dots(descend=True))
            elif self.cursor.take("."):
                found.append(self._after_dots(descend=False))
            elif self.cursor.take("["):
                found.append(self._bracketed(descend=False))
            else:
                self.cursor.at = before
                self.depth -= 1
                return Query(tuple(found), relative)

    def _after_dots(self, *, descend: bool) -> Segment:
        if self.cursor.take("*"):
            return Segment((everything,), descend, False)
        if descend and self.cursor.take("["):
            return self._bracketed(descend=True)
        at = self.cursor.at
        name = self.cursor.match(_NAME)
        if name is None:
            raise self.cursor.problem(f"{self.cursor.shown()} stands where a name is expected")
        return Segment((by_name(name),), descend, not descend, name, at)

    def _bracketed(self, *, descend: bool) -> Segment:
        selectors: list[Selector] = []
        at = self.cursor.at
        while True:
            self.cursor.skip()
            selector, key = self._selector()
            selectors.append(selector)
            self.cursor.skip()
            if self.cursor.take("]"):
                single = key is not None and not descend and len(selectors) == 1
                return Segment(tuple(selectors), descend, single, key, at)
            if not self.cursor.take(","):
                raise self.cursor.problem(f"{self.cursor.shown()} stands where ',' or ']' is expected")

    def _selector(self) -> tuple[Selector, str | int | None]:
        if self.cursor.take("*"):
            return everything, None
        if self.cursor.take("?"):
            from flows.language.jsonpath.filters import FilterParser

            return by_filter(FilterParser(self).test()), None
        if self.cursor.peek() in ("'", '"') and not self.cursor.done:
            name = self.cursor.string()
            return by_name(name), name
        start = self.integer()
        self.cursor.skip()
        if not self.cursor.take(":"):
            if start is None:
                raise self.cursor.problem(f"{self.cursor.shown()} stands where a selector is expected")
            return by_index(start), start
        return self._slice(start), None

    def _slice(self, start: int | None) -> Selector:
        self.cursor.skip()
        end = self.integer()
        self.cursor.skip()
        step: int | None = None
        if self.cursor.take(":"):
            self.cursor.skip()
            step = self.integer()
        return by_slice(start, end, 1 if step is None else step)

    def integer(self) -> int | None:
        """A whole number as RFC 9535 writes it, or None when there is none."""
        at = self.cursor.at
        text = self.cursor.match(_INT)
        if text is None:
            return None
        digits = text.removeprefix("-")
        if (len(digits) > 1 and digits[0] == "0") or text == "-0":
            raise self.cursor.problem(f"'{text}' is no index; leading zeros and -0 are not allowed", at=at)
        if len(digits) > 16 or abs(int(text)) > _LIMIT:
            raise self.cursor.problem(f"the index {text} is too large", at=at)
        return int(text)
