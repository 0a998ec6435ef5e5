"""`matches_schema`: the JSON Schema library, imported only by flows that use it, without any network."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from flows.language.errors import NotEvaluable, TypeMismatch
from flows.language.values import described


def conforms(value: object, schema: object) -> bool:
    """Whether a value is valid; a schema that is none is an error.

    Args:
        value: any value of the language.
        schema: a JSON Schema; the newest draft unless ``$schema`` names one; only local references resolve.

    Raises:
        TypeMismatch: the schema is no map or boolean.
        NotEvaluable: the schema is invalid or refers to something that is not in it.
    """
    if not isinstance(schema, Mapping | bool):
        raise TypeMismatch(f"a JSON Schema is an object, not {described(schema)}")
    validator = _validator(schema)
    from referencing.exceptions import Unresolvable

    try:
        valid: bool = validator.is_valid(value)
    except Unresolvable as problem:
        raise NotEvaluable(f"the schema refers to {problem.ref!r}, which is not in it") from None
    except RecursionError:
        raise NotEvaluable("the schema refers to itself without end") from None
    return valid


def problems(value: object, schema: object, most: int) -> list[str]:
    """The first places where a value breaks a schema, each with its path.

    Args:
        value: any value of the language.
        schema: as for :func:`conforms`, evaluated before.
        most: places.
    """
    found = sorted(_validator(schema).iter_errors(value), key=lambda error: [str(part) for part in error.absolute_path])
    return [_told(error) for error in found[:most]] + ([f"and {len(found) - most} more"] if len(found) > most else [])


def _told(error: Any) -> str:
    message: str = error.message
    where = error.json_path.removeprefix("$").removeprefix(".")
    return f"{where}: {message}" if where else message


def check_schema(schema: object) -> str | None:
    """Why a schema is not one, or None.

    Args:
        schema: as written.
    """
    try:
        _validator(schema)
    except NotEvaluable as problem:
        return problem.message
    return None


def _validator(schema: Any) -> Any:
    from jsonschema import Draft202012Validator
    from jsonschema.exceptions import SchemaError
    from jsonschema.validators import validator_for
    from referencing import Registry

    kind = validator_for(schema, default=Draft202012Validator)
    try:
        kind.check_schema(schema)
    except SchemaError as problem:
        raise NotEvaluable(f"the JSON Schema is not valid: {problem.message}") from None
    registry: Registry[Any] = Registry()
    return kind(schema, registry=registry)
