"""Repositories that are none, are empty, cut short or hostile: a clear refusal, or the good files still count."""

from __future__ import annotations

import os
import subprocess
import time
from pathlib import Path

import pytest

from tests.e2e.cli import APP, FLOW, answer, answered, refused
from tests.e2e.conftest import made
from tests.scanners.conftest import Repo

QUESTIONS = (("scan", "."), ("impact", "main..HEAD"), ("coverage",), ("search", "x"), ("graph", "unresolved"))


@pytest.mark.parametrize("command", QUESTIONS, ids=lambda c: c[0])
def test_a_folder_that_is_no_repository(tmp_path: Path, command: tuple[str, ...]) -> None:
    refused(tmp_path, *command, says=("is not a git repository", str(tmp_path), "git -C"))


def test_a_folder_that_does_not_exist(tmp_path: Path) -> None:
    refused(tmp_path, "scan", "nowhere", says=("nowhere does not exist",))
    refused(tmp_path, "impact", "-C", "nowhere", says=("nowhere is not a folder",))


@pytest.mark.parametrize(
    "command",
    [
        ("impact", "nope..HEAD"),
        ("impact", "main..nope"),
        ("scan", "--revision", "nope"),
        ("graph", "diff", "main..nope"),
        ("run", "--affected", "nope..HEAD"),
    ],
    ids=" ".join,
)
def test_an_unknown_revision_is_named(repo: Repo, command: tuple[str, ...]) -> None:
    refused(repo.path, *command, says=("no revision 'nope'", str(repo.path), "log --oneline"))


def test_a_revision_that_looks_like_an_option_runs_nothing(repo: Repo, tmp_path: Path) -> None:
    target = tmp_path / "written"
    refused(repo.path, "scan", f"--revision=--output={target}", says=("no revision",))
    assert not target.exists()


def test_a_range_with_one_side_missing(repo: Repo) -> None:
    refused(repo.path, "impact", "main..", says=("lacks a side", "main..HEAD"))


def test_a_shallow_clone_says_how_to_get_the_rest(repo: Repo, tmp_path: Path) -> None:
    first = repo.git("rev-parse", "HEAD")
    repo.commit({"app.py": APP + "# more\n"})
    clone = tmp_path / "shallow"
    subprocess.run(["git", "clone", "-q", "--depth", "1", repo.path.as_uri(), str(clone)], check=True)
    refused(clone, "impact", f"{first}..HEAD", says=("no revision", f"git -C {clone} fetch --unshallow"))
    assert answer(clone, "scan", ".")["kinds"]["Endpoint"] == 1


def test_an_empty_repository(tmp_path: Path) -> None:
    empty = made(tmp_path / "empty").path
    assert "nothing that is a service" in answered(empty, "scan", ".")
    refused(empty, "impact", "main..HEAD", says=("has no commits yet",))
    refused(empty, "scan", "--revision", "HEAD", says=("has no commits yet",))
    refused(empty, "run", says=("no flow files",))
    assert "not measured" in answered(empty, "coverage")


def _hostile(repo: Repo) -> None:
    bomb = "a: &a [x,x,x,x,x,x,x,x,x]\n" + "".join(
        f"{chr(98 + i)}: &{chr(98 + i)} [{','.join(['*' + chr(97 + i)] * 9)}]\n" for i in range(8)
    )
    remote = (
        'openapi: 3.0.0\ninfo: {title: x, version: "1"}\npaths:\n  /spec:\n    post:\n      responses:\n'
        '        "200": {description: ok, content: {application/json: {schema: {$ref: "file:///etc/passwd"}}}}\n'
    )
    repo.write(
        {
            "binary.py": b"\x00\x01" * 2000,
            "latin.py": b"name = '\xff\xfe'\n",
            "openapi.yaml": remote,
            "broken-openapi.yaml": "openapi: 3.0.0\npaths: [\n",
            "flows/unknown.yaml": FLOW.replace("http_request", "http_reqest"),
            "flows/tab.yaml": FLOW.replace("      config", "\tconfig"),
            "flows/latin.yaml": FLOW.encode().replace(b"Good", b"G\xff"),
            "flows/bomb.yaml": bomb + FLOW,
            "flows/deep.yaml": FLOW.replace("{method", "[" * 5000 + "{method"),
        }
    )
    with (repo.path / "huge.py").open("wb") as out:
        out.truncate(50 << 20)


BROKEN = {
    "binary.py": "scan/binary",
    "latin.py": "scan/encoding",
    "huge.py": "scan/unread",
    "openapi.yaml": "spec/remote-ref",
    "broken-openapi.yaml": "yaml/syntax",
    "flows/unknown.yaml": "flow/unknown-action",
    "flows/latin.yaml": "file/encoding",
    "flows/tab.yaml": "yaml/tab",
    "flows/bomb.yaml": "yaml/too-many-nodes",
    "flows/deep.yaml": "yaml/too-deep",
}


@pytest.mark.parametrize("revision", [(), ("--revision", "HEAD")], ids=["work tree", "commit"])
def test_broken_and_hostile_files_are_named_and_the_good_ones_count(repo: Repo, revision: tuple[str, ...]) -> None:
    _hostile(repo)
    repo.commit()
    began = time.monotonic()
    found = answer(repo.path, "scan", ".", *revision)
    assert time.monotonic() - began < 60
    problems = {(p["file"], p["rule"]) for p in found["repositories"][0]["problems"]}
    assert problems >= set(BROKEN.items())
    assert all(p["message"] and p["line"] >= 1 for p in found["repositories"][0]["problems"])
    labels = {h["label"] for h in answer(repo.path, "graph", "search", "good")["hits"]}
    assert "good:GET /good" in labels
    assert "good:POST /spec" in {h["label"] for h in answer(repo.path, "graph", "search", "spec")["hits"]}
    assert found["kinds"]["Flow"] == 1


def test_broken_flows_are_reported_and_the_good_one_still_runs(repo: Repo, app_url: str) -> None:
    _hostile(repo)
    checked = answer(repo.path, "validate", code=2)
    assert checked["files"] == 6
    assert {f["file"] for f in checked["findings"]} == {f for f in BROKEN if f.startswith("flows/")}
    ran = answer(repo.path, "run", code=2, APP_URL=app_url)
    verdicts = {f["file"]: f["verdict"] for f in ran["flows"]}
    assert verdicts.pop("flows/good.yaml") == "passed"
    assert set(verdicts.values()) == {"error"}


def test_links_out_of_the_tree_lead_nowhere(repo: Repo, tmp_path: Path) -> None:
    outside = tmp_path / "outside"
    outside.mkdir()
    (outside / "secret.py").write_text(APP.replace("good", "secret"))
    os.symlink(outside, repo.path / "folder")
    os.symlink(outside / "secret.py", repo.path / "link.py")
    os.symlink(".", repo.path / "round")
    repo.commit()
    for revision in ((), ("--revision", "HEAD")):
        assert answer(repo.path, "scan", ".", *revision)["kinds"]["Endpoint"] == 1
    assert answer(repo.path, "graph", "search", "secret")["total"] == 0


def test_a_linked_state_folder_is_never_written_through(repo: Repo, tmp_path: Path, app_url: str) -> None:
    outside = tmp_path / "outside"
    outside.mkdir()
    os.symlink(outside, repo.path / ".testmesh")
    refused(repo.path, "scan", ".", says=(".testmesh is a link", "remove it"))
    refused(repo.path, "run", says=(".testmesh is a link", "remove it"), env={"APP_URL": app_url})
    (repo.path / ".testmesh").unlink()
    (repo.path / ".testmesh").mkdir()
    os.symlink(outside, repo.path / ".testmesh" / "runs")
    refused(repo.path, "run", says=("runs is a link",), env={"APP_URL": app_url})
    assert list(outside.iterdir()) == []


def test_flows_name_no_file_outside_the_repository(repo: Repo, tmp_path: Path) -> None:
    (tmp_path / "secret.env").write_text("SECRET=1\n")
    (tmp_path / "secret.yaml").write_text(FLOW)
    os.symlink(tmp_path / "secret.yaml", repo.path / "flows" / "linked.yaml")
    os.symlink(tmp_path / "secret.env", repo.path / "flows" / "linked.env")
    named = {
        "absolute.yaml": FLOW.replace("  steps:", f"  env_file: {tmp_path}/secret.env\n  steps:"),
        "linked_env.yaml": FLOW.replace("  steps:", "  env_file: linked.env\n  steps:"),
        "outer.yaml": "flow:\n  name: o\n  steps:\n"
        "    - {id: a, action: run_flow, config: {flow: ../../secret.yaml}}\n",
    }
    repo.write({f"flows/{name}": text for name, text in named.items()})
    found = answer(repo.path, "validate", code=2)
    assert {f["file"] for f in found["findings"]} == {f"flows/{name}" for name in named}
    assert all("leads out of the repository" in f["message"] for f in found["findings"])
    assert found["files"] == len(named) + 1


def test_a_head_without_a_commit_says_which_kind(repo: Repo) -> None:
    repo.git("symbolic-ref", "HEAD", "refs/heads/gone")
    refused(repo.path, "impact", "main..HEAD", says=("is a branch without commits", "check out"))
    repo.git("symbolic-ref", "HEAD", "refs/heads/main")
    commit = repo.git("rev-parse", "HEAD")
    (repo.path / ".git" / "objects" / commit[:2] / commit[2:]).unlink()
    refused(repo.path, "impact", "HEAD~1..HEAD", says=("cannot be read", "fsck"))
    assert answer(repo.path, "scan", ".")["kinds"]["Endpoint"] == 1
