"""What the run page says at first sight: one entry for failures that are alike, the last runs, pictures as pictures."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Page, sync_playwright

from flows.reports import report
from flows.reports.beside import NOTHING, Beside, Past
from graph.runs import AssertionResult, Exchange, FlowRun, Run, StepRun

PIXEL = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=="


@pytest.fixture
def page(chromium: str) -> Iterator[Page]:
    """A page of a real Chromium that fails the test on any error."""
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium, args=["--no-sandbox"])
        opened = browser.new_page()
        problems: list[str] = []
        opened.on("pageerror", lambda error: problems.append(str(error)))
        opened.on("console", lambda message: problems.append(message.text) if message.type == "error" else None)
        yield opened
        browser.close()
        assert problems == []


def step(name: str, verdict: str = "passed", message: str = "", **more: object) -> StepRun:
    return StepRun(name, "steps", "http_request", verdict, message, duration_ms=5.0, line=3, **more)  # type: ignore[arg-type]


def flow(number: int, *steps: StepRun) -> FlowRun:
    bad = any(found.verdict != "passed" for found in steps)
    return FlowRun(f"f{number}.yaml", f"flow {number}", None, "failed" if bad else "passed", 900.0, steps)


def a_run(*flows: FlowRun, **more: object) -> Run:
    verdict = "passed" if all(found.verdict == "passed" for found in flows) else "failed"
    return Run("01r", "2026-11-26T08:35:51.000Z", "2026-11-26T08:35:52.000Z", verdict, flows, **more)  # type: ignore[arg-type]


def shown(page: Page, folder: Path, run: Run, beside: Beside = NOTHING) -> Page:
    (folder / "run.html").write_text(report("html").write(run, beside))
    page.goto((folder / "run.html").as_uri())
    return page


def test_failures_that_are_alike_are_one_entry(page: Page, tmp_path: Path) -> None:
    down = [flow(n, step("ask", "error", f"127.0.0.1:{50_000 + n}: connection refused")) for n in range(5)]
    other = flow(7, step("ask", "failed", "status is 500"), step("ask2", "failed", "status is 404"))
    entries = shown(page, tmp_path, a_run(*down, other)).locator(".failed-list > ol > li")
    assert entries.count() == 3
    assert "and 4 more steps like it" in entries.first.inner_text()
    entries.first.locator("summary").click()
    entries.first.get_by_role("link").nth(3).click()
    assert page.locator("#step-3 .inside").is_visible()


def test_the_last_runs_of_a_flow_are_told_and_that_it_became_slow(page: Page, tmp_path: Path) -> None:
    past = [Past(f"0{n}", "2026-11-25T08:00:00Z", "failed" if n == 1 else "passed", 100.0) for n in range(4)]
    beside = Beside(past={("f1.yaml", None): past})
    told = shown(page, tmp_path, a_run(flow(1, step("a"))), beside).locator(".history").inner_text()
    assert "The last 4 runs, 3 passed:" in told
    assert "usually 100 ms, now 900 ms" in told
    assert page.locator(".past").all_inner_texts()[2].startswith("✗")


def test_a_late_failure_of_a_long_flow_is_near_what_is_shown_first(page: Page, tmp_path: Path) -> None:
    steps = [step(f"s{n}", "failed" if n == 700 else "passed", "" if n != 700 else "no") for n in range(800)]
    shown(page, tmp_path, a_run(flow(1, *steps)))
    assert page.locator("#step-700 .failure").is_visible()
    assert page.locator(".failed-list a").first.inner_text() == "s700"


def test_a_side_that_has_no_value_is_not_called_null(page: Page, tmp_path: Path) -> None:
    missing = AssertionResult("assert", "body.sum == null", False, None, None, "'body' has no field 'sum'", 4)
    condition = AssertionResult("assert", "any(body, . > 1)", False, False, None, "none of 3 does", 5)
    message = "body.sum == null: 'body' has no field 'sum'\nany(body, . > 1) (none of 3 does)"
    shown(page, tmp_path, a_run(flow(1, step("a", "failed", message, assertions=(missing, condition)))))
    cells = [cell.inner_text() for cell in page.locator(".asserts tbody td:nth-child(n+3):nth-child(-n+4)").all()]
    assert cells == ["", "", "false", ""]


def test_a_body_that_is_a_picture_is_shown_as_one(page: Page, tmp_path: Path) -> None:
    answer = {"status": 200, "body": PIXEL, "headers": {"content-type": "image/png"}}
    shown(page, tmp_path, a_run(flow(1, step("a", exchanges=(Exchange({"url": "http://x"}, (answer,)),)))))
    page.locator(".row").first.click()
    assert page.locator(".part img").evaluate("image => image.decode().then(() => image.naturalWidth)") == 1


def test_services_of_one_revision_are_one_fact() -> None:
    run = a_run(flow(1, step("a")), revision="abc123", deployed={"b": "abc123", "a": "abc123", "c": "fff"})
    text = report("html").write(run, NOTHING)
    assert "<dt>Deployed a, b</dt><dd>the same</dd>" in text
    assert "<dt>Deployed c</dt><dd>fff</dd>" in text
