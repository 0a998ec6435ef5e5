"""Every measure runs on one small case, so that none is found broken when its figures are wanted."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from fixtures.build import build

ROOT = Path(__file__).resolve().parents[2]
pytestmark = pytest.mark.timeout(600)


def measured(tmp_path: Path, name: str, *arguments: str) -> dict[str, Any]:
    """The report of an eval.

    Args:
        tmp_path: for its output.
        name: module in `evals`.
        arguments: besides ``--json``.
    """
    report = tmp_path / f"{name}.json"
    command = [sys.executable, "-m", f"evals.{name}", *arguments, "--json", str(report)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False, env=dict(os.environ))
    assert report.is_file(), f"{done.stdout[-2000:]}\n{done.stderr[-2000:]}"
    data: dict[str, Any] = json.loads(report.read_text())
    return data


def test_scanning_of_the_depot(tmp_path: Path) -> None:
    build("depot", tmp_path / "depot")
    truth = ROOT / "fixtures" / "repos" / "depot" / "expected.json"
    report = measured(tmp_path, "scanning", str(tmp_path / "depot"), str(truth), "--worktree")
    assert report["endpoints"]["f1"] == 1.0
    assert report["endpoint_edges"]["f1"] == 1.0
    assert report["false_alarms"] == []


def test_impact_of_two_seeded_changes(tmp_path: Path) -> None:
    report = measured(tmp_path, "impact", "--system", "depot", "--cases", "2")
    assert report["cases"] == 2
    assert report["unsafe"] == 0


def test_diagnosis_of_one_bug(tmp_path: Path) -> None:
    report = measured(tmp_path, "diagnosis", "--system", "depot", "--only", "b1-hold-id")
    assert report["failed_runs"] == report["runs_right"] == 1
    assert report["regressions_called_environment_or_flaky"] == 0


def test_repair_of_one_stale_flow(tmp_path: Path) -> None:
    report = measured(tmp_path, "repair", "--system", "depot", "--only", "i2-hooks", "--times", "1")
    assert report["stale"] == report["stale_fixed"] == 1
    assert report["test_edits_on_product_bugs"] == 0


def test_mutated_flows_of_the_depot(tmp_path: Path) -> None:
    report = measured(tmp_path, "mutants", "--system", "depot")
    assert report["mutants"] > 100
    assert report["still_passing"] == 0


def test_tenants_leak_nothing(tmp_path: Path) -> None:
    report = measured(tmp_path, "tenants")
    assert report["leaks"] == []
    assert report["blind"] == []
    assert report["covered"] == report["routes"] > 50
