"""Finding what is alike: engines only preselect, the scores are computed here, so every engine gives the same bytes."""

from __future__ import annotations

import math
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

from embeddings.text import Document

EXACT_BELOW = 50_000
BATCH = 256


@dataclass(frozen=True, slots=True)
class Row:
    """A stored vector.

    Args:
        uid: what it stands for.
        kind: node kind or ``Failure``.
        label: shown to people.
        digest: of the text it was made from, with the embedder's name.
        vector: 32-bit floats of unit length.
    """

    uid: str
    kind: str
    label: str
    digest: str
    vector: tuple[float, ...]


@dataclass(frozen=True, slots=True)
class Hit:
    """Something alike.

    Args:
        uid: what it is.
        kind: node kind or ``Failure``.
        label: shown to people.
        score: cosine, rounded to 4 places.
    """

    uid: str
    kind: str
    label: str
    score: float


class VectorIndex(Protocol):
    """One workspace's vectors."""

    def put(self, rows: Sequence[Row]) -> None:
        """Store rows, replacing those of the same uid."""
        ...

    def drop(self, uids: Collection[str]) -> None:
        """Forget rows."""
        ...

    def digests(self, kinds: Collection[str] = ()) -> Mapping[str, str]:
        """Digest of every stored row of these kinds (all when empty) by uid."""
        ...

    def preselect(self, vector: Sequence[float], count: int, kinds: Collection[str]) -> Sequence[Row]:
        """At least the `count` nearest rows of these kinds (all kinds when empty), exactly below 50,000 rows."""
        ...


class Embedder(Protocol):
    """Makes vectors, declared by each module of ``embeddings.embedders``."""

    name: str

    def embed(self, texts: Sequence[str]) -> list[list[float]]:
        """One vector a text, all of one length.

        Raises:
            TestMeshError: it cannot be reached or is not installed.
        """
        ...


def unit(vector: Sequence[float]) -> tuple[float, ...]:
    """The vector at length 1 as 32-bit floats; a zero vector stays zero.

    Args:
        vector: any length.
    """
    import struct

    length = math.sqrt(math.fsum(x * x for x in vector)) or 1.0
    return struct.unpack(f"{len(vector)}f", struct.pack(f"{len(vector)}f", *(x / length for x in vector)))


def cosine(left: Sequence[float], right: Sequence[float]) -> float:
    """Cosine of two unit vectors, exactly summed and rounded to 4 places, the same on every machine.

    Args:
        left: unit vector.
        right: unit vector of the same length.
    """
    return round(math.fsum(a * b for a, b in zip(left, right, strict=True)), 4) + 0.0


def nearest(
    index: VectorIndex, vector: Sequence[float], count: int, kinds: Collection[str] = (), least: float = -1.0
) -> list[Hit]:
    """The most alike things, best first, ties by uid.

    Args:
        index: where to look.
        vector: any length but that of the index's rows.
        count: most hits.
        kinds: only these, all when empty.
        least: lowest score shown.
    """
    wanted = unit(vector)
    rows = index.preselect(wanted, count, kinds)
    scored = [Hit(r.uid, r.kind, r.label, cosine(wanted, r.vector)) for r in rows]
    scored.sort(key=lambda hit: (-hit.score, hit.uid))
    return [hit for hit in scored[:count] if hit.score >= least]


def sync(index: VectorIndex, embedder: Embedder, documents: Iterable[Document], kinds: Collection[str]) -> int:
    """Make the index hold exactly these documents of these kinds; only changed texts are embedded.

    Args:
        index: to change.
        embedder: makes the vectors.
        documents: everything of `kinds` that exists now.
        kinds: kinds this call owns.

    Returns:
        How many texts were embedded.
    """
    wanted = {d.uid: d for d in documents if d.kind in kinds}
    known = index.digests(kinds)
    stale = [d for uid, d in sorted(wanted.items()) if known.get(uid) != _digest(d, embedder)]
    for start in range(0, len(stale), BATCH):
        part = stale[start : start + BATCH]
        vectors = embedder.embed([d.text for d in part])
        index.put([
            Row(d.uid, d.kind, d.label, _digest(d, embedder), unit(v)) for d, v in zip(part, vectors, strict=True)
        ])  # fmt: skip
    index.drop([uid for uid in known if uid not in wanted])
    return len(stale)


def _digest(document: Document, embedder: Embedder) -> str:
    return f"{embedder.name}:{document.digest}"
