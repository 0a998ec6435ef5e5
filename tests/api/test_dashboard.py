"""What the pages are made of: the drawing, the run's view, and words that stay words."""

from __future__ import annotations

import pytest
from markupsafe import Markup

from api.dashboard.changes import change_view
from api.dashboard.drawing import Box, draw
from api.dashboard.render import duration, pretty, short, words
from api.dashboard.runs import run_view, sentence
from graph.answers import Affected, Hop, Impact
from graph.runs import Exchange, FlowRun, Run, StepRun
from tests.api.impacts import an_impact
from tests.api.recordings import a_run


def overlap(one: Box, other: Box, size: tuple[int, int]) -> bool:
    return abs(one.x - other.x) < size[0] and abs(one.y - other.y) < size[1]


def test_a_drawing_goes_from_the_change_to_the_flows_without_overlaps() -> None:
    drawn = draw(an_impact("m", "shop", "a", "b"))
    assert drawn is not None
    assert drawn.boxes[0].sort == "change"
    assert {box.label for box in drawn.boxes if box.sort == "flow"} == {"flows/browse.yaml", "flows/order.yaml"}
    pairs = [(a, b) for n, a in enumerate(drawn.boxes) for b in drawn.boxes[n + 1 :]]
    assert not any(overlap(a, b, drawn.box) for a, b in pairs)
    assert all(box.x + drawn.box[0] <= drawn.width and box.y + drawn.box[1] <= drawn.height for box in drawn.boxes)
    assert drawn == draw(an_impact("m", "shop", "a", "b"))


def test_code_between_endpoints_is_one_line_that_names_its_hops() -> None:
    drawn = draw(an_impact("m", "shop", "a", "b"))
    assert drawn is not None
    line = next(line for line in drawn.lines if line.title.count("\n") == 1)
    assert "loadOrder" in line.title
    assert line.sure
    assert [line.sure for line in drawn.lines].count(False) == 1


def test_a_cycle_and_hundreds_of_nodes_are_drawn_within_limits() -> None:
    round_trip = tuple(Hop("CALLS", f"s{n % 3}:GET /", f"s{(n + 1) % 3}:GET /", "", "resolved") for n in range(7))
    wide = [
        Affected("Service", f"s{n}", str(n), True, (Hop("CHANGED", "x", f"s{n}", "", "resolved"),)) for n in range(300)
    ]
    drawn = draw(Impact("r", "a", "b", affected=(Affected("Service", "s", "u", True, round_trip), *wide)))
    assert drawn is not None
    assert len(drawn.boxes) == 80
    assert drawn.left_out > 200


def test_nothing_to_draw_is_nothing() -> None:
    assert draw(Impact("r", "a", "b")) is None
    assert change_view(Impact("r", "a", "b")).summary == "Nothing that the graph knows has changed."


def test_failed_flows_come_first_and_point_at_the_step() -> None:
    view = run_view(a_run())
    assert [flow.flow.verdict for flow in view.flows] == ["failed", "passed"]
    assert view.first_failure is not None
    step = view.first_failure[1]
    assert step is not None
    assert step.step.id == "total_is_shown"
    assert (view.passed, view.failed) == (1, 1)


def test_the_innermost_failed_step_is_the_failure() -> None:
    inner = StepRun("inner", "steps", "http_request", "failed", "no")
    outer = StepRun("outer", "steps", "for_each", "failed", "inner failed", steps=(inner,))
    view = run_view(Run("r", "", "", "failed", (FlowRun("f", "F", None, "failed", 1.0, (outer,)),)))
    assert view.first_failure is not None
    assert view.first_failure[1] is not None
    assert view.first_failure[1].step.id == "inner"


def test_bars_stay_inside_the_drawing() -> None:
    steps = tuple(StepRun(str(n), "steps", "log", "passed", started_ms=n * 10.0, duration_ms=1e6) for n in range(3))
    view = run_view(Run("r", "", "", "passed", (FlowRun("f", "F", None, "passed", 1.0, steps),)))
    assert all(s.bar.x >= 0 and s.bar.x + s.bar.width <= 1000.01 for s in view.flows[0].steps)
    empty = run_view(Run("r", "", "", "passed", (FlowRun("f", "F", None, "passed", 0.0),)))
    assert empty.flows[0].steps == ()


@pytest.mark.parametrize(
    ("exchange", "said"),
    [
        (Exchange({"method": "PUT", "url": "/x"}, ({"status": 204},)), "PUT /x → 204"),
        (Exchange({"url": "/x"}, error="connection refused"), "GET /x → connection refused"),
        (Exchange({"query": "SELECT\n 1"}, ({"rows": [1], "row_count": 1},)), "SELECT 1 → 1 row"),
        (Exchange({"topic": "t"}, ({"messages": []},)), "t → 0 messages"),
        (Exchange("odd", ("odd",)), ""),
    ],
)
def test_a_step_is_told_in_one_line(exchange: Exchange, said: str) -> None:
    assert sentence(StepRun("s", "steps", "a", "passed", exchanges=(exchange,))) == said


def test_quoted_names_are_code_and_everything_is_escaped() -> None:
    assert words("`<b>` is & gone") == Markup("<code>&lt;b&gt;</code> is &amp; gone")
    assert words("an odd ` mark") == Markup("an odd ` mark")


def test_values_are_shown_within_limits() -> None:
    assert pretty({"a": 1}) == '{\n  "a": 1\n}'
    assert len(pretty("x" * 100_000)) < 21_000
    assert (duration(0.2), duration(999), duration(1500), duration(120_000)) == ("0 ms", "999 ms", "1.5 s", "2.0 min")
    assert (short("a" * 40), short("a" * 40 + "+xyz"), short("worktree")) == ("a" * 8, "a" * 8 + "+", "worktree")
