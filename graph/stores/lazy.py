"""A mapping that decodes what is looked at, because a traversal touches far more elements than an answer shows."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Generic, TypeVar

K = TypeVar("K")
R = TypeVar("R")
V = TypeVar("V")


class Decoded(Mapping[K, V], Generic[K, R, V]):
    """Values made from raw rows on first access.

    Args:
        raw: rows by key.
        decode: makes the value of a key and its row.
    """

    __slots__ = ("_decode", "_made", "_raw")

    def __init__(self, raw: Mapping[K, R], decode: Callable[[K, R], V]) -> None:
        self._raw = raw
        self._decode = decode
        self._made: dict[K, V] = {}

    def __getitem__(self, key: K) -> V:
        made = self._made.get(key)
        if made is None:
            made = self._made[key] = self._decode(key, self._raw[key])
        return made

    def __iter__(self) -> Iterator[K]:
        return iter(self._raw)

    def __len__(self) -> int:
        return len(self._raw)

    def __contains__(self, key: object) -> bool:
        return key in self._raw
