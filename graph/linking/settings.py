"""Environment variables and configuration keys: their values in a service, else the default the code gives."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from typing import Protocol

from graph.linking.corpus import FileKey
from graph.linking.outcomes import Context, Frame, Outcome, Text
from graph.linking.texts import behind_host, hole
from graph.values import Call, Env, Lit, Value

_VARIABLE = re.compile(r"[A-Z][A-Z0-9]*(_[A-Z0-9]+)+")
_READS = re.compile(r"(?i)env(?!elope)")
_ENV: FileKey = ("", "environment")


class Lookup(Protocol):
    """Values of environment variables."""

    def __call__(self, service: str, key: str) -> Sequence[tuple[Value, FileKey]]:
        """The values a variable has in a service."""
        ...

    def interpolated(self, repository: str, key: str) -> Sequence[tuple[Value, FileKey]]:
        """What the variable is replaced by inside deployment files."""
        ...


class Settings:
    """Evaluates settings.

    Args:
        evaluate: evaluates the values they are given.
        environment: values of environment variables.
        declared: environment variables a person tied to a service in testmesh.toml.
    """

    def __init__(
        self,
        evaluate: Callable[[Value | None, Frame, Context], list[Outcome]],
        environment: Lookup,
        declared: frozenset[str],
    ) -> None:
        self._evaluate = evaluate
        self._environment = environment
        self._declared = declared

    def of(self, value: Env, frame: Frame, context: Context) -> list[Outcome]:
        """Every value of a variable.

        Args:
            value: the variable, with its default.
            frame: where it is read.
            context: the service counts; collects the keys read.
        """
        context.keys.add(value.name)
        made = self._set(value, frame, context)
        if value.name in self._declared:
            declared = hole(f"{value.name} is declared in testmesh.toml", env=value.name, rule="annotation")
            return [behind_host(declared, o) for o in made]
        return made

    def _set(self, value: Env, frame: Frame, context: Context) -> list[Outcome]:
        outcomes: list[Outcome] = []
        for given, file in self._given(value.name, frame, context):
            inner = self._evaluate(given, Frame(file, ""), context)
            outcomes += [Outcome(o.thing, o.trail | {"deployed-env"}) for o in inner]
        context.active[_ENV, value.name] -= 1
        known = [o for o in outcomes if not isinstance(o.thing, Text) or any(isinstance(p, str) for p in o.thing.parts)]
        if known:
            return known
        if value.default is not None:
            inner = self._evaluate(value.default, frame, context)
            return [Outcome(o.thing, o.trail | {"env-default"}) for o in inner]
        empty = [o for o in outcomes if isinstance(o.thing, Text) and not o.thing.parts]
        return empty or [hole(f"{value.name} is set nowhere", env=value.name)]

    def _given(self, name: str, frame: Frame, context: Context) -> Sequence[tuple[Value, FileKey]]:
        """Deployed values; inside the value of a variable, ``${NAME}`` means the deployment's own ``.env`` file."""
        depth = context.active.get((_ENV, name), 0)
        context.active[_ENV, name] = depth + 1
        if depth == 0:
            return self._environment(context.service, name)
        return self._environment.interpolated(frame.file[0], name) if depth == 1 else ()

    def read_by(self, function: str, call: Call, service: str) -> Env | None:
        """The variable a library's function reads (``requireEnv("PAY_URL")``): by its name, or deployed so here.

        Args:
            function: external name.
            call: its arguments, a default as the second.
            service: whose code calls it.
        """
        first = call.args[0] if call.args else None
        if not isinstance(first, Lit) or not isinstance(first.value, str) or not _VARIABLE.fullmatch(first.value):
            return None
        if not _READS.search(function.rpartition(".")[2]) and not (service and self._environment(service, first.value)):
            return None
        default = call.args[1] if len(call.args) == 2 and isinstance(call.args[1], Lit) else None
        return Env(first.value, default)

    def named(
        self,
        names: Sequence[tuple[Text, frozenset[str]]],
        default: Sequence[Value],
        frame: Frame,
        context: Context,
    ) -> list[Outcome]:
        """Environment variables whose names are computed.

        Args:
            names: what the name may be.
            default: what to take where it is set nowhere, if anything.
            frame: where it is read.
            context: of the evaluation.
        """
        holes = [hole(text.holes[0].reason, param=text.holes[0].param) for text, _ in names if text.holes]
        given = default[0] if default else None
        return holes + [o for t, _ in names if not t.holes for o in self.of(Env(t.template, given), frame, context)]
