"""Values on the run page: indented, cut where they are too long, the most telling part of an answer first."""

from __future__ import annotations

import json
import os
import re
from dataclasses import dataclass, field

ROOM = 10_000_000
_FIRST = ("body", "rows", "value", "messages", "documents", "answers", "requests", "stdout")
_PICTURE = re.compile(r"image/(?:png|jpeg|gif|webp|avif)")
_MARK = f"exact-number-{os.urandom(16).hex()}:"
_EXACT = re.compile(rf'"{_MARK}([^"]+)"')


@dataclass(slots=True)
class Room:
    """How many characters are left, and what did not fit."""

    left: int = ROOM
    steps_without: int = 0
    cut_values: int = 0
    notes: list[str] = field(default_factory=list)


def value_of(value: object, most: int, room: Room | None = None) -> list[object]:
    """Indented JSON and how many characters of it are left out; a text stays the text it is.

    Args:
        value: JSON-shaped.
        most: characters.
        room: counts what is cut.
    """
    return clip(value if isinstance(value, str) else pretty(value), most, room)


def clip(text: str, most: int, room: Room | None = None) -> list[object]:
    """The beginning of a text and how many characters are left out.

    Args:
        text: any text.
        most: characters.
        room: counts what is cut.
    """
    if len(text) <= most:
        return [text, 0]
    if room is not None:
        room.cut_values += 1
    return [text[:most], len(text) - most]


def pretty(value: object) -> str:
    """A value as indented JSON with exact numbers.

    Args:
        value: JSON-shaped.
    """
    text = json.dumps(value, ensure_ascii=False, indent=2, default=lambda item: f"{_MARK}{item}")
    return _EXACT.sub(r"\1", text) if _MARK in text else text


def sections(answer: object, most: int, room: Room) -> list[list[object]]:
    """An answer in named parts: what a person looks at first comes first.

    Args:
        answer: of an attempt, or a step's result.
        most: characters of each part.
        room: counts what is cut.
    """
    if not isinstance(answer, dict):
        return [["", *value_of(answer, most, room)]]
    first = next((key for key in _FIRST if key in answer), "")
    if not first:
        return [["", *value_of(answer, most, room)]]
    hidden = {first, "headers", "headers_all", "first_row", "raw", "json"}
    rest = {key: value for key, value in answer.items() if key not in hidden}
    picture = _picture(answer, most)
    shown = [picture, answer[first], 0] if picture else [first, *value_of(answer[first], most, room)]
    found: list[list[object]] = [shown]
    if rest:
        found.append(["rest", *value_of(rest, most, room)])
    if answer.get("headers"):
        found.append(["headers", *value_of(answer["headers"], most, room)])
    return found


def _picture(answer: dict[str, object], most: int) -> str:
    """The kind of picture that a body is, when it fits; bodies that are no text are base64."""
    headers, body = answer.get("headers"), answer.get("body")
    kind = str(headers.get("content-type", "")) if isinstance(headers, dict) else ""
    match = _PICTURE.match(kind) if isinstance(body, str) and body and len(body) <= most else None
    return match[0] if match else ""
