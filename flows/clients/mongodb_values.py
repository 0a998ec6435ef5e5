"""BSON as flows see and write it: ids as text, dates as ISO text, numbers exact, extended JSON on the way in."""

from __future__ import annotations

import base64
import importlib
import math
import re
from collections.abc import Mapping
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

from flows.clients.errors import ClientError
from flows.language.values import instant_text

MAX_DEPTH = 100
_HEX_ID = re.compile(r"[0-9a-f]{24}\Z")
_EXTENDED = frozenset(
    [
        "$oid",
        "$date",
        "$numberDecimal",
        "$numberLong",
        "$numberInt",
        "$numberDouble",
        "$binary",
        "$uuid",
        "$timestamp",
        "$minKey",
        "$maxKey",
        "$undefined",
        "$symbol",
        "$code",
        "$regularExpression",
        "$dbPointer",
    ]
)


def plain(value: Any, depth: int = 0) -> Any:
    """A BSON value as JSON.

    Args:
        value: as bson decodes it, dates with a zone.
        depth: inside other values.

    Raises:
        ClientError: nested too deep.
    """
    if value is None or isinstance(value, bool):
        return value
    if isinstance(value, str):
        return str(value)
    if isinstance(value, int):
        return int(value)
    if isinstance(value, float):
        return value if math.isfinite(value) else "NaN" if math.isnan(value) else f"{'-' * (value < 0)}Infinity"
    if depth > MAX_DEPTH:
        raise ClientError(f"a document nested deeper than {MAX_DEPTH} levels", "server")
    if isinstance(value, Mapping):
        return {str(key): plain(item, depth + 1) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [plain(item, depth + 1) for item in value]
    if isinstance(value, datetime):
        return instant_text(value if value.tzinfo is not None else value.replace(tzinfo=UTC))
    return _special(value, depth)


def _special(value: Any, depth: int) -> Any:
    kind = type(value).__name__
    if kind == "Decimal128":
        number = value.to_decimal()
        return number if number.is_finite() else str(number)
    if kind == "Binary" and value.subtype in (3, 4) and len(value) == 16:
        return str(importlib.import_module("uuid").UUID(bytes=bytes(value)))
    if isinstance(value, bytes):
        return base64.b64encode(value).decode()
    if kind == "Timestamp":
        return {"t": value.time, "i": value.inc}
    if kind == "Regex":
        return {"$regularExpression": {"pattern": str(value.pattern), "options": str(value.flags)}}
    if kind == "DBRef":
        return {"$ref": value.collection, "$id": plain(value.id, depth + 1)}
    if kind == "DatetimeMS":
        return {"$date": int(value)}
    if kind in ("MinKey", "MaxKey"):
        return f"${kind[0].lower()}{kind[1:]}"
    return str(value)


def native(value: Any, where: str, depth: int = 0) -> Any:
    """What a flow writes as BSON takes it; `{$oid: ...}`, `{$date: ...}` and the like are extended JSON.

    Args:
        value: rendered.
        where: path for messages.
        depth: inside other values.

    Raises:
        ClientError: of type ``config`` when it cannot be sent.
    """
    if depth > MAX_DEPTH:
        raise ClientError(f"{where}: nested deeper than {MAX_DEPTH} levels", "config")
    if isinstance(value, Decimal):
        return _number(value)
    if isinstance(value, int) and not isinstance(value, bool) and not -(2**63) <= value < 2**63:
        raise ClientError(f"{where}: {value} does not fit into 64 bits; write {{$numberDecimal: '...'}}", "config")
    if isinstance(value, Mapping):
        if len(value) == 1 and next(iter(value)) in _EXTENDED:
            return _extended(value, where)
        return {str(key): native(item, f"{where}.{key}", depth + 1) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [native(item, f"{where}[{index}]", depth + 1) for index, item in enumerate(value)]
    return value


def _number(value: Decimal) -> Any:
    """As JSON's readers do: whole numbers and doubles, and a decimal only where a double would change it."""
    if value == value.to_integral_value() and abs(value) < 2**63:
        return int(value)
    near = float(value)
    if math.isfinite(near) and Decimal(repr(near)) == value:
        return near
    return importlib.import_module("bson").Decimal128(value)


def _extended(value: Mapping[str, Any], where: str) -> Any:
    json_util = importlib.import_module("bson.json_util")
    try:
        return json_util.object_hook(_texts(value))
    except Exception as problem:  # bson raises whatever the value made it raise
        key = next(iter(value))
        raise ClientError(f"{where}.{key}: {problem or type(problem).__name__}", "config") from problem


def _texts(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {key: _texts(item) for key, item in value.items()}
    return str(value) if isinstance(value, Decimal) else value


def identified(given: Mapping[str, object]) -> dict[str, object]:
    """A filter whose `_id` given as 24 hexadecimal digits fits an ObjectId too, as results show one.

    Args:
        given: native.
    """
    key = given.get("_id")
    if not isinstance(key, str) or not _HEX_ID.match(key):
        return dict(given)
    return {**given, "_id": {"$in": [key, importlib.import_module("bson").ObjectId(key)]}}
