"""Bugs by rule are small, valid edits, and shards divide the cases."""

from __future__ import annotations

import ast

import pytest

from evals.rules import applied, spots
from evals.sharding import shard

SOURCE = '''"""A service."""
import db

LIMIT = 5


def place(order, body):
    if order.total > LIMIT:
        return {"error": "too much", "limit": LIMIT}, 402
    db.insert(order.id)
    return {"id": order.id, "total": order.price * order.count, "for": body["name"]}, 201
'''


def rules() -> set[str]:
    return {spot.rule for spot in spots("app.py", SOURCE)}


def test_every_rule_finds_its_place() -> None:
    named = "changed status, dropped call, flipped comparison, miscounted, misspelt attribute, renamed key, wrong key"
    assert ", ".join(sorted(rules())) == named


@pytest.mark.parametrize("spot", list(spots("app.py", SOURCE)), ids=lambda s: f"{s.rule}:{s.start[0]}")
def test_an_edit_is_valid_python_and_changes_one_line(spot: object) -> None:
    text = applied(SOURCE, spot)  # type: ignore[arg-type]
    ast.parse(text)
    assert sum(a != b for a, b in zip(SOURCE.splitlines(), text.splitlines(), strict=True)) == 1


def test_modules_are_not_misspelt_because_no_flow_would_see_it() -> None:
    assert not [s for s in spots("app.py", SOURCE) if s.rule == "misspelt attribute" and s.text.startswith("db.")]


def test_shards_divide_all_cases() -> None:
    names = [f"c{n}" for n in range(10)]
    parts = [shard(names, f"{n}/3") for n in (1, 2, 3)]
    assert sorted(n for part in parts for n in part) == names
    assert shard(names, "") == names
