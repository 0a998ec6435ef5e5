"""Reading many files at once: in this process when that is quicker, else in worker processes with limits."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator, Sequence
from concurrent.futures import Future, ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool

from graph.facts import SourceFile, decode_fact
from graph.values import Fact
from scanners.cache import encoded
from scanners.readers import Readers, built_in, problem

_WORTH = 1_500_000
_CHUNK = 256 * 1024
_MEMORY = 3 * 1024**3
_SECONDS = 120.0


def read_all(readers: Readers, sources: Sequence[SourceFile], workers: int | None) -> Iterator[tuple[str, list[Fact]]]:
    """Facts of each file, in any order.

    Args:
        readers: what reads them.
        sources: files.
        workers: processes; None decides by the amount of work.
    """
    code = [s for s in sources if readers.language(s.path) is not None and not readers.for_path(s.path)]
    count = workers if workers is not None else _worth(code)
    if count <= 1:
        for source in sources:
            yield source.path, readers.facts(source)
        return
    pooled = {s.path for s in code}
    yield from _in_pool(code, count)
    for source in sources:
        if source.path not in pooled:
            yield source.path, readers.facts(source)


def _worth(code: Sequence[SourceFile]) -> int:
    return min(8, os.cpu_count() or 1) if sum(len(s.data) for s in code) >= _WORTH else 1


def _in_pool(code: Sequence[SourceFile], count: int) -> Iterator[tuple[str, list[Fact]]]:
    broken: list[SourceFile] = []
    with _pool(count) as pool:
        running = [(chunk, pool.submit(_read_chunk, chunk)) for chunk in _chunks(code)]
        for chunk, future in running:
            found = _result(future, _SECONDS)
            if found is None:
                broken += chunk
            else:
                yield from _decoded(found)
    for source in broken:
        yield source.path, _alone(source)


def _pool(count: int) -> ProcessPoolExecutor:
    import multiprocessing

    context = multiprocessing.get_context("spawn")
    return ProcessPoolExecutor(count, mp_context=context, initializer=_limited)


def _result(future: Future[list[tuple[str, str]]], seconds: float) -> list[tuple[str, str]] | None:
    """What a worker found, None when it died."""
    try:
        return future.result(seconds)
    except (BrokenProcessPool, MemoryError, TimeoutError):
        future.cancel()
        return None


def _alone(source: SourceFile) -> list[Fact]:
    """A file that may have ended a worker, in a worker of its own."""
    with _pool(1) as pool:
        found = _result(pool.submit(_read_chunk, [source]), _SECONDS)
    if found is None:
        return [problem(source.path, 1, "scan/worker-died", "reading this file ended the worker; it was left out")]
    return next(facts for _, facts in _decoded(found))


def _decoded(found: Sequence[tuple[str, str]]) -> Iterator[tuple[str, list[Fact]]]:
    for path, data in found:
        yield path, [decode_fact(f) for f in json.loads(data)]


def _chunks(code: Sequence[SourceFile]) -> Iterator[list[SourceFile]]:
    chunk: list[SourceFile] = []
    size = 0
    for source in code:
        chunk.append(source)
        size += len(source.data)
        if size >= _CHUNK:
            yield chunk
            chunk, size = [], 0
    if chunk:
        yield chunk


def _read_chunk(chunk: Sequence[SourceFile]) -> list[tuple[str, str]]:
    readers = built_in()
    return [(source.path, encoded(readers.facts(source))) for source in chunk]


def _limited() -> None:
    import resource

    for what, most in ((resource.RLIMIT_AS, _MEMORY), (resource.RLIMIT_CORE, 0)):
        _, hard = resource.getrlimit(what)
        allowed = most if hard == resource.RLIM_INFINITY else min(most, hard)
        resource.setrlimit(what, (allowed, hard))
