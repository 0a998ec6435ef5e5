"""A rule shows a number only when it has been judged on twenty uses; the numbers are counted by the eval."""

from __future__ import annotations

import json
from pathlib import Path

from graph.linking import judged


def test_the_shipped_counts_are_whole_numbers_by_rule() -> None:
    data = json.loads(Path(judged.__file__).with_name("judged.json").read_text())
    assert all(right >= 0 and wrong >= 0 and right + wrong for right, wrong in data.values())


def test_a_rule_judged_often_shows_how_often_it_was_right_and_others_only_their_name() -> None:
    often = next(rule for rule, (right, wrong) in judged.counts().items() if right + wrong >= judged.ENOUGH)
    right, wrong = judged.counts()[often]
    assert judged.shown(f"{often}+env-default") == f"{often}+env-default, right {right} of {right + wrong} times"
    assert judged.shown("a rule nobody judged") == "a rule nobody judged"
