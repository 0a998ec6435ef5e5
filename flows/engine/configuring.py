"""A step's settings with their values: rendered, connected, typed, and masked for the recording."""

from __future__ import annotations

import dataclasses
from collections.abc import Container, Iterable, Mapping
from typing import Any, NamedTuple

from flows.actions import AnyAction
from flows.engine.context import Context
from flows.engine.names import Names
from flows.language.catalogue import ActionSpec
from flows.language.config import ConfigProblem, build, fields_of
from flows.language.errors import NotEvaluable, UnknownName
from flows.language.expressions.expression import Expression
from flows.language.spec import Step


class Configured(NamedTuple):
    """A step's settings, ready to use.

    Args:
        config: the action's config dataclass.
        recorded: what is sent, as it goes into the recording, secrets masked.
    """

    config: Any
    recorded: dict[str, object]


_SCALARS = frozenset([str, int, float, bool, type(None)])


def configured(context: Context, step: Step, action: AnyAction, names: Names) -> Configured:
    """Renders a step's config.

    Args:
        context: of the flow.
        step: the step.
        action: its action.
        names: everything before the step.

    Raises:
        NotEvaluable: a template has no value, a value has the wrong type, or there is no connection.
    """
    rendered: dict[str, object] = step.config.render(names)
    spec = action.spec
    if spec.open_config:
        return Configured(rendered, {})
    rendered |= supplied(step, spec, rendered, names)
    try:
        config = build(spec.config, rendered)
    except ConfigProblem as problem:
        raise NotEvaluable(f"{problem.key}: {problem.message}") from None
    return Configured(config, recorded(context, action, config, rendered.keys()))


def supplied(step: Step, spec: ActionSpec, written: Mapping[str, object], names: Names) -> dict[str, object]:
    """What variables say of the connection where the step says nothing.

    Args:
        step: the step.
        spec: of its action.
        written: the step's settings.
        names: everything before it.

    Raises:
        NotEvaluable: nothing says where to connect.
    """
    found: dict[str, object] = {}
    if spec.implied and not any(written.get(key) is not None for key in spec.connection):
        value = _first(names, spec.implied)
        if value is None:
            known = " or ".join(spec.implied)
            raise NotEvaluable(f"step '{step.id}' names no connection and {known} is not set")
        found[spec.connection[0]] = value
    for key, variables in spec.supplies.items():
        value = None if written.get(key) is not None else _first(names, variables)
        if value is not None:
            found[key] = value
    return found


def _first(names: Names, variables: Iterable[str]) -> object:
    """The value of the first variable that is set to something."""
    for name in variables:
        try:
            value = names.lookup(name)
        except UnknownName:
            continue
        if value is not None and value != "":
            return value
    return None


def recorded(context: Context, action: AnyAction, config: Any, given: Container[str]) -> dict[str, object]:
    """The request as it goes into the recording: set fields that are sent, secrets masked.

    Args:
        context: of the flow.
        action: whose config it is.
        config: built.
        given: keys that are not left to their defaults.
    """
    found: dict[str, object] = {}
    for key, field in fields_of(type(config)).items():
        if key not in given or key in action.unsent:
            continue
        value = getattr(config, field.attribute)
        if value is not None and value != field.default:
            lines = action.unsent_lines.get(key)
            found[key] = _plain(value) if lines is None else _lines(value, lines)
    masked = context.masks.request(found)
    return masked if isinstance(masked, dict) else {}


def _lines(lines: Any, unsent: frozenset[str]) -> list[dict[str, object]]:
    """A list of records by what of each is sent; a line of which nothing is sent is left out."""
    found = (
        {
            f.name.removesuffix("_"): _plain(getattr(line, f.name))
            for f in dataclasses.fields(line)
            if f.name not in unsent and getattr(line, f.name) is not None
        }
        for line in lines
    )
    return [line for line in found if line]


def _plain(value: Any) -> Any:
    kind = type(value)
    if kind in _SCALARS:
        return value
    if kind is dict:
        return {str(key): item if type(item) in _SCALARS else _plain(item) for key, item in value.items()}
    if isinstance(value, Expression):
        return value.text
    if isinstance(value, Mapping):
        return {str(key): _plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(item) for item in value]
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        fields = [(f, getattr(value, f.name)) for f in dataclasses.fields(value)]
        return {f.name.removesuffix("_"): _plain(item) for f, item in fields if item is not None and item != f.default}
    return value
