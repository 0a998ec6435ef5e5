"""Attributes of evaluated objects: fields, properties, methods of ours, options filled from configuration, classes."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Protocol

from graph.linking.corpus import FileKey, SymbolKey
from graph.linking.names import Names, dotted
from graph.linking.outcomes import Arguments, Context, Definition, Frame, Instance, Outcome, Outside, Text
from graph.linking.reflection import class_name
from graph.linking.texts import hole, plain
from graph.values import Call, Config, Env, Lit, Value

_SAME_TEXT = frozenset({"value", "href", "url", "origin"})
_WRAPPED = frozenset({"Value", "CurrentValue", "Result", "get", "value", "getObject", "getIfAvailable"})
_CONTENTS = frozenset({"keys", "values", "[]"})
_VARIABLE = re.compile(r"[A-Z][A-Z0-9]*(_[A-Z0-9]+)+$")
_CLASS = frozenset({"class", "java", "__class__"})
_MESSAGE = ("Method", "RequestUri")  # what an HttpRequestMessage of .NET is made from, in this order
Options = Mapping[SymbolKey, Sequence[str]]


class Evaluates(Protocol):
    """What attributes need of the evaluator."""

    names: Names

    def evaluate(self, value: Value | None, frame: Frame, context: Context) -> list[Outcome]:
        """Every result a value may have."""
        ...

    def bound(self, target: SymbolKey, frame: Frame, context: Context) -> list[Outcome]:
        """Every value a name is bound to."""
        ...

    def returned(self, function: Definition, arguments: Arguments, context: Context) -> list[Outcome]:
        """Every result of a function."""
        ...


class Attributes:
    """Evaluates attributes.

    Args:
        evaluator: for the values behind them.
        options: classes whose properties are filled from configuration sections.
    """

    def __init__(self, evaluator: Evaluates, options: Options) -> None:
        self._evaluator = evaluator
        self._options = options

    def of(self, bases: list[Outcome], names: Sequence[str], context: Context) -> list[Outcome]:
        """The outcomes of a path of attributes.

        Args:
            bases: what they are taken from.
            names: one after the other.
            context: of the evaluation.
        """
        position = 0
        while position < len(names):
            pair = ".".join(names[position : position + 2])
            held = self._contents(bases, pair, context) if names[position + 1 : position + 2] else []
            bases = held or [o for base in bases for o in self._attribute(base, names[position], context)]
            position += 2 if held else 1
        return bases

    def _contents(self, bases: list[Outcome], pair: str, context: Context) -> list[Outcome]:
        """Keys and values put into a collection that is a field: ``handlers.keys``."""
        if pair.rpartition(".")[2] not in _CONTENTS:
            return []
        names, found = self._evaluator.names, list[Outcome]()
        for owner in [base.thing.owner for base in bases if isinstance(base.thing, Instance)]:
            for file, target in (*_own(names, owner, pair), *names.scattered.get((owner, pair), ())):
                for binding in names.files[file].bindings.get(target, ()):
                    found += self._evaluator.evaluate(binding.value, Frame(file, binding.scope), context)
        return found

    def _attribute(self, base: Outcome, name: str, context: Context) -> list[Outcome]:
        made = self._of(base, name, context)
        return made if not _VARIABLE.match(name) else self._variable(name, made, context) or made

    def _variable(self, name: str, made: list[Outcome], context: Context) -> list[Outcome]:
        """An unreadable object's attribute that is called like a variable which the service is deployed with."""
        if not context.service or not all(_empty(o) for o in made):
            return []
        found = self._evaluator.evaluate(Env(name), Frame(("", ""), ""), context)
        known = [o for o in found if isinstance(o.thing, Text) and not _empty(o)]
        return [Outcome(o.thing, o.trail | {"named like a variable"}) for o in known]

    def _of(self, base: Outcome, name: str, context: Context) -> list[Outcome]:
        thing = base.thing
        if isinstance(thing, Instance):
            return self._of_instance(base, thing, name, context)
        if isinstance(thing, Definition):
            return self._of_definition(base, thing, name, context)
        if isinstance(thing, Outside):
            return self._of_outside(thing, name, context)
        if name in _SAME_TEXT:
            return [base]
        if len(thing.holes) == 1 == len(thing.parts) and thing.holes[0].env:
            return self._evaluator.evaluate(Config(f"{thing.holes[0].env}.{name}"), Frame(("", ""), ""), context)
        if len(thing.holes) == 1 and thing.holes[0].base is not None:
            return [base]
        reason = thing.holes[0].reason if thing.holes else f"`{name}` of a text"
        return [hole(f"`{name}` of {reason}", param=thing.holes[0].param if thing.holes else None)]

    def _of_instance(self, base: Outcome, thing: Instance, name: str, context: Context) -> list[Outcome]:
        names, evaluate = self._evaluator.names, self._evaluator.evaluate
        arguments = thing.arguments or context.bound.get(thing.owner)
        given = dict(arguments.named).get(name) if arguments is not None else None
        if given is not None and arguments is not None and self._is_field(thing.owner, f"{thing.owner[1]}.{name}"):
            return evaluate(given, arguments.frame, context)
        if thing.owner in self._options:
            frame = Frame(thing.owner[0], "")
            keys = [f"{section}:{name}" if section else name for section in self._options[thing.owner]]
            found_keys = [o for key in keys for o in evaluate(Config(key), frame, context) if not _empty(o)]
            if found_keys:
                return found_keys
        found = names.member(thing.owner, (name,))
        elsewhere = self._elsewhere(thing.owner, name, context)
        if found is None and elsewhere:
            return elsewhere
        if found is None:
            return [base] if name in _WRAPPED else self._accessor(thing, name, context)
        if found.kind == "symbol":
            sort = str(names.files[found.file].symbols[found.name].get("sort"))
            if sort == "property":
                inner = Definition((found.file, found.name), sort, thing)
                return self._evaluator.returned(inner, Arguments((), (), Frame(found.file, "")), context)
            return [Outcome(Definition((found.file, found.name), sort, thing))]
        made = self._evaluator.bound((found.file, found.name), Frame(found.file, "", None, thing), context)
        known = arguments is not None or names.files[found.file].bindings.get(found.name)
        return made if known or self._nested(made) else [hole(f"field `{name}` of {thing.owner[1]}", param=thing.owner)]

    def _elsewhere(self, owner: SymbolKey, name: str, context: Context) -> list[Outcome]:
        """What other files than its own give a field: ``cfg.Host = ..``, ``Config{Host: ..}``, ``SD.Base = ..``."""
        names, found = self._evaluator.names, list[Outcome]()
        for file, target in names.scattered.get((owner, name), ()) if owner[0][1].endswith((".go", ".cs")) else ():
            for binding in names.files[file].bindings.get(target, ()):
                found += self._evaluator.evaluate(binding.value, Frame(file, binding.scope), context)
        return found

    def _accessor(self, thing: Instance, name: str, context: Context) -> list[Outcome]:
        """``getUrl()`` and ``url()`` that no code defines (records, Lombok) give the field ``url``."""
        for field in (name[3:4].lower() + name[4:] if name.startswith("get") else "", name):
            found = self._evaluator.names.member(thing.owner, (field,)) if field and field != name else None
            if found is not None and found.kind == "binding" and not found.rest:
                return self._of_instance(Outcome(thing), thing, field, context)
        return [hole(f"{thing.owner[1]} has no known `{name}`")]

    def _nested(self, made: list[Outcome]) -> bool:
        """Whether a field holds a struct of Go by value: it is there whoever made the object."""
        things = [o.thing for o in made]
        names = self._evaluator.names
        return bool(things) and all(
            isinstance(t, Instance)
            and t.owner[0][1].endswith(".go")
            and names.files[t.owner[0]].symbols[t.owner[1]].get("sort") == "class"
            for t in things
        )

    def _is_field(self, owner: SymbolKey, target: str) -> bool:
        """Whether a named argument is what the field holds; what C# puts in braces behind a ``new`` is."""
        bindings = self._evaluator.names.files[owner[0]].bindings.get(target)
        path = owner[0][1]
        if path.endswith(".go") or (path.endswith(".cs") and target.rpartition(".")[2][:1].isupper()):
            return True
        return bindings is None or all(b.scope == owner[1] for b in bindings)

    def _of_definition(self, base: Outcome, thing: Definition, name: str, context: Context) -> list[Outcome]:
        file, symbol = thing.symbol
        names = self._evaluator.names
        if thing.sort in ("class", "interface"):
            found = names.member(thing.symbol, (name,))
        else:
            found = names.find(file, symbol, name) if not symbol else None
        if found is None or found.kind in ("module", "foreign"):
            return self._elsewhere(thing.symbol, name, context) or self._of_class(base, thing, name)
        if found.kind == "symbol":
            sort = str(names.files[found.file].symbols[found.name].get("sort"))
            return [Outcome(Definition((found.file, found.name), sort))]
        return self._evaluator.bound((found.file, found.name), Frame(found.file, ""), context)

    def _of_class(self, base: Outcome, thing: Definition, name: str) -> list[Outcome]:
        """What a class says of itself: ``Order.class``, ``.Name``, ``.__name__``."""
        if thing.sort in ("class", "interface"):
            if name in _CLASS:
                return [base]
            text = class_name(self._evaluator.names, thing.symbol, name)
            if text:
                return [plain(text)]
        return [hole(f"{thing.symbol[1] or thing.symbol[0][1]} has no known `{name}`")]

    def _of_outside(self, thing: Outside, name: str, context: Context) -> list[Outcome]:
        if thing.call is None or thing.frame is None:
            return [Outcome(Outside(f"{thing.name}.{name}"))]
        given = dict(thing.call.named).get(name)
        literals = [dict(arg.named) for arg in thing.call.args if isinstance(arg, Call)]
        given = given if given is not None else next((found[name] for found in literals if name in found), None)
        if given is None and thing.name.endswith("HttpRequestMessage") and name in _MESSAGE[: len(thing.call.args)]:
            given = thing.call.args[_MESSAGE.index(name)]
            verb = dotted(given).rpartition("HttpMethod.")[2] if name == "Method" else ""
            given = Lit(verb.upper()) if verb else given
        if given is not None:
            return self._evaluator.evaluate(given, thing.frame, context)
        return [hole(f"{thing.name}(...) is given no `{name}`")]


def _own(names: Names, owner: SymbolKey, pair: str) -> list[tuple[FileKey, str]]:
    target = f"{owner[1]}.{pair}"
    return [(part, target) for part in names.packages.parts.get(owner, (owner[0],))]


def _empty(outcome: Outcome) -> bool:
    holes = getattr(outcome.thing, "holes", ())
    return bool(holes) and not any(isinstance(part, str) for part in getattr(outcome.thing, "parts", ()))
