"""The impact eval's own parts: seeded changes are valid and stable, and truth leaves out what moves by itself."""

from __future__ import annotations

import ast

from evals.impact import Case, figures
from evals.impact_mutants import chosen, mutants
from evals.impact_truth import Calm, Observed, both, truth

CODE = '''
"""Docs stay."""
LIMIT = 10


@app.get("/items/{item}", status_code=200)
def item(item, db):
    row = db.one("select * from items where id = %s order by id", item)
    if row is None:
        return {"message": "no such item"}, 404
    publish("item.seen", key=f"item:{item}")
    return {"id": row["id"], "total": row.price * row.count}
'''


def test_every_seeded_change_of_python_parses_and_differs() -> None:
    found = mutants("a.py", CODE)
    assert {m.rule for m in found} == {
        "status", "rename-field", "drop-field", "sql", "arithmetic", "comparison", "drop-call", "text", "key",
        "constant", "path", "comment", "unused",
    }  # fmt: skip
    for mutant in found:
        assert mutant.text != CODE
        ast.parse(mutant.text)
    assert len({m.name for m in found}) == len(found)


def test_typescript_and_other_files() -> None:
    text = 'app.get("/orders", (q, r) => { if (q.a === 1) r.status(404).json({ error: q.a, x: q.b }) })\n'
    assert {m.rule for m in mutants("a.ts", text)} == {"status", "rename-field", "path", "comparison"}
    assert mutants("README.md", "x") == []


def test_the_choice_is_fair_over_rules_and_the_same_every_time() -> None:
    found = mutants("a.py", CODE)
    picked = chosen(found, "seed", 13)
    assert len({m.rule for m in picked}) == 13
    assert picked == chosen(list(reversed(found)), "seed", 13)
    assert picked != chosen(found, "another seed", 13)


def seen(verdict: str = "passed", **leaves: str) -> Observed:
    """A flow's behaviour."""
    return Observed(verdict, dict(leaves))


BASE = Calm(
    {"a": seen(status="200", id="1"), "b": seen(status="200"), "c": seen()},
    {"a": frozenset({"id"}), "b": frozenset(), "c": frozenset()},
    frozenset({"c"}),
)


def test_values_that_move_by_themselves_and_unsteady_flows_say_nothing() -> None:
    same = truth(BASE, {"a": seen(status="200", id="7"), "b": seen(status="200"), "c": seen("failed")})
    assert (same.verdict, same.behaviour) == (frozenset(), frozenset())


def test_another_answer_is_affected_and_another_verdict_too() -> None:
    found = truth(BASE, {"a": seen(status="201", id="1"), "b": seen("failed", status="200")})
    assert (found.verdict, found.behaviour) == (frozenset({"b"}), frozenset({"a", "b"}))
    assert both(found, truth(BASE, {"a": seen(status="200", id="1"), "b": seen("failed")})).behaviour == {"b"}


def test_a_system_that_does_not_come_up_affects_every_steady_flow() -> None:
    found = truth(BASE, {"": seen("did not come up: x")})
    assert found.up is False
    assert found.behaviour == {"a", "b"}


def test_figures_count_unsafe_and_the_share_selected() -> None:
    one = Case("shop", "n", "r", "w", True, ("a", "b"), ("a",), ("a",), ("c",), ("a", "b", "c", "d"), ("b",))
    found = figures([one])
    assert (found["unsafe"], found["ratio"], found["baseline"]["ratio"]) == (1, 1.0, 2.0)
    assert found["must_precision"] == 1.0
