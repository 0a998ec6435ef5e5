"""The JSON Schema of flow files, for editors, from the same tables that the checker reads."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, get_args

from flows.language.catalogue import ActionSpec, Catalogue
from flows.language.config import Field, fields_of
from flows.language.spec import FailureKind
from flows.language.steps import STEP_KEYS

_DURATION = {"type": "string", "pattern": "^[0-9]+(ms|s|m|h)$"}
_TEMPLATE = {"type": "string", "pattern": r"\$\{|\{\{"}
_TEXTS = {"type": "array", "items": {"type": ["string", "number"]}}
_STEPS = {"type": "array", "items": {"$ref": "#/$defs/step"}}
_EXPRESSION = {"type": ["string", "boolean"], "description": "An expression (FLOWS §6)."}
_ASSERTIONS = {"type": "array", "items": {"$ref": "#/$defs/assertion"}}
_KINDS: Mapping[str, Mapping[str, Any]] = {
    "text": {"type": "string"},
    "integer": {"anyOf": [{"type": "integer"}, {"type": "string"}]},
    "number": {"anyOf": [{"type": "number"}, {"type": "string"}]},
    "boolean": {"anyOf": [{"type": "boolean"}, _TEMPLATE]},
    "any": {},
    "duration": {"anyOf": [_DURATION, _TEMPLATE]},
    "expression": _EXPRESSION,
    "map": {"anyOf": [{"type": "object"}, _TEMPLATE]},
    "text_map": {"anyOf": [{"type": "object"}, _TEMPLATE]},
    "expression_map": {"type": "object", "additionalProperties": _EXPRESSION},
    "list": {"anyOf": [{"type": "array"}, _TEMPLATE]},
    "text_list": {"anyOf": [_TEXTS, _TEMPLATE]},
    "text_or_list": {"anyOf": [{"type": "string"}, _TEXTS]},
    "expression_list": {"type": "array", "items": _EXPRESSION},
    "expression_or_map": {"anyOf": [_EXPRESSION, {"type": "object"}]},
    "expression_or_list": {"anyOf": [_EXPRESSION, {"type": "array"}]},
    "steps": _STEPS,
    "branches": {"type": "array", "items": {"anyOf": [_STEPS, {"type": "object", "properties": {"steps": _STEPS}}]}},
    "assertions": _ASSERTIONS,
}


def json_schema(catalogue: Catalogue) -> dict[str, Any]:
    """The schema of a flow file (draft 2020-12).

    Args:
        catalogue: known actions.
    """
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "TestMesh flow",
        "type": "object",
        "if": {"required": ["flow"]},
        "then": {"additionalProperties": False, "properties": {"flow": {"$ref": "#/$defs/flow"}}},
        "else": {"$ref": "#/$defs/flow"},
        "$defs": {
            "flow": _flow(),
            "step": _step(catalogue),
            "assertion": _assertion(),
            "retry": _retry(),
            **{
                f"config_{spec.name}": config_schema(spec.config, open_config=spec.open_config)
                for spec in catalogue.specs
            },
        },
    }


def config_schema(config: type, *, open_config: bool = False) -> dict[str, Any]:
    """The schema of an action's config.

    Args:
        config: its dataclass.
        open_config: whether other keys are accepted.
    """
    properties: dict[str, Any] = {}
    required: list[str] = []
    for key, field in fields_of(config).items():
        properties[key] = _field(field)
        properties.update(
            {other: {**_field(field), "description": f"The same as `{key}`."} for other in field.option.also}
        )
        if field.option.required and not field.option.also:
            required.append(key)
    found: dict[str, Any] = {"type": "object", "properties": properties, "additionalProperties": open_config}
    return {**found, "required": required} if required else found


def _field(field: Field) -> dict[str, Any]:
    option = field.option
    if option.record is not None:
        one = config_schema(option.record)
        shape: Mapping[str, Any] = {
            "record_list": {"type": "array", "items": one},
            "record_map": {"type": "object", "additionalProperties": one},
        }.get(field.kind, one)
        if field.kind == "expression_or_map":
            shape = {"anyOf": [_EXPRESSION, one]}
    elif option.choices:
        both = dict.fromkeys([*option.choices, *(choice.lower() for choice in option.choices)])
        shape = {"anyOf": [{"enum": list(both)}, _TEMPLATE]}
    else:
        shape = _KINDS[field.kind]
    found: dict[str, Any] = {**shape, "description": option.doc}
    if field.default is not None and not option.required and isinstance(field.default, str | int | float | bool):
        found["default"] = field.default
    return found


def _flow() -> dict[str, Any]:
    properties: dict[str, Any] = {
        "name": {"type": "string"},
        "description": {"type": "string"},
        "version": {"type": ["string", "number"]},
        "suite": {"type": "string"},
        "author": {"type": "string"},
        "tags": _TEXTS,
        "env": {"type": "object"},
        "env_file": {"type": "string"},
        "config": {
            "type": "object",
            "additionalProperties": False,
            "properties": {
                "timeout": _DURATION,
                "retry": {"$ref": "#/$defs/retry"},
                "fail_fast": {"type": "boolean"},
                "wait": {"anyOf": [_DURATION, {"const": "none"}]},
            },
        },
        "graph": {"type": "object", "properties": {"require": {"type": "array"}}},
        "data": {"anyOf": [{"type": "array", "items": {"type": "object"}}, {"type": "object", "required": ["file"]}]},
        "setup": _STEPS,
        "steps": {**_STEPS, "minItems": 1},
        "teardown": _STEPS,
    }
    return {"type": "object", "required": ["name", "steps"], "additionalProperties": False, "properties": properties}


def _step(catalogue: Catalogue) -> dict[str, Any]:
    properties: dict[str, Any] = {key: {} for key in STEP_KEYS}
    properties.update(
        id={"type": "string", "pattern": "^[A-Za-z][A-Za-z0-9_-]*$"},
        action={"enum": list(catalogue.names)},
        name={"type": "string"},
        description={"type": "string"},
        config={"type": "object"},
        output={"type": "object"},
        assert_any=_ASSERTIONS,
        assert_none=_ASSERTIONS,
        when=_EXPRESSION,
        until={"anyOf": [_EXPRESSION, {"type": "object", "required": ["expression"]}]},
        interval=_DURATION,
        wait={"anyOf": [_DURATION, {"const": "none"}]},
        hold=_DURATION,
        timeout=_DURATION,
        retry={"$ref": "#/$defs/retry"},
        on_error={"anyOf": [{"enum": ["fail", "continue", "retry"]}, {"type": "object"}]},
        optional={"type": "boolean"},
        error_steps=_STEPS,
        disabled={"type": "boolean"},
        tags=_TEXTS,
    )
    properties["assert"] = _ASSERTIONS
    return {
        "type": "object",
        "required": ["id", "action"],
        "additionalProperties": False,
        "properties": properties,
        "allOf": [_typed_config(spec) for spec in catalogue.specs],
    }


def _typed_config(spec: ActionSpec) -> dict[str, Any]:
    names = [spec.name, *(alias.name for alias in spec.aliases)]
    return {
        "if": {"properties": {"action": {"enum": names}}, "required": ["action"]},
        "then": {"properties": {"config": {"$ref": f"#/$defs/config_{spec.name}"}}},
    }


def _assertion() -> dict[str, Any]:
    properties = {"expression": {"type": "string"}, "message": {"type": "string"}}
    long = {"type": "object", "required": ["expression"], "additionalProperties": False, "properties": properties}
    return {"anyOf": [_EXPRESSION, long]}


def _retry() -> dict[str, Any]:
    causes = {"type": "array", "items": {"anyOf": [{"enum": list(get_args(FailureKind))}, {"type": "string"}]}}
    properties = {
        "max_attempts": {"type": "integer", "minimum": 1},
        "delay": _DURATION,
        "backoff": {"enum": ["constant", "linear", "exponential"]},
        "retry_on": causes,
        "retry_on_not": causes,
    }
    return {"type": "object", "additionalProperties": False, "properties": properties}
