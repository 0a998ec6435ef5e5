"""The corpus of mistakes: each at its exact place, in few lines, and nothing is sent before it is said."""

from __future__ import annotations

import pytest

from evals.mistakes import CORPUS, MAX_LINES, USAGE, Judged, false_alarms, judge_all


@pytest.fixture(scope="module")
def judged() -> tuple[list[Judged], int]:
    return judge_all()


def test_every_mistake_is_caught_at_its_exact_place(judged: tuple[list[Judged], int]) -> None:
    files, _ = judged
    assert len(files) == len(list(CORPUS.glob("*.yaml"))) >= 200
    assert [(one.name, one.found, one.expected) for one in files if one.found != one.expected] == []


def test_nothing_is_sent_before_a_mistake_is_said(judged: tuple[list[Judged], int]) -> None:
    files, connections = judged
    assert connections == 0
    assert [one.name for one in files if one.exit_code != USAGE] == []


def test_messages_are_short(judged: tuple[list[Judged], int]) -> None:
    assert max(one.longest for one in judged[0]) <= MAX_LINES


def test_nothing_is_said_about_flows_without_a_mistake() -> None:
    assert false_alarms() == []
