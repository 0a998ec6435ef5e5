"""The JSON Schema of flow files, for editors, from the same tables that the checker reads."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, get_args

from flows.language.catalogue import ActionSpec, Catalogue
from flows.language.flowfile import CONFIG_KEYS, FLOW_KEYS
from flows.language.schema_config import ASSERTIONS, DURATION, EXPRESSION, STEPS, action_schema
from flows.language.spec import FailureKind
from flows.language.steps import STEP_KEYS

DRAFT = "https://json-schema.org/draft/2020-12/schema"
_TAGS: Mapping[str, Any] = {"type": "array", "items": {"type": ["string", "number"]}}
_WINDOW: Mapping[str, Any] = {"anyOf": [DURATION, {"const": "none"}]}
_NAME = "^[A-Za-z_][A-Za-z0-9_]*$"
_WORD = "^(?!(true|false|null)$)[A-Za-z_][A-Za-z0-9_]*$"
_OUTPUT = "^[A-Za-z_][A-Za-z0-9_-]*$"


def json_schema(catalogue: Catalogue) -> dict[str, Any]:
    """The schema of a flow file (draft 2020-12).

    Args:
        catalogue: known actions.
    """
    return {
        "$schema": DRAFT,
        "title": "TestMesh flow",
        "type": "object",
        "if": {"required": ["flow"]},
        "then": {"additionalProperties": False, "properties": {"flow": {"$ref": "#/$defs/flow"}}},
        "else": {"$ref": "#/$defs/flow"},
        "$defs": {
            "flow": _flow(),
            "step": _step(catalogue),
            "assertion": _assertion(),
            "output": _output(),
            "retry": _retry(),
            **{f"config_{spec.name}": action_schema(spec) for spec in catalogue.specs},
        },
    }


def _record(properties: Mapping[str, Any], *required: str, **more: Any) -> dict[str, Any]:
    found = {"type": "object", "additionalProperties": False, "properties": dict(properties), **more}
    return {**found, "required": list(required)} if required else found


def _said(schema: Mapping[str, Any], text: str) -> dict[str, Any]:
    return {**schema, "description": text}


def _flow() -> dict[str, Any]:
    rows = {"type": "array", "minItems": 1, "items": {"type": "object", "propertyNames": {"pattern": _NAME}}}
    requirement = _record({"service": {"type": "string"}}, "service")
    properties: dict[str, Any] = {
        "name": _said({"type": "string", "pattern": r"\S"}, "What the flow shows, in words."),
        "description": _said({"type": "string"}, "More words."),
        "version": _said({"type": ["string", "number"]}, "Of this file."),
        "suite": _said({"type": "string"}, "`testmesh run --suite` takes the flows of one suite."),
        "author": _said({"type": "string"}, "Who wrote it."),
        "tags": _said(_TAGS, "`testmesh run --tag` takes the flows with a tag."),
        "env": _said(
            {"type": "object", "propertyNames": {"pattern": _NAME}},
            "Variables; `${NAME:default}` takes NAME from outside.",
        ),
        "env_file": _said({"type": "string"}, "A dotenv file beside this one."),
        "config": _record(
            {
                "timeout": _said(DURATION, "Of setup and steps together."),
                "retry": _said({"$ref": "#/$defs/retry"}, "For every step that has none of its own."),
                "fail_fast": _said({"type": "boolean"}, "The first row of `data` that fails is the last that runs."),
                "wait": _said(_WINDOW, "How long reads wait for their assertions (default 5s)."),
            }
        ),
        "graph": _record({"require": {"type": "array", "items": requirement}}),
        "data": _said(
            {"anyOf": [rows, _record({"file": {"type": "string"}}, maxProperties=1)]},
            "One run per row; columns are variables.",
        ),
        "setup": _said(STEPS, "Run before the steps."),
        "steps": _said({**STEPS, "minItems": 1}, "Run one after the other."),
        "teardown": _said(STEPS, "All run, whatever happened before."),
    }
    _complete(properties, FLOW_KEYS)
    _complete(properties["config"]["properties"], CONFIG_KEYS)
    return _record(properties, "name", "steps")


def _complete(properties: Mapping[str, Any], keys: tuple[str, ...]) -> None:
    """A key the checker knows and the schema does not would be red in every editor."""
    if set(properties) != set(keys):
        raise AssertionError(f"schema and checker disagree about {sorted(set(properties) ^ set(keys))}")


def _step(catalogue: Catalogue) -> dict[str, Any]:
    result = "An expression over the step's result."
    error_form = _record({"action": {"enum": ["fail", "continue", "retry"]}, "error_steps": STEPS})
    until_form = _record({"expression": EXPRESSION, "interval": DURATION, "timeout": DURATION}, "expression")
    properties: dict[str, Any] = {
        "id": _said({"type": "string", "pattern": "^[A-Za-z][A-Za-z0-9_-]*$"}, "How later steps call it."),
        "action": {
            "enum": list(catalogue.names),
            "markdownEnumDescriptions": [_summary(catalogue, name) for name in catalogue.names],
            "description": "What the step does.",
        },
        "name": _said({"type": "string"}, "Shown in reports instead of the id."),
        "description": _said({"type": "string"}, "More words."),
        "config": {"type": "object"},
        "output": {
            "type": "object",
            "propertyNames": {"pattern": _OUTPUT},
            "additionalProperties": {"$ref": "#/$defs/output"},
            "description": "Named values that later steps use.",
        },
        "assert": _said(ASSERTIONS, "All must hold; reads wait for them."),
        "assert_any": _said(ASSERTIONS, "One must hold."),
        "assert_none": _said(ASSERTIONS, "None may hold."),
        "when": _said(EXPRESSION, "The step is skipped unless this is true."),
        "until": _said({"anyOf": [EXPRESSION, until_form]}, f"The action is repeated until this holds. {result}"),
        "interval": _said(DURATION, "Pause between the attempts of `until`."),
        "wait": _said(_WINDOW, "How long a read waits for its assertions; `none` = one look."),
        "hold": _said(DURATION, "Reads go on this long after the assertions held, and must go on holding."),
        "timeout": _said(DURATION, "Bounds everything in the step."),
        "retry": _said({"$ref": "#/$defs/retry"}, "Tries again after a failure."),
        "on_error": {"anyOf": [{"enum": ["fail", "continue", "retry"]}, error_form]},
        "optional": _said({"type": "boolean"}, "A failure does not fail the run."),
        "error_steps": _said(STEPS, "Run after the step failed; see `error.message`, `error.type`, `error.step`."),
        "disabled": _said({"type": "boolean"}, "The step is skipped."),
        "tags": _TAGS,
    }
    _complete(properties, STEP_KEYS)
    conditions = [entry for spec in catalogue.specs for entry in _configs(spec)]
    return _record(properties, "id", "action", allOf=conditions)


def _summary(catalogue: Catalogue, name: str) -> str:
    found = catalogue.find(name)
    return "" if found is None else found[0].summary


def _configs(spec: ActionSpec) -> list[dict[str, Any]]:
    """The config of each name: what the name itself says may not be written again."""
    reference = f"#/$defs/config_{spec.name}"
    plain = [spec.name, *(alias.name for alias in spec.aliases if not alias.implies)]
    found = [_for(plain, {"$ref": reference}, spec)]
    groups: dict[tuple[str, ...], list[str]] = {}
    for alias in spec.aliases:
        if alias.implies:
            groups.setdefault(tuple(sorted(alias.implies)), []).append(alias.name)
    for keys, names in groups.items():
        found.append(_for(names, {"$ref": reference, "properties": dict.fromkeys(keys, False)}, spec))
    return found


def _for(names: list[str], config: dict[str, Any], spec: ActionSpec) -> dict[str, Any]:
    from flows.language.config import fields_of

    needed = any(field.option.required for field in fields_of(spec.config).values())
    then: dict[str, Any] = {"properties": {"config": config}}
    return {
        "if": {"properties": {"action": {"enum": names}}, "required": ["action"]},
        "then": {**then, "required": ["config"]} if needed else then,
    }


def _assertion() -> dict[str, Any]:
    long = _record({"expression": EXPRESSION, "message": {"type": "string"}}, "expression")
    return {"anyOf": [EXPRESSION, long], "description": "An expression over the step's result (docs: Expressions)."}


def _output() -> dict[str, Any]:
    long = _record({"path": EXPRESSION, "default": {}}, "path")
    return {"anyOf": [EXPRESSION, long], "description": "A path into the result, such as `$.body.id`."}


def _retry() -> dict[str, Any]:
    condition = {**EXPRESSION, "not": {"type": "string", "pattern": _WORD}}
    cause = {"anyOf": [{"enum": list(get_args(FailureKind))}, condition]}
    causes = {"anyOf": [cause, {"type": "array", "items": cause}]}
    return _record(
        {
            "max_attempts": _said({"type": "integer", "minimum": 1}, "The first one counts."),
            "delay": _said(DURATION, "Pause before the next attempt (default 1s)."),
            "backoff": {"enum": ["constant", "linear", "exponential"]},
            "retry_on": _said(causes, "Only these failures."),
            "retry_on_not": _said(causes, "Never these."),
        }
    )
