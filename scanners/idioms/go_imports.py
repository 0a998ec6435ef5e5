"""Import declarations of Go: the local name a package has in a file, and which packages are Go's own."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Iterator
from typing import TYPE_CHECKING

from scanners.idioms.code import Import

if TYPE_CHECKING:
    from tree_sitter import Node

    from scanners.idioms.go import GoCode

_VERSION = re.compile(r"v\d+")
_HEAD = re.compile(rb"(?<![\w.\"/])([A-Za-z_]\w*)\s*\.")
_STDLIB = frozenset(
    """archive bufio bytes cmp compress container context crypto database debug embed encoding errors expvar flag fmt
    go hash html image index internal io iter log maps math mime net os path plugin reflect regexp runtime slices sort
    strconv strings structs sync syscall testing text time unicode unique unsafe weak""".split()  # noqa: SIM905
)


def is_standard(path: str) -> bool:
    """Whether an import path is of Go's standard library.

    Args:
        path: as written.
    """
    return path.split("/", 1)[0] in _STDLIB


def imports(code: GoCode, specs: Iterable[Node]) -> Iterator[Import]:
    """Imports of a file.

    Args:
        code: the file.
        specs: its import specs.
    """
    rows = [
        (code.string(spec.child_by_field_name("path")), code.text(spec.child_by_field_name("name")), spec)
        for spec in specs
    ]
    sure = {
        named or path.rpartition("/")[2] for path, named, _ in rows if named or path.rpartition("/")[2].isidentifier()
    }
    claimed = {name for name in sure if not _VERSION.fullmatch(name)}
    for path, named, spec in rows:
        line = int(spec.start_point[0]) + 1
        if named == ".":
            yield Import("*", path, "*", line)
        elif path:
            yield Import(named or local_name(path, code.data, claimed), path, "", line)


def local_name(path: str, data: bytes, claimed: Collection[str] = ()) -> str:
    """The name a package most likely has, which its path need not say; the file's use of it decides.

    Args:
        path: import path.
        data: the file that imports it.
        claimed: names that other imports of the file surely have.
    """
    last = path.rpartition("/")[2]
    if last.isidentifier() and not _VERSION.fullmatch(last):
        return last
    names = list(dict.fromkeys(_candidates(path)))
    used = {head.decode() for head in _HEAD.findall(data)}
    folded = {head.lower(): head for head in used}
    for name in names:
        if name in used and name not in claimed:
            return name
        if name.lower() in folded and folded[name.lower()] not in claimed:
            return str(folded[name.lower()])
    return str(names[0]) if names else last


def _candidates(path: str) -> Iterator[str]:
    parts = path.split("/")
    last = parts[-1]
    if not _VERSION.fullmatch(last) or len(parts) == 1:
        yield from _spellings(last)
        return
    if last == "v1":
        yield last
    yield from _spellings(parts[-2])
    yield last


def _spellings(element: str) -> Iterator[str]:
    """``go-redis``, ``kafka-go``, ``nats.go``, ``yaml.v3`` are packages redis, kafka, nats, yaml."""
    element = re.sub(r"\.v\d+$", "", element)
    if element.isidentifier():
        yield element
        return
    short = re.sub(r"^go[-.]|[-.]go$", "", element)
    if short.isidentifier():
        yield short
    yield re.sub(r"\W", "", element)
    yield re.sub(r"\W", "_", element)
    yield from (p for p in reversed(re.split(r"\W", element)) if p.isidentifier())
