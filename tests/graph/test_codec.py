"""The JSON form of records: nothing is lost on the way there and back, and what is not a record is refused by place."""

from __future__ import annotations

import json

import pytest

from graph import answers, runs, schema
from graph.change import ChangedItem, Hunk
from graph.codec import dumps, from_json, to_json, to_tagged
from testmesh.kernel.errors import LimitExceeded, UserError


def a_run() -> runs.Run:
    inner = runs.StepRun("inner", "steps", "log", "passed", iteration=1)
    step = runs.StepRun(
        "create",
        "steps",
        "http_request",
        "failed",
        message="no",
        exchanges=(runs.Exchange({"url": "/x"}, ({"status": 200}, {"status": 500}), (1.5, 2.0), "window"),),
        result={"status": 500, "body": [1, None, True]},
        outputs={"id": 7},
        assertions=(runs.AssertionResult("assert", "status == 200", False, 500, 200, line=9),),
        steps=(inner,),
        trace_id="a" * 32,
    )
    flow = runs.FlowRun("flows/a.yaml", "A", None, "failed", 12.5, (step,), variables={"k": "v"})
    return runs.Run("01", "2026-01-01T00:00:00.000Z", "2026-01-01T00:00:01.000Z", "failed", (flow,), logs={"s": ("x",)})


def an_impact() -> answers.Impact:
    hop = answers.Hop("CALLS", "a", "b", "x.py:3", "resolved")
    return answers.Impact(
        "shop",
        "b" * 40,
        "worktree",
        changed=(ChangedItem("symbol", "modified", "x.py", 3, "f", hunks=(Hunk(1, 1, 1, 2),)),),
        affected=(answers.Affected("Service", "a", "u1", True, (hop,)),),
        flows=(answers.SelectedFlow("f.yaml", "F", "must", "because", (hop,)),),
    )


@pytest.mark.parametrize("record", [a_run(), an_impact(), answers.Diagnosis("r", "f", "s", "flaky", "x")])
def test_a_record_survives_the_way_to_text_and_back(record: object) -> None:
    assert from_json(type(record), json.loads(dumps(record))) == record


def test_a_graph_with_tuple_keys_survives() -> None:
    node = schema.node("w", "Service", ("orders",), evidence=(schema.Evidence("code", "x", "a.py", 1),))
    edge = schema.Edge("CALLS", node.uid, node.uid)
    data = schema.GraphData({node.uid: node}, {edge.id: edge})
    assert from_json(schema.GraphData, json.loads(dumps(data))) == data


def test_fields_keep_their_declared_order() -> None:
    assert list(to_json(answers.Grade("passed"))) == ["reached", "checks", "flows"]


def test_events_carry_their_name() -> None:
    event = runs.RunStarted("01", "now", ("a.yaml",), 3)
    data = to_tagged(event)
    assert data["event"] == "RunStarted"
    assert from_json(runs.Event, data) == event  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("change", "place"),
    [
        (lambda d: d.pop("verdict"), "`verdict` is missing"),
        (lambda d: d.update(verdict="green"), "$.verdict"),
        (lambda d: d.update(flows={}), "$.flows"),
        (lambda d: d["flows"][0].update(duration_ms="1"), "$.flows[0].duration_ms"),
        (lambda d: d["flows"][0]["steps"][0].update(steps=[5]), "$.flows[0].steps[0].steps[0]"),
        (lambda d: d.update(seed=True), "$.seed"),
    ],
)
def test_a_wrong_shape_is_refused_by_place(change: object, place: str) -> None:
    data = to_json(a_run())
    change(data)  # type: ignore[operator]
    with pytest.raises(UserError) as caught:
        from_json(runs.Run, data)
    assert place in caught.value.message


def test_unknown_keys_are_ignored() -> None:
    assert from_json(answers.Grade, {"reached": "none", "later": 1}) == answers.Grade("none")


def test_endless_nesting_is_refused() -> None:
    data: dict[str, object] = to_json(runs.StepRun("a", "steps", "log", "passed"))
    for _ in range(150):
        data = {**to_json(runs.StepRun("a", "steps", "log", "passed")), "steps": [data]}
    with pytest.raises(LimitExceeded):
        from_json(runs.StepRun, data)


def test_what_has_no_json_form_is_our_bug() -> None:
    with pytest.raises(TypeError):
        to_json(object())
