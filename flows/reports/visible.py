"""Text from strangers, shown to people."""

from __future__ import annotations


def visible(text: str) -> str:
    """Text without control characters that could drive the terminal.

    Args:
        text: any text.
    """
    if text.isprintable():
        return text
    import json

    return "".join(char if char.isprintable() else json.dumps(char)[1:-1] for char in text)
