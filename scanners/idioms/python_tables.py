"""What loops run over, what command lines give by default, and functions that are handed on with their arguments."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from graph.values import Unknown, Value
from scanners.idioms.code import Assign, CallSite, Scope
from scanners.idioms.messages import listed
from scanners.idioms.python_dicts import pairs, picked, table

if TYPE_CHECKING:
    from tree_sitter import Node

    from scanners.idioms.python import PyCode

_MOST = 60


def looped(code: PyCode, assign: Assign) -> Iterator[Value]:
    """What a loop's variable may be, as far as what it loops over is written in the file.

    Args:
        code: the file.
        assign: of the variable, with ``key`` when several are unpacked.
    """
    node, scope = assign.value, assign.scope
    site = code.site(node) if node is not None and node.type == "call" else None
    if site is not None:
        yield from _looped_call(code, assign, site)
        return
    dotted = code.dotted(node)
    held = table(code, dotted, scope) if dotted else None
    if held is not None and not assign.key:
        yield from (code.value(key, held.scope) for key, _ in pairs(held.value))
        return
    for item in listed(code, node, scope)[:_MOST]:
        if node is None or item.id == node.id:
            return
        at = int(assign.key) if assign.key else -1
        if at < 0:
            yield code.value(item, scope)
        elif item.type in ("tuple", "list") and at < item.named_child_count:
            yield code.value(item.named_children[at], scope)


def _looped_call(code: PyCode, assign: Assign, site: CallSite) -> Iterator[Value]:
    if site.method == "enumerate" and site.receiver is None and site.args and assign.key == "1":
        inner = Assign(assign.target, site.args[0], None, assign.scope, assign.line, "for")
        yield from looped(code, inner)
        return
    entry = assign.key == "1" if site.method == "items" else site.method == "values" and not assign.key
    if site.receiver is None or site.args or not (entry or (site.method in ("items", "keys"))):
        return
    if entry:
        found = picked(code, site.receiver, assign.scope)
        yield from () if found is None else (found,)
        return
    dotted = code.dotted(site.receiver)
    held = table(code, dotted, assign.scope) if dotted else None
    yield from (code.value(key, held.scope) for key, _ in pairs(held.value)) if held is not None else ()


def parsed_arguments(code: PyCode) -> Iterator[tuple[str, Value, CallSite]]:
    """Names of ``args.x`` with the default ``add_argument`` gives them.

    Args:
        code: the file.
    """
    for site in code.called("parse_args", "parse_known_args"):
        held = code.held(site)
        if held is None:
            continue
        for option in code.called("add_argument"):
            name = _option_name(code, option)
            default = option.arg(-1, "default")
            value = code.value(default, option.scope) if default is not None else Unknown("")
            if name and not isinstance(value, Unknown):
                yield f"{code.bound_name(held)}.{name}", value, option


def _option_name(code: PyCode, site: CallSite) -> str:
    given = code.string(site.arg(-1, "dest"))
    names = [code.string(a) for a in site.args]
    longs = [n for n in names if n.startswith("--")] or [n for n in names if n]
    name = given or (longs[0].lstrip("-").replace("-", "_") if longs else "")
    return name if name.isidentifier() else ""


def handed(code: PyCode, site: CallSite) -> tuple[Node, Sequence[Node]] | None:
    """A function of this file that is handed on with its arguments: ``retry(self._get, config, url)``.

    Args:
        code: the file.
        site: any call.
    """
    for at, node in enumerate(site.args[:-1]):
        if node.type not in ("identifier", "attribute"):
            continue
        function = _function(code, code.dotted(node), site.scope)
        if function is not None:
            rest = site.args[at + 1 :]
            return node, rest[max(0, len(rest) - len(function.params)) :]
    return None


def _function(code: PyCode, dotted: str, scope: Scope) -> Scope | None:
    if dotted.startswith(("self.", "cls.")) and dotted.count(".") == 1:
        found = code.scope(f"{scope.owner}.{dotted.split('.')[1]}") if scope.owner else None
    else:
        found = next((f for o in scope.outward() if (f := code.scope(o.qualify(dotted))) is not None), None)
    return found if found is not None and found.sort in ("function", "method") and found.params else None
