"""What is installed is what was tested: a wheel holds every data file and works outside the checkout."""

from __future__ import annotations

import os
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from fixtures.build import build

ROOT = Path(__file__).resolve().parents[2]
DATA = (".md", ".html", ".css", ".js", ".svg", ".mako", ".ini", ".sql")


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A wheel's content in a folder of its own."""
    folder = tmp_path_factory.mktemp("wheel")
    command = [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(folder)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    wheel = next(folder.glob("*.whl"))
    target = folder / "installed"
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(target)
    return target


def test_every_data_file_travels(installed: Path) -> None:
    listed = subprocess.run(["git", "ls-files", "prompts", "api", "testmesh", "agents", "graph"], cwd=ROOT,
                            capture_output=True, text=True, check=True)  # fmt: skip
    wanted = [name for name in listed.stdout.splitlines() if name.endswith(DATA)]
    assert any(name.startswith("prompts/") for name in wanted)
    assert any(name.startswith("api/dashboard/") for name in wanted)
    assert not [name for name in wanted if not (installed / name).is_file()]


def test_the_installed_product_scans_and_answers_outside_the_checkout(installed: Path, tmp_path: Path) -> None:
    build("depot", tmp_path / "depot")
    env = {**os.environ, "PYTHONPATH": str(installed)}

    def testmesh(*arguments: str) -> str:
        done = subprocess.run([sys.executable, "-m", "testmesh", *arguments], cwd=tmp_path / "depot", env=env,
                              capture_output=True, text=True, check=False, timeout=120)  # fmt: skip
        assert done.returncode == 0, done.stderr
        return done.stdout

    where = subprocess.run([sys.executable, "-c", "import graph, testmesh; print(graph.__file__, testmesh.__file__)"],
                           cwd=tmp_path, env=env, capture_output=True, text=True, check=True)  # fmt: skip
    assert where.stdout.count(str(installed)) == 2
    assert "graph:" in testmesh("scan", ".")
    assert "must run" in testmesh("impact", "main..bug/b1-hold-id")
    assert "0 errors" in testmesh("validate")
