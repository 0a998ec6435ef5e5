"""Files are read again only when something about them changed, and always when that cannot be told."""

from __future__ import annotations

import os
import time
from pathlib import Path

import pytest

from scanners.stats import Stats
from scanners.trees import WorkTree
from testmesh.guard.git import Repository, blob_id
from tests.scanners.conftest import Repo

LIMITS = {"a.py": 100, "b.py": 100}


@pytest.fixture
def settled(make_repo: object, monkeypatch: pytest.MonkeyPatch) -> Repo:
    """Two committed files, and a clock that is a minute ahead of them."""
    repo: Repo = make_repo()  # type: ignore[operator]
    repo.commit({"a.py": "a = 1\n", "b.py": "b = 1\n"})
    now = time.time_ns() + 60_000_000_000
    monkeypatch.setattr(time, "time_ns", lambda: now)
    return repo


def blobs(repo: Repo, file: Path) -> dict[str, str]:
    return dict(WorkTree(Repository(repo.path), Stats(file)).blobs_of(LIMITS))


def test_what_is_known_is_what_git_says(settled: Repo, tmp_path: Path) -> None:
    expected = {"a.py": blob_id(b"a = 1\n"), "b.py": blob_id(b"b = 1\n")}
    assert blobs(settled, tmp_path / "stats.json") == expected == blobs(settled, tmp_path / "stats.json")


def test_an_unchanged_file_is_not_opened_again(settled: Repo, tmp_path: Path) -> None:
    first = blobs(settled, tmp_path / "stats.json")
    (settled.path / "a.py").chmod(0o000)
    stats = Stats(tmp_path / "stats.json")
    known = stats.oid("b.py", (settled.path / "b.py").lstat())
    assert known == first["b.py"]
    assert stats.oid("a.py", (settled.path / "a.py").lstat()) == ""


@pytest.mark.parametrize("content", ["a = 2\n", "a = 10\n"])
def test_a_change_is_seen_even_of_the_same_size_with_its_old_time(settled: Repo, tmp_path: Path, content: str) -> None:
    file = settled.path / "a.py"
    before = file.stat()
    blobs(settled, tmp_path / "stats.json")
    file.write_text(content)
    os.utime(file, ns=(before.st_atime_ns, before.st_mtime_ns))
    assert blobs(settled, tmp_path / "stats.json")["a.py"] == blob_id(content.encode())


def test_a_file_changed_just_now_is_not_remembered(make_repo: object, tmp_path: Path) -> None:
    repo: Repo = make_repo()  # type: ignore[operator]
    repo.commit({"a.py": "a = 1\n", "b.py": "b = 1\n"})
    blobs(repo, tmp_path / "stats.json")
    assert Stats(tmp_path / "stats.json").oid("a.py", (repo.path / "a.py").lstat()) == ""


def test_a_file_that_is_too_large_or_gone_has_no_id(settled: Repo, tmp_path: Path) -> None:
    tree = WorkTree(Repository(settled.path), Stats(tmp_path / "stats.json"))
    (settled.path / "b.py").unlink()
    assert dict(tree.blobs_of({"a.py": 3, "b.py": 100})) == {}


@pytest.mark.parametrize("text", ["", "[]", '{"format": 1, "files": {"a.py": [1]}}', "[" * 5000, '{"format": 0}'])
def test_a_broken_memory_costs_only_time(settled: Repo, tmp_path: Path, text: str) -> None:
    (tmp_path / "stats.json").write_text(text)
    assert blobs(settled, tmp_path / "stats.json")["a.py"] == blob_id(b"a = 1\n")


def test_two_trees_are_kept_apart(settled: Repo, tmp_path: Path) -> None:
    status = (settled.path / "a.py").lstat()
    one, other = (Stats.beside(tmp_path, tmp_path / name) for name in ("one", "other"))
    one.learn("a.py", status, "1" * 40)
    one.save()
    other.save()
    known = [Stats.beside(tmp_path, tmp_path / name).oid("a.py", status) for name in ("one", "other")]
    assert known == ["1" * 40, ""]
