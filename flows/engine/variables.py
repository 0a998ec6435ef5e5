"""Which value a variable has: run_flow input, --var, data row, environment, process, env file, env (FLOWS §2)."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress
from dataclasses import replace
from typing import NamedTuple

from flows.engine.builtins import Builtins
from flows.engine.given import Given
from flows.engine.names import Names
from flows.language.builtins import BUILTINS
from flows.language.errors import NotEvaluable, StepDidNotRun, UnknownName
from flows.language.expressions.scope import InnerScope
from flows.language.spec import Flow, Position, Variable
from flows.language.templates import Template
from flows.language.values import described, type_name, typed_text
from testmesh.kernel.diagnostics import Diagnostic
from testmesh.kernel.errors import TestMeshError

_PLACES = "the process environment, or 'env' in the file"
_LENT = "give it as 'input', or in the process environment: a child sees no 'env' of its parent"


class VariableProblem(TestMeshError):
    """A variable has no usable value.

    Args:
        finding: where and why.
    """

    def __init__(self, finding: Diagnostic) -> None:
        super().__init__(finding.message)
        self.message = finding.message
        self.finding = finding


class Resolved(NamedTuple):
    """The variables of one execution.

    Args:
        values: by name.
        inputs: those that the file's own `env` does not give; what a recording keeps.
    """

    values: Mapping[str, object]
    inputs: Mapping[str, object]


def resolve(flow: Flow, given: Given, names: Names) -> Resolved:
    """The variables of a flow.

    Args:
        flow: the checked file.
        given: what comes from outside.
        names: a scope without variables, for built-ins and functions.

    Raises:
        VariableProblem: a wrong type, a value that cannot be written, or an unset name.
    """
    declared = {variable.name: variable for variable in flow.env}
    inputs = _inputs(flow, given, declared)
    values: dict[str, object] = dict(inputs)
    for variable in flow.env:
        if variable.name not in values:
            values[variable.name] = _declared_value(flow, variable, values, names)
    missing = [name for name in flow.references if name not in values and name not in flow.defaulted]
    for name in missing:
        if not _is_builtin(names.builtins, name):
            raise VariableProblem(_not_set(flow, name, flow.references[name], f"set it: --var {name}=..., {_PLACES}"))
    outside = given.process.keys() | given.environment.keys() | given.options.keys()
    for name, at in flow.lent.items() if given.recorded is None else ():
        if name not in outside:
            raise VariableProblem(_not_set(flow, name, at, _LENT))
    return Resolved(values, inputs)


def unset(flow: Flow, process: Mapping[str, str]) -> list[Diagnostic]:
    """A warning for every variable that nothing at hand gives; `run` would refuse the flow without more.

    Args:
        flow: the checked file.
        process: the process environment.
    """
    known = {variable.name for variable in flow.env} | set(flow.defaulted) | set(BUILTINS) | set(process)
    if flow.env_file is not None:
        known |= set(flow.env_file.values)
    if flow.data is not None:
        known |= set(flow.data.columns)
    hint = "set it before 'run', or give it: --var {}=..."
    own = [
        replace(_not_set(flow, name, at, hint.format(name)), severity="warning")
        for name, at in flow.references.items()
        if name not in known
    ]
    lent = [(name, at) for name, at in flow.lent.items() if name not in process]
    return [*own, *(replace(_not_set(flow, name, at, _LENT), severity="warning") for name, at in lent)]


def _not_set(flow: Flow, name: str, at: Position, hint: str) -> Diagnostic:
    """A variable that nothing gives; a child's, at the place that names the child."""
    child = name in flow.lent and at == flow.lent[name]
    text = f"variable '{name}'{' of this flow' if child else ''} is not set and has no default"
    return Diagnostic(
        flow.file, at.line, at.column, "flow/unset-variable", text, hint=hint, length=1 if child else len(name)
    )


def row_values(flow: Flow, row: Template, given: Given, names: Names) -> dict[str, object]:
    """A data row; its templates see what is outside of it and every `env` name that does not need the row.

    Args:
        flow: the checked file.
        row: one of its rows.
        given: what comes from outside, without the row.
        names: a scope without variables.

    Raises:
        VariableProblem: it needs a name that is not set.
        NotEvaluable: it cannot be rendered.
    """
    if row.constant:
        return dict(row.render(names))
    values = dict(_inputs(flow, given, {variable.name: variable for variable in flow.env}))
    for variable in flow.env:
        if variable.name not in values:
            with suppress(VariableProblem):
                values[variable.name] = _declared_value(flow, variable, values, names)
    try:
        found: dict[str, object] = row.render(InnerScope(values, names))
    except UnknownName as missing:
        at = row.at or flow.at
        raise VariableProblem(_unset(flow, f"a data row needs '{missing.name}'", missing.name, at)) from missing
    return found


def _unset(flow: Flow, what: str, name: str, at: Position) -> Diagnostic:
    text = f"{what}, which is not set and has no default"
    hint = f"set it: --var {name}=... or in the process environment"
    return Diagnostic(flow.file, at.line, at.column, "flow/unset-variable", text, hint=hint)


def child_variables(flow: Flow, given: Mapping[str, object], names: Names) -> Resolved:
    """The variables of a `run_flow` child: its input and its own `env`, of the parent's only the environment.

    Args:
        flow: the child.
        given: the step's `input`.
        names: a scope without variables.

    Raises:
        VariableProblem: as for :func:`resolve`.
    """
    return resolve(flow, names.sources.outside._replace(input=given), names)


def _is_builtin(builtins: Builtins, name: str) -> bool:
    try:
        builtins.get(name)
    except KeyError:
        return False
    return True


def _inputs(flow: Flow, given: Given, declared: Mapping[str, Variable]) -> dict[str, object]:
    if given.recorded is not None:
        return dict(given.recorded)
    plain = {name for name, variable in declared.items() if variable.plain}
    wanted = (set(flow.references) | flow.implied | set(declared)) - plain
    process = {name: given.process[name] for name in wanted if name in given.process}
    file = flow.env_file.values if flow.env_file is not None else {}
    found: dict[str, object] = {}
    implied = {name: given.integrations[name] for name in flow.implied - set(declared) if name in given.integrations}
    for source in (implied, file, process, given.environment, given.row, given.options, given.input):
        text = _is_text(flow, given, source)
        for name, value in source.items():
            found[name] = _typed(flow, value, declared.get(name), name, text)
    return found


def _is_text(flow: Flow, given: Given, source: Mapping[str, object]) -> bool:
    """Whether a source has no types of its own: YAML and JSON keep theirs, a CSV file and the environment have none."""
    if source is not given.row:
        return source is not given.input
    file = flow.data.file if flow.data is not None else None
    return file is not None and not file.lower().endswith(".json")


def _typed(flow: Flow, value: object, variable: Variable | None, name: str, text_source: bool) -> object:
    if variable is None or variable.type is None:
        return typed_text(value) if text_source and isinstance(value, str) else value
    if variable.type == "string" and isinstance(value, str):
        return value
    found = typed_text(value) if isinstance(value, str) else value
    if type_name(found) != variable.type:
        text = f"'{name}' is declared as {variable.type}, but is given {described(found)}"
        raise VariableProblem(
            Diagnostic(flow.file, variable.at.line, variable.at.column, "flow/variable-type", text, length=len(name))
        )
    return found


def _declared_value(flow: Flow, variable: Variable, values: Mapping[str, object], names: Names) -> object:
    try:
        return variable.value.render(InnerScope(values, names))
    except (UnknownName, StepDidNotRun) as missing:
        name = getattr(missing, "name", variable.name)
        found = _unset(flow, f"env '{variable.name}' needs '{name}'", name, variable.at)
    except NotEvaluable as problem:
        text = f"env '{variable.name}': {problem.message}"
        found = Diagnostic(flow.file, variable.at.line, variable.at.column, "flow/variable", text)
    raise VariableProblem(found)
