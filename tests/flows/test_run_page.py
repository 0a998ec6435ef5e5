"""The run page in a real browser: hostile answers stay text, large runs stay quick, keys work, nothing is fetched."""

from __future__ import annotations

import re
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given, settings
from playwright.sync_api import Browser, Page, expect, sync_playwright

from flows.reports import report
from flows.reports.beside import NOTHING, Beside, last_green
from flows.reports.html import harmless
from flows.reports.pagedata import as_json
from flows.reports.pagevalues import ROOM
from graph.runs import FlowRun, Run, StepRun
from graph.spans import Span
from tests.flows.random_runs import RUNS
from tests.flows.support import Reply, Web, run_files, write

EVIL = "</script><script>document.title='owned'</script><img src=x onerror=\"document.title='owned'\">"
FLOW = """
    flow:
      name: "<i>Order</i> creates notification"
      setup:
        - {id: login, action: http_request, config: {url: "${WEB}/login"}, assert: [status == 200]}
      steps:
        - id: both
          action: parallel
          config:
            branches:
              - - {id: left_one, action: http_request, config: {url: "${WEB}/login"}, assert: [status == 200]}
              - - {id: right_one, action: http_request, config: {url: "${WEB}/login"}, assert: [status == 200]}
        - id: mail
          action: http_request
          until: {expression: body.n > 3, timeout: 3s}
          config: {url: "${WEB}/mail"}
        - id: order
          action: http_request
          retry: {max_attempts: 2, delay: 1ms}
          config: {url: "${WEB}/order", headers: {X-Evil: "</script>"}}
          assert: [status == 200, 'body == {"price": 12, "text": "fine"}']
        - {id: after, action: http_request, config: {url: "${WEB}/login"}, assert: [status == 200]}
      teardown:
        - {id: remove, action: http_request, config: {url: "${WEB}/login"}, assert: [status == 200]}
    """


@pytest.fixture(scope="module")
def browser(chromium: str) -> Iterator[Browser]:
    """A real Chromium."""
    with sync_playwright() as playwright:
        opened = playwright.chromium.launch(executable_path=chromium, args=["--no-sandbox"])
        yield opened
        opened.close()


@pytest.fixture
def page(browser: Browser) -> Iterator[Page]:
    """A page that fails the test on any error and on anything it asks the network for."""
    context = browser.new_context()
    opened = context.new_page()
    problems: list[str] = []
    opened.on("pageerror", lambda error: problems.append(str(error)))
    opened.on("console", lambda message: problems.append(message.text) if message.type == "error" else None)
    opened.on("request", lambda asked: problems.append(asked.url) if not asked.url.startswith("file:") else None)
    yield opened
    context.close()
    assert problems == []


@pytest.fixture
def runs(tmp_path: Path, web: Web) -> tuple[Run, Run]:
    """A green run of the flow and a red one."""
    red, mails = False, 0

    def order(_: object) -> Reply:
        return Reply(200, {"price": 10, "text": EVIL} if red else {"price": 12, "text": "fine"})

    def mail(_: object) -> Reply:
        nonlocal mails
        mails = mails % 4 + 1
        return Reply(200, {"n": mails})

    web.on("GET /login", 200, {"token": EVIL})
    web.routes["GET /order"], web.routes["GET /mail"] = order, mail
    write(tmp_path, FLOW)
    write(tmp_path, "flow:\n  name: broken\n  steps:\n    - {id: a, action: htp_request}\n", "broken.yaml")
    with ThreadPoolExecutor(1) as aside:  # the browser's driver keeps an event loop in this thread
        green = aside.submit(run_files, tmp_path, "flow.yaml", process={"WEB": web.url}).result()
        red = True
        files = ("flow.yaml", "broken.yaml")
        return green, aside.submit(run_files, tmp_path, *files, process={"WEB": web.url}).result()


def opened(page: Page, folder: Path, run: Run, beside: Beside = NOTHING) -> Page:
    file = folder / "run.html"
    file.write_text(report("html").write(run, beside))
    page.goto(file.as_uri())
    return page


def test_the_page_explains_the_failure_and_compares_with_the_last_green_run(
    page: Page, tmp_path: Path, runs: tuple[Run, Run]
) -> None:
    green, red = runs
    found: dict[tuple[str, int | None], object] = {}
    assert not last_green(red, green, found)  # type: ignore[arg-type]
    step = next(step for flow in red.flows for step in flow.steps if step.id == "order")
    span = Span(
        step.trace_id, "a" * 16, step.exchanges[-1].span_id, "orders", "server", "GET /order", 1, 9_000_000, True, EVIL
    )
    beside = Beside((span,), found, str(tmp_path))  # type: ignore[arg-type]
    red = replace(red, logs={"orders": [f"{red.started} ERROR {EVIL}"]})
    opened(page, tmp_path, red, beside)
    assert page.locator("h1").inner_text() == "2 of 2 flows failed"
    text = page.locator("#app").inner_text()
    for expected in (
        "First difference: order: passed → failed",
        "body.price: 12 → 10",
        "<i>Order</i> creates notification",
        "Assertions: 1 of 2 held".upper(),
        "unknown action 'htp_request'",
        "orders: GET /order",
        "Attempt 1 of 2",
        "not run",
        "teardown".upper(),
    ):
        assert expected in text
    assert EVIL in page.locator(".step.failed .failure").first.inner_text()
    assert page.title() == f"✗ TestMesh run {red.id}"
    assert page.locator("img").count() == 0
    assert page.locator(".source .broke").first.inner_text().split()[0].isdigit()
    assert page.locator("a", has_text="Open in the editor").first.get_attribute("href") == (
        f"vscode://file{tmp_path}/flow.yaml:{step.assertions[1].line}"
    )


def test_steps_open_by_mouse_keys_and_address(page: Page, tmp_path: Path, runs: tuple[Run, Run]) -> None:
    opened(page, tmp_path, runs[0])
    page.locator(".row", has_text="mail").click()
    turned = "[...document.querySelectorAll('.row .turn')].map((turn) => getComputedStyle(turn).transform !== 'none')"
    page.emulate_media(reduced_motion="reduce")
    assert page.evaluate(turned).count(True) == 1
    inside = page.get_by_role("region", name="details of mail")
    assert "4 answers in" in inside.inner_text()
    inside.get_by_role("button", name=re.compile(r"^1 · ")).click()
    assert '"n": 1' in inside.inner_text()
    page.keyboard.press("c")
    assert page.locator(".inside").count() == 0
    page.keyboard.press("j")
    page.keyboard.press("Enter")
    assert page.locator(".inside").count() == 1
    page.keyboard.press("/")
    page.keyboard.type("both/right_one")
    expect(page.locator(".step")).to_have_count(1)
    page.keyboard.press("Escape")
    expect(page.locator(".step")).to_have_count(8)
    page.keyboard.press("?")
    assert page.locator("dialog").is_visible()
    page.keyboard.press("Escape")
    assert not page.locator("dialog").is_visible()
    page.goto((tmp_path / "run.html").as_uri() + "#step-3")
    page.reload()
    assert page.get_by_role("region", name="details of both/right_one").is_visible()


def test_next_failure_finds_it_in_a_run_of_20_000_steps(page: Page, tmp_path: Path, runs: tuple[Run, Run]) -> None:
    flow = runs[1].flows[0]
    bad = next(step for step in flow.steps if step.id == "order")
    good = next(step for step in flow.steps if step.id == "login")
    steps = tuple(
        replace(bad if number == 15_000 else good, id=f"s{number}", phase="steps", started_ms=number * 1.0)
        for number in range(20_000)
    )
    big = replace(runs[1], flows=(replace(flow, steps=steps, duration_ms=20_000.0),))
    text = report("html").write(big, NOTHING)
    assert len(text) < ROOM + 6_000_000
    opened(page, tmp_path, big)
    assert page.locator(".step").count() < 500
    page.keyboard.press("n")
    assert page.locator("#step-15000 .failure").is_visible()
    assert page.locator("*").count() < 10_000


def test_what_does_not_fit_is_said(page: Page, tmp_path: Path, runs: tuple[Run, Run]) -> None:
    flow = runs[0].flows[0]
    good = flow.steps[0]
    huge = replace(good.exchanges[0], candidates=({"status": 200, "body": {"text": "x" * 700_000}},))
    steps = tuple(replace(good, id=f"s{number}", exchanges=(huge,), result=None) for number in range(400))
    text = report("html").write(replace(runs[0], flows=(replace(flow, steps=steps),)), NOTHING)
    assert len(text) < ROOM + 2_000_000
    opened(page, tmp_path, replace(runs[0], flows=(replace(flow, steps=steps),)))
    note = page.locator(".note").inner_text()
    assert "long values are shown only in part" in note
    assert "the evidence of" in note
    assert f"testmesh show {runs[0].id} --recording" in note
    page.locator(".row").first.click()
    assert "more characters in the recording" in page.locator(".inside").first.inner_text()


def test_the_page_says_everything_important_without_scripts(
    browser: Browser, tmp_path: Path, runs: tuple[Run, Run]
) -> None:
    (tmp_path / "run.html").write_text(report("html").write(runs[1], NOTHING))
    context = browser.new_context(java_script_enabled=False)
    page = context.new_page()
    page.goto((tmp_path / "run.html").as_uri())
    text = page.locator("main#static").inner_text()
    assert "body.price: 10 → 12" in text
    assert "broken.yaml" in text
    context.close()


def test_every_control_has_a_name_and_text_can_be_read(page: Page, tmp_path: Path, runs: tuple[Run, Run]) -> None:
    for scheme in ("light", "dark"):
        page.emulate_media(color_scheme=scheme)
        opened(page, tmp_path, runs[1])
        assert page.evaluate(NAMELESS) == []
        assert page.evaluate(FAINT) == []
    page.emulate_media(media="print")
    assert not page.locator(".tools").is_visible()
    assert page.locator(".step.failed .failure").first.is_visible()


NAMELESS = """() => [...document.querySelectorAll('button, a[href], input')]
    .filter((node) => !(node.textContent.trim() || node.getAttribute('aria-label'))).map((node) => node.outerHTML)"""
FAINT = """() => {
  const light = (text) => text.match(/[\\d.]+/g).slice(0, 3).map(Number)
    .map((part) => part / 255).map((part) => part <= 0.03928 ? part / 12.92 : ((part + 0.055) / 1.055) ** 2.4)
    .reduce((sum, part, at) => sum + part * [0.2126, 0.7152, 0.0722][at], 0);
  const ground = (node) => {
    for (let at = node; at; at = at.parentElement) {
      const colour = getComputedStyle(at).backgroundColor;
      if (/^rgb\\(/.test(colour)) return colour;
    }
    return 'rgb(255, 255, 255)';
  };
  return [...document.querySelectorAll('#app *')]
    .filter((node) => [...node.childNodes].some((child) => child.nodeType === 3 && child.textContent.trim()))
    .filter((node) => node.offsetParent !== null)
    .map((node) => {
      const [a, b] = [light(getComputedStyle(node).color), light(ground(node))].sort((x, y) => y - x);
      return [(a + 0.05) / (b + 0.05), node.className, node.textContent.trim().slice(0, 30)];
    })
    .filter(([contrast]) => contrast < 4.5);
}"""


@given(RUNS)
@settings(max_examples=40)
def test_no_run_breaks_out_of_the_page(run: Run) -> None:
    text = report("html").write(run, NOTHING)
    assert text.count("<script") == 2
    assert text.count("</script>") == 2
    assert "<b>" not in text


def test_embedded_data_cannot_end_its_element() -> None:
    assert harmless(as_json({"a": "</script><!--\u2028&"})) == '{"a":"\\u003c/script\\u003e\\u003c!--\\u2028\\u0026"}'


def test_a_run_without_flows_has_a_page() -> None:
    blank = Run("01x", "2026-11-26T08:35:51.000Z", "2026-11-26T08:35:51.000Z", "error", ())
    assert "The run ended: error" in report("html").write(blank, NOTHING)
    flow = FlowRun("a.yaml", "a", None, "passed", 1.0, (StepRun("s", "steps", "log", "passed"),))
    assert "The flow passed" in report("html").write(replace(blank, verdict="passed", flows=(flow,)), NOTHING)
