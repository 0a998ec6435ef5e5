"""Whatever an expression says and whatever comes back from a service, evaluation ends in a value or a reason."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st

from flows.language.comparing import equal
from flows.language.errors import NotEvaluable, SyntaxProblem
from flows.language.expressions import Expression, MappingScope, compile_expression, evaluate_assertion
from flows.language.expressions.printing import printed
from flows.language.expressions.tree import Tree
from flows.language.values import as_text, type_name
from tests.flow_language.test_expression_printing import TREES

JSON = st.recursive(
    st.one_of(st.none(), st.booleans(), st.integers(), st.floats(allow_nan=True), st.text(max_size=5)),
    lambda inner: st.one_of(
        st.lists(inner, max_size=3), st.dictionaries(st.sampled_from(["a", "count", "x"]), inner, max_size=3)
    ),
    max_leaves=6,
)
SCOPES = st.dictionaries(st.sampled_from(["a", "body", "rows", "total", "x_1", "status", "été"]), JSON)


def evaluated(expression: Expression, scope: MappingScope) -> tuple[object, NotEvaluable | None]:
    try:
        return expression.evaluate(scope), None
    except NotEvaluable as problem:
        return None, problem


@settings(max_examples=100)
@given(TREES, SCOPES)
def test_evaluation_gives_a_value_of_the_language_or_says_why_not(tree: Tree, names: dict[str, object]) -> None:
    try:
        expression = compile_expression(printed(tree))
    except SyntaxProblem:
        return
    scope = MappingScope(names)
    value, problem = evaluated(expression, scope)
    assert type_name(value) if problem is None else problem.message
    outcome = evaluate_assertion(expression, scope)
    assert outcome.evaluable or not outcome.passed


@settings(max_examples=60)
@given(JSON, JSON)
def test_equality_is_symmetric(left: object, right: object) -> None:
    def compared(a: object, b: object) -> object:
        try:
            return equal(a, b)
        except NotEvaluable:
            return "not evaluable"

    assert compared(left, right) == compared(right, left)


@settings(max_examples=60)
@given(st.one_of(st.integers(), st.text(), st.booleans(), st.none()))
def test_every_scalar_has_a_text_form(value: object) -> None:
    assert isinstance(as_text(value), str)
