"""What is masked in a recording is not known: an assertion that needs it is undecided, every other one is judged."""

from __future__ import annotations

from pathlib import Path

import pytest

from agents.repair import RepairInputs, Seams, gates
from agents.repair.draft import Draft
from flows.engine.recording import judge
from flows.events import run_from_json, run_to_json
from flows.language.errors import UNDECIDED
from flows.language.expressions import InnerScope, MappingScope, compile_expression, evaluate_assertion
from flows.language.masked_text import MASK, NUMBER_MASK, Masked, fingerprint, recorded
from flows.strength.history import over
from flows.strength.measuring import Measure, measured
from graph.answers import Diagnosis
from graph.runs import Run
from tests.flows.support import Reply, Web, only, run_text

EVIDENCE = {
    "token": MASK,
    "pin": NUMBER_MASK,
    "note": "for *** only",
    "user": {"name": "Ada", "token": MASK},
    "items": [{"id": 1, "key": MASK}, {"id": 2, "key": "open"}],
    "card": "**** 4242",
}


@pytest.mark.parametrize(
    ("expression", "verdict"),
    [
        ("token is string", True), ("token exists", True), ("token != null", True), ("token is not empty", True),
        ("pin is number", True), ("pin is string", False), ("pin > 3", None), ("pin + 1 == 5", None),
        ('token == "abcdefgh"', None), ('token != "abcdefgh"', None), ("len(token) > 8", None),
        ("token.length == 3", None), ('token matches "^ey"', None), ('token == "***"', None),
        ('note == "for"', False), ('note == "for you only"', None), ('note startsWith "for"', True),
        ('note startsWith "four"', False), ('note startsWith "for y"', None), ('note endsWith "only"', True),
        ('note contains "for"', True), ('note contains "you"', None), ('"you" in token', None),
        ('upper(token) == "X"', None), ('"x" + token == "y"', False), ('"x" + token == "xy"', None),
        ('join([token, 1], "-") == "x"', False), ('join([token, 1], "-") == "a-1"', None),
        ('user == {"name": "Bob", "token": "x"}', False), ('user == {"name": "Ada", "token": "x"}', None),
        ("len(items) == 2", True), ('any(items, .key == "open")', None), ('items[1].key == "open"', True),
        ("all(items, .id > 0)", True), ('map(items, .key) contains "open"', True),
        ('map(items, .key) contains "shut"', None), ("len(\"$.items[?@.key=='shut'].id\") == 0", None),
        ("len(\"$.items[?@.id==2].id\") == 1", True), ("token[0:3] == \"abc\"", None),
        ('token == "x" and user.name == "Bob"', None), ('user.name == "Bob" and token == "x"', False),
        ('token == "x" and user.missing == 1', None), ('not (token == "x" and user.missing == 1)', None),
        ('user.name == "Ada" or token == "x"', True), ("not (len(token) > 3)", None),
        ('(token ?? "x") == "y"', None), ('token < "z"', None), ('token in ["a", "b"]', None),
        ('to_json(user) contains "Ada"', True), ('to_json(user) == "x"', False), ("sha256(token) == token", None),
        ('card == "**** 4242"', True), ("len(card) == 9", True), ('secret("X") == "abcdefgh"', None),
    ],
)  # fmt: skip
def test_only_what_the_hidden_part_decides_is_undecided(expression: str, verdict: bool | None) -> None:
    known = recorded(EVIDENCE, frozenset({fingerprint("**** 4242")}))
    assert isinstance(known, dict)
    outer = MappingScope({}, effects={"secret": lambda name: Masked(MASK)})
    outcome = evaluate_assertion(compile_expression(expression), InnerScope(known, outer))
    if verdict is None:
        assert (outcome.undecided, outcome.problem, outcome.passed) == (True, UNDECIDED, False)
    else:
        assert (outcome.passed, outcome.problem) == (verdict, None)


@pytest.mark.parametrize(
    ("schema", "verdict"),
    [
        ({"properties": {"token": {"type": "string"}, "pin": {"type": "integer"}}}, True),
        ({"properties": {"token": {"type": "number"}}}, False),
        ({"properties": {"token": {"minLength": 40}}}, None),
        ({"properties": {"pin": {"maximum": 3}}}, None),
        ({"required": ["missing"]}, False),
        ({"properties": {"user": {"enum": [{}]}}}, None),
        ({"properties": {"card": {"pattern": "4242$"}, "pin": {"minLength": 40}}}, True),
    ],
)
def test_a_schema_that_asks_for_more_than_the_type_of_what_is_hidden_is_undecided(
    schema: object, verdict: bool | None
) -> None:
    known = recorded({"it": EVIDENCE}, frozenset({fingerprint("**** 4242")}))
    assert isinstance(known, dict)
    scope = MappingScope({**known, "schema": schema})
    outcome = evaluate_assertion(compile_expression("it matches_schema schema"), scope)
    assert (outcome.undecided, outcome.passed) == (verdict is None, verdict is True)


FLOW = """\
flow:
  name: login
  steps:
    - id: login
      action: http_request
      config: {{method: POST, url: "{url}/login"}}
      assert:
        - status == 200
        - body.token is string
        - len(body.token) == 20
        - body.card == "**** 4242"
      output: {{token: body.token}}
    - id: me
      action: http_request
      config: {{url: "{url}/me", headers: {{Authorization: "Bearer ${{token}}"}}}}
      assert: [body.name == "Ada"]
"""
TOKEN = "tok-0123456789abcdef"


def logged_in(folder: Path, web: Web) -> Run:
    """A green recording whose token is masked, because it was sent as one."""
    web.on("POST /login", 200, {"token": TOKEN, "card": "**** 4242"})
    web.routes["GET /me"] = lambda seen: Reply(200, {"name": "Ada" if TOKEN in seen.headers["authorization"] else ""})
    run = run_text(folder, FLOW.format(url=web.url))
    assert run.verdict == "passed"
    text = run_to_json(run)
    assert TOKEN not in text
    return run_from_json(text)


def test_an_undecided_line_is_said_to_be_so_and_what_follows_it_is_judged(tmp_path: Path, web: Web) -> None:
    run = logged_in(tmp_path, web)
    login, me = only(judge(run)).steps
    assert (login.verdict, login.message) == ("error", "undecided: len(body.token) == 20 depends on a masked value")
    assert [(line.passed, line.message) for line in login.assertions] == [
        (True, ""), (True, ""), (False, UNDECIDED), (True, "")
    ]  # fmt: skip
    assert me.verdict == "passed"
    assert (only(judge(run)).verdict, only(judge(run)).message) == ("error", UNDECIDED)


def test_what_fails_whatever_is_masked_fails(tmp_path: Path, web: Web) -> None:
    run = logged_in(tmp_path, web)
    for old, new in (('"Ada"', '"Bob"'), ("status == 200", "status == 201"), ("**** 4242", "**** 4243")):
        assert only(judge(run, {"flow.yaml": only(run).source.replace(old, new)})).verdict == "failed"
    without = only(run).source.replace("        - len(body.token) == 20\n", "")
    assert only(judge(run, {"flow.yaml": without})).verdict == "passed"


def test_over_several_runs_an_undecided_line_is_counted_as_such(tmp_path: Path, web: Web) -> None:
    run = logged_in(tmp_path, web)
    past = over([(run, only(run))], only(run).source, "flow.yaml")
    assert [next(iter(line.outcomes.values())) for line in past.lines] == ["held", "held", "undecided", "held", "held"]
    assert past.verdicts == {run.id: ("passed", "error")}


def test_strength_is_measured_beside_masked_values_and_never_suggests_what_it_cannot_see(
    tmp_path: Path, web: Web
) -> None:
    run = logged_in(tmp_path, web)
    found = measured(Measure((run,), only(run).source))
    assert not found.problem
    assert 0 < found.noticed < found.all
    assert not [
        gap for gap in found.gaps if MASK in gap.suggestion or any("token: another value" in c for c in gap.changes)
    ]


@pytest.mark.parametrize("narrowed", ["retry_on: ['body.token != \"x\"']", "retry_on_not: ['body.token == \"x\"']"])
def test_whether_a_masked_failure_was_retried_the_recording_says(tmp_path: Path, web: Web, narrowed: str) -> None:
    answers = iter([{"token": TOKEN, "ready": False}, {"token": TOKEN, "ready": True}])
    web.routes["POST /login"] = lambda seen: Reply(200, next(answers))
    web.on("GET /me", 200, {"name": "Ada"})
    retried = f"      retry: {{max_attempts: 2, delay: 1ms, {narrowed}}}\n      output:"
    flow = FLOW.replace("len(body.token) == 20", "body.ready").replace('        - body.card == "**** 4242"\n', "")
    run = run_text(tmp_path, flow.format(url=web.url).replace("      output:", retried))
    assert (run.verdict, TOKEN in run_to_json(run)) == ("passed", False)
    assert only(judge(run)).verdict == "passed"


@pytest.mark.parametrize(("name", "outcome"), [("Ada", "passed"), ("Bob", "failed")])
def test_a_fix_that_fails_whatever_is_masked_is_refused(tmp_path: Path, web: Web, name: str, outcome: str) -> None:
    run = logged_in(tmp_path, web)
    text = only(run).source.replace("        - len(body.token) == 20\n", "")
    text = text.replace('[body.name == "Ada"]', f'[\'login.body.token == "x"\', body.name == "{name}"]')
    why = Diagnosis(run.id, "flow.yaml", "login", "unknown", "It changed.")
    inputs = RepairInputs(why, run, "flow.yaml", only(run).source, Seams(lambda text, path: (), judge))
    assert gates.judged(gates.Trial(inputs, Draft(text, (), ()))).outcome == outcome


@pytest.mark.server("nats")
def test_a_message_that_may_have_matched_is_undecided(tmp_path: Path, nats_url: str) -> None:
    run = run_text(
        tmp_path,
        """
        flow:
          name: told
          steps:
            - {id: tell, action: nats_publish, config: {subject: told, value: {key: "${secret('KEY')}", n: 1}}}
            - {id: hear, action: nats_subscribe, config: {subject: told, match: 'value.key == secret("KEY")'}}
        """,
        process={"KEY": "kept-from-everyone", "NATS_URL": nats_url},
    )
    assert run.verdict == "passed"
    hear = only(judge(run)).steps[1]
    why = "undecided: whether a message matches depends on a masked value"
    assert (hear.verdict, hear.message) == ("error", why)
    other = only(run).source.replace('value.key == secret("KEY")', "value.n == 1")
    assert only(judge(run, {"flow.yaml": other})).verdict == "passed"
