"""Runs of any shape, for laws about reports."""

from __future__ import annotations

from hypothesis import strategies as st

from graph.runs import AssertionResult, Exchange, FlowRun, Run, StepRun

TEXTS = st.one_of(
    st.sampled_from(
        ("", "plain", "<b>&amp;]]>", "a\x00b\x1b[31m", "::error::x", "```\n# head", "|x|", "%0A", "\ud800")
    ),
    st.text(max_size=12),
)
VERDICTS = st.sampled_from(("passed", "failed", "error", "skipped", "not_run"))
JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-5, 5) | TEXTS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXTS, inner, max_size=3),
    max_leaves=6,
)
ASSERTIONS = st.builds(
    AssertionResult,
    list=st.sampled_from(("assert", "assert_any", "assert_none", "until")),
    expression=TEXTS,
    passed=st.booleans(),
    left=JSON,
    right=JSON,
    message=TEXTS,
    line=st.integers(0, 30),
)
EXCHANGES = st.builds(
    Exchange,
    request=st.dictionaries(st.sampled_from(("url", "method", "query", "body", "topic", "key")), JSON, max_size=4),
    candidates=st.lists(st.dictionaries(st.sampled_from(("status", "body", "rows", "value")), JSON), max_size=2).map(
        tuple
    ),
    at_ms=st.just((1.0, 2.0)),
    ended=st.sampled_from(("satisfied", "window", "error")),
    error=TEXTS,
    error_type=st.sampled_from(("", "timeout", "connection")),
)


def steps(depth: int = 2) -> st.SearchStrategy[tuple[StepRun, ...]]:
    """Lists of steps, nested up to a depth."""
    inner = st.just(()) if depth == 0 else st.one_of(st.just(()), steps(depth - 1))
    one = st.builds(
        StepRun,
        id=st.sampled_from(("a", "b", "c-d")),
        phase=st.sampled_from(("setup", "steps", "teardown")),
        action=st.sampled_from(("http_request", "database_query", "kafka_consumer", "for_each", "log", "own_action")),
        verdict=VERDICTS,
        message=TEXTS,
        started_ms=st.floats(0, 1e4),
        duration_ms=st.floats(0, 1e4),
        exchanges=st.lists(EXCHANGES, max_size=2).map(tuple),
        assertions=st.lists(ASSERTIONS, max_size=4).map(tuple),
        steps=inner,
        iteration=st.one_of(st.none(), st.integers(0, 3)),
        line=st.integers(0, 40),
    )
    return st.lists(one, max_size=3).map(tuple)


PROBLEMS = st.just(
    ({"file": "x.yaml", "line": 1, "column": 2, "rule": "flow/x", "message": "m", "severity": "error",
      "suggestion": None},)
)  # fmt: skip
FLOWS = st.builds(
    FlowRun,
    file=st.sampled_from(("flows/a.yaml", "b.yaml")),
    name=TEXTS.filter(bool),
    row=st.one_of(st.none(), st.integers(0, 3)),
    verdict=st.sampled_from(("passed", "failed", "error", "cancelled")),
    duration_ms=st.floats(0, 1e5),
    steps=steps(),
    message=TEXTS,
    problems=st.one_of(st.just(()), PROBLEMS),
)
RUNS = st.builds(
    Run,
    id=st.just("01m8bfyaqwsxb82mgrrdjjk6p9"),
    started=st.just("2026-11-26T08:35:51.000Z"),
    finished=st.just("2026-11-26T08:36:51.500Z"),
    verdict=st.sampled_from(("passed", "failed", "error", "cancelled")),
    flows=st.lists(FLOWS, max_size=3).map(tuple),
    environment=TEXTS,
    revision=st.sampled_from(("unknown", "abc123")),
    deployed=st.dictionaries(TEXTS.filter(bool), TEXTS, max_size=2),
    logs=st.dictionaries(st.just("orders"), st.lists(TEXTS, max_size=5), max_size=1),
)
