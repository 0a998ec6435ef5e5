"""The only place where Values are evaluated: across files, through wrappers, per service environment (DESIGN §3)."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from itertools import islice, product
from types import MappingProxyType
from typing import Any

from graph.linking.attributes import Attributes, Options
from graph.linking.corpus import Binding, FileKey, SymbolKey
from graph.linking.names import CLASSES, SELVES, Found, Names, dotted, unloaded
from graph.linking.options import assignments
from graph.linking.outcomes import (
    NOT_SET,
    Arguments,
    Context,
    Definition,
    Frame,
    Instance,
    Outcome,
    Outside,
    Part,
    Text,
    joined,
)
from graph.linking.packages import dialect_of
from graph.linking.reflection import Reflection, Types, reflected
from graph.linking.selves import left_open, outer_parameter, passed_on, placeholder, redefined
from graph.linking.settings import Lookup, Settings
from graph.linking.strings import BROWSER, ENVIRONMENT, OBJECT, discovered, external_call, text_method
from graph.linking.texts import as_member, as_text, asked_of, distinct, filled, hole, literal, plain
from graph.values import Call, Choice, Concat, Config, Env, Format, Lit, Member, Name, Param, Unknown, Value

_OUTCOMES = 64
_DEPTH = 60
_CONSTRUCTORS = ("__init__", "constructor")


class Evaluator:
    """Evaluates Values to every result they may have, bounded in steps and results.

    Args:
        names: name look-up.
        environment: (service, key) to the values deployment files give it, with the file they stand in.
        declared: environment variables a person tied to a service in testmesh.toml.
        options: classes whose properties are filled from configuration sections.
        types: the classes of ours a value may be an object of.

    Attributes:
        implementing: the methods that run when one of an interface is called.
    """

    def __init__(
        self,
        names: Names,
        environment: Lookup,
        declared: frozenset[str] = frozenset(),
        options: Options = MappingProxyType({}),
        types: Types = lambda value, file, scope: (),
    ) -> None:
        self.names = names
        self._members = Attributes(self, options)
        self._reflection = Reflection(self, types)
        self.implementing: Callable[[SymbolKey], Sequence[SymbolKey]] = lambda symbol: ()
        self._settings = Settings(self.evaluate, environment, declared)
        self._rules: Mapping[type, Callable[[Any, Frame, Context], list[Outcome]]] = {
            Lit: lambda v, f, c: [plain(literal(v.value)) if v.value is not None else hole(NOT_SET)],
            Name: self._name,
            Param: self._param,
            Env: self._settings.of,
            Config: lambda v, f, c: self._settings.of(Env(v.key, v.default), f, c),
            Concat: self._concat,
            Format: self._format,
            Call: self._call,
            Member: self._member,
            Choice: lambda v, f, c: [o for option in v.options for o in self.evaluate(option, f, c)],
            Unknown: lambda v, f, c: [hole(v.reason)],
        }

    def evaluate(self, value: Value | None, frame: Frame, context: Context) -> list[Outcome]:
        """Every result a value may have, at least one; what could not be read is a Hole with the reason.

        Args:
            value: what the code wrote; None counts as unknown.
            frame: where.
            context: service, chosen arguments and the budget; collects the constants and keys read.
        """
        if value is None:
            return [hole("not given")]
        context.budget -= 1
        if context.budget <= 0 or context.depth >= _DEPTH:
            return [hole("too many steps to evaluate")]
        context.depth += 1
        outcomes = self._rules[type(value)](value, frame, context)
        context.depth -= 1
        if not outcomes:
            return [hole("no value is given")]
        return outcomes if len(outcomes) < 2 else distinct(outcomes, _OUTCOMES)

    def texts(self, value: Value | None, frame: Frame, context: Context) -> list[tuple[Text, frozenset[str]]]:
        """The results as text; objects become holes.

        Args:
            value: what the code wrote.
            frame: where.
            context: as in `evaluate`.
        """
        return [(as_text(o), o.trail) for o in self.evaluate(value, frame, context)]

    def _name(self, value: Name, frame: Frame, context: Context) -> list[Outcome]:
        if value.name in SELVES:
            return self._self(frame)
        head, _, tail = value.name.partition(".")
        if head in SELVES and frame.owner is not None:
            return self._members.of(self._self(frame), tail.split("."), context)
        if value.name == OBJECT:
            return [Outcome(Outside(OBJECT))]
        found = self.names.find(frame.file, frame.scope, value.name)
        outer = outer_parameter(self.names, frame, value.name, found) if "." in frame.scope else None
        if outer is not None or found is None:
            return self.evaluate(outer[1], outer[0], context) if outer else self._undefined(value.name, frame, context)
        if found.kind == "foreign":
            return [Outcome(Outside(found.name))]
        if found.kind == "module":
            return [Outcome(Definition((found.file, ""), "module"))]
        if frame.owner is not None and not tail and redefined(self.names, frame.owner.owner, found):
            return self._members.of(self._self(frame), (head,), context)
        if found.kind == "symbol":
            sort = str(self.names.files[found.file].symbols[found.name].get("sort"))
            return self._members.of([Outcome(Definition((found.file, found.name), sort))], found.rest, context)
        if found.rest and (aliased := self._aliased(found)):
            return [o for name, scope in aliased for o in self._name(name, Frame(found.file, scope), context)]
        made = self.bound((found.file, found.name), frame, context)
        return self._members.of(made, found.rest, context)

    def _undefined(self, name: str, frame: Frame, context: Context) -> list[Outcome]:
        served, file = BROWSER.get(name), frame.file
        head, _, tail = name.partition(".")
        if head in SELVES and file[1].endswith(".go"):
            return self._members.of(self._self(frame), tail.split("."), context)
        if dialect_of(file) and name[:1].isupper():
            return [Outcome(Outside(name))]
        return [plain(served) if served is not None else hole(f"`{name}` is not defined in {file[1]}")]

    def _aliased(self, found: Found) -> list[tuple[Name, str]]:
        """``other.rest`` where the name found is bound to another name that has such members itself."""
        aliases = []
        for binding in self.names.files[found.file].bindings.get(found.name, ()):
            other = dotted(binding.value)
            whole = ".".join((other, *found.rest))
            inner = self.names.find(found.file, binding.scope, whole) if other and other != found.name else None
            if inner is not None and not inner.rest:
                aliases.append((Name(whole), binding.scope))
        return aliases

    def _self(self, frame: Frame) -> list[Outcome]:
        if frame.owner is not None:
            return [Outcome(frame.owner)]
        owner = self.names.enclosing_class(frame.file, frame.scope)
        return [Outcome(Instance(owner))] if owner is not None else [hole("`self` outside a class")]

    def bound(self, target: SymbolKey, frame: Frame, context: Context) -> list[Outcome]:
        file, name = target
        index = self.names.files[file]
        bindings, others = assignments(self.names, target, context.bound)
        if any(not b.scope for b in bindings) and name:
            context.constants.add(target)
        outcomes = self._assigned(target, bindings, frame, context)
        outcomes += [o for f, b in others for o in self.evaluate(b.value, Frame(f, b.scope), context)]
        outcomes = [o for o in outcomes if o.thing != Text(())] or outcomes
        for type_name in () if outcomes else index.typed.get(name, ()):
            outcomes += self._typed(file, name, type_name)
        asked = (frame.file, frame.scope) if frame.scope and left_open(self.names, target) else None
        return outcomes or [hole(f"`{name}` has no known value", param=asked)]

    def _assigned(self, target: SymbolKey, bindings: list[Binding], frame: Frame, context: Context) -> list[Outcome]:
        """Every assigned value; one that extends the name itself (``url += x``) replaces what came before."""
        before = context.active.get(target)
        if before is not None:
            context.reentered.add(target)
            bindings = bindings[:before]
        outcomes: list[Outcome] = []
        for number, binding in enumerate(bindings):
            context.active[target] = number
            context.reentered.discard(target)
            made = self.evaluate(binding.value, self._frame_of(binding, target, frame), context)
            if binding.value == Lit("") and placeholder(self.names, target, binding):
                made = [hole(NOT_SET)]
            outcomes = made if target in context.reentered else outcomes + made
        if before is None:
            context.active.pop(target, None)
        else:
            context.active[target] = before
            context.reentered.add(target)
        return outcomes

    def _frame_of(self, binding: Binding, target: SymbolKey, frame: Frame) -> Frame:
        file, owner = target[0], frame.owner
        scope = binding.scope or (target[1].rpartition(".")[0] if dialect_of(file) else "")
        if file == frame.file and scope == frame.scope:
            return frame
        if owner is not None and file == owner.owner[0] and f"{scope}.".startswith(f"{owner.owner[1]}."):
            constructs = unloaded(scope.rpartition(".")[2]) in _CONSTRUCTORS
            return Frame(file, scope, owner.arguments if constructs else None, owner)
        return Frame(file, scope)

    def _typed(self, file: FileKey, name: str, type_name: str) -> list[Outcome]:
        found = self.names.type_of(file, name.rpartition(".")[0], type_name)
        if found is not None and found.kind == "symbol" and not found.rest:
            return [Outcome(Instance((found.file, found.name)))]
        inner = self._wrapped(file, name)
        if inner or found is None:
            return inner
        return [Outcome(Outside(found.name, Call(Name(type_name)), Frame(file, "")))] if found.kind == "foreign" else []

    def _wrapped(self, file: FileKey, name: str) -> list[Outcome]:
        """What a wrapper of a library holds (``IOptions<Urls>``), when it is one class of ours."""
        arguments = self.names.files[file].arguments.get(name, ())
        found = [self.names.find(file, name.rpartition(".")[0], text) for text in arguments]
        ours = [f for f in found if f is not None and f.kind == "symbol" and not f.rest]
        return [Outcome(Instance((ours[0].file, ours[0].name)))] if len(ours) == 1 == len(arguments) else []

    def _param(self, value: Param, frame: Frame, context: Context) -> list[Outcome]:
        symbol = (frame.file, frame.scope)
        arguments = frame.arguments or context.bound.get(symbol)
        if arguments is None:
            typed = self.names.files[frame.file].typed.get(f"{frame.scope}.{value.name}", ())
            made = [o for t in typed for o in self._typed(frame.file, f"{frame.scope}.{value.name}", t)]
            if frame.file[1].endswith(".go"):
                made = [o for o in made if isinstance(o.thing, Instance)]
            return made or [hole(f"parameter `{value.name}` of {frame.scope}", param=symbol)]
        given = dict(arguments.named).get(value.name)
        if given is None and value.index < len(arguments.positional):
            given = arguments.positional[value.index]
        if given is not None:
            return self.evaluate(given, arguments.frame, context)
        defaults = self.names.files[frame.file].bindings.get(f"{frame.scope}.{value.name}", ())
        if defaults:
            return self.evaluate(defaults[0].value, Frame(frame.file, ""), context)
        return [hole(f"parameter `{value.name}` of {frame.scope} is not passed")]

    def _concat(self, value: Concat, frame: Frame, context: Context) -> list[Outcome]:
        return self._combined(value.parts, frame, context, lambda parts: [p for ps in parts for p in ps])

    def _combined(
        self,
        values: Sequence[Value],
        frame: Frame,
        context: Context,
        build: Callable[[tuple[tuple[Part, ...], ...]], list[Part]],
    ) -> list[Outcome]:
        options = [self.texts(v, frame, context) for v in values]
        made = []
        for combination in islice(product(*options), _OUTCOMES + 1):
            trail = frozenset[str]().union(*(t for _, t in combination))
            made.append(Outcome(joined(tuple(build(tuple(text.parts for text, _ in combination)))), trail))
        return made

    def _format(self, value: Format, frame: Frame, context: Context) -> list[Outcome]:
        named = [name for name, _ in value.named]
        values = (*value.args, *(v for _, v in value.named))

        def build(parts: tuple[tuple[Part, ...], ...]) -> list[Part]:
            return list(
                filled(
                    value.template, parts[: len(value.args)], dict(zip(named, parts[len(value.args) :], strict=True))
                )
            )

        return self._combined(values, frame, context, build)

    def _call(self, value: Call, frame: Frame, context: Context) -> list[Outcome]:
        asked = reflected(value)
        if asked is not None:
            return self._reflection.class_of(asked, frame, context)
        service = discovered(value)
        if service:
            return [plain(service)]
        if value.args and dotted(value.callee) in ENVIRONMENT:
            return self._settings.named(self.texts(value.args[0], frame, context), value.args[1:], frame, context)
        method = as_member(value.callee)
        changed = self._text_method(method, value, frame, context) if method is not None else None
        if changed is not None:
            return changed
        outcomes: list[Outcome] = []
        for callee in self.evaluate(value.callee, frame, context):
            outcomes += self._called(callee, value, frame, context)
        return outcomes

    def _text_method(self, callee: Member, value: Call, frame: Frame, context: Context) -> list[Outcome] | None:
        change = text_method(callee.name, [a.value for a in value.args if isinstance(a, Lit)])
        if change is None:
            return None
        made = [
            Outcome(change(o.thing), o.trail)
            for o in self.evaluate(callee.base, frame, context)
            if isinstance(o.thing, Text)
        ]
        return made or None

    def _called(self, callee: Outcome, value: Call, frame: Frame, context: Context) -> list[Outcome]:
        thing = callee.thing
        if isinstance(thing, Definition):
            arguments = Arguments(value.args, value.named, frame)
            if thing.sort in CLASSES:
                return [Outcome(Instance(thing.symbol, arguments), callee.trail)]
            symbol = self.names.overload(thing.symbol, len(value.args) + len(value.named))
            return self.returned(replace(thing, symbol=symbol), arguments, context)
        if isinstance(thing, Outside):
            argument = external_call(thing.name, value)
            if argument is None:
                argument = self._settings.read_by(thing.name, value, context.service)
            if argument is not None:
                return self.evaluate(argument, frame, context)
            return [Outcome(Outside(thing.name, value, frame), callee.trail)]
        accessor = not value.args and dialect_of(frame.file) and as_member(value.callee) is not None
        if isinstance(thing, Text) and accessor:
            return [callee]
        name = dotted(value.callee) or "an expression"
        reason = thing.holes[0].reason if isinstance(thing, Text) and thing.holes else "not a function"
        return [hole(f"result of {name}(): {reason}")]

    def returned(self, function: Definition, arguments: Arguments, context: Context) -> list[Outcome]:
        file, name = function.symbol
        inner = Frame(file, name, arguments, function.owner)
        if function.symbol in context.active:
            return [hole(f"{name}() calls itself")]
        context.active[function.symbol] = 0
        outcomes: list[Outcome] = []
        for returned in self.names.files[file].returns.get(name, ()):
            outcomes += self.evaluate(returned, inner, context)
        for symbol in self.implementing(function.symbol) if not outcomes else ():
            outcomes += self.returned(replace(function, symbol=symbol), arguments, context)
        del context.active[function.symbol]
        return outcomes or [hole(f"{name}() returns nothing that could be read")]

    def _member(self, value: Member, frame: Frame, context: Context) -> list[Outcome]:
        name = dotted(value)
        if name and self.names.find(frame.file, frame.scope, name) is not None:
            return self._name(Name(name), frame, context)
        arguments = frame.arguments or context.bound.get((frame.file, frame.scope))
        passed = passed_on(value, arguments)
        if isinstance(value.base, Param):
            flat = arguments is not None and value.base.index >= len(arguments.positional)
            if arguments is not None and flat and (given := dict(arguments.named).get(value.name)) is not None:
                return self.evaluate(given, arguments.frame, context)
            made = self._part(value, passed, frame, context)
            default = self.names.files[frame.file].bindings.get(f"{frame.scope}.{value.name}", ())
            if arguments is not None and default and value.base.name.startswith("{") and all(o.left_out for o in made):
                return self.evaluate(default[0].value, Frame(frame.file, ""), context)
            return made if arguments is not None else [self._asked(o, (frame.file, frame.scope)) for o in made]
        return self._part(value, passed, frame, context)

    def _part(self, value: Member, passed: tuple[Value, Frame] | None, frame: Frame, context: Context) -> list[Outcome]:
        if passed is not None:
            return self.evaluate(passed[0], passed[1], context)
        return self._members.of(self.evaluate(value.base, frame, context), (value.name,), context)

    def _asked(self, outcome: Outcome, symbol: SymbolKey) -> Outcome:
        found = asked_of(outcome, symbol)
        thing = outcome.thing
        owner = thing.holes[0].param if isinstance(thing, Text) and thing.holes else None
        unwritten = owner is not None and owner[1] not in self.names.files[owner[0]].symbols
        return found if owner is None or unwritten else outcome
