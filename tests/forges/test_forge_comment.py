"""The comment shows evidence and nothing that was smuggled into it."""

from __future__ import annotations

from graph.answers import Cause, Clue, Confidence, Diagnosis, FileEdit, Fix, GateResult, Impact, SelectedFlow
from testmesh.forges.comment import MARKER, plain, pull_text, sticky
from testmesh.forges.forge import fingerprint

TAKEN = Clue("contract", "takes `total` away", "p", 0.9)
DIAGNOSIS = Diagnosis(
    run="r1",
    flow="flows/order.yaml",
    step="place",
    failure="contract change",
    summary="Order failed at place.",
    causes=(
        Cause("x", "app.py", 4, "shown", None, "c" * 40, 0.9123, (Clue("contract", "takes `total` away", "p", 0.9),)),
    ),
    not_checked=("traces: none",),
)
FIX = Fix(
    run="r1",
    status="verified",
    repairer="renamed field",
    title="order.yaml: follow total -> amount",
    explanation="field `total` is `amount` now",
    edits=(FileEdit("flows/order.yaml", "a\n- body.total == 1\n", "a\n- body.amount == 1\n"),),
    gates=(GateResult("parses and validates", "passed", "no findings"),),
    confidence=Confidence(19, 20, 0.76, 0.99, ("renamed field",), "outcomes.json"),
    diagnosis=DIAGNOSIS,
)


def test_nothing_to_say_is_no_comment() -> None:
    assert sticky(None) == ""
    assert sticky(Impact("shop", "b", "h")) == ""


def test_the_comment_names_flows_causes_gates_and_counts() -> None:
    impact = Impact("shop", "b", "h", flows=(SelectedFlow("flows/order.yaml", "Order", "must", "it reads `total`"),))
    text = sticky(impact, DIAGNOSIS, FIX)
    assert text.startswith(MARKER)
    assert "1 flows must run" in text
    assert "`app.py:4` `cccccccccc`" in text
    assert "-- body.total == 1" in text
    assert "+- body.amount == 1" in text
    assert "19 of 20 comparable fixes held" in text
    assert "Not checked" in text


def test_text_from_outside_cannot_mention_people_or_make_markup() -> None:
    assert plain("<img src=x> @team [x](http://e) | `a`\nnext") == (
        "\\<img src=x\\> @\u200bteam \\[x\\](http://e) \\| \\`a\\` next"
    )


def test_a_fence_in_a_flow_cannot_end_the_diff() -> None:
    fix = Fix("r", "suggestion", "x", "t", "e", (FileEdit("f.yaml", "```\n", "````\n"),))
    text = pull_text(fix)
    assert "`````diff" in text


def test_the_fingerprint_ignores_the_run() -> None:
    other = Fix("r2", FIX.status, FIX.repairer, FIX.title, FIX.explanation, FIX.edits, diagnosis=DIAGNOSIS)
    assert fingerprint(other) == fingerprint(FIX)
    assert len(fingerprint(FIX)) == 16
