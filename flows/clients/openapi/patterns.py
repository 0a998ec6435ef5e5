"""The keywords of JSON Schema that hold regexes, on RE2: no description and no answer can make a check hang."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from testmesh.guard.regex import compile_pattern


def validator_class() -> Any:
    """JSON Schema 2020-12 with `pattern`, `patternProperties` and `additionalProperties` in linear time."""
    from jsonschema import Draft202012Validator, validators

    extend: Any = validators.extend
    own = {
        "pattern": _pattern,
        "patternProperties": _pattern_properties,
        "additionalProperties": _additional_properties,
    }
    return extend(Draft202012Validator, own)


def _pattern(validator: Any, pattern: str, instance: Any, schema: Any) -> Iterator[Any]:
    from jsonschema import ValidationError

    if validator.is_type(instance, "string") and not compile_pattern(pattern).search(instance):
        yield ValidationError(f"{instance!r} does not match {pattern!r}")


def _pattern_properties(validator: Any, patterns: Mapping[str, Any], instance: Any, schema: Any) -> Iterator[Any]:
    for pattern, inner in patterns.items() if validator.is_type(instance, "object") else ():
        for key, value in instance.items():
            if compile_pattern(pattern).search(key):
                yield from validator.descend(value, inner, path=key, schema_path=pattern)


def _additional_properties(validator: Any, allowed: Any, instance: Any, schema: Any) -> Iterator[Any]:
    from jsonschema import ValidationError

    if not validator.is_type(instance, "object"):
        return
    patterns = [compile_pattern(pattern) for pattern in schema.get("patternProperties", {})]
    named = schema.get("properties", {})
    extra = [key for key in instance if key not in named and not any(p.search(key) for p in patterns)]
    if isinstance(allowed, Mapping):
        for key in extra:
            yield from validator.descend(instance[key], allowed, path=key)
    elif allowed is False and extra:
        names = ", ".join(map(repr, extra[:5]))
        yield ValidationError(f"additional properties are not allowed ({names})")
