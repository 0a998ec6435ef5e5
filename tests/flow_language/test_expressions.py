"""The expression language by table: values, precedence, types, and what has no value."""

from __future__ import annotations

from decimal import Decimal

import pytest

from flows.language.errors import (
    MissingField,
    NotEvaluable,
    StepDidNotRun,
    SyntaxProblem,
    TooMuch,
    TypeMismatch,
    UnknownName,
)
from flows.language.expressions import InnerScope, MappingScope, compile_expression, compile_path, evaluate_assertion
from flows.language.expressions.parser import parse
from flows.language.expressions.printing import printed
from flows.language.values import Headers

ITEMS = [{"sku": "A", "price": 1.5, "tags": ["x"]}, {"sku": "B", "price": 20, "tags": []}]
SCOPE = MappingScope(
    {
        "status": 200,
        "body": {"id": "7", "items": ITEMS, "none": None, "empty": [], "total": Decimal("40.00"), "a.b": 1, "count": 2},
        "headers": Headers.of([("Content-Type", "json"), ("Set-Cookie", "a"), ("set-cookie", "b")]),
        "name": "Ada",
        "n": 7,
        "flag": True,
        "when": "2026-03-16T10:00:00Z",
        "text": "a-b-c",
        "a": 5,
        "b": 3,
        "a-b": 99,
        "exists": False,
        "count": 2,
    },
    effects={"now": lambda: "2026-03-16T10:00:00Z", "secret": lambda name: f"s3cret-{name}"},
)

VALUES = [
    ("status == 200", True),
    ("1 == 1.0", True),
    ("40.00 == 40", True),
    ("body.total == 40", True),
    ("0.1 + 0.2 == 0.3", True),
    ("10 / 4", Decimal("2.5")),
    ("4 / 2", 2),
    ("1 / 3 * 3 == 1", False),
    ("7 % 3", 1),
    ("-7 % 3", -1),
    ("2 + 3 * 4", 14),
    ("(2 + 3) * 4", 20),
    ("-n + 1", -6),
    ("-2 * -3", 6),
    ("'a' + \"b\"", "ab"),
    ("[1] + [2]", [1, 2]),
    ("a-b", 99),
    ("a - b", 2),
    ("true and false or true", True),
    ("true || false && false", True),
    ("not flag == false", True),
    ("!flag or flag", True),
    ("flag ? 'y' : 'n'", "y"),
    ("flag ? false ? 1 : 2 : 3", 2),
    ("body.nope ?? 'd'", "d"),
    ("body.none ?? 'd'", "d"),
    ("body.nope ?? body.no ?? 'last'", "last"),
    ("nothing ?? 1", 1),
    ("body.items[9].x ?? 0", 0),
    ("body.id == null", False),
    ("body.none == null", True),
    ("nil == null", True),
    ("null != 'x'", True),
    ("status in [200, 201]", True),
    ("status not in [404]", True),
    ("'d' in name", True),
    ("'id' in body", True),
    ("name contains 'da'", True),
    ("body.items[0].tags contains 'x'", True),
    ("['a', 1] contains 'a'", True),
    ("[null] contains null", True),
    ("name startsWith 'A'", True),
    ("name starts_with 'A'", True),
    ("name endsWith 'a'", True),
    ("name ends_with 'a'", True),
    ("name matches '^A'", True),
    ("name matches 'D'", False),
    ("body.id exists", True),
    ("body.none exists", True),
    ("body.nope exists", False),
    ("body.nope.deep exists", False),
    ("body.id.deep exists", False),
    ("unknown exists", False),
    ("body.nope not exists", True),
    ("exists == false", True),
    ("body.none is null", True),
    ("body.id is not null", True),
    ("status is number", True),
    ("flag is boolean", True),
    ("name is string", True),
    ("body.items is array", True),
    ("body is object", True),
    ("body.empty is empty", True),
    ("name is not empty", True),
    ("'' is empty", True),
    ("headers['content-type']", "json"),
    ("headers.CONTENT-TYPE", "json"),
    ("headers['set-cookie']", "a, b"),
    ("body['a.b']", 1),
    ("body.items[-1].sku", "B"),
    ("body.items[0:1][0].sku", "A"),
    ("body.items[1:].length", 1),
    ("name[0:2]", "Ad"),
    ("len(body.items)", 2),
    ("body.items.length", 2),
    ("name.length", 3),
    ("body.count", 2),
    ("count == 2", True),
    ("any(body.items, .price > 10)", True),
    ("all(body.items, .price > 10)", False),
    ("none(body.items, .price > 100)", True),
    ("one(body.items, .sku == 'A')", True),
    ("filter(body.items, .price > 10)[0].sku", "B"),
    ("map(body.items, .sku)", ["A", "B"]),
    ("count(body.items, .price > 1)", 2),
    ("map([1, 2], . * n)", [7, 14]),
    ("any(body.items, any(.tags, . == 'x'))", True),
    ("map(body.items, .sku.lower())", ["a", "b"]),
    ("sum([1, 2.5])", Decimal("3.5")),
    ("avg([1, 2])", Decimal("1.5")),
    ("min([3, 1, 2])", 1),
    ("max(['a', 'c', 'b'])", "c"),
    ("abs(-3)", 3),
    ("round(2.5)", 3),
    ("round(-2.5)", -3),
    ("round(2.345, 2)", Decimal("2.35")),
    ("floor(-1.5)", -2),
    ("ceil(1.2)", 2),
    ("keys({b: 1, a: 2})", ["b", "a"]),
    ("values({b: 1, a: 2})", [1, 2]),
    ("int('42') + 1", 43),
    ("int(4.9)", 4),
    ("float('1.5')", Decimal("1.5")),
    ("string(5) == '5'", True),
    ("upper(name)", "ADA"),
    ("name.upper()", "ADA"),
    ("' x '.trim()", "x"),
    ("replace(text, '-', '+')", "a+b+c"),
    ("split(text, '-')", ["a", "b", "c"]),
    ("join(['a', 1], ',')", "a,1"),
    ("regex_find('csrf=ab12; x', 'csrf=([a-z]+)([0-9]+)')", "ab"),
    ("regex_find('csrf=ab12; x', '[0-9]+')", "12"),
    ("regex_find('csrf=ab12; x', 'z') is null", True),
    ("json('{\"a\": [1]}').a[0]", 1),
    ("to_json({a: [1, null]})", '{"a":[1,null]}'),
    ("base64('hi')", "aGk="),
    ("base64_decode('aGk=')", "hi"),
    ("sha256('')[0:8]", "e3b0c442"),
    ("date(when) == now()", True),
    ("date('2026-03-16') < date(when)", True),
    ("now() - date(when) < duration('1s')", True),
    ("date(when) + duration('90m') == date('2026-03-16T13:30:00+02:00')", True),
    ("when > '2026-01-01'", True),
    ("secret('db')", "s3cret-db"),
    ('"$.body.id"', "7"),
    ('"$.body.items[*].sku"', ["A", "B"]),
    ("path('$..sku')", ["A", "B"]),
    ("$.body.id", "7"),
    ("text('$.x')", "$.x"),
    ("name matches text('$.')", False),
    ("'7x' matches '$.body.id'", True),
    ('"${name}-${n}"', "Ada-7"),
    ('"${n}" == 7', True),
    ("${n} == {{ n }}", True),
    ("'$${n}'", "${n}"),
    ("'{{ \"{{\" }}'", "{{"),
    ("${NOPE:8080} == 8080", True),
    ("'${NOPE:00501}'", "00501"),
    ("'\\u00e9\\n\\''", "é\n'"),
    ('"\\uD83D\\uDE00"', "😀"),
    ("{a: 1, 'b c': [1]}", {"a": 1, "b c": [1]}),
    ("body matches_schema {type: 'object', required: ['id']}", True),
    ("body matches_schema {required: ['nope']}", False),
    ("false && body.nope == 1", False),
    ("true || body.nope == 1", True),
]


@pytest.mark.parametrize(("text", "expected"), VALUES, ids=[text for text, _ in VALUES])
def test_an_expression_has_the_value_of_the_table(text: str, expected: object) -> None:
    found = compile_expression(text, ids=frozenset(["a-b"])).evaluate(SCOPE)
    assert found == expected
    assert type(found) is type(expected)


NO_VALUE: list[tuple[str, type[NotEvaluable], str]] = [
    ("status == '200'", TypeMismatch, 'cannot compare number 200 with string "200"'),
    ("[1] == ['1']", TypeMismatch, "number 1"),
    ("{a: 1} == {a: true}", TypeMismatch, "boolean true"),
    ("status < '3'", TypeMismatch, "number 200"),
    ("true < false", TypeMismatch, "no order"),
    ("null < 1", TypeMismatch, "null"),
    ("!status", TypeMismatch, "must be a boolean"),
    ("status and true", TypeMismatch, "left of 'and'"),
    ("status ? 1 : 2", TypeMismatch, "before '?'"),
    ("'a' + 1", TypeMismatch, "'+'"),
    ("name matches 5", TypeMismatch, "needs strings"),
    ("status in ['200']", TypeMismatch, "cannot compare"),
    ("status not in ['200']", TypeMismatch, "cannot compare"),
    ("5 in name", TypeMismatch, "a string contains strings"),
    ("status is empty", TypeMismatch, "empty"),
    ("any(status, . == 1)", TypeMismatch, "needs an array"),
    ("any([1], .)", TypeMismatch, "on each element"),
    ("body.items['x']", TypeMismatch, "must be a number"),
    ("body.nope", MissingField, "'body' has no field 'nope'"),
    ("body.nope == null", MissingField, "no field 'nope'"),
    ("body.id.x", MissingField, 'string "7"'),
    ("body.none.x", MissingField, "null"),
    ("body.items[5]", MissingField, "no element 5; it has 2"),
    ("(body.nope + 1) ?? 2", NotEvaluable, "no field 'nope'"),
    ("filter(body.items, .nope == 1)[0] ?? 2", NotEvaluable, "no field 'nope'"),
    ("unknown", UnknownName, "'unknown' is not defined"),
    ("1 / 0", NotEvaluable, "division by zero"),
    ("avg([])", NotEvaluable, "empty array"),
    ("int('4.5')", NotEvaluable, "not a whole number"),
    ("json('{')", NotEvaluable, "json()"),
    ("date('yesterday')", NotEvaluable, "not ISO 8601"),
    ("duration('5 minutes')", NotEvaluable, "500ms"),
    ("duration('999999999999h')", NotEvaluable, "999,999,999 days"),
    ("sha256(json('\"\\\\ud800\"'))", NotEvaluable, "half of a surrogate pair"),
    ("base64(json('\"\\\\ud800\"'))", NotEvaluable, "half of a surrogate pair"),
    ("uuid()", NotEvaluable, "not available"),
    ("name matches '${text}('", NotEvaluable, "does not compile"),
    ("body matches_schema {type: 'nonsense'}", NotEvaluable, "not valid"),
    ("body matches_schema {'$ref': 'http://127.0.0.1:1/x'}", NotEvaluable, "refers to"),
]


@pytest.mark.parametrize(("text", "kind", "message"), NO_VALUE, ids=[text for text, *_ in NO_VALUE])
def test_what_has_no_value_says_why(text: str, kind: type[NotEvaluable], message: str) -> None:
    with pytest.raises(NotEvaluable) as caught:
        compile_expression(text).evaluate(SCOPE)
    assert type(caught.value) is kind
    assert message in caught.value.message


PRECEDENCE = [
    ("a ? b : c ? d : e", "a ? b : (c ? d : e)"),
    ("a ?? b ? c : d", "(a ?? b) ? c : d"),
    ("a ?? b or c", "a ?? (b or c)"),
    ("a ?? b ?? c", "a ?? (b ?? c)"),
    ("a or b and c", "a or (b and c)"),
    ("a || b && c", "a or (b and c)"),
    ("a and b == c", "a and (b == c)"),
    ("a == b + c", "a == (b + c)"),
    ("a + b * c", "a + (b * c)"),
    ("a - b - c", "(a - b) - c"),
    ("a / b * c % d", "((a / b) * c) % d"),
    ("!a == b", "(!a) == b"),
    ("not a == b", "(!a) == b"),
    ("not a and b", "(!a) and b"),
    ("-a * b", "(-a) * b"),
    ("-a.b", "-(a.b)"),
    ("!a.b[0].upper()", "!(a.b[0].upper())"),
    ("a + 1 is number", "(a + 1) is number"),
    ("a.b not exists and c", "(a.b not exists) and c"),
    ("a not in b or c", "(a not in b) or c"),
    ("a contains b + c", "a contains (b + c)"),
]


@pytest.mark.parametrize(("text", "same"), PRECEDENCE, ids=[text for text, _ in PRECEDENCE])
def test_operators_bind_as_the_table_says(text: str, same: str) -> None:
    assert printed(parse(text)) == printed(parse(same))


@pytest.mark.parametrize("text", ["a == b == c", "a < b < c", "a is null == true", "a in b in c", "a exists exists"])
def test_comparisons_do_not_chain(text: str) -> None:
    with pytest.raises(SyntaxProblem, match="do not chain"):
        parse(text)


@pytest.mark.parametrize("text", ["a-b", "a -b", "a- b", "5-3", "len(a)-1"])
def test_subtraction_needs_spaces_where_no_id_is_meant(text: str) -> None:
    with pytest.raises(SyntaxProblem) as caught:
        parse(text)
    assert caught.value.rule == "expr/minus"


def test_the_longest_known_id_wins() -> None:
    scope = MappingScope({"a": {"x": 1}, "a-b": {"x": 2}, "a-b-c": {"x": 3}})
    ids = frozenset(["a-b", "a-b-c"])
    assert compile_expression("a-b-c.x", ids=ids).evaluate(scope) == 3
    assert compile_expression("a-b.x", ids=ids).evaluate(scope) == 2


def test_an_assertion_reports_both_sides_also_when_it_cannot_be_evaluated() -> None:
    outcome = evaluate_assertion(compile_expression("status == '200'"), SCOPE)
    assert (outcome.passed, outcome.left, outcome.right, outcome.evaluable) == (False, 200, "200", False)
    outcome = evaluate_assertion(compile_expression("status == 200 and n < 3"), SCOPE)
    assert (outcome.passed, outcome.left, outcome.right, outcome.evaluable) == (False, 7, 3, True)
    outcome = evaluate_assertion(compile_expression("not (status == 200)"), SCOPE)
    assert (outcome.passed, outcome.left, outcome.right) == (False, 200, 200)
    outcome = evaluate_assertion(compile_expression("body.nope exists"), SCOPE)
    assert (outcome.passed, outcome.left, outcome.problem) == (False, None, None)
    outcome = evaluate_assertion(compile_expression("n"), SCOPE)
    assert outcome.problem == "an assertion must be a boolean, not number 7"


def test_an_inner_scope_comes_before_the_outer_one() -> None:
    scope = InnerScope({"n": 1}, SCOPE)
    assert compile_expression("n + status").evaluate(scope) == 201
    assert compile_expression("$.n").evaluate(scope) == 1
    assert compile_expression("secret('x')").evaluate(scope) == "s3cret-x"


class _Unrun(MappingScope):
    def lookup(self, name: str) -> object:
        raise StepDidNotRun(name)


def test_a_step_that_did_not_run_is_an_error_except_under_exists_and_left_of_the_default() -> None:
    scope = _Unrun({})
    assert compile_expression("step.id exists").evaluate(scope) is False
    assert compile_expression("step.id ?? 'x'").evaluate(scope) == "x"
    with pytest.raises(StepDidNotRun):
        compile_expression("step.id").evaluate(scope)
    with pytest.raises(StepDidNotRun):
        compile_expression("${step:default}").evaluate(scope)


@pytest.mark.parametrize(
    "text",
    [
        "map(xs, map(xs, map(xs, 1)))",
        "9" * 399 + " * " + "9" * 399,
        "count(xs, sum(ys) > 0) > 0",
    ],
)
def test_work_and_size_are_bounded(text: str) -> None:
    scope = MappingScope({"xs": list(range(2000)), "ys": [1] * 2000})
    with pytest.raises(TooMuch):
        compile_expression(text).evaluate(scope)


@pytest.mark.parametrize("text", ["(" * 100 + "1" + ")" * 100, "!" * 100 + "true", "1" + " + 1" * 5000, "x" * 70_000])
def test_depth_and_length_are_bounded(text: str) -> None:
    with pytest.raises(SyntaxProblem) as caught:
        parse(text)
    assert caught.value.rule == "expr/too-large"


PATHS = [
    ("$.body.id", "7"),
    ("body.id", "7"),
    ("body.items[-1].sku", "B"),
    ("headers.content-type", "json"),
    ("$.headers['content-type']", "json"),
    ("$.body.items[?@.price > 10].sku", ["B"]),
    ("body.items[0:1]", [ITEMS[0]]),
    ("$", None),
]


@pytest.mark.parametrize(("path", "expected"), PATHS, ids=[path for path, _ in PATHS])
def test_a_path_finds_what_the_table_says(path: str, expected: object) -> None:
    found = compile_path(path).evaluate(SCOPE)
    assert found == expected or (expected is None and isinstance(found, dict))


@pytest.mark.parametrize("path", ["$.nope", "body.nope", "$.body.items[9]", "$.body.items[?@.price > 99]"])
def test_a_path_that_finds_nothing_is_missing(path: str) -> None:
    with pytest.raises(MissingField):
        compile_path(path).evaluate(SCOPE)


@pytest.mark.parametrize("path", ["1 + 1", "len(body)", "'text'", "a == b", ""])
def test_an_output_takes_paths_only(path: str) -> None:
    with pytest.raises(SyntaxProblem):
        compile_path(path)
