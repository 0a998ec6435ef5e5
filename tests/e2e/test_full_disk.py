"""A disk that is full while a graph or a run is written: said, nothing half-written, what was there is whole."""

from __future__ import annotations

import os
import resource
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.e2e.cli import APP, COMMAND, FLOW, TIMEOUT, answer, answered, refused
from tests.e2e.conftest import made
from tests.scanners.conftest import Repo

MANY = APP + "".join(f"\n@app.route('/r{n}')\ndef r{n}(): return dict(a={n})\n" for n in range(400))
SIZE = 4 << 20


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of 4 MiB; only root can make one."""
    folder = tmp_path / "disk"
    folder.mkdir()
    options = ["mount", "-t", "tmpfs", "-o", f"size={SIZE}", "tmpfs", str(folder)]
    if os.geteuid() != 0 or shutil.which("mount") is None or subprocess.run(options, check=False).returncode != 0:
        pytest.skip("no file system can be mounted here: it takes root")
    try:
        yield folder
    finally:
        subprocess.run(["umount", str(folder)], check=True)


def fill(folder: Path) -> Path:
    """Takes every free byte."""
    file = folder / "fill"
    with file.open("wb", buffering=0) as out:
        for block in (1 << 16, 4096):
            try:
                while out.write(b"\0" * block) == block:
                    pass
            except OSError:
                continue
    return file


def test_a_full_disk_leaves_the_last_good_graph(small_disk: Path) -> None:
    repo = made(small_disk / "good")
    repo.commit({"app.py": APP, "flows/good.yaml": FLOW})
    before = answer(repo.path, "scan", ".")["kinds"]
    repo.write({"app.py": MANY})
    filled = fill(small_disk)
    refused(repo.path, "scan", ".", says=("disk or quota", "is full", "free some"))
    filled.unlink()
    kept = answer(repo.path, "graph", "search", "r399")
    assert kept["total"] == 0
    assert answer(repo.path, "graph", "search", "good")["total"] >= 1
    after = answer(repo.path, "scan", ".")["kinds"]
    assert (before["Endpoint"], after["Endpoint"]) == (1, 401)


def test_a_full_disk_leaves_no_half_run(small_disk: Path, app_url: str) -> None:
    repo = made(small_disk / "good")
    repo.commit({"app.py": APP, "flows/good.yaml": FLOW})
    first = answer(repo.path, "run", APP_URL=app_url)["run"]
    filled = fill(small_disk)
    refused(repo.path, "run", says=("could not be written", "No space left", "free some"), env={"APP_URL": app_url})
    folder = repo.path / ".testmesh" / "runs"
    assert [file.name for file in folder.iterdir()] == [f"{first}.json"]
    filled.unlink()
    assert first in answered(repo.path, "show", "latest")


def test_a_full_disk_leaves_no_half_skeleton(small_disk: Path) -> None:
    repo = made(small_disk / "good")
    repo.commit({"app.py": MANY})
    answered(repo.path, "scan", ".")
    filled = fill(small_disk)
    with filled.open("r+b") as out:
        out.truncate(filled.stat().st_size - (600 << 10))
    refused(repo.path, "coverage", "--write", "skeletons", says=("could not be written", "free some"))
    texts = [file.read_text() for file in (repo.path / "skeletons").iterdir()]
    assert all(text.startswith("flow:") and "assert" in text for text in texts)


def limited(repo: Repo, size: int, *arguments: str, **env: str) -> subprocess.CompletedProcess[str]:
    """A command that may write no file beyond `size` bytes, as on a disk with a quota."""
    return subprocess.run(
        [*COMMAND, *arguments], cwd=repo.path, capture_output=True, text=True, check=False, timeout=TIMEOUT,
        env={**os.environ, **env}, preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (size, size)),
    )  # fmt: skip


def test_a_quota_while_writing_a_graph(repo: Repo) -> None:
    answered(repo.path, "scan", ".")
    repo.write({"app.py": MANY})
    done = limited(repo, 64 << 10, "scan", ".")
    assert done.returncode == 2
    assert "is full" in done.stderr
    assert "hint: " in done.stderr
    assert "Traceback" not in done.stderr
    assert answer(repo.path, "graph", "search", "r399")["total"] == 0
    assert answer(repo.path, "scan", ".")["kinds"]["Endpoint"] == 401


def test_a_quota_while_writing_a_run(repo: Repo, app_url: str) -> None:
    done = limited(repo, 512, "run", APP_URL=app_url)
    assert done.returncode == 2
    assert "could not be written" in done.stderr
    assert "hint: " in done.stderr
    assert list((repo.path / ".testmesh" / "runs").iterdir()) == []
    refused(repo.path, "show", "latest", says=("there are no runs yet",))


def test_output_that_is_lost_is_said(small_disk: Path) -> None:
    with (small_disk / "out").open("wb") as out:
        fill(small_disk)
        command = [*COMMAND, "actions", "http_request"]
        done = subprocess.run(command, stdout=out, stderr=subprocess.PIPE, timeout=TIMEOUT, check=False)
    assert (done.returncode, done.stderr) == (1, b"error: standard output: No space left on device\n")
