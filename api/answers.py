"""Responses: a record goes out as exactly the bytes the CLI's `--json` prints."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Annotated, Any

from fastapi import Query
from starlette.responses import Response

from graph.codec import dumps

JSON = "application/json"
Limit = Annotated[int, Query(ge=1, le=500, description="Most rows of a page.")]
Cursor = Annotated[str, Query(max_length=512, description="`next` of the page before, empty for the first.")]


def answer(value: Any, status: int = 200, headers: Mapping[str, str] | None = None) -> Response:
    """A record as JSON.

    Args:
        value: a record or JSON-shaped data.
        status: HTTP status.
        headers: further headers.
    """
    return Response(dumps(value), status, dict(headers or {}), JSON)


def page(items: Sequence[Any], limit: int, key: str) -> Response:
    """A page of a listing: `{items, next}`; `next` is null at the end.

    Args:
        items: one more than `limit` when there is another page.
        limit: rows of the page.
        key: attribute of an item that the next page starts behind.
    """
    shown = items[:limit]
    following = getattr(shown[-1], key) if len(items) > limit else None
    return answer({"items": list(shown), "next": following})
