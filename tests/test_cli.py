"""The command line's frame: exit codes, messages, help."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

TESTMESH = [sys.executable, "-m", "testmesh"]


def run(*arguments: str, cwd: Path, **env: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run([*TESTMESH, *arguments], cwd=cwd, capture_output=True, text=True, check=False,
                          env={**os.environ, **env}, timeout=60)  # fmt: skip


def test_version_and_help(tmp_path: Path) -> None:
    assert run("--version", cwd=tmp_path).stdout.startswith("testmesh ")
    shown = run("--help", cwd=tmp_path)
    assert shown.returncode == 0
    for command in ("scan", "impact", "coverage", "run", "diagnose", "fix", "serve"):
        assert f"\n  {command} " in shown.stdout


def test_unknown_command_is_exit_two_and_names_the_nearest(tmp_path: Path) -> None:
    done = run("scna", cwd=tmp_path)
    assert done.returncode == 2
    assert "testmesh scan" in done.stderr


def test_unknown_option_is_exit_two(tmp_path: Path) -> None:
    assert run("scan", "--nonsense", cwd=tmp_path).returncode == 2


def test_files_may_stand_before_and_after_options(tmp_path: Path) -> None:
    for name in ("a.yaml", "b.yaml"):
        (tmp_path / name).write_text("flow: {name: n, steps: [{id: s, action: log, config: {message: hi}}]}\n")
    done = run("validate", "a.yaml", "--json", "b.yaml", cwd=tmp_path)
    assert (done.returncode, json.loads(done.stdout)["files"]) == (0, 2)
    assert run("validate", "a.yaml", "--nonsense", "b.yaml", cwd=tmp_path).returncode == 2


def test_not_a_repository(tmp_path: Path) -> None:
    done = run("scan", ".", cwd=tmp_path)
    assert done.returncode == 2
    assert "not a git repository" in done.stderr
    assert "hint:" in done.stderr
    assert "Traceback" not in done.stderr


def test_a_user_folder_named_graph_is_not_imported(tmp_path: Path) -> None:
    (tmp_path / "graph").mkdir()
    (tmp_path / "graph" / "__init__.py").write_text("raise SystemExit('wrong graph')\n")
    assert "wrong graph" not in run("--help", cwd=tmp_path).stderr


def test_a_foreign_distribution_in_front_is_named(tmp_path: Path) -> None:
    (tmp_path / "agents").mkdir()
    (tmp_path / "agents" / "__init__.py").write_text("")
    done = run("--help", cwd=Path("/"), PYTHONPATH=str(tmp_path))
    assert done.returncode == 2
    assert "'agents'" in done.stderr


@pytest.mark.parametrize("text", ["[services.x]\nrooot = 'a'\n", "services = 3\n", "x = [\n"])
def test_broken_settings_point_at_the_line(tmp_path: Path, text: str) -> None:
    subprocess.run(["git", "init", "-q", str(tmp_path)], check=True)
    (tmp_path / "testmesh.toml").write_text(text)
    done = run("scan", ".", cwd=tmp_path)
    assert done.returncode == 2
    assert "testmesh.toml:" in done.stderr


@pytest.mark.parametrize("order", ["flow.yaml --report md=a.md json=b.json", "--report md=a.md json=b.json flow.yaml"])
def test_one_report_option_takes_several_reports_and_no_path(tmp_path: Path, order: str) -> None:
    steps = "[{id: a, action: log, config: {message: hi}}]"
    (tmp_path / "flow.yaml").write_text(f"flow: {{name: x, steps: {steps}}}\n")
    done = run("run", *order.split(), cwd=tmp_path)
    assert (done.returncode, done.stderr) == (0, "")
    assert {"a.md", "b.json"} <= {path.name for path in tmp_path.iterdir()}
