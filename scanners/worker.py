"""A process that reads files for a scan and nothing else: bounded memory, files on stdin, facts on stdout."""

from __future__ import annotations

import gc
import struct
import sys
from collections.abc import Iterator

_HEAD = struct.Struct(">II")
_MEMORY = 3 * 1024**3


def frame(path: bytes, data: bytes) -> bytes:
    """A path and its data as they travel between processes.

    Args:
        path: of the file.
        data: content or facts.
    """
    return _HEAD.pack(len(path), len(data)) + path + data


def frames(stream: bytes) -> Iterator[tuple[bytes, bytes]]:
    """The whole frames of a stream; one that was cut off is left out.

    Args:
        stream: what a process wrote.
    """
    at = 0
    while at + _HEAD.size <= len(stream):
        path, data = _HEAD.unpack_from(stream, at)
        end = at + _HEAD.size + path + data
        if end > len(stream):
            return
        start = at + _HEAD.size
        yield stream[start : start + path], stream[start + path : end]
        at = end


def main() -> None:
    """Read the files given on stdin, write the facts of each as soon as they are known."""
    from graph.facts import SourceFile
    from scanners.cache import encoded
    from scanners.readers import built_in

    _limit()
    gc.disable()
    readers = built_in()
    for path, data in frames(sys.stdin.buffer.read()):
        facts = readers.facts(SourceFile(path.decode("utf-8", "surrogateescape"), data))
        sys.stdout.buffer.write(frame(path, encoded(facts).encode("utf-8", "surrogatepass")))
        sys.stdout.buffer.flush()


def _limit() -> None:
    import resource

    for what, most in ((resource.RLIMIT_AS, _MEMORY), (resource.RLIMIT_CORE, 0)):
        _, hard = resource.getrlimit(what)
        allowed = most if hard == resource.RLIM_INFINITY else min(most, hard)
        resource.setrlimit(what, (allowed, hard))


if __name__ == "__main__":
    main()
