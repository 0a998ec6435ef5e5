"""Files that are read together: which they are in a tree, and what they said when none of them has changed since."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from graph.facts import FACT_KINDS, Bundle, SourceFile, decode_fact
from graph.values import Fact
from scanners.cache import FactCache, Key, encoded
from scanners.idioms.noise import sort_of
from scanners.readers import MANIFEST_LIMIT, Readers
from scanners.trees import Content, Tree, WorkTree

_ASIDE = ("vendored", "test", "example")


@dataclass(frozen=True, slots=True)
class Read:
    """What a bundle read.

    Args:
        name: of the bundle.
        replaced: members that say nothing of their own to other readers of deployment files.
    """

    name: str
    replaced: tuple[str, ...]


def layer_of(fact: Fact) -> str:
    """The layer a fact is of; empty for problems, which a file read on its own may have for no reason.

    Args:
        fact: any.
    """
    return "" if fact.kind == "problem" else FACT_KINDS[fact.kind].layer


def together(tree: Tree, readers: Readers, cache: FactCache) -> Iterator[tuple[Read, list[Fact]]]:
    """What the bundles say about a tree.

    Args:
        tree: the files.
        readers: with the bundles.
        cache: facts of bundles none of whose members changed.
    """
    paths = [p for p in tree.paths() if sort_of(p) not in _ASIDE or "docs/" in p]
    for bundle in readers.bundles.values():
        members = sorted(bundle.members(paths))
        if members:
            about = Read(bundle.name, tuple(p for p in members if bundle.replaces(p)))
            yield about, _facts(bundle, _Asked(tree, readers, cache), members)


@dataclass(frozen=True, slots=True)
class _Asked:
    tree: Tree
    readers: Readers
    cache: FactCache


def _facts(bundle: Bundle, asked: _Asked, members: list[str]) -> list[Fact]:
    """From the cache by what git calls the members; a work tree knows that only once they are read."""
    digest = asked.readers.digest
    read: list[Content] = []
    if isinstance(asked.tree, WorkTree):
        read = _read(asked.tree, members)
        key = _key(bundle.name, {c.path: c.blob for c in read})
    else:
        blobs = asked.tree.blobs()
        key = _key(bundle.name, {p: blobs.get(p, "") for p in members})
    known = asked.cache.get(digest, [key]).get(key)
    if known is not None:
        return [decode_fact(f) for f in json.loads(known)]
    sources = {
        c.path: SourceFile(c.path, c.data)
        for c in read or _read(asked.tree, members)
        if c.data is not None and b"\0" not in c.data[:8192]
    }
    facts = asked.readers.together(bundle, sources)
    asked.cache.put(digest, [(key, encoded(facts))])
    return facts


def _read(tree: Tree, members: list[str]) -> list[Content]:
    return sorted(tree.read(dict.fromkeys(members, MANIFEST_LIMIT)), key=lambda c: c.path)


def _key(name: str, blobs: Mapping[str, str]) -> Key:
    listing = "\n".join(f"{blob} {path}" for path, blob in sorted(blobs.items()))
    return Key(hashlib.sha256(listing.encode("utf-8", "surrogateescape")).hexdigest(), f"\0{name}")
