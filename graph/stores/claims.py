"""What several buckets say about one element, as one element: it lives until the last of them drops it."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from operator import add
from typing import Any, TypeVar

from testmesh.kernel.ids import canonical

K = TypeVar("K")

_FIRST = {"annotations": 0, "links": 1}
_STATUS = {"resolved": 0, "candidate": 1, "unresolved": 2}
_SEEN: Mapping[str, Callable[[Any, Any], Any]] = {"seen": add, "first_seen": min, "last_seen": max}
_GRADES = ("referenced", "executed", "passed")


def precedence(bucket: str) -> tuple[int, str]:
    """Sort key of a bucket's name: annotations before links before everything else (DESIGN §8).

    Args:
        bucket: ``Bucket.name``.
    """
    return _FIRST.get(bucket.partition("|")[0], 2), bucket


def merged_node(claims: Mapping[str, str]) -> str:
    """One document out of what each bucket says about a node.

    Args:
        claims: bucket name to document, at least one.
    """
    if len(claims) == 1:
        return next(iter(claims.values()))
    said = [json.loads(claims[name]) for name in sorted(claims, key=precedence)]
    return canonical([said[0][0], _props([s[1] for s in said]), _evidence([s[2] for s in said])])


def merged_edge(claims: Mapping[str, str]) -> str:
    """One document out of what each bucket says about an edge.

    Args:
        claims: bucket name to document, at least one.
    """
    if len(claims) == 1:
        return next(iter(claims.values()))
    said = [json.loads(claims[name]) for name in sorted(claims, key=precedence)]
    how = min((s[2] for s in said), key=lambda r: _STATUS[r[0]])
    return canonical([_props([s[0] for s in said]), _evidence([s[1] for s in said]), how])


def changed(old: Mapping[K, str], new: Mapping[K, str]) -> dict[K, str | None]:
    """What a bucket says differently: element to its new document, or None when it dropped it.

    Args:
        old: element to document, before.
        new: element to document, now.
    """
    change: dict[K, str | None] = {key: doc for key, doc in new.items() if old.get(key) != doc}
    change.update({key: None for key in old if key not in new})
    return change


def _evidence(parts: list[list[list[Any]]]) -> list[list[Any]]:
    return [list(e) for e in sorted({tuple(e) for part in parts for e in part})]


def _props(parts: list[dict[str, Any]]) -> dict[str, Any]:
    out: dict[str, Any] = {}
    for part in parts:
        for name, value in part.items():
            out[name] = _joined(name, out[name], value) if name in out else value
    return out


def _joined(name: str, known: Any, value: Any) -> Any:
    if name == "grade" and known in _GRADES and value in _GRADES:
        return max(known, value, key=_GRADES.index)
    if name in _SEEN:
        return _SEEN[name](known, value)
    if isinstance(known, list) and isinstance(value, list):
        return known + [v for v in value if v not in known]
    return known
