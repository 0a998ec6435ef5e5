"""Placeholders are found where they are, and nowhere else (FLOWS §7 database_query)."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from flows.clients.errors import ClientError
from flows.clients.sql_text import Dialect, bind, pieces

DIALECTS: tuple[Dialect, ...] = ("postgres", "mysql", "sqlite", "other")


@pytest.mark.parametrize(
    ("query", "params", "rendered", "values"),
    [
        ("SELECT $1, $2, $1", ["a", "b"], "SELECT $1, $2, $1", ("a", "b")),
        ("SELECT ?, ?", ["a", "b"], "SELECT $1, $2", ("a", "b")),
        ("SELECT :a, :b, :a", {"a": 1, "b": 2}, "SELECT $1, $2, $1", (1, 2)),
        ("SELECT ':a', \":a\", :a::text", {"a": 1}, "SELECT ':a', \":a\", $1::text", (1,)),
        ("SELECT 'it''s :a' -- :b\n, :a /* :c /* nested :d */ */", {"a": 1},
         "SELECT 'it''s :a' -- :b\n, $1 /* :c /* nested :d */ */", (1,)),
        ("SELECT $$ ? $$, $x$ ? $$ $x$, ?", [1], "SELECT $$ ? $$, $x$ ? $$ $x$, $1", (1,)),
        ("SELECT E'\\' ?', ?", [1], "SELECT E'\\' ?', $1", (1,)),
        ("SELECT j ?| array['a'], ?", [1], "SELECT j ?| array['a'], $1", (1,)),
        ("SELECT x[1:2], a := :a", {"a": 1}, "SELECT x[1:2], a := $1", (1,)),
        ("SELECT '12:30'::time, now() + ?", ["1h"], "SELECT '12:30'::time, now() + $1", ("1h",)),
        ("SELECT 1", None, "SELECT 1", ()),
        ("SELECT '$1'", [], "SELECT '$1'", ()),
    ],
)  # fmt: skip
def test_placeholders_become_numbers(query: str, params: object, rendered: str, values: tuple[object, ...]) -> None:
    bound = bind(query, params)  # type: ignore[arg-type]
    assert (bound.rendered(), bound.values) == (rendered, values)


@pytest.mark.parametrize(
    ("query", "params", "message"),
    [
        ("SELECT $2", ["a"], r"uses \$2"),
        ("SELECT ?", [], "uses ?"),
        ("SELECT 1", ["a"], "the query uses 0"),
        ("SELECT :a", {"b": 1}, "uses :a"),
        ("SELECT :a", {"a": 1, "b": 2}, "params has 'b'"),
    ],
)
def test_what_does_not_fit_is_said_before_anything_is_sent(query: str, params: object, message: str) -> None:
    with pytest.raises(ClientError, match=message.replace("?", r"\?")) as caught:
        bind(query, params)  # type: ignore[arg-type]
    assert caught.value.type == "config"


@pytest.mark.parametrize(
    ("dialect", "query", "rendered"),
    [
        (
            "mysql",
            "SELECT 'it\\'s ?', \"?\\\"\", `?`, ? # ?\n, 1--? -- ?",
            "SELECT 'it\\'s ?', \"?\\\"\", `?`, $1 # ?\n, 1--$2 -- ?",
        ),
        ("mysql", "SELECT /* /* ? */ ?, ?", "SELECT /* /* ? */ $1, $2"),
        ("mysql", "SELECT $$ ?, ?", "SELECT $$ $1, $2"),
        ("sqlite", "SELECT '\\', ?, [a ?], \"?\", x[?]", "SELECT '\\', $1, [a ?], \"?\", x[$2]"),
        ("postgres", "SELECT '\\', ?, a$1, b$x$, ?", "SELECT '\\', $1, a$1, b$x$, $2"),
        ("postgres", "SELECT /* /* ? */ ? */ ?, ?", "SELECT /* /* ? */ ? */ $1, $2"),
    ],
)
def test_each_dialect_quotes_in_its_own_way(dialect: Dialect, query: str, rendered: str) -> None:
    assert bind(query, ["a", "b"], dialect).rendered() == rendered


@given(st.text(alphabet="aE'\"`$?:1 -/*\n|=[]()x", max_size=40))
def test_nothing_of_a_statement_is_lost(query: str) -> None:
    for dialect in DIALECTS:
        assert "".join(piece.text for piece in pieces(query, dialect)) == query
