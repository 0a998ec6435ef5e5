"""Schemas of OpenAPI as JSON Schema 2020-12, seen from one side: what may be sent, or what may come back."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from datetime import date, datetime
from decimal import Decimal
from typing import Any, Literal

from flows.clients.openapi.document import Json, Operation
from flows.clients.openapi.patterns import validator_class
from testmesh.kernel.errors import UserError

Side = Literal["request", "response"]
_MAPS = ("properties", "patternProperties", "$defs", "definitions", "dependentSchemas")
_LISTS = ("allOf", "anyOf", "oneOf", "prefixItems")
_ONES = ("items", "additionalProperties", "not", "if", "then", "else", "contains", "propertyNames",
         "unevaluatedProperties", "unevaluatedItems")  # fmt: skip
_ROOT = "urn:testmesh:openapi"
_INTEGERS = {"int32": 2**31, "int64": 2**63}
_UUID = re.compile(r"[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}\Z")
_EMAIL = re.compile(r"[^@\s]+@[^@\s]+\Z")
_URI = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*:\S*\Z")


def problems(operation: Operation, schema: Json, value: Json, side: Side) -> Iterator[str]:
    """What a value has against a schema, each with its path.

    Args:
        operation: whose document it is.
        schema: a schema object, or a boolean.
        value: parsed JSON.
        side: response: what is write-only must not be there; request: what is read-only need not.

    Raises:
        ValueError: the schema is none.
    """
    from jsonschema.exceptions import SchemaError
    from referencing import Registry
    from referencing.exceptions import Unresolvable
    from referencing.jsonschema import DRAFT202012

    whole = _document(operation, side)
    registry: Registry[Any] = Registry().with_resource(_ROOT, DRAFT202012.create_resource(whole))
    mine = _placed(converted(schema, operation.version, side))
    try:
        kind = validator_class()
        kind.check_schema(mine)
        validator = kind(mine, registry=registry, format_checker=_formats())
        for error in sorted(validator.iter_errors(_plain(value)), key=lambda e: [str(p) for p in e.absolute_path]):
            yield f"{_path(error.absolute_path)}: {_message(error)}"
    except SchemaError as problem:
        raise ValueError(f"the schema is not valid: {problem.message}") from problem
    except Unresolvable as problem:
        raise ValueError(f"the schema refers to {problem.ref!r}, which is not in the file") from problem
    except UserError as problem:
        raise ValueError(f"a pattern of the schema: {problem.message}") from problem
    except RecursionError:
        raise ValueError("the schema refers to itself without end") from None


def _plain(value: Json) -> Json:
    """Exact decimals as the numbers that the validator reckons with."""
    if isinstance(value, Decimal):
        return int(value) if value == value.to_integral_value() and abs(value) < 2**53 else float(value)
    if isinstance(value, Mapping):
        return {key: _plain(inner) for key, inner in value.items()}
    return [_plain(inner) for inner in value] if isinstance(value, list | tuple) else value


def _document(operation: Operation, side: Side) -> Mapping[str, Json]:
    """All shared schemas, converted; the rest of the document as it is, for references to other places."""
    components = operation.root.get("components") or {}
    schemas = {
        name: converted(schema, operation.version, side) for name, schema in (components.get("schemas") or {}).items()
    }
    placed: Mapping[str, Json] = _placed({**operation.root, "components": {**components, "schemas": schemas}})
    return placed


def _placed(value: Json) -> Json:
    """References made absolute, so that they resolve in the document wherever the schema is."""
    if isinstance(value, Mapping):
        return {
            key: _ROOT + inner if key == "$ref" and isinstance(inner, str) and inner.startswith("#") else _placed(inner)
            for key, inner in value.items()
        }
    return [_placed(inner) for inner in value] if isinstance(value, list | tuple) else value


def converted(schema: Json, version: str, side: Side) -> Json:
    """A schema object as JSON Schema 2020-12.

    Args:
        schema: of the description.
        version: ``3.0`` has `nullable` and boolean exclusive limits.
        side: who sends the value.
    """
    if not isinstance(schema, Mapping):
        return schema
    if "$ref" in schema and version == "3.0":
        return {"$ref": schema["$ref"]}
    made = dict(schema)
    for key, inner in schema.items():
        if key in _MAPS and isinstance(inner, Mapping):
            made[key] = {name: converted(one, version, side) for name, one in inner.items()}
        elif key in _LISTS and isinstance(inner, list | tuple):
            made[key] = [converted(one, version, side) for one in inner]
        elif key in _ONES:
            made[key] = converted(inner, version, side)
    _sided(schema, made, side)
    if version == "3.0":
        _older(made)
    _discriminated(made)
    for key in ("discriminator", "example", "xml", "externalDocs"):
        made.pop(key, None)
    return made


def _sided(schema: Mapping[str, Json], made: dict[str, Json], side: Side) -> None:
    """A property that only the other side sends is not required, and must not come back when it is write-only."""
    hidden = "readOnly" if side == "request" else "writeOnly"
    named = schema.get("properties")
    if not isinstance(named, Mapping):
        return
    others = [name for name, inner in named.items() if isinstance(inner, Mapping) and inner.get(hidden) is True]
    if not others:
        return
    if isinstance(made.get("required"), list | tuple):
        made["required"] = [name for name in made["required"] if name not in others]
    if side == "response":
        made["properties"] = {n: {"not": {}} if n in others else inner for n, inner in made["properties"].items()}


def _older(made: dict[str, Json]) -> None:
    for limit, exclusive in (("minimum", "exclusiveMinimum"), ("maximum", "exclusiveMaximum")):
        if isinstance(made.get(exclusive), bool) and made.pop(exclusive) and limit in made:
            made[exclusive] = made.pop(limit)
    if made.pop("nullable", False) is True:
        kind = made.get("type")
        if isinstance(kind, str):
            made["type"] = [kind, "null"]
        if isinstance(made.get("enum"), list | tuple) and None not in made["enum"]:
            made["enum"] = [*made["enum"], None]
        if kind is None and (made.keys() & {"allOf", "anyOf", "oneOf"}):
            inner = dict(made)
            made.clear()
            made["anyOf"] = [inner, {"type": "null"}]


def _discriminated(made: dict[str, Json]) -> None:
    """The property decides which alternative counts, so that a value is never valid as another kind of thing."""
    found = made.get("discriminator")
    options = made.get("oneOf") or made.get("anyOf")
    name = found.get("propertyName") if isinstance(found, Mapping) else None
    if not isinstance(name, str) or not isinstance(options, list):
        return
    mapping = found.get("mapping") if isinstance(found, Mapping) else None
    targets = {str(o["$ref"]): o for o in options if isinstance(o, Mapping) and "$ref" in o}
    by_value = {reference.rpartition("/")[2]: option for reference, option in targets.items()}
    for value, reference in (mapping or {}).items():
        full = reference if str(reference).startswith("#") else f"#/components/schemas/{reference}"
        by_value = {v: o for v, o in by_value.items() if o is not targets.get(full) or v in (mapping or {})}
        by_value[str(value)] = {"$ref": full}
    if len(targets) != len(options):
        return
    made.pop("oneOf", None)
    made.pop("anyOf", None)
    made["allOf"] = [
        *(made.get("allOf") or []),
        {"type": "object", "required": [name], "properties": {name: {"enum": list(by_value)}}},
        *({"if": {"properties": {name: {"const": value}}}, "then": option} for value, option in by_value.items()),
    ]


def _formats() -> Any:
    from jsonschema import FormatChecker

    checker = FormatChecker(formats=("ipv4", "ipv6", "regex"))
    for name, check in _CHECKS.items():
        checker.checks(name)(check)
    return checker


def _text(check: Any) -> Any:
    return lambda value: not isinstance(value, str) or bool(check(value))


def _date_time(text: str) -> bool:
    """RFC 3339: a date, a T, a time and an offset."""
    try:
        datetime.fromisoformat(text)
    except ValueError:
        return False
    return re.match(r"\d{4}-\d\d-\d\d[Tt ]\d\d:\d\d:\d\d(\.\d+)?([Zz]|[+-]\d\d:\d\d)\Z", text) is not None


def _date(text: str) -> bool:
    try:
        return bool(date.fromisoformat(text)) and len(text) == 10
    except ValueError:
        return False


def _fits(name: str) -> Any:
    limit = _INTEGERS[name]
    return lambda value: isinstance(value, bool) or not isinstance(value, int | Decimal) or -limit <= value < limit


_CHECKS = {
    "date-time": _text(_date_time),
    "date": _text(_date),
    "uuid": _text(_UUID.match),
    "email": _text(_EMAIL.match),
    "uri": _text(_URI.match),
    "int32": _fits("int32"),
    "int64": _fits("int64"),
}


def _path(parts: Any) -> str:
    text = "$"
    for part in parts:
        text += f"[{part}]" if isinstance(part, int) else f".{part}"
    return text


def _message(error: Any) -> str:
    if error.validator == "not" and error.validator_value == {}:
        return "must not be there"
    text = str(error.message)
    return text if len(text) <= 200 else f"{text[:197]}..."
