"""One JSON form for every frozen record, so that CLI, API, files and pages cannot drift apart."""

from __future__ import annotations

import json
import types
from collections.abc import Callable, Mapping, Sequence
from dataclasses import MISSING, dataclass, fields, is_dataclass
from functools import cache
from typing import Any, Literal, TypeVar, Union, cast, get_args, get_origin, get_type_hints

from testmesh.kernel.errors import LimitExceeded, UserError

T = TypeVar("T")
TAG = "event"
MAX_DEPTH = 100
_SCALARS = (str, int, float, bool, type(None))
_Decoder = Callable[[Any, str, int], Any]


def to_json(value: Any) -> Any:
    """The JSON form of a record: fields in declared order, tuples as lists, mappings without text keys as pairs.

    Args:
        value: a dataclass of `graph`, or JSON-shaped data.

    Raises:
        TypeError: something without a JSON form is in it.
    """
    if type(value) in _SCALARS:
        return value
    if isinstance(value, Mapping):
        if all(type(key) is str for key in value):
            return {key: to_json(item) for key, item in value.items()}
        return [[to_json(key), to_json(item)] for key, item in value.items()]
    if isinstance(value, list | tuple):
        return [to_json(item) for item in value]
    if is_dataclass(value):
        return {name: to_json(getattr(value, name)) for name in _names(cast(Any, type(value)))}
    if isinstance(value, frozenset | set):
        return sorted(to_json(item) for item in value)
    if isinstance(value, _SCALARS):
        return value
    if isinstance(value, Sequence):
        return [to_json(item) for item in value]
    raise TypeError(f"{type(value).__name__} has no JSON form")


def to_tagged(value: Any) -> dict[str, Any]:
    """The JSON form of one of several records (an Event): its class name under ``event``, then its fields.

    Args:
        value: a dataclass.
    """
    return {TAG: type(value).__name__, **to_json(value)}


def dumps(value: Any) -> str:
    """The text every ``--json`` prints: two spaces of indent, UTF-8 as it is, one trailing newline.

    Args:
        value: a record or JSON-shaped data.
    """
    return json.dumps(to_json(value), indent=2, ensure_ascii=False) + "\n"


def from_json(kind: type[T], data: Any) -> T:
    """The record of a JSON form; unknown keys are ignored, so that an older reader opens a newer file.

    Args:
        kind: a dataclass, or a union of dataclasses written by :func:`to_tagged`.
        data: parsed JSON, from anywhere.

    Raises:
        UserError: it does not have the shape of `kind`; the message names the place.
        LimitExceeded: it is nested deeper than 100 records.
    """
    return cast(T, _decoder(cast(Any, kind))(data, "$", 0))


@cache
def _names(kind: Any) -> tuple[str, ...]:
    return tuple(item.name for item in fields(kind))


@dataclass(frozen=True, slots=True)
class _Part:
    name: str
    required: bool
    decode: _Decoder


@cache
def _parts(kind: type) -> tuple[_Part, ...]:
    hints = get_type_hints(kind)
    return tuple(
        _Part(item.name, item.default is MISSING and item.default_factory is MISSING, _decoder(hints[item.name]))
        for item in fields(kind)
        if item.init
    )


@cache
def _decoder(kind: Any) -> _Decoder:
    if kind is Any or kind is object:
        return _anything
    if isinstance(kind, type) and is_dataclass(kind):
        return _record_decoder(kind)
    origin, args = get_origin(kind), get_args(kind)
    if origin in (Union, types.UnionType):
        return _union_decoder(args)
    if origin is Literal:
        return _literal_decoder(args)
    if origin is tuple:
        return _tuple_decoder(args)
    if origin is not None and isinstance(origin, type):
        return _container_decoder(origin, args)
    return _scalar_decoder(kind)


def _anything(data: Any, at: str, depth: int) -> Any:
    return data


def _wrong(at: str, expected: str, data: Any) -> UserError:
    return UserError(f"{at}: expected {expected}, found {type(data).__name__}")


def _record_decoder(kind: type) -> _Decoder:
    def decode(data: Any, at: str, depth: int) -> Any:
        if not isinstance(data, dict):
            raise _wrong(at, f"an object ({kind.__name__})", data)
        if depth > MAX_DEPTH:
            raise LimitExceeded(f"{at}: nested deeper than {MAX_DEPTH} records")
        found: dict[str, Any] = {}
        for part in _parts(kind):
            if part.name in data:
                found[part.name] = part.decode(data[part.name], f"{at}.{part.name}", depth + 1)
            elif part.required:
                raise UserError(f"{at}: `{part.name}` is missing ({kind.__name__})")
        return kind(**found)

    return decode


def _union_decoder(args: tuple[Any, ...]) -> _Decoder:
    optional = type(None) in args
    others = tuple(arg for arg in args if arg is not type(None))
    if len(others) == 1:
        inner = _decoder(others[0])
        return lambda data, at, depth: None if data is None else inner(data, at, depth)
    if all(is_dataclass(arg) for arg in others):
        return _tagged_decoder({arg.__name__: arg for arg in others}, optional)
    return _scalars_decoder(others, optional)


def _tagged_decoder(kinds: Mapping[str, type], optional: bool) -> _Decoder:
    def decode(data: Any, at: str, depth: int) -> Any:
        if data is None and optional:
            return None
        name = data.get(TAG) if isinstance(data, dict) else None
        if not isinstance(name, str) or name not in kinds:
            raise UserError(f"{at}: `{TAG}` must be one of {', '.join(sorted(kinds))}")
        return _decoder(kinds[name])(data, at, depth)

    return decode


def _scalars_decoder(kinds: tuple[Any, ...], optional: bool) -> _Decoder:
    allowed = tuple(kind for kind in kinds if isinstance(kind, type))

    def decode(data: Any, at: str, depth: int) -> Any:
        if (data is None and optional) or isinstance(data, allowed):
            return data
        raise _wrong(at, " or ".join(kind.__name__ for kind in allowed), data)

    return decode


def _literal_decoder(args: tuple[Any, ...]) -> _Decoder:
    def decode(data: Any, at: str, depth: int) -> Any:
        if not isinstance(data, _SCALARS) or data not in args:
            raise UserError(f"{at}: expected one of {', '.join(map(str, args))}")
        return data

    return decode


def _tuple_decoder(args: tuple[Any, ...]) -> _Decoder:
    if len(args) == 2 and args[1] is Ellipsis:
        return _sequence_decoder(args[0], tuple)
    inner = tuple(_decoder(arg) for arg in args)

    def decode(data: Any, at: str, depth: int) -> Any:
        if not isinstance(data, list | tuple) or len(data) != len(inner):
            raise _wrong(at, f"a list of {len(inner)}", data)
        return tuple(one(item, f"{at}[{i}]", depth) for i, (one, item) in enumerate(zip(inner, data, strict=True)))

    return decode


def _sequence_decoder(item_kind: Any, make: Callable[[Any], Any]) -> _Decoder:
    inner = _decoder(item_kind)

    def decode(data: Any, at: str, depth: int) -> Any:
        if not isinstance(data, list | tuple):
            raise _wrong(at, "a list", data)
        return make(inner(item, f"{at}[{i}]", depth) for i, item in enumerate(data))

    return decode


def _container_decoder(origin: type, args: tuple[Any, ...]) -> _Decoder:
    if issubclass(origin, Mapping):
        return _mapping_decoder(args[0], args[1])
    if issubclass(origin, frozenset | set):
        return _sequence_decoder(args[0], frozenset)
    if issubclass(origin, Sequence):
        return _sequence_decoder(args[0], tuple)
    raise TypeError(f"no JSON form for {origin}")


def _mapping_decoder(key: Any, value: Any) -> _Decoder:
    of_key, of_value = _decoder(key), _decoder(value)

    def decode(data: Any, at: str, depth: int) -> Any:
        if isinstance(data, dict):
            return {name: of_value(item, f"{at}.{name}", depth) for name, item in data.items()}
        if key is str or not isinstance(data, list) or not all(isinstance(p, list) and len(p) == 2 for p in data):
            raise _wrong(at, "an object", data)
        return {of_key(k, f"{at}[{i}][0]", depth): of_value(v, f"{at}[{i}][1]", depth) for i, (k, v) in enumerate(data)}

    return decode


def _scalar_decoder(kind: Any) -> _Decoder:
    if kind not in _SCALARS:
        raise TypeError(f"no JSON form for {kind}")
    accepts = (int, float) if kind is float else kind

    def decode(data: Any, at: str, depth: int) -> Any:
        if not isinstance(data, accepts) or (isinstance(data, bool) and kind is not bool):
            raise _wrong(at, kind.__name__, data)
        return float(data) if kind is float else data

    return decode
