"""Secrets never reach events, artefacts or messages."""

from __future__ import annotations

from pathlib import Path

from flows.engine.masking import Masks, is_secret_key, same_but_for_secrets
from flows.engine.recording import judge
from flows.events import event_data, run_from_json, run_to_json, to_json
from graph.runs import Event
from tests.flows.support import Reply, Web, only, run_text

SECRET = "s3cr3t-value-of-the-test"


def test_a_secret_is_masked_wherever_it_appears_and_the_recording_still_judges(tmp_path: Path, web: Web) -> None:
    web.routes["POST /login"] = lambda seen: Reply(200, {"echo": seen.body.decode(), "ok": True})
    events: list[Event] = []
    run = run_text(
        tmp_path,
        f"""
        flow:
          name: secrets
          env: {{DB_PASSWORD: "${{PASSWORD_OF_DB}}"}}
          steps:
            - id: login
              action: http_request
              config:
                method: POST
                url: "{web.url}/login"
                headers: {{X-Trace: "${{secret('API_TOKEN')}}", Authorization: "Bearer ${{secret('API_TOKEN')}}"}}
                body: {{user: me, password: "${{DB_PASSWORD}}", text: "in the middle ${{secret('API_TOKEN')}} of it"}}
              output: {{echo: body.echo}}
              assert: [body.ok == true, 'body.echo contains "middle"']
            - {{id: said, action: log, config: {{message: "token ${{secret('API_TOKEN')}}"}}}}
            - {{id: wrong, action: assert, config: {{assertions: ["echo == \\"x\\""]}}}}
        """,
        events=events,
        process={"API_TOKEN": SECRET, "PASSWORD_OF_DB": "another-password"},
    )
    assert only(run).steps[0].verdict == "passed"
    assert web.seen[-1].headers["authorization"] == f"Bearer {SECRET}"
    everything = run_to_json(run) + to_json([event_data(event) for event in events])
    assert SECRET not in everything
    assert "another-password" not in everything
    assert "***" in everything
    judged = judge(run_from_json(run_to_json(run)))
    assert [found.verdict for found in only(judged).steps] == [found.verdict for found in only(run).steps]


def test_secret_keys_are_recognised() -> None:
    for key in ("password", "DB_PASSWORD", "api_key", "apiKey", "X-API-Key", "Authorization", "client_secret",
                "Set-Cookie", "accessToken", "sasl_password"):  # fmt: skip
        assert is_secret_key(key), key
    for key in ("key", "keys", "tokens_count", "passenger", "product_key_count", "author", "compass"):
        assert not is_secret_key(key), key


def test_userinfo_in_urls_is_masked() -> None:
    masks = Masks()
    assert masks.text("see postgresql://me:pw@host/db now") == "see postgresql://me:***@host/db now"
    assert masks.text("https://token@host/") == "https://***@host/"
    assert masks.text("mail a@b.c") == "mail a@b.c"


def test_short_values_do_not_mask_ordinary_words() -> None:
    masks = Masks()
    assert masks.request({"password": "orders", "to": "orders"}) == {"password": "***", "to": "orders"}
    assert masks.evidence("three orders") == "three orders"


def test_a_recording_is_judged_although_its_inputs_are_masked(tmp_path: Path, web: Web) -> None:
    web.on("GET /a", 200, {})
    run = run_text(
        tmp_path,
        """
        flow:
          name: masked
          steps:
            - id: a
              action: http_request
              config: {url: "${STOCK_DSN}/a", query: {token: "${SHORT_TOKEN}"},
                       headers: {X-Say: "it is ${SHORT_TOKEN}!"}}
              assert: [status == 200]
        """,
        process={"STOCK_DSN": web.url, "SHORT_TOKEN": "abc"},
    )
    assert only(run).variables == {"STOCK_DSN": "***", "SHORT_TOKEN": "***"}
    assert run.verdict == judge(run).verdict == "passed"
    source = only(run).source
    assert judge(run, {"flow.yaml": source.replace("it is", "it was")}).verdict == "error"
    assert judge(run, {"flow.yaml": source.replace("}/a", "}/b")}).verdict == "error"


def test_masked_text_fits_only_what_surrounds_it() -> None:
    assert same_but_for_secrets("Bearer abc", "Bearer ***")
    assert same_but_for_secrets("***://host/***", "http://host/x")
    assert same_but_for_secrets({"***": 1, "b": "***"}, {"a": 1, "b": "c"})
    assert not same_but_for_secrets({"***": 1}, {"a": 2})
    assert not same_but_for_secrets({"c": 1}, {"a": 1})
    assert same_but_for_secrets({"a": ["x-1-y-2-z"]}, {"a": ["x***y***z"]})
    for recorded, now in (("Basic abc", "Bearer ***"), ("xz", "x***y***z"), ("ab", "ab***b"), ({"a": 1}, {"b": 1}),
                          ([1], [1, 2]), (True, 1), (None, "***")):  # fmt: skip
        assert not same_but_for_secrets(recorded, now), (recorded, now)
    assert same_but_for_secrets(1.0, 1)


def test_an_env_file_s_values_stay_out_of_the_recording(tmp_path: Path) -> None:
    (tmp_path / "local.env").write_text("PLAIN=visible-name\nLOGIN_PASSWORD=not-to-be-kept\n")
    run = run_text(
        tmp_path,
        """
        flow:
          name: env file
          env_file: local.env
          steps:
            - {id: a, action: assert, config: {assertions: ['PLAIN == "visible-name"', LOGIN_PASSWORD exists]}}
        """,
    )
    text = run_to_json(run)
    assert "not-to-be-kept" not in text
    (tmp_path / "local.env").unlink()
    assert run.verdict == judge(run_from_json(text)).verdict == "passed"
