"""Templates and their files: everything escaped, nothing fetched from elsewhere."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup, escape

_HERE = Path(__file__).parent
_MEDIA = {".css": "text/css; charset=utf-8", ".svg": "image/svg+xml", ".js": "text/javascript; charset=utf-8"}
_LONGEST = 20_000


@dataclass(frozen=True, slots=True)
class Asset:
    """A file of the pages.

    Args:
        body: its bytes.
        media: its media type.
        digest: first 12 hex of its SHA-256, part of its address so that it can be cached for ever.
    """

    body: bytes
    media: str
    digest: str


@cache
def assets() -> Mapping[str, Asset]:
    """The files by name; what is not here cannot be asked for."""
    found = {}
    for path in sorted((_HERE / "static").iterdir()):
        if path.suffix in _MEDIA:
            body = path.read_bytes()
            found[path.name] = Asset(body, _MEDIA[path.suffix], hashlib.sha256(body).hexdigest()[:12])
    return found


def asset_url(name: str) -> str:
    """The address of a file.

    Args:
        name: in `static`.
    """
    return f"/static/{name}?v={assets()[name].digest}"


def pretty(value: Any) -> str:
    """A JSON value for people: indented, text as it is, cut when it is very long.

    Args:
        value: JSON-shaped.
    """
    text = value if isinstance(value, str) else json.dumps(value, indent=2, ensure_ascii=False, default=str)
    return text if len(text) <= _LONGEST else f"{text[:_LONGEST]}\n... {len(text) - _LONGEST} more characters"


def duration(ms: float) -> str:
    """A length of time for people.

    Args:
        ms: milliseconds.
    """
    if ms < 1:
        return "0 ms"
    if ms < 1000:
        return f"{ms:.0f} ms"
    return f"{ms / 1000:.1f} s" if ms < 60_000 else f"{ms / 60_000:.1f} min"


def short(commit: str) -> str:
    """A commit as people quote it; other words unchanged.

    Args:
        commit: 40 hex, `<commit>+<digest>`, or a word.
    """
    head, plus, _ = commit.partition("+")
    is_hex = len(head) == 40 and all(c in "0123456789abcdef" for c in head)
    return (head[:8] if is_hex else head) + ("+" if plus else "")


def count(number: int, noun: str) -> str:
    """`1 flow`, `2 flows`.

    Args:
        number: how many.
        noun: singular, regular plural.
    """
    return f"{number} {noun}{'' if number == 1 else 's'}"


def words(text: str) -> Markup:
    """A sentence with its `quoted` names as code, everything escaped.

    Args:
        text: of an answer.
    """
    parts = text.split("`")
    if len(parts) % 2 == 0:
        return escape(text)
    return Markup("").join(
        Markup("<code>{}</code>").format(part) if number % 2 else escape(part) for number, part in enumerate(parts)
    )


@cache
def _templates() -> Environment:
    environment = Environment(
        loader=FileSystemLoader(_HERE / "templates"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters.update(pretty=pretty, duration=duration, short=short, words=words)
    environment.globals.update(asset=asset_url, count=count)
    return environment


def render(name: str, **values: Any) -> str:
    """A page.

    Args:
        name: template file.
        values: what it shows.
    """
    return _templates().get_template(name).render(**values)
