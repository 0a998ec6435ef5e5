"""Printing an expression and reading it again gives the same expression, for any tree."""

from __future__ import annotations

from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from flows.language.errors import SyntaxProblem
from flows.language.expressions import tree as t
from flows.language.expressions.parser import parse
from flows.language.expressions.printing import printed
from flows.language.expressions.words import ARITY, CLOSURES, METHODS, OPERATOR_WORDS, PRECEDENCE, TYPE_WORDS

WORDS = st.sampled_from(["a", "body", "rows", "total", "x_1", "status", "été"])
FIELDS = st.one_of(WORDS, st.sampled_from(["count", "in", "exists", "length", "not", "content-type"]))
TEXTS = st.text(alphabet=st.characters(codec="utf-8"), max_size=8).filter(lambda s: not s.startswith(("$.", "$[")))
BINARY = sorted(set(PRECEDENCE) - {"?", "exists", "not exists", "is", "matches", "matches_schema"})
FUNCTIONS = sorted(set(ARITY) - {"length", "path", "text", "secret"})


def literal(value: object) -> t.Tree:
    return t.Literal(value, 0, 0)


NUMBERS = st.one_of(st.integers(-(10**12), 10**12), st.floats(allow_nan=False, allow_infinity=False, width=32).map(abs))
LITERALS = st.one_of(NUMBERS, TEXTS, st.booleans(), st.none()).map(literal)
LEAVES = st.one_of(
    LITERALS,
    WORDS.map(lambda name: t.Name(name, 0, 0)),
    st.just(t.Root(0, 0)),
    st.sampled_from(["$.a", "$['b'][0]", "$..c", "$[?@.d > 1]"]).map(lambda path: t.PathOf(path, 0, 0)),
    st.sampled_from(["internet.email", "first_name"]).map(lambda name: t.Faker(name, 0, 0)),
)


def grown(inner: st.SearchStrategy[t.Tree]) -> st.SearchStrategy[t.Tree]:
    paths = st.one_of(
        WORDS.map(lambda name: t.Name(name, 0, 0)),
        st.builds(lambda name, field: t.Member(t.Name(name, 0, 0), field, 0, 0, 0), WORDS, FIELDS),
    )
    return st.one_of(
        st.builds(lambda target, name: t.Member(target, name, 0, 0, 0), inner, FIELDS),
        st.builds(lambda target, key: t.Index(target, key, 0, 0), inner, inner),
        st.builds(
            lambda target, low, high: t.Slice(target, low, high, 0, 0),
            inner,
            st.one_of(st.none(), inner),
            st.one_of(st.none(), inner),
        ),
        st.builds(lambda op, left, right: t.Binary(op, left, right, 0, 0, 0), st.sampled_from(BINARY), inner, inner),
        st.builds(lambda op, operand: t.Unary(op, operand, 0, 0), st.sampled_from(["!", "-"]), inner),
        st.builds(lambda test, a, b: t.Conditional(test, a, b, 0, 0), inner, inner, inner),
        st.builds(lambda operand, negated: t.Exists(operand, negated, 0, 0), paths, st.booleans()),
        st.builds(
            lambda operand, what, negated: t.Is(operand, what, negated, 0, 0),
            inner,
            st.sampled_from(TYPE_WORDS),
            st.booleans(),
        ),
        st.lists(inner, max_size=3).map(lambda items: t.ListOf(tuple(items), 0, 0)),
        st.dictionaries(st.one_of(WORDS, TEXTS), inner, max_size=2).map(
            lambda items: t.MapOf(tuple(items), tuple(items.values()), 0, 0)
        ),
        st.builds(lambda name, x: t.Call(name, (x,), True, 0, 0), st.sampled_from(METHODS), inner),
        st.sampled_from(FUNCTIONS).flatmap(
            lambda name: st.lists(inner, min_size=ARITY[name][0], max_size=ARITY[name][1]).map(
                lambda arguments: t.Call(name, tuple(arguments), False, 0, 0)
            )
        ),
        st.builds(
            lambda name, items, field: t.Closure(name, items, t.Member(t.Element(0, 0), field, 0, 0, 0), 0, 0),
            st.sampled_from(CLOSURES),
            inner,
            FIELDS,
        ),
    )


TREES = st.recursive(LEAVES, grown, max_leaves=12)


def refused(text: str) -> SyntaxProblem | None:
    try:
        parse(text)
    except SyntaxProblem as problem:
        return problem
    return None


def meaning(tree: Any) -> Any:
    """A tree without its offsets, negative literals as what the parser makes of them."""
    if isinstance(tree, t.Unary) and tree.operator == "-":
        inner = meaning(tree.operand)
        if inner[0] == "Literal" and inner[1][1] and type(inner[1][1]) in (int, float):
            return ("Literal", ("", -inner[1][1]))
        return ("Unary", "-", inner)
    if isinstance(tree, tuple) and hasattr(tree, "_fields"):
        kept = [name for name in tree._fields if name not in ("start", "end", "at")]
        return (type(tree).__name__, *(meaning(getattr(tree, name)) for name in kept))
    if isinstance(tree, tuple):
        return tuple(meaning(item) for item in tree)
    return (type(tree).__name__ if isinstance(tree, bool) else "", tree)


@settings(max_examples=100)
@given(TREES)
def test_parsing_what_was_printed_gives_the_same_tree(tree: t.Tree) -> None:
    text = printed(tree)
    assert meaning(parse(text)) == meaning(tree), text
    canonical = printed(parse(text))
    assert printed(parse(canonical)) == canonical


@settings(max_examples=100)
@given(st.text(alphabet="ab.$[]{}()?:!=<>&|+-*/%'\"\\ 01,}{", max_size=30))
def test_any_text_parses_or_is_refused_with_an_offset_inside_it(text: str) -> None:
    found = refused(text)
    assert found is None or 0 <= found.offset <= len(text)


WORDY = st.lists(
    st.sampled_from(
        [*sorted(OPERATOR_WORDS), *CLOSURES, "a", "b.c", "1", "'x'", "==", "(", ")", ",", "${", "}", "{{", "}}", "??"]
    ),
    max_size=10,
).map(" ".join)


@settings(max_examples=100)
@given(WORDY)
def test_any_sequence_of_words_parses_or_is_refused(text: str) -> None:
    found = refused(text)
    if found is None:
        assert printed(parse(printed(parse(text)))) == printed(parse(text))
    else:
        assert 0 <= found.offset <= len(text)
