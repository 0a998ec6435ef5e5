"""Identifiers and canonical bytes: the same thing has the same id on every machine and store."""

from __future__ import annotations

import hashlib
import json
import os
import time
from typing import Any

_ALPHABET = "0123456789abcdefghjkmnpqrstvwxyz"


def canonical(value: Any) -> str:
    """JSON with sorted keys and no spaces, the only form that is hashed or compared.

    Args:
        value: JSON-shaped data (dicts with str keys, lists, str, int, float, bool, None).
    """
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False)


def digest(value: Any) -> str:
    """SHA-256 hex of the canonical form.

    Args:
        value: JSON-shaped data.
    """
    return hashlib.sha256(canonical(value).encode()).hexdigest()


def uid(workspace: str, kind: str, key: tuple[str, ...]) -> str:
    """A node's identity: ``sha256(workspace | kind | natural key)`` (DESIGN §4).

    Args:
        workspace: workspace id.
        kind: node kind such as ``Endpoint``.
        key: the natural key's parts, in schema order.
    """
    parts = [workspace, kind, *key]
    framed = "".join(f"{len(part)}:{part}|" for part in parts)
    return hashlib.sha256(framed.encode()).hexdigest()


def run_id(now_ms: int | None = None, entropy: bytes | None = None) -> str:
    """A sortable id for a run: 48 bits of time and 80 random bits, Crockford base 32 (ULID).

    Args:
        now_ms: Unix time in milliseconds; the present when None.
        entropy: 10 bytes; random when None.
    """
    stamp = int(time.time() * 1000) if now_ms is None else now_ms
    number = (stamp << 80) | int.from_bytes(entropy or os.urandom(10), "big")
    return "".join(_ALPHABET[(number >> shift) & 31] for shift in range(125, -1, -5))
