"""gin and Hertz: routes of engines and of their groups, and what handlers bind and answer."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import TYPE_CHECKING

from graph.values import Fact
from scanners.idioms.go_routes import Table, facts

if TYPE_CHECKING:
    from scanners.idioms.go import GoCode

_TABLE = Table(
    name="go_gin",
    modules=("github.com/gin-gonic/gin",),
    types=frozenset(("Default", "New", "Engine", "RouterGroup", "IRouter", "IRoutes")),
    context="github.com/gin-gonic/gin",
    verbs={**{m: m for m in ("GET", "POST", "PUT", "PATCH", "DELETE", "HEAD", "OPTIONS")}, "Any": "ANY"},
    generic={"Handle": (0, 1, -1)},
    groups=frozenset(("Group",)),
    passes=frozenset(("Use",)),
)
_HERTZ = replace(
    _TABLE,
    name="go_hertz",
    modules=("github.com/cloudwego/hertz/pkg/app/server", "github.com/cloudwego/hertz/pkg/route"),
    types=frozenset(("Default", "New", "Hertz", "Engine", "RouterGroup", "IRouter", "IRoutes")),
    context="github.com/cloudwego/hertz/pkg/app",
)


class GoGin:
    """The gin framework, and Hertz with the same methods."""

    name: str = "go_gin"
    version: int = 1
    language: tuple[str, ...] = ("go",)
    markers: tuple[bytes, ...] = (b"gin-gonic/gin", b"cloudwego/hertz")
    generated: bool = True

    def facts(self, parsed: GoCode) -> Iterator[Fact]:
        """Routes and their handlers.

        Args:
            parsed: a Go file.
        """
        yield from facts(parsed, _HERTZ if b"cloudwego/hertz" in parsed.data else _TABLE)


PACK = GoGin()
