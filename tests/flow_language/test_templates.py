"""Templates by table: types are kept, escapes are literal, defaults follow one bare name."""

from __future__ import annotations

import pytest

from flows.language.errors import NotEvaluable, SyntaxProblem
from flows.language.expressions import MappingScope
from flows.language.templates import compile_template
from flows.language.values import typed_text

SCOPE = MappingScope(
    {"n": 1, "s": "x", "t": True, "z": None, "m": {"k": [1, "ü"]}, "HOST": "h", "f": 2.50, "when": "2026-01-01"},
    effects={"now": lambda: "2026-03-16T10:00:00Z", "faker": lambda provider: f"<{provider}>"},
)

RENDERED: list[tuple[object, object]] = [
    ("plain", "plain"),
    ("${n}", 1),
    ("{{n}}", 1),
    ("{{ n }}", 1),
    (" ${n}", " 1"),
    ("${t}", True),
    ("${z}", None),
    ("${m}", {"k": [1, "ü"]}),
    ("${m.k[0]}", 1),
    ("a${n}b{{s}}", "a1bx"),
    ("${s}${s}", "xx"),
    ("v=${m}", 'v={"k":[1,"ü"]}'),
    ("v=${z} ${t} ${f}", "v=null true 2.5"),
    ("$${n}", "${n}"),
    ("a$${n}b${n}", "a${n}b1"),
    ('{{ "{{" }}', "{{"),
    ('{{ "{{" }} n }}', "{{ n }}"),
    ("$n {n} }}", "$n {n} }}"),
    ("${NOPE:fallback}", "fallback"),
    ("${HOST:fallback}", "h"),
    ("${NOPE:http://x:80/a?b=c}", "http://x:80/a?b=c"),
    ("${NOPE:}", ""),
    ("${NOPE:80}", 80),
    ("${NOPE:00501}", "00501"),
    ("${NOPE:true}", True),
    ("x${NOPE:80}", "x80"),
    ("${NOPE:a b}/c", "a b/c"),
    ("${n + 1}", 2),
    ("${s == 'x' ? 'yes' : 'no'}", "yes"),
    ("${m.nope ?? 'd'}", "d"),
    ("${ {a: {b: 1}} }", {"a": {"b": 1}}),
    ("{{ {a: {b: 1}} }}", {"a": {"b": 1}}),
    ('${"a}b"}', "a}b"),
    ("${FAKER.internet.email}", "<internet.email>"),
    ("${now()}", "2026-03-16T10:00:00Z"),
    ("at ${now()}", "at 2026-03-16T10:00:00Z"),
    ("${duration('90s')}", 90),
    ({"a": ["${n}", {"b": "${s}"}], "c": 5}, {"a": [1, {"b": "x"}], "c": 5}),
    ([], []),
    (None, None),
    (5, 5),
]


@pytest.mark.parametrize(("value", "expected"), RENDERED, ids=[str(value) for value, _ in RENDERED])
def test_a_value_renders_as_the_table_says(value: object, expected: object) -> None:
    found = compile_template(value).render(SCOPE)
    assert found == expected
    assert type(found) is type(expected)


@pytest.mark.parametrize("text", ["${", "x${n", "{{ n }", "${}", "{{  }}", "${n +}", "${m.k:x}", "${1n}"])
def test_what_is_no_template_is_refused(text: str) -> None:
    with pytest.raises(SyntaxProblem):
        compile_template(text)


@pytest.mark.parametrize("text", ["${nope}", "x${nope}", "${m.nope}", "${n.x}"])
def test_a_name_that_does_not_resolve_is_never_sent_on(text: str) -> None:
    with pytest.raises(NotEvaluable):
        compile_template({"deep": [text]}).render(SCOPE)


def test_a_rendered_constant_may_be_changed_without_changing_the_template() -> None:
    template = compile_template({"a": [1]})
    first = template.render(SCOPE)
    first["a"].append(2)
    assert template.render(SCOPE) == {"a": [1]}
    assert template.constant


def test_names_are_those_that_templates_refer_to() -> None:
    assert compile_template({"a": "${x.y} {{ len(z) }}", "b": "${W:1}"}).names == {"x", "z", "W"}


TYPED: list[tuple[str, object]] = [
    ("200", 200),
    ("-5", -5),
    ("0", 0),
    ("1.5", 1.5),
    ("true", True),
    ("false", False),
    ("null", None),
    ("00501", "00501"),
    ("1e3", "1e3"),
    ("-0", "-0"),
    ("+5", "+5"),
    ("1.", "1."),
    (".5", ".5"),
    ("True", "True"),
    ("1_000", "1_000"),
    ("٣", "٣"),
    (" 5", " 5"),
    ("5\n", "5\n"),
    ("", ""),
    ("0x10", "0x10"),
]


@pytest.mark.parametrize(("text", "expected"), TYPED, ids=[repr(text) for text, _ in TYPED])
def test_text_becomes_typed_only_when_it_prints_back_the_same(text: str, expected: object) -> None:
    found = typed_text(text)
    assert found == expected
    assert type(found) is type(expected)


def test_a_typed_number_prints_back_exactly() -> None:
    for text in ("40.00", "0.10", "12345678901234567890.123456789"):
        assert str(typed_text(text)) == text
