"""The samples' repositories are the same everywhere, and their history says what it claims."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from fixtures.build import REPOS, build, history
from testmesh.kernel.errors import UserError
from tests.samples.systems import SYSTEMS, truth

INTENDED, BUGS = 5, 5


def git(folder: Path, *arguments: str) -> str:
    done = subprocess.run(["git", "-C", str(folder), *arguments], check=True, capture_output=True, text=True)
    return done.stdout


@pytest.fixture(scope="module", params=SYSTEMS)
def built(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> tuple[str, Path, dict[str, str]]:
    system = str(request.param)
    folder = tmp_path_factory.mktemp(system) / "repository"
    return system, folder, build(system, folder)


Built = tuple[str, Path, dict[str, str]]


def test_two_builds_have_the_same_hashes(built: Built, tmp_path: Path) -> None:
    system, _, hashes = built
    assert build(system, tmp_path / "again") == hashes


def test_the_newest_commit_is_the_one_the_truth_was_read_at(built: Built) -> None:
    system, folder, _ = built
    assert git(folder, "rev-parse", "main").strip() == truth(system)["commit"]


def test_the_newest_commit_holds_the_files_beside_the_history(built: Built) -> None:
    system, folder, _ = built
    names = git(folder, "ls-tree", "-r", "--name-only", "main").splitlines()
    for name in names:
        assert (folder / name).read_bytes() == (REPOS / system / name).read_bytes(), name
    assert not [n for n in names if n.startswith(("history/", "expected.json"))]
    assert git(folder, "status", "--porcelain") == ""


def test_there_are_enough_commits_of_every_kind(built: Built) -> None:
    past = history(built[0])
    assert len([c for c in past.commits if c.kind == "intended"]) >= INTENDED
    assert len(past.bugs) >= BUGS
    assert len(git(built[1], "rev-list", "mixed").splitlines()) >= 10


def test_bugs_leave_the_flows_alone_and_intended_changes_take_them_along(built: Built) -> None:
    system, folder, hashes = built
    for commit in history(system).commits:
        name = f"bug/{commit.id}" if commit.kind == "bug" else commit.id
        changed = git(folder, "diff", "--name-only", f"{hashes[name]}^", hashes[name]).splitlines()
        touches_flows = any(f.startswith("flows/") for f in changed)
        assert touches_flows == (commit.kind == "intended"), commit.id


def test_stale_branches_change_code_only(built: Built) -> None:
    _, folder, hashes = built
    stale = [name for name in hashes if name.startswith("stale/")]
    assert stale
    for name in stale:
        changed = git(folder, "diff", "--name-only", f"{hashes[name]}^", hashes[name]).splitlines()
        assert changed
        assert not [f for f in changed if f.startswith("flows/")], name


def test_what_the_index_names_exists(built: Built) -> None:
    system, folder, hashes = built
    for commit in history(system).commits:
        at = hashes[f"bug/{commit.id}" if commit.kind == "bug" else commit.id]
        for flow in commit.fails:
            git(folder, "cat-file", "-e", f"{at}:{flow}")
        for culprit in commit.culprits:
            file, _, symbol = culprit.partition(":")
            assert symbol.rpartition(".")[2] in git(folder, "show", f"{at}:{file}"), culprit
        assert bool(commit.culprits) == (commit.kind != "neutral"), commit.id
        assert bool(commit.fails) == (commit.kind != "neutral"), commit.id


def test_any_sequence_can_be_asked_for(tmp_path: Path) -> None:
    hashes = build("shop", tmp_path / "own", ["i1-total", "b5-stale-cache", "n1-log"])
    assert list(hashes) == ["base", "i1-total", "b5-stale-cache", "n1-log"]
    assert len(git(tmp_path / "own", "rev-list", "main").splitlines()) == 4


def test_wrong_requests_are_told(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="no sample system 'shoq'"):
        build("shoq", tmp_path / "a")
    with pytest.raises(UserError, match="has no commit 'x'"):
        build("shop", tmp_path / "b", ["x"])
    (tmp_path / "c").mkdir()
    (tmp_path / "c" / "file").touch()
    with pytest.raises(UserError, match="is not empty"):
        build("shop", tmp_path / "c")
