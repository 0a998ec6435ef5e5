"""Names as they are written in code: spellings of a field, tables of a statement."""

from __future__ import annotations

import re
from collections.abc import Iterable

_TABLES = re.compile(r"\b(?:FROM|JOIN|INTO|UPDATE)\s+([A-Za-z_][\w.]*)", re.I)


def spellings(name: str) -> tuple[str, ...]:
    """A wire name as code may write it: itself, snake_case and camelCase.

    Args:
        name: e.g. `order_id`.
    """
    snake = re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", name).lower() if re.fullmatch(r"\w+", name) else name
    head, *rest = snake.split("_")
    camel = head + "".join(part.capitalize() for part in rest)
    return tuple(dict.fromkeys((name, snake, camel)))


def dataset_names(statement: str) -> tuple[str, ...]:
    """Tables that a SQL text names, without schema.

    Args:
        statement: SQL, or empty.
    """
    return tuple(dict.fromkeys(name.rpartition(".")[2].lower() for name in _TABLES.findall(statement)))


def counted(lines: Iterable[str], name: str) -> int:
    """How often texts have the name as a word of its own, in any spelling.

    Args:
        lines: code, spec or prose.
        name: wire name; a path counts where nothing longer follows it.
    """
    forms = "|".join(re.escape(form) for form in spellings(name))
    pattern = re.compile(rf"(?<![A-Za-z0-9_])(?:{forms})(?![A-Za-z0-9_])")
    return sum(len(pattern.findall(line)) for line in lines)


def mentions(text: str, name: str) -> bool:
    """Whether a text has the name as a word of its own, in any spelling.

    Args:
        text: code, spec or prose.
        name: wire name.
    """
    return counted((text,), name) > 0
