"""Around a piece of code: what ``self`` may be, members defined anew below its class, parameters of outer functions."""

from __future__ import annotations

import re
from functools import reduce

from graph.linking.corpus import Binding, SymbolKey
from graph.linking.names import Found, Names
from graph.linking.outcomes import Arguments, Frame
from graph.values import Member, Name, Param, Value

_FUNCTIONS = ("function", "method")


def ancestors(names: Names, owner: SymbolKey) -> set[SymbolKey]:
    """Every class of ours above one.

    Args:
        names: of all files.
        owner: the class.
    """
    found: set[SymbolKey] = set()
    queue = [owner]
    while queue:
        for base in names.bases(queue.pop()):
            if base not in found:
                found.add(base)
                queue.append(base)
    return found


def redefined(names: Names, owner: SymbolKey, found: Found) -> bool:
    """Whether a class has a member of its own where a name was found in a class above it.

    Args:
        names: of all files.
        owner: the class of the object.
        found: a field or method by its bare name.
    """
    outer, _, last = found.name.rpartition(".")
    if found.rest or not outer or found.kind not in ("symbol", "binding"):
        return False
    around = names.enclosing_class(found.file, outer)
    if around is None or around[1] != outer or around not in ancestors(names, owner):
        return False
    own = names.member(owner, (last,))
    return own is not None and not own.rest and (own.file, own.name) != (found.file, found.name)


def left_open(names: Names, target: SymbolKey) -> bool:
    """Whether a field without a value belongs to a class that others extend, which may give it one.

    Args:
        names: of all files.
        target: the field.
    """
    outer = target[1].rpartition(".")[0]
    around = names.enclosing_class(target[0], outer) if outer else None
    return around is not None and around[1] == outer and around in names.extended


def placeholder(names: Names, target: SymbolKey, binding: Binding) -> bool:
    """Whether an empty text is only there until something else is put into a property of some object.

    Args:
        names: of all files.
        target: the property.
        binding: the assignment.
    """
    file, name = target
    if not binding.scope:
        return False
    owner = names.enclosing_class(file, binding.scope)
    if owner is not None and name.startswith(f"{owner[1]}."):
        return False
    return "." in name.removeprefix(f"{binding.scope}.")


def outer_parameter(names: Names, frame: Frame, name: str, found: Found | None) -> tuple[Frame, Value] | None:
    """The parameter of an outer function that an inner one uses: ``(url) => ({ orders: () => fetch(url) })``.

    Args:
        names: of all files.
        frame: where the name is used.
        name: as written.
        found: what it stands for when parameters are left aside.
    """
    head, *tail = name.split(".")
    symbols, scope = names.files[frame.file].symbols, frame.scope.rpartition(".")[0]
    while scope:
        fact = symbols.get(scope)
        own = found is not None and found.file == frame.file and found.name.startswith(f"{scope}.")
        if own and found is not None and found.name != f"{scope}.{head}":
            return None
        params = fact.get("params", ()) or () if fact is not None and fact.get("sort") in _FUNCTIONS else ()
        value = next((v for i, param in enumerate(params) if (v := _taken(i, param, head)) is not None), None)
        if value is not None:
            return Frame(frame.file, scope), reduce(Member, tail, value)
        scope = scope.rpartition(".")[0]
    return None


def passed_on(value: Member, arguments: Arguments | None) -> tuple[Value, Frame] | None:
    """``config.urls.orders`` as it is called where a caller passes ``settings`` as ``config``.

    Args:
        value: a part of something.
        arguments: of the call, None when any caller is possible.
    """
    names, base = [value.name], value.base
    while isinstance(base, Member):
        names.append(base.name)
        base = base.base
    if arguments is None or not isinstance(base, Param) or base.index >= len(arguments.positional):
        return None
    given: Value = arguments.positional[base.index]
    if not isinstance(given, Name | Param):
        return None
    for name in reversed(names):
        given = Member(given, name)
    return given, arguments.frame


def _taken(index: int, param: str, name: str) -> Value | None:
    """A parameter, or the part of a destructured one, that has a name."""
    if param == name:
        return Param(index, param)
    part = re.search(rf"[{{,]\s*(?:(\w+)\s*:\s*)?{re.escape(name)}\s*[=,}}]", param) if param[:1] == "{" else None
    return Member(Param(index, param), part.group(1) or name) if part is not None else None
