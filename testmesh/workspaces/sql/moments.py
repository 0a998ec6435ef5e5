"""Column values as the text and bytes the rest of the product speaks."""

from __future__ import annotations

import json
from datetime import datetime
from typing import Any

from graph.codec import to_json
from testmesh.kernel.clock import iso


def moment(value: datetime | None) -> str:
    """RFC 3339, or empty.

    Args:
        value: a timestamp column.
    """
    return "" if value is None else iso(value)


def text_of(value: Any) -> str:
    """JSON in ASCII, so that lone surrogates and NUL in what a service answered can be stored in a text column.

    Args:
        value: a record or JSON-shaped data.
    """
    return json.dumps(to_json(value), separators=(",", ":"))
