"""echo: routes of instances and of their groups, and what handlers bind and answer."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from graph.values import Fact
from scanners.idioms.go_routes import Table, facts, unimported

if TYPE_CHECKING:
    from scanners.idioms.go import GoCode

_IMPORTED = b"labstack/echo"
_TABLE = Table(
    name="go_echo",
    modules=("github.com/labstack/echo",),
    types=frozenset(("New", "Echo", "Group")),
    context="github.com/labstack/echo",
    verbs={**{m: m for m in ("GET", "POST", "PUT", "PATCH", "DELETE", "HEAD", "OPTIONS")}, "Any": "ANY"},
    generic={"Add": (0, 1, 2)},
    groups=frozenset(("Group",)),
    position=1,
)


class GoEcho:
    """The echo framework."""

    name: str = "go_echo"
    version: int = 1
    language: tuple[str, ...] = ("go",)
    markers: tuple[bytes, ...] = (b"labstack/echo", b'.POST("', b'.GET("', b'.PUT("', b'.DELETE("')
    generated: bool = True

    def facts(self, parsed: GoCode) -> Iterator[Fact]:
        """Routes and their handlers.

        Args:
            parsed: a Go file.
        """
        if _IMPORTED in parsed.data:
            yield from facts(parsed, _TABLE)
        else:
            yield from unimported(parsed, _TABLE.name)


PACK = GoEcho()
