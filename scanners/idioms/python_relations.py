"""Relations of mapped classes read through objects: ``for line in order.lines``, ``line.order.total``."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING

from graph.values import Fact, Location, Name
from scanners.idioms.code import Scope

if TYPE_CHECKING:
    from scanners.idioms.python import PyCode

_LOOPED = re.compile(rb"\bin\s+([a-z_]\w*)\.([a-z_]\w*)\s*(?=[:\])\n]|if\b)")
_DEEPER = re.compile(rb"(?<![\w.])([a-z_]\w*)\.([a-z_]\w*)\.[a-z_]\w*(?!\w)(?!\s*\()")
_MOST = 12
_NO_OBJECTS = frozenset(("self", "cls", "session", "db", "request", "settings", "app", "os", "config", "logger"))


def related_reads(code: PyCode, scope: Scope, entities: Iterable[str]) -> Iterator[Fact]:
    """Reads through relations of the models a function loads; they count where the model has such a relation.

    Args:
        code: the file.
        scope: the function.
        entities: names of the models it loads.
    """
    span = code.data[scope.node.start_byte : scope.node.end_byte]
    seen: dict[str, int] = {}
    for pattern in (_LOOPED, _DEEPER):
        for match in pattern.finditer(span):
            holder, attribute = match.group(1).decode(), match.group(2).decode()
            if holder not in _NO_OBJECTS and holder not in code.imports:
                seen.setdefault(attribute, code.data.count(b"\n", 0, scope.node.start_byte + match.start()) + 1)
    for entity in dict.fromkeys(entities):
        for attribute, line in list(seen.items())[:_MOST]:
            fields = {
                "store_kind": "sql",
                "dataset": Name(f"{entity}.{attribute}"),
                "mode": "read",
                "only": "repository",
                "symbol": scope.name,
            }
            yield Fact("access", fields, Location(code.path, line))


def relation(code: PyCode, scope: Scope, about: tuple[str, str], line: int) -> Iterator[Fact]:
    """An attribute of a mapped class that holds rows of another one.

    Args:
        code: the file.
        scope: the class.
        about: the attribute and the other class.
        line: where it stands.
    """
    attribute, other = about
    if code.scope(other) is None and other.split(".", 1)[0] not in code.imports:
        return
    where = Location(code.path, line)
    fields = {"name": f"{scope.name}.{attribute}", "entity": Name(other), "store_kind": "sql", "framework": "relation"}
    yield Fact("repository", fields, where)
