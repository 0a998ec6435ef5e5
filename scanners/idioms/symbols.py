"""Symbols of a file with their token digests, and which module-level names each of them reads."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from graph.values import Fact, Location
from scanners.idioms.code import Code, Scope
from scanners.idioms.digest import Cuts, Span, digest, pieces

if TYPE_CHECKING:
    from tree_sitter import Node

_READ = re.compile(rb"(?<![\w.$])([A-Za-z_$][\w$]*)((?:\.\w+)*)(?![\w.$])(?!\s*\()(?!\s*=(?!=))")


@dataclass(frozen=True, slots=True)
class Parts:
    """What a language knows about a file's top level.

    Args:
        cuts: what is not plain code.
        constants: statements that bind a module-level name, by name.
        types: declarations of payload types, by name.
        imports: import statements.
        names: module-level and imported names whose reads are worth telling.
        interfaces: those of the types that are interfaces, with the dotted names they extend.
    """

    cuts: Cuts
    constants: Mapping[str, Sequence[Node]] = field(default_factory=dict)
    types: Mapping[str, Node] = field(default_factory=dict)
    imports: Sequence[Node] = ()
    names: frozenset[str] = frozenset()
    interfaces: Mapping[str, Sequence[str]] = field(default_factory=dict)


def symbol_facts(code: Code, parts: Parts) -> Iterator[Fact]:
    """Symbols and uses of a file.

    Args:
        code: the file.
        parts: its top level.
    """
    inner = _inner(code, parts)
    names = frozenset(name.encode() for name in parts.names)
    seen: set[str] = set()
    for scope in code.scopes:
        if scope.name in seen:
            continue
        seen.add(scope.name)
        span = _whole(scope) if scope.name else (0, len(code.data))
        where = _place(code, scope) if scope.name else Location(code.path, 1, int(code.root.end_point[0]) + 1)
        fields: dict[str, object] = {"name": scope.name, "sort": scope.sort, "params": scope.params}
        if scope.bases:
            fields["bases"] = scope.bases
        if scope.decorated:
            fields["decorated"] = True
        fields["digest"] = digest(code.data, span, inner.get(scope.name, ()), parts.cuts)
        yield Fact("symbol", fields, where)
        yield from _uses(code, (scope.name, span), (names, inner.get(scope.name, ()), parts.cuts))
    yield from _top_level(code, parts, (names, seen))


def _inner(code: Code, parts: Parts) -> dict[str, list[Span]]:
    """Spans inside each scope that belong to something else."""
    inner: dict[str, list[Span]] = {}
    for scope in code.scopes[1:]:
        parent = scope.parent.name if scope.parent is not None else ""
        inner.setdefault(parent, []).append(_whole(scope))
    top = inner.setdefault("", [])
    top += [_span(n) for nodes in parts.constants.values() for n in nodes]
    top += [_span(n) for n in (*parts.types.values(), *parts.imports)]
    return inner


def _top_level(code: Code, parts: Parts, about: tuple[frozenset[bytes], set[str]]) -> Iterator[Fact]:
    names, seen = about
    for name, nodes in parts.constants.items():
        if name not in seen:
            seen.add(name)
            digests = [digest(code.data, _span(n), (), parts.cuts) for n in nodes]
            whole = digests[0] if len(digests) == 1 else hashlib.sha256("".join(digests).encode()).hexdigest()[:16]
            fields = {"name": name, "sort": "constant", "params": (), "digest": whole}
            yield Fact("symbol", fields, code.at(nodes[0]))
            for node in nodes:
                yield from _uses(code, (name, _span(node)), (names, (), parts.cuts))
    for name, node in parts.types.items():
        if name not in seen:
            bases = tuple(parts.interfaces.get(name, ()))
            fields = {
                "name": name,
                "sort": "interface" if name in parts.interfaces else "class",
                "params": (),
                **({"bases": bases} if bases else {}),
                "digest": digest(code.data, _span(node), (), parts.cuts),
            }
            yield Fact("symbol", fields, code.at(node))


def _span(node: Node) -> Span:
    return node.start_byte, node.end_byte


def _whole(scope: Scope) -> Span:
    """A definition with the decorators that stand before it."""
    return (scope.opens or scope.node).start_byte, scope.node.end_byte


def _place(code: Code, scope: Scope) -> Location:
    first, last = int((scope.opens or scope.node).start_point[0]) + 1, int(scope.node.end_point[0]) + 1
    return Location(code.path, first, last if last != first else 0)


def _uses(code: Code, about: tuple[str, Span], tools: tuple[frozenset[bytes], Sequence[Span], Cuts]) -> Iterator[Fact]:
    symbol, span = about
    names, holes, cuts = tools
    found: set[bytes] = set()
    for piece, verbatim in pieces(code.data, span, holes, cuts):
        if not verbatim or b"{" in piece:
            found.update(head + rest for head, rest in _READ.findall(piece) if head in names)
    line = code.data.count(b"\n", 0, span[0]) + 1
    for name in sorted(found):
        text = name.decode("utf-8", "replace")
        if text != symbol:
            yield Fact("use", {"symbol": symbol, "name": text}, Location(code.path, line))
