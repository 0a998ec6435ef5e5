"""Each repairer edits exactly the places that depend on what changed, and keeps everything else as it is."""

from __future__ import annotations

from agents.repair.flow_text import apply
from agents.repair.repairer import Broken
from agents.repair.repairers import changed_status, moved_path, renamed_field, renamed_request_field
from graph.answers import ContractEdit

FIELD = """# who pays
flow:
  name: "Order"
  steps:
    - id: place
      action: http_request
      config: { method: POST, url: "${ORDERS}/orders", body: { total: 3 } }   # total stays here
      output:
        total: $.body.total
      assert:
        - status == 201          # created
        - body.total == 36
        - response.body.total > 0 and body.total_price == 1
    - id: list
      action: http_request
      config: { url: "${ORDERS}/orders?min=${place.body.total}" }
      assert:
        - all(body.items, .total > 0)
        - body.total == 1
"""


def fixed(text: str, kind: str, edit: ContractEdit, method: str = "GET") -> str:
    repairer = {"field": renamed_field, "path": moved_path, "status": changed_status}[kind].REPAIRER
    return apply(text, repairer.edits(Broken(text, edit, method)))


def changed(before: str, after: str) -> list[str]:
    return [b.strip() for a, b in zip(before.splitlines(), after.splitlines(), strict=True) if a != b]


def test_a_renamed_field_is_followed_at_its_step_and_where_later_steps_use_it() -> None:
    after = fixed(FIELD, "field", ContractEdit("field", "place", "body.total", "total", "amount"))
    assert changed(FIELD, after) == [
        "total: $.body.amount",
        "- body.amount == 36",
        "- response.body.amount > 0 and body.total_price == 1",
        'config: { url: "${ORDERS}/orders?min=${place.body.amount}" }',
    ]


def test_a_field_of_list_elements_is_followed_inside_closures() -> None:
    after = fixed(FIELD, "field", ContractEdit("field", "list", "body.items[0].total", "total", "sum"))
    assert changed(FIELD, after) == ["- all(body.items, .sum > 0)"]


def test_a_field_of_what_a_function_gives_is_followed() -> None:
    text = FIELD.replace("all(body.items, .total > 0)", "filter(body.items, .id == 1)[0].total == 3")
    after = fixed(text, "field", ContractEdit("field", "list", "body.items[0].total", "total", "sum"))
    assert changed(text, after) == ["- filter(body.items, .id == 1)[0].sum == 3"]


def test_a_request_field_is_sent_under_its_new_name() -> None:
    edit = ContractEdit("request", "place", "request", "total", "amount")
    assert changed(FIELD, apply(FIELD, renamed_request_field.REPAIRER.edits(Broken(FIELD, edit)))) == [
        'config: { method: POST, url: "${ORDERS}/orders", body: { amount: 3 } }   # total stays here'
    ]


def test_a_field_of_a_message_is_followed_under_every_name_it_has() -> None:
    text = """flow:
  name: E
  steps:
    - id: event
      action: kafka_consumer
      config: { topic: t, match: value.total > 1 }
      assert:
        - value.total == 1
        - messages[0].value.total == 1
        - json.total == 1
"""
    edit = ContractEdit("field", "event", "messages[0].value.total", "total", "amount")
    assert changed(text, fixed(text, "field", edit)) == [
        "config: { topic: t, match: value.amount > 1 }",
        "- value.amount == 1",
        "- messages[0].value.amount == 1",
        "- json.amount == 1",
    ]


def test_a_column_is_followed_in_rows_and_first_row() -> None:
    text = """flow:
  name: R
  steps:
    - id: row
      action: database_query
      config: { query: "SELECT total FROM orders" }
      assert:
        - rows[0].total == 1
        - result.first_row.total == 1
"""
    after = fixed(text, "field", ContractEdit("field", "row", "rows[0].total", "total", "amount"))
    assert changed(text, after) == ["- rows[0].amount == 1", "- result.first_row.amount == 1"]


def test_a_field_that_is_only_gone_is_not_guessed() -> None:
    assert fixed(FIELD, "field", ContractEdit("field", "place", "body.total", "total", "")) == FIELD


PATHS = """flow:
  name: P
  steps:
    - id: pay
      action: http_request
      config: { method: POST, url: "${PAY}/charges" }
    - id: look
      action: http_request
      config:
        url: "${PAY}/charges/${pay.body.id}?full=${X:/charges/1}"   # look
    - id: refund
      action: http_request
      config: { method: POST, url: '${PAY}/charges/${pay.body.id}/refund' }
    - id: other
      action: http_request
      config: { url: http://pay:80/v1/charges/7 }
"""


def test_a_moved_path_keeps_host_parameters_and_query() -> None:
    edit = ContractEdit("path", "look", "/charges/9", "/charges/<uuid:payment_id>", "/payments/<uuid:payment_id>")
    assert changed(PATHS, fixed(PATHS, "path", edit)) == [
        'url: "${PAY}/payments/${pay.body.id}?full=${X:/charges/1}"   # look',
        "config: { url: http://pay:80/v1/payments/7 }",
    ]


def test_a_path_moves_only_for_the_method_that_moved() -> None:
    edit = ContractEdit("path", "pay", "/charges", "/charges", "/payments")
    assert changed(PATHS, fixed(PATHS, "path", edit, "POST")) == [
        'config: { method: POST, url: "${PAY}/payments" }',
    ]


def test_a_path_with_an_unknown_parameter_is_not_guessed() -> None:
    edit = ContractEdit("path", "pay", "/charges", "/charges", "/accounts/{account}/payments")
    assert fixed(PATHS, "path", edit, "POST") == PATHS


def test_parameters_follow_their_names_when_their_order_changes() -> None:
    text = "flow:\n  name: P\n  steps:\n    - id: a\n      action: http\n      config: { url: http://h/a/1/b/2 }\n"
    edit = ContractEdit("path", "a", "/a/1/b/2", "/a/{x}/b/{y}", "/b/{y}/a/{x}")
    assert "http://h/b/2/a/1" in fixed(text, "path", edit)


STATUS = """flow:
  name: S
  steps:
    - id: make
      action: http_request
      assert:
        - status == 200    # ok
        - status < 300 and body.code == 200
        - 200 == response.status
        - status in [200, 202]
        - status != 200 or body.n == 2000
      config: { url: "http://h/x" }
    - id: next
      action: http_request
      when: make.status == 200
      config: { url: "http://h/y" }
      assert: [status == 200]
"""


def test_a_changed_status_is_followed_only_where_it_is_required() -> None:
    edit = ContractEdit("status", "make", "status", "200", "201")
    assert changed(STATUS, fixed(STATUS, "status", edit)) == [
        "- status == 201    # ok",
        "- 201 == response.status",
        "- status in [201, 202]",
        "when: make.status == 201",
    ]
