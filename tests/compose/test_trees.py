"""A commit's files in a scratch folder: bytes and the executable bit as they were, nothing outside the folder."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from testmesh.compose import trees
from testmesh.guard.git import Repository
from testmesh.kernel.errors import UserError
from tests.e2e.conftest import made

SCRIPT = "#!/bin/sh\necho hi\n"


@pytest.fixture
def exported(tmp_path: Path) -> tuple[Repository, str, Path]:
    """A repository, its commit, and an empty folder beside it."""
    repo = made(tmp_path / "repo")
    repo.write({"run.sh": SCRIPT, "data.bin": bytes(range(256)), "inner/windows.txt": "a\r\nb\r\n"})
    (repo.path / "run.sh").chmod(0o755)
    os.symlink("/etc/passwd", repo.path / "link")
    commit = repo.commit()
    (repo.path / "uncommitted.txt").write_text("new")
    folder = tmp_path / "out"
    folder.mkdir()
    return Repository(repo.path), commit, folder


def test_files_are_written_as_committed(exported: tuple[Repository, str, Path]) -> None:
    repository, commit, folder = exported
    trees.export(repository, commit, folder)
    assert sorted(p.relative_to(folder).as_posix() for p in folder.rglob("*") if not p.is_dir()) == [
        "data.bin", "inner/windows.txt", "run.sh",
    ]  # fmt: skip
    assert (folder / "data.bin").read_bytes() == bytes(range(256))
    assert (folder / "inner/windows.txt").read_bytes() == b"a\r\nb\r\n"
    assert os.access(folder / "run.sh", os.X_OK)
    assert not (folder / "data.bin").stat().st_mode & 0o111


def test_files_can_be_replaced_added_and_left_out(exported: tuple[Repository, str, Path]) -> None:
    repository, commit, folder = exported
    trees.export(repository, commit, folder, {"run.sh": "changed\n", "data.bin": None, "more/new.txt": "new\n"})
    assert (folder / "run.sh").read_text() == "changed\n"
    assert os.access(folder / "run.sh", os.X_OK)
    assert (folder / "more/new.txt").read_text() == "new\n"
    assert not (folder / "data.bin").exists()


@pytest.mark.parametrize("path", ["../escaped", "/tmp/escaped-testmesh", "inner/../../escaped"])
def test_a_path_out_of_the_folder_is_refused(exported: tuple[Repository, str, Path], path: str) -> None:
    repository, commit, folder = exported
    with pytest.raises(UserError, match="leaves the repository"):
        trees.export(repository, commit, folder, {path: "x"})
    assert not (folder / path).resolve().exists()


def test_a_link_in_the_folder_leads_nowhere(exported: tuple[Repository, str, Path], tmp_path: Path) -> None:
    repository, commit, folder = exported
    outside = tmp_path / "outside"
    outside.mkdir()
    os.symlink(outside, folder / "inner")
    with pytest.raises(UserError, match="leaves the repository"):
        trees.export(repository, commit, folder)
    assert list(outside.iterdir()) == []


def test_a_file_too_large_to_bring_up_is_named(tmp_path: Path) -> None:
    repo = made(tmp_path / "repo")
    with (repo.path / "huge.bin").open("wb") as out:
        out.truncate(trees.LARGEST + 1)
    commit = repo.commit({"a.txt": "a"})
    folder = tmp_path / "out"
    folder.mkdir()
    with pytest.raises(UserError, match=r"huge\.bin is larger than 16 MiB"):
        trees.export(Repository(repo.path), commit, folder)


def test_a_work_tree_is_copied_with_its_uncommitted_files(exported: tuple[Repository, str, Path]) -> None:
    repository, _, folder = exported
    root = Path(repository.path)
    trees.copy_work_tree(repository, root, folder, {"run.sh": "other\n", "data.bin": None})
    names = sorted(p.relative_to(folder).as_posix() for p in folder.rglob("*") if not p.is_dir())
    assert names == ["inner/windows.txt", "run.sh", "uncommitted.txt"]
    assert (folder / "run.sh").read_text() == "other\n"
    assert os.access(folder / "run.sh", os.X_OK)
