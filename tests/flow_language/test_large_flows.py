"""Files built to take long are answered in time, however large the limits let them be."""

from __future__ import annotations

import sys
from collections.abc import Callable
from types import FrameType

import pytest

from flows.language.check import load_flow
from flows.language.errors import NotEvaluable
from flows.language.expressions import MappingScope, compile_expression, evaluate_assertion
from flows.language.files import GivenFiles
from flows.language.templates import compile_template
from flows.language.values import parse_json
from tests.flow_language.actions_of_flows_md import CATALOGUE

HEAD = "flow:\n  name: n\n  steps:\n"


def step(number: int, more: str = "") -> str:
    return f"    - {{id: s{number}, action: http, config: {{url: 'http://x'}}, assert: [status == 200]{more}}}\n"


def undefined_names() -> str:
    return HEAD + "".join(
        f"    - {{id: s{n}, action: http, config: {{url: '${{q{n}z.id}}'}}, assert: [x{n}y == 1]}}\n"
        for n in range(1000)
    )


def misspelt_keys() -> str:
    return HEAD + "".join(step(n, f", asert{n}: [], retri{n}: 1") for n in range(1000))


def one_huge_text() -> str:
    body = "".join(f"          ${{A{n}}} x\n" for n in range(8_000))
    start = "    - id: a\n      action: http\n      config:\n        url: http://x\n        body: |\n"
    return f"{HEAD}{start}{body}      assert: [status == 200]\n"


def long_ids() -> str:
    steps = "".join(f"    - {{id: {'a' * 400_000}{n}, action: nope}}\n" for n in range(2))
    return f"{HEAD}{steps}    - {{id: b, action: {'a' * 100_000}, config: {{}}}}\n"


def nested_conditions() -> str:
    log = "{{id: d{n}, action: log, config: {{message: x}}}}"
    one = f"    - id: c{{n}}\n      action: condition\n      config: {{{{if: 1 == 1, then: [{log}]}}}}\n"
    return HEAD + "".join(one.format(n=n) for n in range(1000))


def deep_expression() -> str:
    return HEAD + step(1).replace("status == 200", "'" + "(" * 30_000 + "'")


def many_braces() -> str:
    return HEAD + step(1).replace("http://x", "${a" * 30_000)


def tabs_in_quotes() -> str:
    rows = "".join(f"      K{n}: 'a\n\tb'\n" for n in range(4_000))
    return f"flow:\n  name: n\n  env:\n{rows}  steps:\n{step(1)}"


@pytest.mark.timeout(60)
@pytest.mark.parametrize(
    "build",
    [
        undefined_names,
        misspelt_keys,
        one_huge_text,
        long_ids,
        nested_conditions,
        deep_expression,
        many_braces,
        tabs_in_quotes,
    ],
    ids=lambda build: build.__name__,
)
def test_a_hostile_file_is_answered(build: Callable[[], str]) -> None:
    load_flow(build(), "x.yaml", CATALOGUE, GivenFiles())


def test_checking_work_grows_with_the_file_and_not_faster() -> None:
    def calls(steps: int) -> int:
        text = HEAD + "".join(step(n) for n in range(steps))
        counted = [0]

        def count(frame: FrameType, event: str, argument: object) -> None:
            counted[0] += event == "call"

        sys.setprofile(count)
        try:
            checked = load_flow(text, "x.yaml", CATALOGUE, GivenFiles())
        finally:
            sys.setprofile(None)
        assert checked.flow is not None
        return counted[0]

    calls(10)
    assert calls(1000) < 11 * calls(100)


def test_four_hundred_assertions_hold_one_after_the_other() -> None:
    scope = MappingScope({"status": 200, "body": {"id": "7", "total": 12.5}, "place": {"id": "7"}})
    texts = ["status == 200", 'body.id == "${place.id}"', "body.total > 10 and body.total < 20", "body.note not exists"]
    assertions = [compile_expression(text) for text in texts] * 100
    assert all(evaluate_assertion(assertion, scope).passed for assertion in assertions)


def test_a_response_nested_without_end_is_not_evaluable_and_no_crash() -> None:
    deep: object = []
    for _ in range(5000):
        deep = [deep]
    scope = MappingScope({"body": deep})
    assert not evaluate_assertion(compile_expression("body == body"), scope).evaluable
    with pytest.raises(NotEvaluable):
        compile_expression("to_json(body)").evaluate(scope)
    with pytest.raises(NotEvaluable):
        compile_template("x ${body}").render(scope)
    with pytest.raises(NotEvaluable):
        compile_expression("path('$..x')").evaluate(scope)
    with pytest.raises(ValueError, match="too deep"):
        parse_json("[" * 100_000)
