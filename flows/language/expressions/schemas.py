"""`matches_schema`: the JSON Schema library, imported only by flows that use it, without any network."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from typing import Any

from flows.language.errors import NotEvaluable, TypeMismatch, Undecided
from flows.language.masked_text import MaskedNumber, hidden
from flows.language.values import described


def conforms(value: object, schema: object) -> bool:
    """Whether a value is valid; a schema that is none is an error.

    Args:
        value: any value of the language.
        schema: a JSON Schema; the newest draft unless ``$schema`` names one; only local references resolve.

    Raises:
        TypeMismatch: the schema is no map or boolean.
        NotEvaluable: the schema is invalid or refers to something that is not in it.
        Undecided: it asks for more of a hidden text or number than its type.
    """
    if not isinstance(schema, Mapping | bool):
        raise TypeMismatch(f"a JSON Schema is an object, not {described(schema)}")
    validator = _validator(schema)
    if hidden(value):
        validator = _careful(validator)
    from referencing.exceptions import Unresolvable

    try:
        valid: bool = validator.is_valid(value)
    except Unresolvable as problem:
        raise NotEvaluable(f"the schema refers to {problem.ref!r}, which is not in it") from None
    except RecursionError:
        raise NotEvaluable("the schema refers to itself without end") from None
    return valid


_OF_TEXT = frozenset({"pattern", "minLength", "maxLength"})
_OF_NUMBERS = frozenset({"minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum", "multipleOf"})
_OF_VALUES = frozenset({"enum", "const", "uniqueItems"})


def _careful(validator: Any) -> Any:
    """The validator for a value that is hidden in part: words that would have to look there are undecided."""
    from jsonschema.validators import extend

    looking = _OF_TEXT | _OF_NUMBERS | _OF_VALUES
    words = {name: _asking(name, check) for name, check in validator.VALIDATORS.items() if name in looking}
    told = validator.TYPE_CHECKER

    def whole(checker: Any, value: object) -> bool:
        return isinstance(value, MaskedNumber) or bool(told.is_type(value, "integer"))

    def number(checker: Any, value: object) -> bool:
        return isinstance(value, MaskedNumber) or bool(told.is_type(value, "number"))

    def text(checker: Any, value: object) -> bool:
        return isinstance(value, str) and not isinstance(value, MaskedNumber)

    types = told.redefine_many({"integer": whole, "number": number, "string": text})
    kind: Any = extend(type(validator), words, type_checker=types)  # type: ignore[no-untyped-call]
    return kind(validator.schema, registry=_registry())


def _asking(name: str, check: Callable[..., Iterator[Any]]) -> Callable[..., Iterator[Any]]:
    def careful(validator: Any, wanted: Any, value: Any, schema: Any) -> Iterator[Any]:
        hides = _OF_NUMBERS if isinstance(value, MaskedNumber) else _OF_TEXT
        if hidden(value) and (name in _OF_VALUES or (name in hides and isinstance(value, str))):
            raise Undecided
        yield from check(validator, wanted, value, schema) or ()

    return careful


def problems(value: object, schema: object, most: int) -> list[str]:
    """The first places where a value breaks a schema, each with its path.

    Args:
        value: any value of the language.
        schema: as for :func:`conforms`, evaluated before.
        most: places.
    """
    from referencing.exceptions import Unresolvable

    found: list[Any] = []
    with suppress(Unresolvable):  # behind an error, which was enough for the verdict
        for error in _validator(schema).iter_errors(value):
            found.append(error)
    found.sort(key=lambda error: [str(part) for part in error.absolute_path])
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

    kind = validator_for(schema, default=Draft202012Validator)
    try:
        kind.check_schema(schema)
    except SchemaError as problem:
        raise NotEvaluable(f"the JSON Schema is not valid: {problem.message}") from None
    return kind(schema, registry=_registry())


def _registry() -> Any:
    """One without any document, so that nothing is fetched."""
    from referencing import Registry

    return Registry()
