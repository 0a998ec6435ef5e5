"""Traps are whole, and a trap is judged by what impact says."""

from __future__ import annotations

from pathlib import Path

import pytest

from evals.systems import Edit, Shelf, edited
from evals.traps.__main__ import figures
from evals.traps.cases import Trap, traps
from evals.traps.judging import Verdict, judged, outcome
from graph.answers import Hop, Impact, SelectedFlow
from testmesh.kernel.errors import UserError

ALL = traps()


def test_there_are_enough_traps_in_five_languages() -> None:
    assert len(ALL) >= 60
    counts = {language: sum(t.language == language for t in ALL) for language in {t.language for t in ALL}}
    assert set(counts) == {"python", "typescript", "java", "go", "csharp"}
    assert min(counts.values()) >= 12
    assert len({t.indirection for t in ALL}) >= 40


@pytest.mark.parametrize("trap", ALL, ids=lambda t: t.name)
def test_change_and_twin_fit_and_differ(trap: Trap) -> None:
    change, twin = edited(trap.files, trap.change), edited(trap.files, trap.twin)
    assert change
    assert twin
    assert change != twin
    assert all(trap.files.get(path) != text for path, text in (*change.items(), *twin.items()))
    assert trap.affected
    assert all(flow in trap.files for flow in (*trap.affected, *trap.apart))


def test_an_edit_that_does_not_fit_is_refused() -> None:
    with pytest.raises(UserError, match="2 times"):
        edited({"a.py": "x = 1\nx = 1\n"}, (Edit("a.py", "x = 1", "x = 2"),))


def test_one_trap_is_found_and_its_twin_is_not(tmp_path: Path) -> None:
    trap = next(t for t in ALL if t.name == "py-re-export")
    verdict = judged(Shelf(tmp_path / "traps"), trap)
    assert (verdict.change, verdict.twin) == ("found", "unaffected")
    assert "all_orders" in verdict.path or "every" in verdict.path


def said(*path: Hop) -> Impact:
    return Impact("r", "a", "b", flows=(SelectedFlow("flows/x.yaml", "x", "may", "", path),))


def test_only_a_path_without_guesses_counts_as_found() -> None:
    changed = Hop("CHANGED", "its body changed", "a.py::f", "a.py:1", "resolved")
    guess = Hop("MAY RUN IN", "a.py::f", "shop", "", "candidate")
    whole = Hop("CHANGED", "file a.sql modified", "shop", "a.sql:1", "candidate")
    owns = Hop("OWNS", "shop", "shop:GET /x", "", "resolved")
    assert outcome(said(changed), "flows/x.yaml") == "found"
    assert outcome(said(changed, guess, owns), "flows/x.yaml") == "unknown"
    assert outcome(said(whole, owns), "flows/x.yaml") == "unknown"
    assert outcome(said(), "flows/x.yaml") == "unknown"
    assert outcome(said(changed), "flows/other.yaml") == "unaffected"


def test_figures_count_false_safe_traps_and_noisy_twins() -> None:
    rows = [
        Verdict("a", "go", "closure", "found", "unaffected", 0, "", ""),
        Verdict("b", "go", "closure", "unaffected", "unknown", 2, "", ""),
    ]
    told = figures(rows)
    assert (told["false_safe"], told["found_share"], told["twins_share"], told["bystanders"]) == (1, 0.5, 0.5, 2)
    assert figures([])["found_share"] is None
