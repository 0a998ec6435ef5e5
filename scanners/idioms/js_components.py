"""Single-file components (Vue, Svelte, Astro): their script blocks as one script, every byte where it was."""

from __future__ import annotations

import re

SUFFIXES = (".vue", ".svelte", ".astro")
_SCRIPT = re.compile(rb"<script\b[^>]*>(.*?)</script\s*>", re.IGNORECASE | re.DOTALL)
_OTHER = re.compile(rb"""<script\b[^>]*\btype\s*=\s*["'](?:application|text)/(?!javascript|typescript|babel)""", re.I)
_FRONT = re.compile(rb"\A\s*---[ \t]*\r?\n(.*?)^---", re.DOTALL | re.MULTILINE)
_VISIBLE = re.compile(rb"[^\n\r]")


def script(path: str, data: bytes) -> bytes:
    """The file with everything but its script blocks blanked out.

    Args:
        path: tells which kind of component it is.
        data: the file.
    """
    kept = bytearray(_VISIBLE.sub(b" ", data))
    spans = [m.span(1) for m in _SCRIPT.finditer(data) if not _OTHER.match(m.group())]
    front = _FRONT.match(data) if path.endswith(".astro") else None
    for start, end in [*([front.span(1)] if front else []), *spans]:
        kept[start:end] = data[start:end]
        if end < len(kept) and kept[end : end + 1] == b" ":
            kept[end : end + 1] = b";"
    return bytes(kept)


def is_component(path: str) -> bool:
    """Whether a file is a single-file component.

    Args:
        path: relative to the repository.
    """
    return path.endswith(SUFFIXES)
