"""The JSON Schema of an action's config, field by field, so that editors know what the checker knows."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from flows.language.catalogue import ActionSpec, Deprecated, Option
from flows.language.config import Field, fields_of
from flows.language.expressions.words import NAME, RESERVED

Schema = dict[str, Any]
DURATION: Schema = {"type": "string", "pattern": "^0*[1-9][0-9]*(ms|s|m|h)$"}
TEMPLATE: Schema = {"type": "string", "pattern": r"\$\{|\{\{"}
STEPS: Schema = {"type": "array", "items": {"$ref": "#/$defs/step"}}
EXPRESSION: Schema = {"type": ["string", "boolean", "number"]}
ASSERTIONS: Schema = {"type": "array", "items": {"$ref": "#/$defs/assertion"}}
_TEXT: Schema = {"type": "string"}
_LIST: Schema = {"type": "array"}
_OBJECT: Schema = {"type": "object"}
_TEXTS: Schema = {"type": "array", "items": _TEXT}
_WHOLE: Schema = {"type": "string", "pattern": "^(0|-?[1-9][0-9]*)$"}
_PLAIN: Schema = {"type": ["string", "number", "boolean", "null"]}
_COUNT: Schema = {"type": "string", "pattern": "^[1-9][0-9]*$"}
_NUMERIC: Schema = {"type": "string", "pattern": r"^-?(0|[1-9][0-9]*)(\.[0-9]+)?$"}
_BRANCH: Schema = {
    "type": "object",
    "required": ["steps"],
    "additionalProperties": False,
    "properties": {"steps": STEPS, "name": {}},
}
_SCOPES: Mapping[str, str] = {
    "result": "An expression; bare names are the fields of the step's result.",
    "message": "An expression over one message: `value`, `key`, `headers`, `raw`, `json`.",
    "flow": "An expression over what the flow knows before this step.",
}


def _any(*schemas: Schema) -> Schema:
    return {"anyOf": list(schemas)}


_KINDS: Mapping[str, Schema] = {
    "text": _TEXT,
    "integer": _any({"type": "integer"}, _WHOLE, TEMPLATE),
    "number": _any({"type": "number"}, _NUMERIC, TEMPLATE),
    "boolean": _any({"type": "boolean"}, TEMPLATE),
    "any": {},
    "duration": _any(DURATION, TEMPLATE),
    "expression": EXPRESSION,
    "map": _any(_OBJECT, TEMPLATE),
    "text_map": _any({"type": "object", "additionalProperties": _TEXT}, TEMPLATE),
    "expression_map": _any({"type": "object", "additionalProperties": EXPRESSION}, TEMPLATE),
    "list": _any(_LIST, TEMPLATE),
    "text_list": _any(_TEXTS, TEMPLATE),
    "text_or_list": _any(_TEXT, _TEXTS),
    "expression_list": _any({"type": "array", "items": EXPRESSION}, TEMPLATE),
    "expression_or_map": _any(EXPRESSION, _OBJECT),
    "expression_or_list": _any(EXPRESSION, _LIST),
    "steps": STEPS,
    "branches": {"type": "array", "items": _any(STEPS, _BRANCH)},
    "assertions": ASSERTIONS,
}


def action_schema(spec: ActionSpec) -> Schema:
    """The schema of an action's config, with the keys of older flows marked so.

    Args:
        spec: the action.
    """
    found = config_schema(spec.config, open_config=spec.open_config)
    found["description"] = spec.summary
    found["properties"].update({old.key: _older(old) for old in spec.deprecated})
    return found


def config_schema(config: type, *, open_config: bool = False) -> Schema:
    """The schema of a config's dataclass.

    Args:
        config: declared with `catalogue.option`.
        open_config: whether other keys are accepted.
    """
    properties: Schema = {}
    required: list[str] = []
    rules: list[Schema] = []
    for key, field in fields_of(config).items():
        properties[key] = _field(field)
        for other in field.option.also:
            properties[other] = {**_field(field), "description": f"The same as `{key}`."}
            rules.append({"not": {"required": [key, other]}})
        if field.option.required and field.option.also:
            rules.append(_any(*({"required": [name]} for name in (key, *field.option.also))))
        elif field.option.required:
            required.append(key)
    found: Schema = {"type": "object", "properties": properties, "additionalProperties": open_config}
    if required:
        found["required"] = required
    if rules:
        found["allOf"] = rules
    return found


def _older(old: Deprecated) -> Schema:
    return {"deprecated": True, "description": f"Of an older form; write {old.instead}."}


def _field(field: Field) -> Schema:
    option = field.option
    shape = _shape(field, option)
    if field.nullable or field.kind == "any":
        shape = shape and _any(*_alternatives(shape), {"type": "null"})
    found = {**shape, "description": _said(field, option)}
    if field.default is not None and not option.required and isinstance(field.default, str | int | float | bool):
        found["default"] = _written(field)
    return found


def _alternatives(shape: Schema) -> Iterable[Schema]:
    return shape["anyOf"] if set(shape) == {"anyOf"} else (shape,)


def _shape(field: Field, option: Option) -> Schema:
    if option.record is not None:
        return _record(field, option.record, short=bool(option.short))
    if option.choices and field.kind == "text":
        return _any({"enum": list(option.choices)}, _any_case(option.choices), TEMPLATE)
    if option.name:
        return _any({"type": "string", "pattern": NAME, "not": {"enum": sorted(RESERVED)}}, TEMPLATE)
    if option.least is not None:
        return _any({"type": "integer", "minimum": option.least}, _COUNT, TEMPLATE)
    return _KINDS[field.kind]


def _record(field: Field, record: type, *, short: bool) -> Schema:
    one = _any(config_schema(record), _TEXT) if short else config_schema(record)
    if field.kind == "record_list":
        return _any({"type": "array", "items": _any(*_alternatives(one), TEMPLATE)}, TEMPLATE)
    if field.kind == "record_map":
        several = {"type": "array", "items": _any(one, _PLAIN)}
        return _any({"type": "object", "additionalProperties": _any(one, _PLAIN, several)}, TEMPLATE)
    return _any(EXPRESSION, one) if field.kind == "expression_or_map" else _any(*_alternatives(one), TEMPLATE)


def _any_case(choices: Iterable[str]) -> Schema:
    """Upper and lower case count as the same; ECMA patterns have no flag for it inside."""
    spelled = ["".join(_letter(character) for character in choice) for choice in choices]
    return {"type": "string", "pattern": f"^({'|'.join(spelled)})$"}


def _letter(character: str) -> str:
    if character.isalpha():
        return f"[{character.lower()}{character.upper()}]"
    return f"\\{character}" if character in r"\.^$*+?()[]{}|/" else character


def _said(field: Field, option: Option) -> str:
    if not field.kind.startswith("expression"):
        return option.doc
    return f"{option.doc} {_SCOPES[option.scope]}".strip()


def _written(field: Field) -> object:
    """Durations are built in seconds and written with a unit."""
    if field.kind == "duration" and isinstance(field.default, int | float):
        whole = field.default >= 1 and field.default == int(field.default)
        return f"{int(field.default)}s" if whole else f"{round(field.default * 1000)}ms"
    return field.default
