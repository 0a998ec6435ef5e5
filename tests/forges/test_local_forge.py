"""A bare repository as a forge, with real git on both sides."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from testmesh.forges.forge import Proposal, open_forge
from testmesh.forges.local import AUTHOR, LocalForge
from testmesh.guard.git_write import NewCommit, Writer, init_bare
from testmesh.kernel.errors import UnavailableError, UserError

FLOW = "flows/order.yaml"


@pytest.fixture
def places(tmp_path: Path) -> tuple[Path, Path, str]:
    """A repository with one commit, a bare remote, and the commit's id."""
    here, there = tmp_path / "here.git", tmp_path / "there.git"
    init_bare(here)
    init_bare(there)
    writer = Writer(here)
    head = writer.commit(NewCommit("", {FLOW: b"old\n", "README.md": b"hi\n"}, "first", AUTHOR, "2026-01-01T00:00:00Z"))
    return here, there, head


def proposal(head: str, text: str = "new\n", **more: str) -> Proposal:
    return Proposal("ab12", head, "main", {more.get("path", FLOW): text}, "order.yaml: follow a -> b", "Body.")


def test_a_fix_becomes_a_branch_and_a_pull_request_with_its_text(places: tuple[Path, Path, str]) -> None:
    here, there, head = places
    pull = open_forge("local", str(here), str(there)).propose(proposal(head))
    remote = Writer(there)
    assert (pull.number, pull.outcome, pull.branch) == (1, "opened", "testmesh/fix-ab12")
    assert remote.refs("refs/heads/") == {"refs/heads/testmesh/fix-ab12": pull.commit}
    assert remote.file(pull.commit, FLOW) == b"new\n"
    assert remote.file(pull.commit, "README.md") == b"hi\n"
    text = remote.file(remote.refs("refs/testmesh/")["refs/testmesh/pr/1"], "PULL_REQUEST.md")
    assert text is not None
    assert text.startswith(b"# order.yaml: follow a -> b")


def test_the_same_failure_on_the_same_head_is_the_same_pull_request(places: tuple[Path, Path, str]) -> None:
    here, there, head = places
    forge = LocalForge(here, there)
    first = forge.propose(proposal(head))
    before = Writer(there).refs("refs/")
    again = forge.propose(proposal(head))
    assert again.outcome == "unchanged"
    assert (again.number, again.commit) == (first.number, first.commit)
    assert Writer(there).refs("refs/") == before


def test_another_head_updates_the_pull_request_in_place(places: tuple[Path, Path, str]) -> None:
    here, there, head = places
    forge = LocalForge(here, there)
    forge.propose(proposal(head))
    later = Writer(here).commit(NewCommit(head, {"README.md": b"more\n"}, "second", AUTHOR, "2026-01-02T00:00:00Z"))
    pull = forge.propose(proposal(later))
    assert (pull.number, pull.outcome) == (1, "updated")
    data = Writer(there).file(Writer(there).refs("refs/testmesh/")["refs/testmesh/pr/1"], "pull_request.json")
    assert data is not None
    assert json.loads(data)["head"] == later


def test_another_failure_is_another_pull_request(places: tuple[Path, Path, str]) -> None:
    here, there, head = places
    forge = LocalForge(here, there)
    forge.propose(proposal(head))
    other = Proposal("cd34", head, "main", {FLOW: "x\n"}, "t", "b")
    assert forge.propose(other).number == 2


def test_a_file_that_is_not_there_is_refused(places: tuple[Path, Path, str]) -> None:
    here, there, head = places
    with pytest.raises(UserError, match="does not exist"):
        LocalForge(here, there).propose(proposal(head, path="flows/none.yaml"))
    assert Writer(there).refs("refs/") == {}


def test_a_branch_that_somebody_moved_is_not_overwritten(places: tuple[Path, Path, str]) -> None:
    here, there, head = places
    writer = Writer(here)
    mine = writer.commit(NewCommit(head, {FLOW: b"1\n"}, "m", AUTHOR, "2026-01-02T00:00:00Z"))
    writer.push(there, mine, "refs/heads/x", "")
    theirs = writer.commit(NewCommit(head, {FLOW: b"2\n"}, "t", AUTHOR, "2026-01-02T00:00:00Z"))
    with pytest.raises(UnavailableError, match="not accepted"):
        writer.push(there, theirs, "refs/heads/x", head)


def test_a_comment_is_sticky_and_a_status_is_one_per_name(places: tuple[Path, Path, str]) -> None:
    here, there, head = places
    forge = LocalForge(here, there)
    ref = forge.comment(head, "change", "one")
    assert forge.comment(head, "change", "two") == ref
    forge.status(head, "testmesh/flows", "failure", "1 flow failed")
    forge.status(head, "testmesh/flows", "success", "all flows passed")
    remote = Writer(there)
    assert remote.file(remote.refs(ref)[ref], "comment.md") == b"two"
    statuses = remote.refs("refs/testmesh/status/")
    assert len(statuses) == 1
    assert b'"success"' in (remote.file(next(iter(statuses.values())), "status.json") or b"")


def test_a_work_tree_is_no_forge(places: tuple[Path, Path, str], tmp_path: Path) -> None:
    with pytest.raises(UserError, match="not a git repository"):
        LocalForge(places[0], tmp_path)


def test_an_unknown_forge_names_those_there_are() -> None:
    with pytest.raises(UserError, match="no forge called 'sourcehut'") as caught:
        open_forge("sourcehut", ".", ".")
    assert "local" in (caught.value.hint or "")
