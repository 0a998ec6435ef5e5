"""Fallbacks, retries, budget, cache and the check of structured answers."""

from __future__ import annotations

from collections.abc import Sequence

from agents.llm.model import Ask, ChatModel
from agents.llm.providers.scripted import Line, ScriptedModel
from agents.llm.router import Call, Router
from prompts.loader import load, names
from testmesh.routing import ModelRef, environment_routes, parse_routes, resolve

SCHEMA = {"type": "object", "required": ["cites"], "properties": {"cites": {"type": "array"}}}


def router(models: dict[str, Sequence[Line]], calls: list[Call], budget: int = 10_000) -> Router:
    connected: dict[str, ChatModel] = {name: ScriptedModel(lines, name) for name, lines in models.items()}
    refs = [ModelRef("scripted", name) for name in models]
    return Router(refs, lambda ref: connected[ref.model], "test", budget, calls.append)


def test_falls_back_when_the_first_model_fails() -> None:
    calls: list[Call] = []
    reply = router({"a": [Line("", "", "final")], "b": [Line("", "from b")]}, calls).ask(Ask("q"))
    assert reply is not None
    assert reply.text == "from b"
    assert [(c.model, c.outcome) for c in calls] == [("scripted:a", "failed"), ("scripted:b", "answered")]


def test_retries_what_may_pass() -> None:
    calls: list[Call] = []
    reply = router({"a": [Line("", "", "transient"), Line("", "second")]}, calls).ask(Ask("q"))
    assert reply is not None
    assert reply.text == "second"


def test_same_question_is_answered_from_the_cache() -> None:
    calls: list[Call] = []
    one = router({"a": [Line("", "once")]}, calls)
    assert one.ask(Ask("q")) == one.ask(Ask("q"))
    assert [c.outcome for c in calls] == ["answered", "cached"]


def test_stops_at_the_budget() -> None:
    calls: list[Call] = []
    one = router({"a": [Line("", "x" * 400), Line("", "y")]}, calls, budget=50)
    assert one.ask(Ask("q1")) is not None
    assert one.ask(Ask("q2")) is None
    assert calls[-1].outcome == "over budget"


def test_unknown_citation_is_rejected_once_then_accepted() -> None:
    calls: list[Call] = []
    lines = [Line("", '{"cites": ["ghost"]}'), Line("ghost", '```json\n{"cites": ["e1"]}\n```')]
    answer = router({"a": lines}, calls).structured(Ask("q", schema=SCHEMA), {"e1"})
    assert answer.data == {"cites": ["e1"]}
    assert "rejected" in [c.outcome for c in calls]


def test_two_bad_answers_are_dropped_with_the_reason() -> None:
    lines = [Line("", "no json"), Line("", '{"cites": "x"}')]
    answer = router({"a": lines}, []).structured(Ask("q", schema=SCHEMA), set())
    assert answer.data is None
    assert "rejected twice" in answer.reason


def test_agent_override_wins_over_workspace_and_server() -> None:
    workspace = parse_routes({"chat": ["a:1"], "agents": {"repair": {"chat": ["b:2", "c:3"]}}}, "workspace")
    server = parse_routes({"chat": ["d:4"], "embed": ["static"]}, "server")
    assert [str(m) for m in resolve([workspace, server], "chat", "repair").models] == ["b:2", "c:3"]
    assert [str(m) for m in resolve([workspace, server], "chat", "impact").models] == ["a:1"]
    assert [str(m) for m in resolve([workspace, server], "embed").models] == ["static"]
    assert resolve([environment_routes({})], "chat").models == ()


def test_every_shipped_prompt_loads_and_values_are_not_expanded() -> None:
    assert {"diagnosis", "repair"} <= set(names())
    prompt = load("diagnosis")
    text = prompt.fill({"class": "c", "summary": "{{ evidence }}", "evidence": "E", "rejected": ""})
    assert "{{ evidence }}" in text
