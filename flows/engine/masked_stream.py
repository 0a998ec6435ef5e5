"""A text stream without secrets, also when a secret arrives in pieces."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

from flows.engine.masking import EXPANSION, Masks, replaced

if TYPE_CHECKING:
    from testmesh.guard.regex import Finder

_ESCAPE = 64
_ESCAPES = 8


class Writable(Protocol):
    """Where masked text goes."""

    def write(self, text: str, /) -> object:
        """Takes some text."""
        ...

    def flush(self) -> object:
        """Hands on what it took."""
        ...


class MaskedStream:
    """Masks what is written and holds back only an end that may be the beginning of a secret.

    Args:
        out: where masked text goes.
        masks: of the run; what it learns later counts from then on.
    """

    def __init__(self, out: Writable, masks: Masks) -> None:
        self._out = out
        self._masks = masks
        self._held = ""
        self._known = 0
        self._beginnings: list[Finder] = []
        self._longest = 0
        self._untold = False
        self._last = ""

    def write(self, text: str) -> int:
        """Writes what cannot be part of a secret any more.

        Args:
            text: the next piece.
        """
        self._learn()
        whole = self._held + text
        spans = self._spans(whole)
        ready = self._ready(whole)
        for start, end in spans:
            if start < ready < end:
                # Another secret may begin within this one; what never ends is not held back for ever.
                ready = start if len(whole) - start <= self._longest else end
        self._out.write(replaced(whole[:ready], [span for span in spans if span[1] <= ready]))
        self._held = whole[ready:]
        self._last = whole[ready - 1 : ready] or self._last
        return len(text)

    def _spans(self, whole: str) -> list[tuple[int, int]]:
        """Where secrets stand in what is not written yet; the letter before it tells words apart."""
        if not self._masks.count:
            return []
        before = len(self._last)
        found = self._masks.spans(self._last + whole)
        return [(max(0, start - before), end - before) for start, end in found if end > before]

    def flush(self) -> None:
        """Hands on what was written; what may be the beginning of a secret stays."""
        self._out.flush()

    def close(self) -> None:
        """Writes the rest: nothing more comes. The stream below stays open."""
        self._out.write(replaced(self._held, self._spans(self._held)))
        self._held = ""
        self._out.flush()

    def _learn(self) -> None:
        if self._known == self._masks.count:
            return
        from flows.engine.encodings import forms, prefix
        from testmesh.guard.regex import Finder

        fresh = self._masks.values[self._known :]
        self._known = self._masks.count
        self._longest = max(self._longest, *(EXPANSION * len(value) for value in fresh))
        patterns = [prefix(form) for value in fresh for form in forms(value)]
        self._untold = self._untold or not all(patterns)
        self._beginnings.append(Finder(rf"(?:{'|'.join(found for found in patterns if found)})\z"))

    def _ready(self, whole: str) -> int:
        """How much of a text cannot be part of a secret that goes on after it."""
        if not self._known:
            return len(whole)
        begin = max(0, len(whole) - self._longest)
        if self._untold:
            return begin
        from flows.engine.encodings import BETWEEN

        tail = whole[begin:]
        ends = _ends(tail)
        between = BETWEEN.search(tail, max(0, len(tail) - _ESCAPE))
        ready = min(ends)
        for end in {*ends, between.start() if between else ready}:
            for finder in self._beginnings:
                ready = min([ready, *(start for start, _ in finder.spans(tail[:end]))])
        return begin + ready


def _ends(tail: str) -> list[int]:
    """Where an escape that is not all there yet may begin, latest first."""
    from flows.engine.encodings import COMPLETE, PARTIAL

    ends = [len(tail)]
    partial = PARTIAL.search(tail, max(0, len(tail) - _ESCAPE))
    if partial:
        ends.append(partial.start())
    while len(ends) < _ESCAPES and (found := COMPLETE.search(tail[: ends[-1]], max(0, ends[-1] - _ESCAPE))):
        ends.append(found.start())
    return ends
