"""Taking a hunk back gives exactly the old lines, and only a green run confirms."""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from agents.diagnosis.confirm import Scene, confirm, reverted, suggestion
from graph.answers import Cause, Diagnosis
from graph.change import Hunk
from graph.runs import Run
from testmesh.kernel.errors import UnavailableError
from tests.agents.story import Http, Texts, change, flow_run, run

BEFORE = "a\nb\nc\nd\ne\n"
FILE = "app.py"


def scene(after: str, result: Run | Exception) -> tuple[Scene, list[dict[str, str | None]]]:
    texts = Texts({FILE: BEFORE}, {FILE: after})
    seen: list[dict[str, str | None]] = []

    def run_tree(files: dict[str, str | None], flows: Sequence[str]) -> Run:
        seen.append(files)
        if isinstance(result, Exception):
            raise result
        return result

    return Scene(change(texts), texts, run_tree), seen


def diagnosed(hunk: Hunk | None) -> Diagnosis:
    return Diagnosis("r", "f.yaml", "s", "product regression", "x", (Cause("x", FILE, 2, "", hunk),))


@pytest.mark.parametrize(
    "after",
    ["a\nB\nc\nd\ne\n", "a\nc\nd\ne\n", "a\nb\nx\ny\nc\nd\ne\n", "b\nc\nd\ne\n", "a\nb\nc\nd\ne\nf\n", "a\nb\nc\nd\n"],
    ids=["changed", "deleted", "inserted", "first line gone", "appended", "last line gone"],
)
def test_a_hunk_taken_back_gives_the_old_text(after: str) -> None:
    made, _ = scene(after, run("r2"))
    hunk = made.change.files[0].hunks[0]
    assert reverted(Cause("x", FILE, 2, "", hunk), made) == BEFORE
    assert suggestion(diagnosed(hunk), made).startswith("--- a/app.py")


def test_only_the_one_hunk_is_taken_back() -> None:
    made, _ = scene("A\nb\nc\nd\nE\n", run("r2"))
    assert reverted(Cause("x", FILE, 1, "", made.change.files[0].hunks[0]), made) == "a\nb\nc\nd\nE\n"


MIDDLE = Hunk(2, 1, 2, 1)


def outcome(result: Run | Exception, hunk: Hunk | None = MIDDLE) -> str:
    made, _ = scene("a\nB\nc\nd\ne\n", result)
    found = confirm(diagnosed(hunk), made).confirmation
    assert found is not None
    return found.outcome


def test_a_green_run_confirms_and_a_red_one_refutes() -> None:
    good = flow_run("f.yaml", Http("s", "GET", "http://h/", 200))
    bad = flow_run("f.yaml", Http("s", "GET", "http://h/", 200, None, (("x", False, 1, 2),)))
    assert outcome(run("r2", good)) == "confirmed"
    assert outcome(run("r2", bad)) == "refuted"


def test_what_did_not_run_confirms_nothing() -> None:
    assert outcome(UnavailableError("orders", "did not start")) == "not checked"
    assert outcome(run("r2")) == "not checked"
    assert outcome(run("r2"), None) == "not checked"
