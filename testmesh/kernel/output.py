"""Standard output that no reader, locale or full disk can break a command with."""

from __future__ import annotations

import codecs
import errno
import os
import sys
from collections.abc import Iterable
from typing import Any, TextIO, cast

_PLAIN = {"→": "->", "←": "<-", "…": "...", "·": ".", "–": "-", "—": "-", "✓": "ok", "✗": "x", "›": ">", "×": "x"}
_ERRORS = "testmesh.plain"


class Steady:
    """A text stream that goes on when nobody reads it any more; what else goes wrong is kept for the end.

    Args:
        stream: standard output or standard error.
    """

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream
        self.trouble = ""

    def __getattr__(self, name: str) -> Any:
        return getattr(self._stream, name)

    def write(self, text: str) -> int:
        """Writes, or drops what nobody can get.

        Args:
            text: any.
        """
        try:
            return self._stream.write(text)
        except OSError as error:
            self._lost(error)
            return len(text)

    def writelines(self, lines: Iterable[str]) -> None:
        """Writes each.

        Args:
            lines: with their ends.
        """
        for line in lines:
            self.write(line)

    def flush(self) -> None:
        """Hands on what was written."""
        try:
            self._stream.flush()
        except OSError as error:
            self._lost(error)

    def _lost(self, error: OSError) -> None:
        """Nothing more can be written there: the rest, and what the buffer still holds, goes nowhere."""
        if error.errno != errno.EPIPE:
            self.trouble = self.trouble or error.strerror or str(error)
        nowhere = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nowhere, self._stream.fileno())
        os.close(nowhere)


def prepare() -> None:
    """Makes both streams of this process steady, and lets them write any character whatever the locale is."""
    codecs.register_error(_ERRORS, _plainly)
    sys.stdout, sys.stderr = _steady(sys.stdout, 1), _steady(sys.stderr, 2)


def _steady(stream: TextIO | None, number: int) -> TextIO:
    if stream is None:  # it was closed before we began; the next file must not get its number
        nowhere = os.open(os.devnull, os.O_WRONLY)
        if nowhere != number:
            os.dup2(nowhere, number)
            os.close(nowhere)
        stream = os.fdopen(number, "w", encoding="utf-8")
    reconfigure = getattr(stream, "reconfigure", None)
    if reconfigure is not None:
        reconfigure(errors=_ERRORS)
    return cast("TextIO", Steady(stream))


def _plainly(error: UnicodeError) -> tuple[str, int]:
    """Signs as plain ones; other characters as JSON escapes, which keeps JSON what it is."""
    if not isinstance(error, UnicodeEncodeError):
        raise error
    import json

    wrong = error.object[error.start : error.end]
    return "".join(_PLAIN.get(char) or json.dumps(char)[1:-1] for char in wrong), error.end


def finished() -> str:
    """Why standard output did not get everything; empty when it did, or when its reader left."""
    sys.stdout.flush()
    return sys.stdout.trouble if isinstance(sys.stdout, Steady) else ""


def coloured(stream: TextIO) -> bool:
    """Whether colours are wanted there: a terminal that can, and nobody who says no (no-color.org).

    Args:
        stream: standard output or standard error.
    """
    return animated(stream) and not os.environ.get("NO_COLOR")


def animated(stream: TextIO) -> bool:
    """Whether a line there can be written over.

    Args:
        stream: standard output or standard error.
    """
    return stream.isatty() and os.environ.get("TERM", "") != "dumb"
