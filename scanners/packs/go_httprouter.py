"""httprouter: routes by method, path and handle."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from graph.values import Fact
from scanners.idioms.go_routes import Table, facts

if TYPE_CHECKING:
    from scanners.idioms.go import GoCode

_TABLE = Table(
    name="go_httprouter",
    modules=("github.com/julienschmidt/httprouter",),
    types=frozenset(("New", "Router")),
    verbs={m: m for m in ("GET", "POST", "PUT", "PATCH", "DELETE", "HEAD", "OPTIONS")},
    generic={"Handle": (0, 1, 2), "Handler": (0, 1, 2), "HandlerFunc": (0, 1, 2)},
    position=1,
)


class GoHttprouter:
    """The httprouter framework."""

    name: str = "go_httprouter"
    version: int = 1
    language: tuple[str, ...] = ("go",)
    markers: tuple[bytes, ...] = (b"julienschmidt/httprouter",)
    generated: bool = True

    def facts(self, parsed: GoCode) -> Iterator[Fact]:
        """Routes and their handlers.

        Args:
            parsed: a Go file.
        """
        yield from facts(parsed, _TABLE)


PACK = GoHttprouter()
