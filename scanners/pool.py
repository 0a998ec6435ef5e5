"""Reading many files at once: in this process when that is quicker, else in worker processes with limits."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor

from graph.facts import SourceFile, decode_fact
from graph.values import Fact
from scanners.cache import encoded
from scanners.readers import Readers, problem
from scanners.worker import frame, frames
from testmesh.guard.process import Command, Finished, run

_WORTH = 1_500_000
_SHARD = 1_000_000
_SECONDS = 30.0
_BYTES_A_SECOND = 20_000
_OUTPUT = 512 * 1024 * 1024
_ENVIRONMENT = ("PATH", "PYTHONPATH", "PYTHONHOME", "VIRTUAL_ENV", "LANG", "PYTHONHASHSEED", "TMPDIR")

Read = tuple[str, list[Fact], str]


def read_all(readers: Readers, sources: Sequence[SourceFile], workers: int | None) -> Iterator[Read]:
    """Path, facts and the facts' JSON of each file, in any order.

    Args:
        readers: what reads them.
        sources: files.
        workers: processes; None decides by the amount of work.
    """
    code = [s for s in sources if readers.language(s.path) is not None and not readers.for_path(s.path)]
    count = workers if workers is not None else _worth(code)
    pooled: set[str] = set()
    if count > 1:
        pooled = {s.path for s in code}
        yield from _in_workers(code, count)
    for source in sources:
        if source.path not in pooled:
            facts = readers.facts(source)
            yield source.path, facts, encoded(facts)


def _worth(code: Sequence[SourceFile]) -> int:
    return min(8, os.cpu_count() or 1) if sum(len(s.data) for s in code) >= _WORTH else 1


def _in_workers(code: Sequence[SourceFile], count: int) -> Iterator[Read]:
    with ThreadPoolExecutor(count) as threads:
        for found in threads.map(_shard, list(_shards(code, count))):
            yield from found


def _shards(code: Sequence[SourceFile], count: int) -> Iterator[list[SourceFile]]:
    """Files in groups of about the same size, at least one group a worker."""
    most = min(_SHARD, sum(len(s.data) for s in code) // count + 1)
    shard: list[SourceFile] = []
    size = 0
    for source in code:
        shard.append(source)
        size += len(source.data)
        if size >= most:
            yield shard
            shard, size = [], 0
    if shard:
        yield shard


def _shard(sources: Sequence[SourceFile]) -> list[Read]:
    """Facts of a group; a file that ends its worker gets a problem, and the rest goes on in a new one."""
    found: list[Read] = []
    left = list(sources)
    while left:
        done = _worker(left)
        read = [
            (path.decode("utf-8", "surrogateescape"), data.decode("utf-8", "surrogatepass"))
            for path, data in frames(done.stdout)
        ]
        found += [(path, [decode_fact(f) for f in json.loads(text)], text) for path, text in read]
        left = left[len(read) :]
        if left:
            ended = [_ended(left[0], done)]
            found.append((left[0].path, ended, encoded(ended)))
            left = left[1:]
    return found


def _ended(source: SourceFile, done: Finished) -> Fact:
    message = f"reading this file ended the worker ({done.complaint()[:200]}); it was left out"
    return problem(source.path, 1, "scan/worker-died", message)


def _worker(sources: Sequence[SourceFile]) -> Finished:
    argv = (sys.executable, "-P", "-m", "scanners.worker")
    given = b"".join(frame(s.path.encode("utf-8", "surrogateescape"), s.data) for s in sources)
    env = {name: os.environ[name] for name in _ENVIRONMENT if name in os.environ}
    seconds = _SECONDS + len(given) / _BYTES_A_SECOND
    return run(Command(argv, env=env, stdin=given, timeout=seconds, output_cap=_OUTPUT))
