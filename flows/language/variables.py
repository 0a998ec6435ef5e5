"""Which source gives each variable its value (FLOWS §2), decided once per data row, without reading anything."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

from flows.language.errors import NotEvaluable, UnknownName
from flows.language.expressions.scope import Scope
from flows.language.spec import Flow, Position, Variable
from flows.language.values import as_text, described, type_name, typed_text
from testmesh.kernel.diagnostics import Diagnostic
from testmesh.kernel.errors import DiagnosticsError

Origin = Literal["input", "--var", "data", "environment", "process environment", "env_file", "env"]


@dataclass(frozen=True, slots=True, eq=False)
class Sources:
    """Where values may come from; text is typed here, other values are taken as they are.

    Args:
        given: `run_flow` input, of any type.
        cli: ``--var`` texts.
        row: the data row of this execution, rendered.
        environment: variables of the named environment.
        process: the process environment; only names that the flow refers to are looked at.
    """

    given: Mapping[str, object] = field(default_factory=dict)
    cli: Mapping[str, str] = field(default_factory=dict)
    row: Mapping[str, object] = field(default_factory=dict)
    environment: Mapping[str, object] = field(default_factory=dict)
    process: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, eq=False)
class Variables:
    """A flow's variables for one execution.

    Args:
        values: name → value.
        origins: name → the source it came from.
        missing: names that the flow needs, no source gives and no use has a default for, with their first use.
    """

    values: Mapping[str, object]
    origins: Mapping[str, Origin]
    missing: Mapping[str, Position]


def resolve_variables(flow: Flow, sources: Sources, scope: Scope) -> Variables:
    """The variables of one execution of a flow.

    Args:
        flow: checked.
        sources: by name.
        scope: gives built-ins to `env` values that use them.

    Raises:
        DiagnosticsError: a value does not fit the type that `env` declares, or an `env` template has no value.
    """
    resolution = _Resolution(flow, sources, scope)
    resolution.run()
    if resolution.findings:
        raise DiagnosticsError(resolution.findings)
    return Variables(resolution.values, resolution.origins, resolution.missing())


class _Resolution:
    def __init__(self, flow: Flow, sources: Sources, scope: Scope) -> None:
        self.flow = flow
        self.sources = sources
        self.scope = scope
        self.values: dict[str, object] = {}
        self.origins: dict[str, Origin] = {}
        self.findings: list[Diagnostic] = []
        self.declared = {variable.name: variable for variable in flow.env}

    def run(self) -> None:
        """Lowest first, so that higher sources overwrite; `env` comes last because it may use all others."""
        env_file = self.flow.env_file
        for name, text in env_file.values.items() if env_file is not None else ():
            self._take(name, text, "env_file")
        plain = {variable.name for variable in self.flow.env if variable.plain}
        for name in [*self.flow.references, *self.flow.implied, *self.declared]:
            if name in self.sources.process and name not in plain:
                self._take(name, self.sources.process[name], "process environment")
        ordered: tuple[tuple[Origin, Mapping[str, object]], ...] = (
            ("environment", self.sources.environment),
            ("data", self.sources.row),
            ("--var", self.sources.cli),
            ("input", self.sources.given),
        )
        for origin, values in ordered:
            for name, value in values.items():
                self._take(name, value, origin)
        for variable in self.flow.env:
            if variable.name not in self.values:
                self._declare(variable)

    def missing(self) -> Mapping[str, Position]:
        """What nothing defines."""
        optional = self.flow.defaulted | self.flow.implied
        needed = self.flow.references.items()
        return {name: at for name, at in needed if name not in self.values and name not in optional}

    def _take(self, name: str, value: object, origin: Origin) -> None:
        declared = self.declared.get(name)
        text = isinstance(value, str) and origin != "input"
        if text and declared is not None and declared.type is not None:
            self.values[name] = self._converted(name, str(value), declared, origin)
        elif origin == "data" and declared is not None and declared.type == "string" and self._from_file():
            self.values[name] = as_text(value)
        else:
            self.values[name] = typed_text(value) if text and isinstance(value, str) and origin != "data" else value
        self.origins[name] = origin

    def _from_file(self) -> bool:
        return self.flow.data is not None and self.flow.data.file is not None

    def _converted(self, name: str, text: str, declared: Variable, origin: Origin) -> object:
        """A text as the type that `env` declares."""
        if declared.type in ("string", "null"):
            return typed_text(text) if declared.type == "null" else text
        value = typed_text(text)
        if declared.type in ("array", "object"):
            value = _parsed(text)
        if type_name(value) == declared.type:
            return value
        message = f"'{name}' is declared as {declared.type}; {described(text)} from {origin} does not convert"
        self._find(declared.at, "flow/variable-type", message)
        return None

    def _declare(self, variable: Variable) -> None:
        try:
            self.values[variable.name] = variable.value.render(_Partial(self.values, self.scope))
            self.origins[variable.name] = "env"
        except UnknownName as problem:
            if problem.name not in self.flow.references:
                self._find(variable.at, "flow/variable", f"'{variable.name}': {problem.message}")
        except NotEvaluable as problem:
            self._find(variable.at, "flow/variable", f"'{variable.name}': {problem.message}")

    def _find(self, at: Position, rule: str, message: str) -> None:
        self.findings.append(Diagnostic(self.flow.file, at.line, at.column, rule, message))


def _parsed(text: str) -> object:
    from flows.language.values import parse_json

    try:
        return parse_json(text)
    except ValueError:
        return text


class _Partial:
    """The variables so far, then what the engine gives."""

    def __init__(self, values: Mapping[str, object], outer: Scope) -> None:
        self._values = values
        self._outer = outer

    def lookup(self, name: str) -> object:
        """A variable, else a built-in."""
        return self._values[name] if name in self._values else self._outer.lookup(name)

    def document(self) -> object:
        """There is no result in `env`."""
        raise NotEvaluable("there is no result here")

    def effect(self, function: str, arguments: object) -> object:
        """The engine's."""
        return self._outer.effect(function, arguments)  # type: ignore[arg-type]


def unset_findings(flow: Flow, variables: Variables, *, severity: Literal["error", "warning"]) -> list[Diagnostic]:
    """One finding per name that is not set: a warning for `validate`, an error for `run`.

    Args:
        flow: the flow.
        variables: as resolved.
        severity: of the findings.
    """
    from flows.language.closest import closest

    known = [*variables.values, *(variable.name for variable in flow.env)]
    return [
        Diagnostic(
            flow.file,
            at.line,
            at.column,
            "flow/unset-variable",
            f"'{name}' is not set and has no default",
            severity=severity,
            hint=f"set it with --var {name}=..., in the environment, or write ${{{name}:default}}",
            suggestion=closest(name, known),
            length=len(name),
        )
        for name, at in variables.missing.items()
    ]
