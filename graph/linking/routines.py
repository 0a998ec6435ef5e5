"""Functions, procedures and triggers of a database: statements that run them touch the tables they touch."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterator

from graph.linking.corpus import Corpus, Placed
from graph.linking.sqltext import TableUse, table_name

_ROUTINES = ("function", "procedure")
_CALLED = re.compile(
    r"([A-Za-z_][\w$]*)[\"`\]]?\s*\(|\b(?:call|exec|execute)\s+(?:[\w\"`\[\]]+\.)?[\"`\[]?([A-Za-z_][\w$]*)", re.I
)
_MOST = 50


class Routines:
    """What the database itself runs.

    Args:
        corpus: the facts.
    """

    def __init__(self, corpus: Corpus) -> None:
        self._named: dict[str, list[Placed]] = defaultdict(list)
        self._triggers: dict[str, list[Placed]] = defaultdict(list)
        self._beside: dict[tuple[str, str], list[Placed]] = defaultdict(list)
        for placed in corpus.of("table"):
            sort = placed.fact.get("sort")
            if sort in _ROUTINES:
                self._named[table_name(placed.fact.get("dataset", "") or "").rpartition(".")[2]].append(placed)
                self._beside[placed.file].append(placed)
            elif sort == "trigger":
                for table in placed.fact.get("reads") or ():
                    self._triggers[table_name(table)].append(placed)

    def run_by(self, text: str, uses: tuple[TableUse, ...]) -> Iterator[tuple[TableUse, Placed]]:
        """The tables that what a statement runs touches, each with where that is defined.

        Args:
            text: the statement.
            uses: the tables the statement itself touches.
        """
        if not self._named and not self._triggers:
            return
        waiting = [p for m in _CALLED.finditer(text) for p in self._named.get((m.group(1) or m.group(2)).lower(), ())]
        waiting += [p for use in uses if use.mode == "write" for p in self._set_off(use.table)]
        seen: list[Placed] = []
        while waiting and len(seen) < _MOST:
            placed = waiting.pop(0)
            if placed in seen:
                continue
            seen.append(placed)
            for mode in ("reads", "writes"):
                for name in placed.fact.get(mode) or ():
                    table = table_name(name)
                    yield TableUse(table, mode.removesuffix("s")), placed
                    waiting += self._set_off(table) if mode == "writes" else []

    def _set_off(self, table: str) -> list[Placed]:
        """The triggers of a table; those of PostgreSQL only name a function, which is defined beside them."""
        found = self._triggers.get(table, [])
        bodies = [p for t in found if not t.fact.get("writes") for p in self._beside.get(t.file, ())]
        return [*found, *bodies]
