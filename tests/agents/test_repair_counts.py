"""Confidence is counts with an interval, and files a fix must not touch are refused."""

from __future__ import annotations

from pathlib import Path

import pytest

from agents.repair.confidence import Outcome, confidence, load
from agents.repair.policy import problem
from graph.answers import FileEdit
from testmesh.kernel.errors import UserError
from testmesh.kernel.proportion import wilson


def test_the_interval_is_wilsons() -> None:
    assert wilson(19, 20) == (0.7639, 0.9911)
    assert wilson(0, 10)[0] == 0.0
    assert wilson(10, 10)[1] == 1.0


def outcomes() -> list[Outcome]:
    return [Outcome("depot", "renamed field", "live", n != 3, f"c{n}") for n in range(10)]


def test_a_system_never_counts_its_own_cases() -> None:
    assert confidence(outcomes(), system="depot", repairer="renamed field", gates="live") is None
    counted = confidence(outcomes(), system="shop", repairer="renamed field", gates="live")
    assert counted is not None
    assert (counted.passed, counted.total) == (9, 10)
    assert counted.low < 0.9 < counted.high


def test_only_comparable_cases_count() -> None:
    assert confidence(outcomes(), system="shop", repairer="moved path", gates="live") is None
    assert confidence(outcomes(), system="shop", repairer="renamed field", gates="recorded") is None


def test_a_broken_file_of_counts_is_named(tmp_path: Path) -> None:
    file = tmp_path / "outcomes.json"
    file.write_text('{"cases": [{"system": "x"}]}')
    with pytest.raises(UserError, match="holds no counted outcomes"):
        load(file)
    assert load(tmp_path / "none.json") == ()


@pytest.mark.parametrize(
    "path",
    [
        ".github/workflows/ci.yaml",
        ".gitlab-ci.yml",
        ".ci/flow.yaml",
        "pnpm-lock.yaml",
        "compose.yaml",
        "../flows/x.yaml",
        "/etc/flow.yaml",
        "app.py",
        ".git/hooks/x.yaml",
    ],
)
def test_a_fix_keeps_its_hands_off(path: str) -> None:
    assert problem(FileEdit(path, "a", "b"))


def test_an_existing_flow_may_be_edited() -> None:
    assert problem(FileEdit("flows/order.yaml", "a", "b")) == ""
    assert problem(FileEdit("flows/new.yaml", "", "b"))
