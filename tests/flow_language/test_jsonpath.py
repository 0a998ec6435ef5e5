"""JSONPath by the examples and rules of RFC 9535."""

from __future__ import annotations

import pytest

from flows.language.errors import MissingField, SyntaxProblem
from flows.language.jsonpath import compile_jsonpath

STORE = {
    "store": {
        "book": [
            {"category": "reference", "author": "Rees", "title": "Sayings", "price": 8.95},
            {"category": "fiction", "author": "Waugh", "title": "Sword", "price": 12.99},
            {"category": "fiction", "author": "Melville", "title": "Moby Dick", "isbn": "0-553", "price": 8.99},
            {"category": "fiction", "author": "Tolkien", "title": "Lord", "isbn": "0-395", "price": 22.99},
        ],
        "bicycle": {"color": "red", "price": 399},
    }
}
FOUND: list[tuple[str, object]] = [
    ("$.store.book[*].author", ["Rees", "Waugh", "Melville", "Tolkien"]),
    ("$..author", ["Rees", "Waugh", "Melville", "Tolkien"]),
    ("$.store..price", [8.95, 12.99, 8.99, 22.99, 399]),
    ("$..book[2].title", ["Moby Dick"]),
    ("$..book[-1].title", ["Lord"]),
    ("$..book[0,1].title", ["Sayings", "Sword"]),
    ("$..book[:2].title", ["Sayings", "Sword"]),
    ("$..book[::-2].title", ["Lord", "Sword"]),
    ("$..book[?@.isbn].title", ["Moby Dick", "Lord"]),
    ("$..book[?!@.isbn].title", ["Sayings", "Sword"]),
    ("$..book[?@.price<10].title", ["Sayings", "Moby Dick"]),
    ("$..book[?@.price < 10 && @.category == 'fiction'].title", ["Moby Dick"]),
    ("$..book[?@.price == $.store.book[1].price].title", ["Sword"]),
    ("$..book[?length(@.author) > 6].title", ["Moby Dick", "Lord"]),
    ("$..book[?search(@.title, 'o[rb]')].title", ["Sword", "Moby Dick", "Lord"]),
    ("$..book[?match(@.author, 'R.*')].title", ["Sayings"]),
    ("$..[?count(@.*) == 2].color", ["red"]),
    ("$.store.bicycle.color", "red"),
    ("$['store'][\"bicycle\"]['color']", "red"),
    ("$.store.book[0].title", "Sayings"),
    ("$ .store [ 'book' ] [ -1 ] .title", "Lord"),
]


@pytest.mark.parametrize(("path", "expected"), FOUND, ids=[path for path, _ in FOUND])
def test_a_path_selects(path: str, expected: object) -> None:
    assert compile_jsonpath(path).value(STORE) == expected


@pytest.mark.parametrize(
    ("path", "offset"),
    [
        ("store", 0),
        ("$.", 2),
        ("$store", 1),
        ("$.a-b", 3),
        ("$[01]", 2),
        ("$[-0]", 2),
        ("$[99999999999999999]", 2),
        ("$['a", 2),
        ("$['\\d']", 3),
        ("$[?@.a == @.*]", 10),
        ("$[?length(@.a)]", 3),
        ("$[?count(@.a, 1) > 1]", 3),
        ("$[?nope(@.a)]", 3),
        ("$[?1]", 3),
        ("$[?match(@.a, 'x') == true]", 3),
        ("$.a ", 3),
        ("$[a]", 2),
        ("$[" + "?@[" * 60, None),
    ],
)
def test_what_is_no_path_is_refused_at_its_place(path: str, offset: int | None) -> None:
    with pytest.raises(SyntaxProblem) as caught:
        compile_jsonpath(path)
    assert offset is None or caught.value.offset == offset


def test_a_path_that_finds_nothing_is_missing() -> None:
    for path in ("$.nope", "$..nope", "$.store.book[9]", "$.store.book[?@.price > 1000]"):
        with pytest.raises(MissingField):
            compile_jsonpath(path).value(STORE)


@pytest.mark.timeout(30)
def test_a_pattern_in_a_path_cannot_hang() -> None:
    assert compile_jsonpath("$[?search(@, '(a+)+$')]").find(["a" * 20_000 + "b"]) == []
