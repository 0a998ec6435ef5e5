"""Patterns from users run in linear time, and what RE2 does not have is refused with a reason."""

from __future__ import annotations

import pytest

from testmesh.guard.regex import compile_pattern
from testmesh.kernel.errors import UserError


def test_a_pattern_searches_and_matches_whole() -> None:
    pattern = compile_pattern(r"^\d{2,}$|é")
    assert pattern.search("1234") is not None
    assert pattern.search("x1234") is None
    assert pattern.search("caféx") is not None
    assert pattern.fullmatch("é") is not None
    assert pattern.fullmatch("éé") is None


def test_halves_of_surrogate_pairs_are_characters_that_no_pattern_names() -> None:
    assert compile_pattern("x$").search("\ud800x") is not None
    assert compile_pattern("x").search("\ud800") is None
    assert compile_pattern(".x").fullmatch("\ud800x") is not None


@pytest.mark.parametrize(
    "pattern", ["(", "a(?=b)", "(?<!a)b", r"(a)\1", "a{2,1}", "[", "(?P<x>", "x" * 3000, "(?:a{1000}){1000}"]
)
def test_what_re2_cannot_run_is_refused(pattern: str) -> None:
    with pytest.raises(UserError):
        compile_pattern(pattern)


def test_look_around_comes_with_advice() -> None:
    with pytest.raises(UserError) as caught:
        compile_pattern("a(?=b)")
    assert caught.value.hint is not None
    assert "two assertions" in caught.value.hint


@pytest.mark.timeout(30)
def test_the_pattern_that_hangs_backtracking_engines_does_not_hang_here() -> None:
    assert compile_pattern("(a+)+$").search("a" * 50_000 + "b") is None
