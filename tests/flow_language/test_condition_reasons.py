"""A condition without two sides says why it came out as it did, and a missing field says what is there instead."""

from __future__ import annotations

import pytest

from flows.language.expressions import compile_expression, evaluate_assertion
from flows.language.expressions.reasons import reason
from flows.language.expressions.scope import InnerScope, MappingScope

ROWS = [{"id": 1, "state": "paid"}, {"id": 2, "state": "open"}, {"id": 3, "state": "paid"}]
ORDER = {"total": 35.5, "active": True, "note": None, "customer": {"name": "Ann", "email": "a@x.test"}}


def scope() -> InnerScope:
    return InnerScope({"rows": ROWS, "body": ORDER, "none": []}, MappingScope({}), ORDER)


@pytest.mark.parametrize(
    ("text", "why"),
    [
        (
            'all(rows, .state == "paid")',
            'element 1 does not: .state == "paid" (left "open", right "paid") in {"id":2,"state":"open"}',
        ),
        ('any(rows, .state == "sent")', 'none of 3 does: .state is "paid", "open"'),
        ("any(none, .id == 1)", "there are no elements"),
        ('none(rows, .state == "open")', 'element 1 does: .state == "open" (left "open", right "open") in '
         '{"id":2,"state":"open"}'),
        ('one(rows, .state == "paid")', "2 elements do: 0, 2"),
        ("all([1, 7], . < 5)", "element 1 does not: 7"),
        ("body.phone exists", "'body' has no field 'phone'; fields are total, active, note, customer"),
        ("body.customer.nam exists", "'body.customer' has no field 'nam'; did you mean 'name'?"),
        ("body.note not exists", "it is null"),
        ("body.total is string", "it is number 35.5"),
        ("rows is empty", "it is array of 3"),
        ("not body.active", "body.active is true"),
        ("not (body.total > 10)", "it holds: body.total > 10 (left 35.5, right 10)"),
        ("body.active and body.total > 40 and body.note == null",
         "this does not: body.total > 40 (left 35.5, right 40)"),
        ("body.total < 1 or body.note is string",
         "none of them holds: body.total < 1 (left 35.5, right 1); body.note is string (it is null)"),
        ("body.active ? body.total > 40 : true",
         "body.active is true, so body.total > 40 (left 35.5, right 40)"),
        ('body matches_schema {"required": ["vat"], "properties": {"total": {"type": "integer"}}}',
         "'vat' is a required property; total: 35.5 is not of type 'integer'"),
        ("body.total == 4", ""),
        ("uuid() == uuid() and false", ""),
    ],
)  # fmt: skip
def test_a_condition_says_why(text: str, why: str) -> None:
    assert reason(compile_expression(text), scope()) == why


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("body.totl == 1", "'body' has no field 'totl'; did you mean 'total'?"),
        ("path('$.customer.phone') == 1", "the path $.customer.phone finds nothing; fields are name, email"),
        ("path('$.note.text') == 1", "the path $.note.text finds nothing"),
        ("rows[9].id == 1", "'rows' has no element 9; it has 3"),
    ],
)
def test_what_is_missing_is_told_with_what_is_there(text: str, problem: str) -> None:
    assert evaluate_assertion(compile_expression(text), scope()).problem == problem


def test_a_reason_is_short_however_large_the_values() -> None:
    large = InnerScope({"rows": [{"text": "x" * 100_000}]}, MappingScope({}), {})
    assert len(reason(compile_expression('all(rows, .text == "y")'), large)) <= 400


def test_a_reference_to_nothing_behind_the_first_error_of_a_schema_hides_no_reason() -> None:
    text = "body matches_schema {properties: {total: {type: 'integer'}, active: {'$ref': '#/nowhere'}}}"
    assert reason(compile_expression(text), scope()) == "total: 35.5 is not of type 'integer'"
