"""Reads what a program prints without letting it block us, flood us, or hold us past a deadline."""

from __future__ import annotations

import contextlib
import os
import selectors
import time
from typing import IO, Protocol

_CHUNK = 65536


class Pipes(Protocol):
    """The parent's ends of a process's pipes."""

    @property
    def stdin(self) -> IO[bytes] | None:
        """To it."""
        ...

    @property
    def stdout(self) -> IO[bytes] | None:
        """From it."""
        ...

    @property
    def stderr(self) -> IO[bytes] | None:
        """From it."""
        ...


class Capture:
    """Feeds and drains a process's pipes.

    Args:
        pipes: its standard input, output and error.
        given: bytes for its standard input.
        cap: bytes kept of each output; the rest is read and dropped.
    """

    def __init__(self, pipes: Pipes, given: bytes, cap: int) -> None:
        self.kept: dict[str, bytearray] = {"stdout": bytearray(), "stderr": bytearray()}
        self.truncated = False
        self._cap = cap
        self._rest = memoryview(given)
        self._selector = selectors.DefaultSelector()
        self._streams: list[IO[bytes]] = []
        for name, pipe in (("stdout", pipes.stdout), ("stderr", pipes.stderr)):
            self._register(pipe, selectors.EVENT_READ, name)
        if given:
            self._register(pipes.stdin, selectors.EVENT_WRITE, "stdin")
        elif pipes.stdin is not None:
            pipes.stdin.close()

    def _register(self, pipe: IO[bytes] | None, events: int, name: str) -> None:
        if pipe is not None:
            os.set_blocking(pipe.fileno(), False)
            self._selector.register(pipe, events, name)
            self._streams.append(pipe)

    def read_until(self, deadline: float) -> bool:
        """Drain until both outputs end; False when the time is over first.

        Args:
            deadline: `time.monotonic()` seconds.
        """
        while any(key.data != "stdin" for key in self._selector.get_map().values()):
            left = deadline - time.monotonic()
            if left <= 0:
                return False
            for key, _ in self._selector.select(left):
                self._serve(key)
        return True

    def _serve(self, key: selectors.SelectorKey) -> None:
        if key.data == "stdin":
            self._feed(key)
            return
        data = os.read(key.fd, _CHUNK)
        if not data:
            self._selector.unregister(key.fileobj)
            return
        kept = self.kept[key.data]
        room = self._cap - len(kept)
        kept += data[:room]
        self.truncated = self.truncated or len(data) > room

    def _feed(self, key: selectors.SelectorKey) -> None:
        try:
            written = os.write(key.fd, self._rest[:_CHUNK])
        except BrokenPipeError:
            written = len(self._rest)
        self._rest = self._rest[written:]
        if not self._rest:
            self._selector.unregister(key.fileobj)
            for pipe in self._streams:
                if pipe is key.fileobj:
                    pipe.close()

    def close(self) -> None:
        """Close every pipe."""
        self._selector.close()
        for pipe in self._streams:
            with contextlib.suppress(BrokenPipeError):
                pipe.close()
