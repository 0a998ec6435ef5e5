"""Reads of classes that hold configuration: ``options.Value.PageSize``, ``_settings.Url``."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import TYPE_CHECKING

from graph.values import Fact, Location, Name

if TYPE_CHECKING:
    from scanners.idioms.code import Scope
    from scanners.idioms.cs_code import CsCode

_HOLDERS = frozenset(["IOptions", "IOptionsSnapshot", "IOptionsMonitor"])
_NAMED = re.compile(r"(Options|Settings|Config|Configuration)$")
_VALUES = ("Value", "CurrentValue")
_MOST = 40


def reads(code: CsCode) -> Iterator[Fact]:
    """A ``config_read`` for each property that is read; linking knows the section the class is filled from.

    Args:
        code: the file.
    """
    names = {target.rpartition(".")[2] for target in _holding(code)}
    if not names:
        return
    listed = "|".join(sorted(map(re.escape, names))[:_MOST])
    pattern = re.compile(rf"(?<![\w.@])(?:this\.)?((?:{listed})(?:[?!]?\.[A-Z]\w*)+)(?!\s*(?:[\w(<]|=[^=]))".encode())
    told = set[tuple[str, str]]()
    for match in pattern.finditer(code.data):
        at = match.start(1)
        if any(c.start_byte <= at < c.end_byte for c in code.kept.comments):
            continue
        scope = code.scope_at(at)
        read = _property(code, match.group(1).decode().replace("?", "").replace("!", ""), scope)
        if read and (scope.name, read) not in told:
            told.add((scope.name, read))
            line = code.data.count(b"\n", 0, at) + 1
            yield Fact("config_read", {"symbol": scope.name, "key": "", "of": Name(read)}, Location(code.path, line))


def _holding(code: CsCode) -> Iterator[str]:
    """Names of this file that are options, or hold them."""
    told = {ref.args[0].name for ref in code.refs.values() if ref.short in _HOLDERS and ref.args}
    for target, ref in code.refs.items():
        if ref.short in _HOLDERS or ref.name in told or (_NAMED.search(ref.short) and not ref.args):
            yield target


def _property(code: CsCode, dotted: str, scope: Scope) -> str:
    """The name up to the property that is read, empty where none is."""
    parts = dotted.split(".")
    ref = code.ref_of(parts[0], scope)
    if ref is None:
        return ""
    taken = 1
    if ref.short in _HOLDERS:
        if parts[1] not in _VALUES:
            return ""
        taken = 2
    return ".".join(parts[: taken + 1]) if len(parts) > taken else ""
