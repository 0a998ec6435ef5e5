"""Spans beside a run: bounded, masked, and the failed one behind a step found again."""

from __future__ import annotations

from pathlib import Path

import pytest

from flows.engine.masking import Masks
from graph.runs import Exchange, StepRun
from graph.spans import Span
from testmesh.compose.spans import KeptSpans, keep_spans, masked
from testmesh.kernel.errors import UserError
from testmesh.telemetry.kept import failing, file_of, spans_of, within

T, SENT = "a" * 32, "b" * 16


def a_span(number: int, parent: int, error: bool = False, trace: str = T, **attributes: str) -> Span:
    parent_id = f"{parent:016x}" if parent else SENT
    return Span(trace, f"{number:016x}", parent_id, "s", "server", f"n{number}", number, 1, error, "", attributes)


def test_they_come_back_as_they_were(tmp_path: Path) -> None:
    spans = [a_span(1, 0), Span("c" * 32, "d" * 16, "", "m", "consumer", "x", 2, 1, links=(f"{T}/{1:016x}",))]
    keep_spans(tmp_path, "01run", spans)
    assert spans_of(tmp_path, "01run") == tuple(spans)
    assert list(KeptSpans(tmp_path, "01run").trace(T)) == spans
    assert spans_of(tmp_path, "02run") == ()


def test_a_broken_file_and_a_name_that_leads_elsewhere_are_said(tmp_path: Path) -> None:
    file_of(tmp_path, "01run").parent.mkdir(parents=True)
    file_of(tmp_path, "01run").write_text('[{"trace_id": 1}]')
    with pytest.raises(UserError, match="does not hold the spans of a run"):
        spans_of(tmp_path, "01run")
    with pytest.raises(UserError, match="not the id of a run"):
        spans_of(tmp_path, "../../etc/passwd")


def test_the_failed_one_and_what_led_to_it_are_kept_first() -> None:
    spans = [a_span(n, n - 1) for n in range(1, 20)] + [a_span(100, 19, error=True)]
    many = spans + [a_span(n, 0) for n in range(200, 300)]
    kept = within(many, most=30, of_a_trace=25)
    assert len(kept) == 25
    assert all(span in kept for span in spans)
    assert kept == [span for span in many if span in kept]


def test_the_deepest_failed_span_below_a_step_comes_first() -> None:
    other = Span("c" * 32, "d" * 16, "", "m", "consumer", "late", 9, 1, True, links=(f"{T}/{2:016x}",))
    spans = [
        a_span(1, 0, error=True),
        a_span(2, 1),
        a_span(3, 2, error=True),
        a_span(4, 3, **{"http.response.status_code": "503"}),
        a_span(5, 99, error=True),
        other,
    ]
    step = StepRun("s", "steps", "http_request", "failed", exchanges=(Exchange({}, span_id=SENT),), trace_id=T)
    assert [span.name for span in failing(step, spans)] == ["n4", "late", "n1", "n3"]
    assert failing(StepRun("s", "steps", "http_request", "failed"), spans) == ()


def test_secrets_of_the_run_are_masked_in_its_spans() -> None:
    masks = Masks()
    masks.learn("hunter2hunter2")
    span = Span(T, "1" * 16, "", "s", "client", "x", 1, 1, True, "bad hunter2hunter2", {"db.password": "p", "q": "ok"})
    hidden = masked(span, masks)
    assert "hunter2" not in hidden.message
    assert hidden.attributes == {"db.password": "***", "q": "ok"}
