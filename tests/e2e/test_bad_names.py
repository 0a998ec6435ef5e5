"""Names that clash and state files that are broken: told apart, refused, or made anew; never mixed up."""

from __future__ import annotations

import json
from pathlib import Path

from tests.e2e.cli import APP, answer, answered, refused
from tests.e2e.conftest import made
from tests.scanners.conftest import Repo

COMPOSE = "services:\n  api:\n    build: ./api\n"


def two(tmp_path: Path) -> tuple[Repo, Repo]:
    repos = made(tmp_path / "one"), made(tmp_path / "two")
    for repo in repos:
        repo.commit({"docker-compose.yml": COMPOSE, "api/app.py": APP, "api/requirements.txt": "flask\n"})
    return repos


def test_two_services_with_one_name_stay_two(tmp_path: Path) -> None:
    one, second = two(tmp_path)
    found = answer(tmp_path, "scan", str(one.path), str(second.path))
    assert (found["kinds"]["Service"], found["kinds"]["Endpoint"]) == (2, 2)
    labels = {h["label"] for h in answer(one.path, "graph", "search", "good")["hits"] if h["kind"] == "Endpoint"}
    assert labels == {"one/api:GET /good", "two/api:GET /good"}


def test_two_repositories_with_one_name_are_refused(tmp_path: Path) -> None:
    repos = made(tmp_path / "a" / "shop"), made(tmp_path / "b" / "shop")
    for repo in repos:
        repo.commit({"app.py": APP})
    says = ("are both called 'shop'", str(repos[0].path), str(repos[1].path), "[project] name")
    refused(tmp_path, "scan", "a/shop", "b/shop", says=says)
    assert not (repos[0].path / ".testmesh" / "graph.db").exists()
    repos[1].write({"testmesh.toml": '[project]\nname = "other"\n'})
    assert answer(tmp_path, "scan", "a/shop", "b/shop")["kinds"]["Endpoint"] == 2


def test_a_repository_that_is_gone_is_named_and_scanning_without_it_works(tmp_path: Path) -> None:
    one, second = two(tmp_path)
    answered(tmp_path, "scan", "one", "two")
    second.path.rename(tmp_path / "moved")
    refused(one.path, "coverage", says=(str(second.path), "is gone", "scan again"))
    assert len(answer(one.path, "scan", ".")["repositories"]) == 1
    answered(one.path, "coverage")


def test_broken_state_files_are_named_with_what_to_do(repo: Repo) -> None:
    answered(repo.path, "scan", ".")
    state = repo.path / ".testmesh"
    (state / "repositories.json").write_text("{")
    refused(repo.path, "coverage", says=("repositories.json", "scan again"))
    answered(repo.path, "scan", ".")
    (state / "facts.db").write_bytes(b"\xff" * 5000)
    assert answer(repo.path, "scan", ".")["kinds"]["Endpoint"] == 1
    (state / "graph.db").write_bytes(b"\xff" * 5000)
    refused(repo.path, "graph", "unresolved", says=("graph.db", "not a readable graph file", "scan again"))
    (state / "vectors.npz").write_bytes(b"PK\x03\x04" + b"x" * 50)
    (state / "graph.db").unlink()
    refused(repo.path, "search", "good", says=("vectors.npz", "not a readable vector index"))


def test_a_broken_recording_is_named_and_the_others_still_count(repo: Repo, app_url: str) -> None:
    good = answer(repo.path, "run", APP_URL=app_url)["run"]
    bad = answer(repo.path, "run", APP_URL=app_url)["run"]
    file = repo.path / ".testmesh" / "runs" / f"{bad}.json"
    file.write_text(file.read_text()[:200])
    for command in ("show", "judge", "diagnose", "fix", "replay"):
        refused(repo.path, command, "latest", says=(f"{bad}.json", "not a run artefact", "delete it"))
    assert [row["id"] for row in answer(repo.path, "runs")] == [good]
    (repo.path / ".testmesh" / "spans").mkdir(exist_ok=True)
    (repo.path / ".testmesh" / "spans" / f"{good}.json").write_text("{")
    failed = answer(repo.path, "run", code=3)["run"]
    (repo.path / ".testmesh" / "spans" / f"{failed}.json").write_text(json.dumps({"a": 1}))
    refused(repo.path, "diagnose", failed, says=(f"{failed}.json", "spans"))


def test_run_ids_lead_nowhere_else(repo: Repo) -> None:
    for name in ("../../etc/passwd", "nope", ""):
        for command in ("show", "judge", "diagnose", "fix", "replay", "compare"):
            refused(repo.path, command, name, says=(f"there is no run '{name}'", "testmesh runs"))
    refused(repo.path, "diagnose", "latest", says=("there are no runs yet", "testmesh run"))


def test_two_folders_built_under_one_name_are_both_kept(tmp_path: Path) -> None:
    repo = made(tmp_path / "shop")
    image = 'FROM python:3.11\nCMD ["flask", "run"]\n'
    repo.commit(
        {
            "docker-compose.yml": "services:\n  api:\n    build: ./first\n",
            "first/app.py": APP,
            "first/Dockerfile": image,
            "second/docker-compose.yml": "services:\n  api:\n    build: .\n",
            "second/app.py": APP.replace("/good", "/other"),
            "second/Dockerfile": image,
        }
    )
    answered(repo.path, "scan", ".")
    hits = answer(repo.path, "graph", "search", "GET")["hits"]
    labels = {h["label"] for h in hits if h["kind"] == "Endpoint"}
    assert {label.rpartition(":")[2] for label in labels} == {"GET /good", "GET /other"}
    assert len({label.partition(":")[0] for label in labels}) == 2
