"""The pages: signing in, twins, hostile names, and what a real browser makes of them."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, Page, sync_playwright
from starlette.testclient import TestClient

from api.auth import COOKIE
from graph.codec import dumps
from testmesh.workspaces.tenants import Repository
from tests.api.conftest import Service, Tenant
from tests.api.live import listening
from tests.api.recordings import HOSTILE, a_run

HTML = {"Accept": "text/html"}


@pytest.fixture
def filled(ours: Tenant) -> Tenant:
    ours.kept.runs.save(a_run())
    ours.kept.repositories.put(Repository("shop", "/srv/shop"))
    return ours


@pytest.fixture
def signed_in(service: Service, filled: Tenant) -> TestClient:
    client = TestClient(service.app, headers=HTML, follow_redirects=False)
    answer = client.post("/login", data={"token": filled.texts["editor"], "next": "/runs/latest"})
    assert answer.status_code == 303
    assert answer.headers["location"] == "/runs/latest"
    return client


def test_a_browser_without_a_token_is_asked_for_one(stranger: TestClient) -> None:
    answer = stranger.get("/runs/x?y=1", headers=HTML, follow_redirects=False)
    assert (answer.status_code, answer.headers["location"]) == (303, "/login?next=%2Fruns%2Fx%3Fy%3D1")
    assert stranger.get("/runs/x.json", headers=HTML).status_code == 401


def test_the_cookie_is_out_of_reach_of_scripts_and_other_sites(service: Service, ours: Tenant) -> None:
    client = TestClient(service.app, follow_redirects=False)
    cookie = client.post("/login", data={"token": ours.texts["viewer"]}).headers["set-cookie"]
    assert "HttpOnly" in cookie
    assert "SameSite=lax" in cookie


@pytest.mark.parametrize("following", ["https://evil.example", "//evil.example", "/\\evil.example", "javascript:x"])
def test_signing_in_never_leads_elsewhere(service: Service, ours: Tenant, following: str) -> None:
    client = TestClient(service.app, follow_redirects=False)
    answer = client.post("/login", data={"token": ours.texts["viewer"], "next": following})
    assert answer.headers["location"] == "/"


def test_a_wrong_token_is_told(stranger: TestClient) -> None:
    answer = stranger.post("/login", data={"token": "tm_no"})
    assert answer.status_code == 401
    assert "not accepted" in answer.text
    assert COOKIE not in answer.headers.get("set-cookie", "")


@pytest.mark.parametrize(
    "headers", [{"Origin": "https://evil.example"}, {"Sec-Fetch-Site": "cross-site"}, {"Origin": "null"}]
)
def test_forms_of_other_sites_are_refused(signed_in: TestClient, headers: dict[str, str]) -> None:
    for path in ("/runs/latest/diagnose", "/runs/latest/fix", "/logout", "/login"):
        assert signed_in.post(path, headers=headers).status_code == 403


def test_the_cookie_does_not_write_through_the_api(signed_in: TestClient) -> None:
    assert signed_in.get("/api/v1/runs").status_code == 200
    assert signed_in.post("/api/v1/runs", content=dumps(a_run("other"))).status_code == 401


def test_every_view_has_its_twin(signed_in: TestClient) -> None:
    assert signed_in.get("/runs/01kb2v9w3h5c.json").text == dumps(a_run())
    as_json = {"Accept": "application/json"}
    assert signed_in.get("/runs/01kb2v9w3h5c", headers=as_json).text == dumps(a_run())
    change = signed_in.get("/changes.json?repository=shop&base=main")
    assert change.text == signed_in.get("/api/v1/impact?repository=shop&base=main").text
    assert signed_in.get("/changes?repository=shop&base=main", headers=as_json).text == change.text


def test_hostile_names_are_text(signed_in: TestClient) -> None:
    text = signed_in.get("/runs/01kb2v9w3h5c").text
    assert "<script" not in text
    assert "&lt;script&gt;alert(&#39;x&#39;)&lt;/script&gt;" in text
    assert "style=" not in text


@pytest.mark.parametrize("name", ["page.css", "icon.svg"])
def test_files_are_cached_for_ever_under_their_digest(stranger: TestClient, name: str) -> None:
    answer = stranger.get(f"/static/{name}")
    assert "immutable" in answer.headers["cache-control"]


@pytest.mark.parametrize("name", ["..%2fapp.py", "%2e%2e/app.py", "render.py", "other.css", "page.css%00"])
def test_other_files_are_not_served(stranger: TestClient, name: str) -> None:
    assert stranger.get(f"/static/{name}").status_code in (404, 422)


def test_an_error_is_a_page_for_a_browser(signed_in: TestClient) -> None:
    answer = signed_in.get(f"/runs/{'x' * 30}")
    assert answer.status_code == 404
    assert "no run" in answer.text
    assert answer.headers["content-type"].startswith("text/html")


@pytest.fixture
def browser(chromium: str) -> Iterator[Browser]:
    with sync_playwright() as playwright:
        arguments = ["--no-sandbox", "--disable-dev-shm-usage"]
        opened = playwright.chromium.launch(executable_path=chromium, args=arguments)
        yield opened
        opened.close()


@pytest.fixture
def page(browser: Browser, service: Service, filled: Tenant) -> Iterator[Page]:
    with listening(service.app) as address:
        context = browser.new_context(base_url=address)
        opened = context.new_page()
        requested: list[str] = []
        troubles: list[str] = []
        opened.on("request", lambda request: requested.append(request.url))
        opened.on("pageerror", lambda error: troubles.append(str(error)))
        opened.on("console", lambda said: troubles.append(said.text) if "Content Security" in said.text else None)
        opened.goto("/")
        opened.fill("input[name=token]", filled.texts["editor"])
        opened.click("main button")
        opened.wait_for_url(f"{address}/")
        yield opened
        context.close()
        assert troubles == []
        assert all(url.startswith(address) for url in requested), "a page asked another server"


def test_a_failed_run_in_a_browser(page: Page) -> None:
    page.click("text=01kb2v9w3h5c")
    assert page.locator("h1").inner_text().startswith("1 of 2 flows failed")
    failed = page.locator("details.step.failed")
    assert failed.get_attribute("open") is not None
    assert "body.total == 12.5" in failed.locator("tr.failed").inner_text()
    assert "null" in failed.locator("tr.failed").inner_text()
    assert "amount" in failed.inner_text()
    assert page.locator("details.step", has_text="seed").locator(".tag", has_text="setup").is_visible()
    assert page.locator("details.step", has_text="forget").locator(".tag", has_text="teardown").is_visible()
    assert HOSTILE in page.locator("h2", has_text="Order").inner_text()
    page.click("text=Explain this failure")
    page.wait_for_selector("text=Why: product regression")
    page.click("text=Suggest a fix")
    page.wait_for_selector("text=follow the new name")
    assert page.locator(".seg").first.bounding_box() is not None


def test_a_change_in_a_browser(page: Page) -> None:
    page.fill("input[name=base]", "main")
    page.fill("input[name=head]", "feature/total")
    page.click("text=Show")
    assert "2 flows must run, 1 may run, 2 proven unaffected" in page.locator(".lead").inner_text()
    assert page.locator(".drawing g.flow").count() == 2
    assert page.locator(".drawing path.unsure").count() == 1
    page.click("text=step total_is_shown checks")
    assert page.locator("details[open] .proof", has_text="flows/order.yaml#total_is_shown").is_visible()
    assert page.locator("pre", has_text="PAYMENTS_URL").is_visible()
    page.click("text=This page as JSON")
    assert '"repository": "shop"' in page.content().replace("&quot;", '"')


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_text_can_be_read_in_light_and_dark(page: Page, scheme: str) -> None:
    page.emulate_media(color_scheme=scheme)  # type: ignore[arg-type]
    page.goto("/runs/latest")
    script = """() => [getComputedStyle(document.body).color, getComputedStyle(document.body).backgroundColor]
        .map(c => c.match(/\\d+/g).slice(0, 3).map(Number))"""
    ink, ground = page.evaluate(script)
    assert contrast(ink, ground) > 7


def contrast(one: list[int], other: list[int]) -> float:
    """WCAG 2 contrast ratio."""

    def light(colour: list[int]) -> float:
        parts = [c / 255 for c in colour]
        linear = [p / 12.92 if p <= 0.04045 else ((p + 0.055) / 1.055) ** 2.4 for p in parts]
        return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]

    bright, dim = sorted((light(one), light(other)), reverse=True)
    return (bright + 0.05) / (dim + 0.05)
