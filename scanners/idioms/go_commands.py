"""Programs that are several services: the subcommand they are started with says which code runs."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from graph.values import Fact, Location
from scanners.idioms.go import bare
from scanners.idioms.go_imports import is_standard
from scanners.idioms.go_values import members

if TYPE_CHECKING:
    from tree_sitter import Node

    from scanners.idioms.go import GoCode

_ARGUMENTS = (b"os.Args", b"flag.Arg")
_LIBRARIES = ("spf13/cobra", "urfave/cli", "codegangsta/cli")
_NAMES, _RUNS = ("Use", "Name"), ("Run", "RunE", "Action")
_MOST = 40


def subcommands(code: GoCode) -> Iterator[Fact]:
    """What each subcommand of a program runs.

    Args:
        code: the file.
    """
    if any(mark in code.data for mark in _ARGUMENTS) and code.package == "main":
        yield from _switched(code)
    if any(library in found.module for found in code.imports.values() for library in _LIBRARIES):
        for node in code.literals:
            yield from _declared(code, node)


def _switched(code: GoCode) -> Iterator[Fact]:
    """``switch os.Args[1] { case "orders": orders.Run() }``."""
    for scope in code.scopes:
        cases = _cases(scope.node) if scope.sort == "function" and b"switch" in code.text(scope.node).encode() else []
        named = [(_word(code, case), case) for case in cases]
        for name, case in named if sum(1 for name, _ in named if name) > 1 else ():
            calls = _called(code, case)
            if name and calls:
                yield _fact(code, case, (name, calls), scope.name)


def _word(code: GoCode, case: Node) -> str:
    value = case.child_by_field_name("value")
    return code.string(value.named_children[0]) if value is not None and value.named_child_count else ""


def _cases(node: Node) -> list[Node]:
    found: list[Node] = []
    queue = [node]
    while queue and len(found) < _MOST:
        for child in queue.pop().named_children:
            if child.type == "expression_case":
                found.append(child)
            elif child.type in ("block", "statement_list", "expression_switch_statement", "if_statement"):
                queue.append(child)
    return found


def _declared(code: GoCode, node: Node) -> Iterator[Fact]:
    """``&cobra.Command{Use: "orders", RunE: runOrders}``, ``cli.Command{Name: "orders", Action: runOrders}``."""
    kind = node.child_by_field_name("type")
    if kind is None or code.text(kind).rpartition(".")[2] != "Command":
        return
    pairs = dict(members(code, node))
    name = next((code.string(pairs[key]) for key in _NAMES if key in pairs), "").partition(" ")[0]
    runs = next((bare(pairs[key]) for key in _RUNS if key in pairs), None)
    if not name or runs is None:
        return
    dotted = code.dotted(runs)
    calls = (dotted,) if dotted else _called(code, runs)
    if calls:
        yield _fact(code, node, (name, calls), code.scope_at(node.start_byte).name)


def _called(code: GoCode, node: Node) -> tuple[str, ...]:
    """Functions of this system that are called within a node."""
    found: dict[str, None] = {}
    for site in code.calls:
        if not node.start_byte <= site.node.start_byte < node.end_byte:
            continue
        head = code.imports.get(site.dotted.partition(".")[0])
        ours = head is not None and not is_standard(head.module) if "." in site.dotted else bool(site.dotted)
        if ours:
            found[site.dotted] = None
    return tuple(found)[:_MOST]


def _fact(code: GoCode, node: Node, about: tuple[str, tuple[str, ...]], symbol: str) -> Fact:
    name, calls = about
    return Fact(
        "subcommand", {"name": name, "calls": calls, "symbol": symbol}, Location(code.path, node.start_point[0] + 1)
    )
