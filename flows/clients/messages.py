"""One message as flows see it, whatever brought it (FLOWS §5)."""

from __future__ import annotations

import base64
from collections.abc import Mapping

from flows.language.values import parse_json


def message(
    payload: bytes | None,
    *,
    key: str | None = None,
    headers: Mapping[str, str] | None = None,
    topic: str = "",
    place: tuple[int | None, int | None, str | None] = (None, None, None),
) -> dict[str, object]:
    """A message's fields.

    Args:
        payload: bytes, or None for a tombstone.
        key: text.
        headers: texts.
        topic: topic or channel.
        place: partition, offset, ISO timestamp.
    """
    raw = readable(payload)
    parsed = _json(raw)
    partition, offset, timestamp = place
    return {
        "value": raw if parsed is _NO_JSON else parsed,
        "raw": raw,
        "key": key,
        "headers": dict(headers or {}),
        "topic": topic,
        "partition": partition,
        "offset": offset,
        "timestamp": timestamp,
        "json": None if parsed is _NO_JSON else parsed,
    }


def readable(data: bytes | None) -> str | None:
    """Bytes as text; what is not UTF-8 as base64.

    Args:
        data: bytes or None.
    """
    if data is None:
        return None
    try:
        return data.decode()
    except UnicodeDecodeError:
        return base64.b64encode(data).decode()


_NO_JSON = object()


def _json(raw: str | None) -> object:
    if raw is None:
        return _NO_JSON
    try:
        return parse_json(raw)
    except ValueError:
        return _NO_JSON
