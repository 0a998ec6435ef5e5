"""Each class of failure is told from the others by its evidence."""

from __future__ import annotations

import pytest

from agents.diagnosis import Commit, DiagnosisInputs, diagnose
from graph.runs import FlowRun
from testmesh.kernel.errors import UserError
from tests.agents.story import Http, Texts, change, flow_run, hunks, run, symbol

ORDERS = "services/orders/app.py"
PAYMENTS = "services/payments/client.py"
BEFORE = """def shown(order):
    return {
        "id": order.id,
        "total": order.total,
    }


def place(order):
    save(order)
    return shown(order), 201
"""
RENAMED = BEFORE.replace('"total": order.total', '"amount": order.total')
CALLER = """def pay(response):
    return charge(response.json()["total"])
"""
GOOD = Http("place", "POST", "http://orders/orders", 201, {"id": 1, "total": 36}, (("body.total == 36", True, 36, 36),))
GONE = Http(
    "place", "POST", "http://orders/orders", 201, {"id": 2, "amount": 36}, (("body.total == 36", False, None, 36),)
)


def renamed(caller_before: str, caller_after: str, message: str, **files: str) -> DiagnosisInputs:
    texts = Texts({ORDERS: BEFORE, PAYMENTS: caller_before}, {ORDERS: RENAMED, PAYMENTS: caller_after, **files})
    made = change(texts, items=[symbol(ORDERS, "shown", *hunks(BEFORE, RENAMED))])
    return DiagnosisInputs(
        run=run("r2", flow_run("flows/order.yaml", GONE)),
        green=run("r1", flow_run("flows/order.yaml", GOOD), revision="b" * 40),
        change=made,
        commits=(Commit("c" * 40, message, made, texts),),
        sources=texts,
    )


def test_a_renamed_field_with_a_caller_left_behind_is_a_regression() -> None:
    found = diagnose(renamed(CALLER, CALLER, "Rename total to amount"))
    assert found.failure == "product regression"
    assert any("still uses `total`" in clue.text for clue in found.clues)
    assert found.causes[0].file == ORDERS
    assert found.causes[0].symbol == "shown"
    assert found.causes[0].commit == "c" * 40


def test_a_renamed_field_that_its_caller_follows_is_a_contract_change() -> None:
    found = diagnose(renamed(CALLER, CALLER.replace("total", "amount"), "Say amount"))
    assert found.failure == "contract change"
    assert found.causes[0].file == ORDERS


def test_a_renamed_field_without_any_sign_of_intent_is_a_regression() -> None:
    assert diagnose(renamed("", "", "Tidy the answer")).failure == "product regression"


def test_a_commit_that_names_both_fields_is_a_sign_of_intent() -> None:
    assert diagnose(renamed("", "", "Rename total to amount in the answer")).failure == "contract change"


def test_a_refused_connection_is_the_environment_even_beside_a_change() -> None:
    down = Http("place", "POST", "http://orders/orders", 0, error="Connection refused", error_type="connection")
    base = renamed("", "", "Rename total to amount")
    found = diagnose(
        DiagnosisInputs(
            run=run("r2", flow_run("flows/order.yaml", down)),
            green=base.green,
            change=base.change,
            commits=base.commits,
            sources=base.sources,
        )
    )
    assert found.failure == "environment"
    assert found.causes == ()


def test_a_moved_address_is_not_excused_as_environment() -> None:
    before = 'URL = os.environ["PAYMENTS_URL"]\n'
    after = 'URL = os.environ.get("PAYMENT_URL", "http://localhost:1")\n'
    texts = Texts({"services/orders/config.py": before}, {"services/orders/config.py": after})
    broken = Http("place", "POST", "http://orders/orders", 500, "oops", (("status == 201", False, 500, 201),))
    found = diagnose(
        DiagnosisInputs(
            run=run("r2", flow_run("f.yaml", broken), logs={"orders": ["httpx.ConnectError: Connection refused"]}),
            green=run("r1", flow_run("f.yaml", GOOD), revision="b" * 40),
            change=change(texts),
            sources=texts,
        )
    )
    assert found.failure == "product regression"
    assert found.causes[0].file == "services/orders/config.py"


def test_the_same_revision_that_passed_before_is_flaky() -> None:
    failing = run("r3", flow_run("flows/order.yaml", GONE))
    found = diagnose(DiagnosisInputs(run=failing, history=(run("r2", flow_run("flows/order.yaml", GOOD)),)))
    assert found.failure == "flaky"


def test_the_same_revision_that_passes_in_another_environment_is_the_environment() -> None:
    failing = run("r3", flow_run("flows/order.yaml", GONE), environment="staging")
    passed = run("r2", flow_run("flows/order.yaml", GOOD), environment="local")
    assert diagnose(DiagnosisInputs(run=failing, history=(passed,))).failure == "environment"


def test_an_unknown_revision_is_never_called_flaky() -> None:
    failing = run("r3", flow_run("flows/order.yaml", GONE), revision="unknown")
    passed = run("r2", flow_run("flows/order.yaml", GOOD), revision="unknown")
    assert diagnose(DiagnosisInputs(run=failing, history=(passed,))).failure == "unknown"


def test_a_flow_that_changed_while_the_product_answers_as_before_is_a_test_defect() -> None:
    wrong = Http(
        "place", "POST", "http://orders/orders", 201, {"id": 2, "total": 36}, (("body.total == 37", False, 36, 37),)
    )
    source = "\n" * 9 + "- body.total == {}\n"
    found = diagnose(
        DiagnosisInputs(
            run=run("r2", flow_run("f.yaml", wrong, source=source.format(37))),
            green=run("r1", flow_run("f.yaml", GOOD, source=source.format(36)), revision="b" * 40),
            change=change(Texts({}, {})),
        )
    )
    assert found.failure == "test defect"


def test_a_server_error_is_never_a_contract() -> None:
    broken = Http("place", "POST", "http://orders/orders", 500, "oops", (("status == 201", False, 500, 201),))
    base = renamed(CALLER, CALLER.replace("total", "amount"), "Rename total to amount!")
    found = diagnose(
        DiagnosisInputs(
            run=run(
                "r2",
                flow_run("f.yaml", broken),
                logs={
                    "orders": [
                        "Traceback (most recent call last):",
                        '  File "/srv/services/orders/app.py", line 4, in shown',
                        '    "amount": order.total,',
                        "AttributeError: 'Order' object has no attribute 'total'",
                    ]
                },
            ),
            green=run("r1", flow_run("f.yaml", GOOD), revision="b" * 40),
            change=base.change,
            sources=base.sources,
        )
    )
    assert found.failure == "product regression"
    assert found.causes[0].line == 4
    assert found.causes[0].clues[0].detector == "error origin"


def test_a_run_without_a_change_and_without_signs_is_left_open() -> None:
    found = diagnose(DiagnosisInputs(run=run("r2", flow_run("f.yaml", GONE))))
    assert found.failure == "unknown"
    assert any("no earlier revision" in text for text in found.not_checked)


def test_a_passing_run_cannot_be_diagnosed() -> None:
    with pytest.raises(UserError, match="did not fail"):
        diagnose(DiagnosisInputs(run=run("r1", flow_run("f.yaml", GOOD))))


def unusable(rule: str, message: str) -> DiagnosisInputs:
    problem = {"file": "f.yaml", "line": 3, "rule": rule, "message": message}
    flow = FlowRun("f.yaml", "f.yaml", None, "error", 0.0, message=message, problems=(problem,))
    base = renamed("", "", "Tidy the answer")
    return DiagnosisInputs(run=run("r2", flow), green=base.green, change=base.change, sources=base.sources)


def test_a_variable_without_a_value_is_the_environment() -> None:
    found = diagnose(unusable("flow/unset-variable", "variable 'ORDERS_URL' is not set and has no default"))
    assert found.failure == "environment"


def test_a_flow_that_cannot_be_read_is_a_test_defect() -> None:
    found = diagnose(unusable("flow/unknown-key", "a step has no key 'asert'"))
    assert found.failure == "test defect"
    assert found.clues[0].place == "f.yaml:3"


def in_trouble(*logs: str) -> str:
    broken = Http("place", "POST", "http://orders/orders", 500, "oops", (("status == 201", False, 500, 201),))
    texts = Texts({ORDERS: BEFORE}, {ORDERS: BEFORE.replace("save(order)", "store(order)")})
    inputs = DiagnosisInputs(
        run=run("r2", flow_run("f.yaml", broken), logs={"orders": logs}),
        green=run("r1", flow_run("f.yaml", GOOD), revision="b" * 40),
        change=change(texts),
        sources=texts,
    )
    return diagnose(inputs).failure


def test_a_connection_that_breaks_is_no_sign_of_the_environment_alone() -> None:
    assert in_trouble("httpcore.ReadError: [Errno 104] Connection reset by peer") == "product regression"


def test_an_error_of_the_code_outweighs_signs_in_other_lines() -> None:
    refused = "psycopg.OperationalError: connection to server at 127.0.0.1 failed: Connection refused"
    assert in_trouble(refused) == "environment"
    assert in_trouble(refused, "fastapi.exceptions.ResponseValidationError: 1 validation error") == "product regression"
    assert in_trouble(refused, "httpx.HTTPStatusError: Server error '500 INTERNAL SERVER ERROR'") == "environment"
