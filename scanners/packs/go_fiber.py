"""fiber: routes of apps and groups, and what handlers parse and answer."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from graph.values import Fact
from scanners.idioms.go_routes import Table, facts

if TYPE_CHECKING:
    from scanners.idioms.go import GoCode

_VERBS = ("Get", "Post", "Put", "Patch", "Delete", "Head", "Options", "Connect", "Trace")
_TABLE = Table(
    name="go_fiber",
    modules=("github.com/gofiber/fiber",),
    types=frozenset(("New", "App", "Router", "Group")),
    context="github.com/gofiber/fiber",
    verbs={**{m: m.upper() for m in _VERBS}, "All": "ANY"},
    generic={"Add": (0, 1, -1)},
    groups=frozenset(("Group",)),
    nested=frozenset(("Route",)),
    mounts=frozenset(("Mount",)),
)


class GoFiber:
    """The fiber framework."""

    name: str = "go_fiber"
    version: int = 1
    language: tuple[str, ...] = ("go",)
    markers: tuple[bytes, ...] = (b"gofiber/fiber",)
    generated: bool = True

    def facts(self, parsed: GoCode) -> Iterator[Fact]:
        """Routes and their handlers.

        Args:
            parsed: a Go file.
        """
        yield from facts(parsed, _TABLE)


PACK = GoFiber()
