"""Names of classes that code asks for at run time: topics and keys are often made of them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

from graph.linking.corpus import FileKey, SymbolKey
from graph.linking.names import Names, dotted
from graph.linking.outcomes import Context, Definition, Frame, Hole, Instance, Outcome, Text
from graph.linking.texts import as_member, hole
from graph.values import Call, Param, Value

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


Types = Callable[[Value, FileKey, str], tuple[SymbolKey, ...]]


class Reads(Protocol):
    """What reflection needs of the evaluator."""

    names: Names

    def evaluate(self, value: Value | None, frame: Frame, context: Context) -> list[Outcome]:
        """Every result a value may have."""
        ...


class Reflection:
    """Finds the class of an object where code asks for it.

    Args:
        evaluator: for the objects.
        types: declared types, where an object cannot be evaluated.
    """

    def __init__(self, evaluator: Reads, types: Types) -> None:
        self._evaluator = evaluator
        self._types = types

    def class_of(self, asked: tuple[Value, bool], frame: Frame, context: Context) -> list[Outcome]:
        """The class a name means or an object is of; an object of a class with others below it may be of those.

        Args:
            asked: the value, and whether it is an object of the class.
            frame: where it is written.
            context: of the evaluation.
        """
        value, by_object = asked
        context.budget -= 1
        if context.budget <= 0:
            return [hole("too many steps to evaluate")]
        if isinstance(value, Param):
            return self._given(value, by_object, frame, context)
        assigned = self._assigned(value, frame) if by_object else []
        if assigned:
            made = [o for inner, where in assigned for o in self.class_of((inner, True), where, context)]
            return self._declared(value, frame, made) or made
        found = [self._class(o, by_object) for o in self._evaluator.evaluate(value, frame, context)]
        declared = self._types(value, frame.file, frame.scope) if by_object else ()
        unknown = all(isinstance(o.thing, Text) and o.thing.holes[0].base is None for o in found)
        return [self._class(Outcome(Instance(declared[0])), by_object)] if unknown and len(declared) == 1 else found

    def _given(self, value: Param, by_object: bool, frame: Frame, context: Context) -> list[Outcome]:
        symbol = (frame.file, frame.scope)
        arguments = frame.arguments or context.bound.get(symbol)
        if arguments is None:
            declared = self._evaluator.evaluate(value, frame, context)
            bases = [o.thing.owner for o in declared if isinstance(o.thing, Instance)]
            reason = f"type of parameter `{value.name}` of {frame.scope}"
            return [Outcome(Text((Hole(reason, param=symbol, base=bases[0] if len(bases) == 1 else None),)))]
        given = dict(arguments.named).get(value.name)
        if given is None and value.index < len(arguments.positional):
            given = arguments.positional[value.index]
        if given is None:
            return [hole(f"parameter `{value.name}` of {frame.scope} is not passed")]
        return self.class_of((given, by_object), arguments.frame, context)

    def _assigned(self, value: Value, frame: Frame) -> list[tuple[Value, Frame]]:
        """What a local name is bound to: more is known of it than of its declared type."""
        name = dotted(value)
        found = self._evaluator.names.find(frame.file, frame.scope, name) if name else None
        if found is None or found.kind != "binding" or found.rest or found.file != frame.file:
            return []
        local = frame.scope and found.name.startswith(f"{frame.scope}.")
        bindings = self._evaluator.names.files[found.file].bindings.get(found.name, ()) if local else ()
        return [(b.value, frame) for b in bindings if b.scope == frame.scope and b.value != value]

    def _declared(self, value: Value, frame: Frame, made: list[Outcome]) -> list[Outcome]:
        """The declared class, when it has none below it and the object seems to be of another: a mapper made it."""
        found = self._types(value, frame.file, frame.scope)
        if len(found) != 1 or found[0] in self._evaluator.names.extended or not frame.file[1].endswith(".go"):
            return []
        sort = self._evaluator.names.files[found[0][0]].symbols[found[0][1]].get("sort")
        known = any(isinstance(o.thing, Definition) and o.thing.symbol == found[0] for o in made)
        return [Outcome(Definition(found[0], "class"))] if sort == "class" and not known else []

    def _class(self, outcome: Outcome, by_object: bool) -> Outcome:
        thing = outcome.thing
        if isinstance(thing, Definition):
            return outcome
        if not isinstance(thing, Instance) or not by_object:
            return hole("a type that is not known")
        if thing.arguments is None and thing.owner in self._evaluator.names.extended:
            reason = f"type of an object of {thing.owner[1]} or a class below it"
            return Outcome(Text((Hole(reason, base=thing.owner),)))
        return Outcome(Definition(thing.owner, "class"))


def reflected(call: Call) -> tuple[Value, bool] | None:
    """The value whose class a call gives, and whether it is an object of the class; None for any other call.

    Args:
        call: ``typeof(T)``, ``type(x)``, ``x.GetType()``, ``x.getClass()``.
    """
    name = dotted(call.callee)
    if name in _TYPE_OF_CLASS and call.args:
        return call.args[0], False
    if name in _TYPE_OF_OBJECT and len(call.args) == 1:
        return call.args[0], True
    member = as_member(call.callee)
    if member is not None and member.name in _METHODS and not call.args:
        return member.base, True
    return None
