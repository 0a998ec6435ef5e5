"""A wrong token and another workspace's ids, asked from the command line of a real service; good answers beside."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from tests.e2e.cli import APP, COMMAND, FLOW, answer, answered, refused
from tests.e2e.conftest import made
from tests.scanners.conftest import Repo


@dataclass(frozen=True)
class Service:
    """A running service.

    Args:
        url: its address.
        tokens: admin token by workspace.
        repo: registered as `good` in workspace `ours` only.
    """

    url: str
    tokens: dict[str, str]
    repo: Repo

    def env(self, workspace: str) -> dict[str, str]:
        return {"TESTMESH_TOKEN": self.tokens[workspace]}

    def send(self, workspace: str, path: str, body: object) -> None:
        import urllib.request

        headers = {"Authorization": f"Bearer {self.tokens[workspace]}", "Content-Type": "application/json"}
        request = urllib.request.Request(f"{self.url}/api/v1{path}", json.dumps(body).encode(), headers)
        with urllib.request.urlopen(request, timeout=60) as got:
            assert got.status < 300


@pytest.fixture(scope="module")
def service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    folder = tmp_path_factory.mktemp("service")
    for parent in (folder, *folder.parents[:3]):
        parent.chmod(0o755)
    repo = made(folder / "repos" / "good")
    repo.commit({"app.py": APP, "flows/good.yaml": FLOW})
    repo.commit({"app.py": APP.replace('"a": 1', '"a": 2')})
    options = ("serve", "--port", "0", "--data", str(folder / "data"), "--allow-path", str(folder / "repos"))
    with (folder / "err").open("wb") as err:
        process = subprocess.Popen([*COMMAND, *options, "--workspace", "ours", "--workspace", "theirs"], cwd=folder,
                                   stdout=subprocess.PIPE, stderr=err, text=True)  # fmt: skip
        try:
            yield _started(process, folder / "err", repo)
        finally:
            process.terminate()
            process.communicate(timeout=30)


def _started(process: subprocess.Popen[str], err: Path, repo: Repo) -> Service:
    assert process.stdout is not None
    tokens: dict[str, str] = {}
    for line in process.stdout:
        if line.startswith("admin token of workspace"):
            tokens[line.split("'")[1]] = line.rsplit(" ", 1)[1].strip()
        if len(tokens) == 2:
            break
    assert len(tokens) == 2, err.read_text()
    while "TestMesh on http" not in err.read_text():
        assert process.poll() is None, err.read_text()
    url = err.read_text().split("TestMesh on ")[1].split(" ")[0]
    service = Service(url, tokens, repo)
    service.send("ours", "/repositories", {"name": "good", "source": str(repo.path)})
    service.send("ours", "/repositories/good/scan", {})
    return service


def test_a_wrong_token(service: Service) -> None:
    for token in ("tm_" + "x" * 40, "nonsense", service.tokens["ours"][:-1]):
        refused(service.repo.path, "coverage", "--server", service.url, says=(service.url, "oken"),
                env={"TESTMESH_TOKEN": token})  # fmt: skip


def test_another_workspace_s_repository_is_not_there(service: Service) -> None:
    ask = ("impact", "main~1..main", "--repository", "good", "--server", service.url)
    refused(service.repo.path, *ask, says=("good",), env=service.env("theirs"))
    assert (
        answer(service.repo.path, "search", "good", "--server", service.url, TESTMESH_TOKEN=service.tokens["theirs"])
        == []
    )
    assert "GET /good" not in answered(
        service.repo.path, "coverage", "--server", service.url, TESTMESH_TOKEN=service.tokens["theirs"]
    )


def test_another_workspace_s_run_is_not_there(service: Service, app_url: str) -> None:
    path = service.repo.path
    ran = answer(
        path,
        "run",
        "--server",
        service.url,
        code=1,
        APP_URL=app_url + "/nowhere",
        TESTMESH_TOKEN=service.tokens["ours"],
    )
    for command in ("diagnose", "fix"):
        refused(path, command, ran["run"], "--server", service.url, says=(ran["run"],), env=service.env("theirs"))
    found = answer(path, "diagnose", ran["run"], "--server", service.url, TESTMESH_TOKEN=service.tokens["ours"])
    assert found["run"] == ran["run"]


def without_uids(data: Any) -> Any:
    """An answer without what names the workspace."""
    if isinstance(data, dict):
        return {key: without_uids(value) for key, value in data.items() if key != "uid"}
    return [without_uids(item) for item in data] if isinstance(data, list) else data


def test_the_service_answers_as_the_local_command_does(service: Service, tmp_path: Path) -> None:
    path, asked = service.repo.path, ("--server", service.url)
    answered(path, "scan", "--revision", "main", ".")
    local = answer(path, "impact", "main~1..main")
    far = answer(path, "impact", "main~1..main", "--repository", "good", *asked, TESTMESH_TOKEN=service.tokens["ours"])
    assert without_uids(far) == without_uids(local)
    patch = tmp_path / "change.patch"
    patch.write_text(service.repo.git("diff", "main~1", "main") + "\n")
    ask = ("impact", "main~1", "--patch", str(patch))
    far = answer(path, *ask, "--repository", "good", *asked, TESTMESH_TOKEN=service.tokens["ours"])
    assert without_uids(far) == without_uids(answer(path, *ask))
    assert far["flows"] == local["flows"]
    mine = [(h["label"], h["how"]) for h in answer(path, "search", "good")]
    theirs = [
        (h["label"], h["how"]) for h in answer(path, "search", "good", *asked, TESTMESH_TOKEN=service.tokens["ours"])
    ]
    assert mine == theirs
