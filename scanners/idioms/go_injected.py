"""Routers that uber/fx and dig hand out by name: provided by a function or a result struct, taken by a field."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import TYPE_CHECKING

from graph.values import Call, Fact, Lit, Location, Name
from scanners.idioms.code import Scope

if TYPE_CHECKING:
    from scanners.idioms.go import GoCode

_CONTAINERS = ("go.uber.org/fx", "go.uber.org/dig")
_NAMED = re.compile(r"""(?:^|[\s`"])name:"([^"]+)\"""")


def under(code: GoCode, holder: Scope, target: str) -> dict[str, str]:
    """The name a field of parameters is injected under, as a part of its router fact.

    Args:
        code: the file.
        holder: struct that declares the field.
        target: qualified name of the field.
    """
    if not any(code.origin(base) in {f"{path}.In" for path in _CONTAINERS} for base in holder.bases):
        return {}
    for member in code.fields:
        if member.owner is holder and f"{holder.name}.{member.name}" == target:
            found = _NAMED.search(member.tag)
            return {"injected": found.group(1)} if found is not None else {}
    return {}


def provided(code: GoCode) -> Iterator[Fact]:
    """``fx.Annotate(NewGroup, fx.ResultTags(`name:"api"`))`` and fields of structs with fx.Out.

    Args:
        code: the file.
    """
    for site in code.calls:
        if site.method != "Annotate" or len(site.args) < 2 or not code.callee(site).startswith(_CONTAINERS):
            continue
        tags = [code.site(arg) for arg in site.args[1:]]
        first = next((t.args[0] for t in tags if t is not None and t.method == "ResultTags" and t.args), None)
        found = _NAMED.search(code.string(first))
        made = code.value(site.args[0], site.scope)
        if found is not None and isinstance(made, Name):
            yield _mount(code, site.line, (Call(made), found.group(1)), site.scope.name)
    for member in code.fields:
        tagged = _NAMED.search(member.tag)
        outs = {f"{path}.Out" for path in _CONTAINERS}
        if tagged is not None and any(code.origin(base) in outs for base in member.owner.bases):
            parent = Name(f"{member.owner.name}.{member.name}")
            yield _mount(code, int(member.node.start_point[0]) + 1, (parent, tagged.group(1)), "")


def _mount(code: GoCode, line: int, about: tuple[Name | Call, str], scope: str) -> Fact:
    parent, name = about
    fields = {"parent": parent, "provided": name, "prefix": Lit(""), "symbol": scope}
    return Fact("mount", fields, Location(code.path, line))
