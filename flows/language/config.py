"""An action's config: kinds read from its dataclass once, and rendered values made into that dataclass."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping
from typing import Any, Literal, NamedTuple, TypeVar

from flows.language.catalogue import Option
from flows.language.expressions.expression import Expression
from flows.language.expressions.functions import seconds
from flows.language.values import as_text, described, type_name, typed_text
from testmesh.kernel.errors import TestMeshError

C = TypeVar("C")
FieldKind = Literal[
    "text",
    "integer",
    "number",
    "boolean",
    "any",
    "duration",
    "expression",
    "map",
    "text_map",
    "expression_map",
    "list",
    "text_list",
    "text_or_list",
    "expression_list",
    "expression_or_map",
    "expression_or_list",
    "steps",
    "branches",
    "assertions",
    "record",
    "record_list",
    "record_map",
]
_KINDS: Mapping[str, FieldKind] = {
    "str": "text",
    "int": "integer",
    "float": "number",
    "bool": "boolean",
    "object": "any",
    "Any": "any",
    "Duration": "duration",
    "Expression": "expression",
    "Mapping[str, object]": "map",
    "Mapping[str, str]": "text_map",
    "Mapping[str, Expression]": "expression_map",
    "tuple[object, ...]": "list",
    "tuple[str, ...]": "text_list",
    "str | tuple[str, ...]": "text_or_list",
    "tuple[Expression, ...]": "expression_list",
    "Expression | Mapping[str, object]": "expression_or_map",
    "Expression | tuple[object, ...]": "expression_or_list",
    "Steps": "steps",
    "Branches": "branches",
    "Assertions": "assertions",
}


class Field(NamedTuple):
    """One config key.

    Args:
        key: as written in the file.
        attribute: name of the dataclass field.
        kind: how its value is read.
        nullable: null counts as not written.
        option: what the action says about it.
        default: when it is not written.
    """

    key: str
    attribute: str
    kind: FieldKind
    nullable: bool
    option: Option
    default: object


class ConfigProblem(TestMeshError):
    """A rendered config that does not fit.

    Args:
        key: the config key, dotted below the first level.
        message: what is wrong.
    """

    def __init__(self, key: str, message: str) -> None:
        super().__init__(f"{key}: {message}")
        self.key = key
        self.message = message


_FIELDS: dict[type, Mapping[str, Field]] = {}
_SPELLED: dict[type, Mapping[str, str]] = {}
_REQUIRED: dict[type, tuple[Field, ...]] = {}


def fields_of(config: type) -> Mapping[str, Field]:
    """The keys of a config dataclass, in its order.

    Args:
        config: declared with `catalogue.option`, in a module with postponed annotations.

    Raises:
        TypeError: an annotation that the language does not know.
    """
    known = _FIELDS.get(config)
    if known is not None:
        return known
    found: dict[str, Field] = {}
    for field in dataclasses.fields(config):
        option = field.metadata.get("option")
        if not isinstance(option, Option):
            raise TypeError(f"{config.__name__}.{field.name} is not declared with option()")
        annotation = str(field.type)
        nullable = annotation.endswith(" | None")
        kind = _kind(annotation.removesuffix(" | None"), option)
        if kind is None:
            raise TypeError(f"{config.__name__}.{field.name}: the language has no kind for '{annotation}'")
        key = field.name.removesuffix("_")
        found[key] = Field(key, field.name, kind, nullable, option, field.default)
    _FIELDS[config] = found
    return found


def required(config: type) -> tuple[Field, ...]:
    """The keys that must be written, in the dataclass's order.

    Args:
        config: the dataclass.
    """
    known = _REQUIRED.get(config)
    if known is None:
        known = _REQUIRED[config] = tuple(field for field in fields_of(config).values() if field.option.required)
    return known


def _kind(annotation: str, option: Option) -> FieldKind | None:
    if option.record is not None and not annotation.startswith("Expression | "):
        if annotation.startswith("tuple["):
            return "record_list"
        return "record_map" if annotation.startswith("Mapping[") else "record"
    if annotation.startswith("Literal["):
        return "text"
    return _KINDS.get(annotation)


def spelled(config: type) -> Mapping[str, str]:
    """Every accepted spelling → the key.

    Args:
        config: the dataclass.
    """
    known = _SPELLED.get(config)
    if known is not None:
        return known
    fields = fields_of(config)
    names = {key: key for key in fields}
    for field in fields.values():
        for other in field.option.also:
            names.setdefault(other, field.key)
    _SPELLED[config] = names
    return names


def build(config: type[C], rendered: Mapping[str, object], where: str = "") -> C:
    """The typed config of an action.

    Args:
        config: the action's dataclass (`spec.config`).
        rendered: `step.config.render(scope)`.
        where: prefix for messages.

    Raises:
        ConfigProblem: a rendered value is of the wrong type, or a required one is null.
    """
    values: dict[str, object] = {}
    fields = fields_of(config)
    for key, value in rendered.items():
        field = fields.get(key)
        if field is not None and (value is not None or field.kind == "any"):
            values[field.attribute] = _converted(field, value, where + key)
    for field in required(config):
        if field.attribute not in values and field.kind != "any":
            raise ConfigProblem(where + field.key, "is required and came out as null")
    return config(**values)


def _converted(field: Field, value: Any, where: str) -> object:
    converter = _CONVERTERS.get(field.kind)
    if converter is None:
        return value
    found = converter(value, where, field)
    choices = field.option.choices
    if choices and field.kind == "text":
        return _chosen(str(found), choices, where)
    return found


def _chosen(value: str, choices: tuple[str, ...], where: str) -> str:
    same = next((choice for choice in choices if choice.lower() == value.lower()), None)
    if same is None:
        raise ConfigProblem(where, f"must be one of {', '.join(choices)}, not {described(value)}")
    return same


def _wrong(where: str, wanted: str, value: object) -> ConfigProblem:
    return ConfigProblem(where, f"must be {wanted}, not {described(value)}")


def _text(value: Any, where: str, field: Field) -> object:
    if type_name(value) in ("array", "object", "null"):
        raise _wrong(where, "text", value)
    return as_text(value)


def _integer(value: Any, where: str, field: Field) -> object:
    number: Any = typed_text(value) if isinstance(value, str) else value
    if isinstance(number, bool) or type_name(number) != "number" or number != int(number):
        raise _wrong(where, "a whole number", value)
    return int(number)


def _number(value: Any, where: str, field: Field) -> object:
    number: Any = typed_text(value) if isinstance(value, str) else value
    if type_name(number) != "number":
        raise _wrong(where, "a number", value)
    return float(number)


def _boolean(value: Any, where: str, field: Field) -> object:
    found = typed_text(value) if isinstance(value, str) else value
    if not isinstance(found, bool):
        raise _wrong(where, "true or false", value)
    return found


def _duration(value: Any, where: str, field: Field) -> object:
    found = seconds(value) if isinstance(value, str) else None
    if found is None:
        raise _wrong(where, "a duration such as 500ms, 10s, 2m or 1h", value)
    return found


def _map(value: Any, where: str, field: Field) -> object:
    if type_name(value) != "object":
        raise _wrong(where, "a map", value)
    if field.kind == "text_map":
        return {key: _text(item, f"{where}.{key}", field) for key, item in value.items()}
    return value


def _list(value: Any, where: str, field: Field) -> object:
    if type_name(value) != "array":
        raise _wrong(where, "a list", value)
    if field.kind == "text_list":
        return tuple(_text(item, f"{where}[{index}]", field) for index, item in enumerate(value))
    return tuple(value)


def _text_or_list(value: Any, where: str, field: Field) -> object:
    if type_name(value) == "array":
        return tuple(_text(item, f"{where}[{index}]", field) for index, item in enumerate(value))
    return _text(value, where, field)


def _expression_or_map(value: Any, where: str, field: Field) -> object:
    return value if isinstance(value, Expression) else _map(value, where, field)


def _expression_or_list(value: Any, where: str, field: Field) -> object:
    return value if isinstance(value, Expression) else _list(value, where, field)


def _record(value: Any, where: str, field: Field) -> object:
    kind, short = field.option.record, field.option.short
    if short and isinstance(value, str):
        value = {short: value}
    if kind is None or type_name(value) != "object":
        raise _wrong(where, "a map", value)
    return build(kind, value, f"{where}.")


def _record_list(value: Any, where: str, field: Field) -> object:
    if type_name(value) != "array":
        raise _wrong(where, "a list", value)
    return tuple(_record(item, f"{where}[{index}]", field) for index, item in enumerate(value))


def _nothing(value: Any, where: str, field: Field) -> object:
    return ()


_CONVERTERS: Mapping[FieldKind, Callable[[Any, str, Field], object]] = {
    "text": _text,
    "integer": _integer,
    "number": _number,
    "boolean": _boolean,
    "duration": _duration,
    "map": _map,
    "text_map": _map,
    "list": _list,
    "text_list": _list,
    "expression_list": _list,
    "text_or_list": _text_or_list,
    "expression_or_map": _expression_or_map,
    "expression_or_list": _expression_or_list,
    "record": _record,
    "record_list": _record_list,
    "record_map": _map,
    "steps": _nothing,
    "branches": _nothing,
    "assertions": _nothing,
}
