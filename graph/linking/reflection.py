"""Names of classes that code asks for at run time: topics and keys are often made of them."""

from __future__ import annotations

from graph.linking.corpus import SymbolKey
from graph.linking.names import Names, dotted
from graph.values import Call, Value

_SHORT = frozenset({"Name", "__name__", "getSimpleName", "simpleName", "name"})
_FULL = frozenset({"FullName", "getName", "qualifiedName", "getCanonicalName"})
_TYPE_OF_CLASS = frozenset({"typeof"})
_TYPE_OF_OBJECT = frozenset({"type", "reflect.TypeOf"})
_METHODS = frozenset({"GetType", "getClass"})


def class_name(names: Names, symbol: SymbolKey, asked: str) -> str:
    """What an attribute of a class object gives, empty when it is no name.

    Args:
        names: for packages.
        symbol: the class.
        asked: attribute or method.
    """
    short = symbol[1].rpartition(".")[2]
    if asked in _SHORT:
        return short
    if asked in _FULL:
        package = next(iter(names.files[symbol[0]].packages), "")
        return f"{package}.{symbol[1]}" if package else symbol[1]
    return ""


def reflected(call: Call) -> tuple[Value, bool] | None:
    """The value whose class a call gives, and whether it is an object of the class; None for any other call.

    Args:
        call: ``typeof(T)``, ``type(x)``, ``x.GetType()``, ``x.getClass()``.
    """
    from graph.linking.texts import as_member

    name = dotted(call.callee)
    if name in _TYPE_OF_CLASS and call.args:
        return call.args[0], False
    if name in _TYPE_OF_OBJECT and len(call.args) == 1:
        return call.args[0], True
    member = as_member(call.callee)
    if member is not None and member.name in _METHODS and not call.args:
        return member.base, True
    return None
