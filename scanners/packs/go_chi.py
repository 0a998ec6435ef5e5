"""chi: routes, nested routes, groups and mounted routers."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from graph.values import Fact
from scanners.idioms.go_routes import Table, facts

if TYPE_CHECKING:
    from scanners.idioms.go import GoCode

_VERBS = ("Get", "Post", "Put", "Patch", "Delete", "Head", "Options", "Connect", "Trace")
_TABLE = Table(
    name="go_chi",
    modules=("github.com/go-chi/chi",),
    types=frozenset(("NewRouter", "NewMux", "Router", "Mux")),
    verbs={**{m: m.upper() for m in _VERBS}, "HandleFunc": "ANY", "Handle": "ANY"},
    generic={"Method": (0, 1, 2), "MethodFunc": (0, 1, 2)},
    passes=frozenset(("With", "Group")),
    nested=frozenset(("Route",)),
    plain=frozenset(("Group",)),
    mounts=frozenset(("Mount",)),
    position=1,
)


class GoChi:
    """The chi framework."""

    name: str = "go_chi"
    version: int = 1
    language: tuple[str, ...] = ("go",)
    markers: tuple[bytes, ...] = (b"go-chi/chi",)
    generated: bool = True

    def facts(self, parsed: GoCode) -> Iterator[Fact]:
        """Routes and their handlers.

        Args:
            parsed: a Go file.
        """
        yield from facts(parsed, _TABLE)


PACK = GoChi()
