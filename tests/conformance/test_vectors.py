"""Both vector engines give the same answers, byte for byte, and keep workspaces apart."""

from __future__ import annotations

import random
from collections.abc import Callable
from pathlib import Path

import pytest

from embeddings.embedders.static import EMBEDDER
from embeddings.index import Row, VectorIndex, nearest, sync, unit
from embeddings.stores.numpy import NumpyIndex
from embeddings.stores.pgvector import PgvectorIndex
from embeddings.text import Document, words
from testmesh.kernel.errors import UnavailableError, UserError
from testmesh.kernel.workspace import Workspace

Make = Callable[[str], VectorIndex]


@pytest.fixture(params=["numpy", "pgvector"])
def make(request: pytest.FixtureRequest, tmp_path: Path) -> Make:
    if request.param == "numpy":
        return lambda name: NumpyIndex(tmp_path / f"{name}.npz")
    url = request.getfixturevalue("postgres_url")
    return lambda name: PgvectorIndex(url, Workspace(name))


def rows(count: int, seed: int = 1) -> list[Row]:
    source = random.Random(seed)
    kinds = ("Endpoint", "Topic")
    return [
        Row(f"u{n:04}", kinds[n % 2], f"label {n}", f"d{n}", unit([source.gauss(0, 1) for _ in range(16)]))
        for n in range(count)
    ]


def test_same_answer_from_every_engine(make: Make) -> None:
    index = make("w")
    stored = rows(300)
    index.put(stored)
    exact = sorted(
        stored, key=lambda r: (-round(sum(a * b for a, b in zip(r.vector, stored[7].vector, strict=True)), 4), r.uid)
    )
    hits = nearest(index, stored[7].vector, 10)
    assert [h.uid for h in hits] == [r.uid for r in exact[:10]]
    assert hits[0].score == 1.0
    topics = nearest(index, stored[7].vector, 200, ["Topic"])
    assert len(topics) == 150


def test_put_replaces_and_drop_forgets(make: Make) -> None:
    index = make("w")
    index.put(rows(3))
    index.put([Row("u0000", "Topic", "new", "d9", unit([1.0] * 16))])
    assert index.digests()["u0000"] == "d9"
    index.drop(["u0000", "absent"])
    assert set(index.digests()) == {"u0001", "u0002"}


def test_survives_reopening(make: Make) -> None:
    make("w").put(rows(5))
    assert len(make("w").digests()) == 5


def test_workspaces_do_not_see_each_other(make: Make) -> None:
    make("one").put(rows(5))
    assert make("two").digests() == {}
    assert nearest(make("two"), [1.0] * 16, 5) == []


def test_a_selective_filter_loses_no_row(make: Make) -> None:
    index = make("w")
    index.put(rows(400))
    index.put([Row("rare", "Flow", "rare", "d", unit([-1.0] * 16))])
    assert [h.uid for h in nearest(index, [1.0] * 16, 5, ["Flow"])] == ["rare"]


def test_meaning_decides_with_the_static_embedder(make: Make) -> None:
    index = make("w")
    names = ["create_order", "deletePayment", "send_notification_email", "list_invoices"]
    documents = [Document(n, "Symbol", n, words(n)) for n in names]
    assert sync(index, EMBEDDER, documents, ["Symbol"]) == 4
    assert sync(index, EMBEDDER, documents, ["Symbol"]) == 0
    found = nearest(index, EMBEDDER.embed(["mail a message to the customer"])[0], 1)
    assert found[0].uid == "send_notification_email"
    sync(index, EMBEDDER, documents[:2], ["Symbol"])
    assert set(index.digests()) == set(names[:2])


def test_unreachable_postgres_is_named() -> None:
    with pytest.raises(UnavailableError, match="PostgreSQL"):
        PgvectorIndex("postgresql://nobody@127.0.0.1:9/none", Workspace("w"))


def test_a_damaged_file_says_what_to_do(tmp_path: Path) -> None:
    (tmp_path / "v.npz").write_bytes(b"garbage")
    with pytest.raises(UserError, match="not a readable vector index"):
        NumpyIndex(tmp_path / "v.npz").digests()
