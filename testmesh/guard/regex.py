"""User-written patterns run on RE2, whose time is linear in the text, so that no pattern can hang a run."""

from __future__ import annotations

from functools import lru_cache
from typing import Any, Protocol

from testmesh.kernel.errors import UserError

MAX_PATTERN = 2_000
MAX_MEMORY = 8 * 1024 * 1024


class Pattern(Protocol):
    """A compiled pattern."""

    def search(self, text: str) -> Any:
        """The first match anywhere in the text, or None."""
        ...

    def fullmatch(self, text: str) -> object | None:
        """A match of the whole text, or None."""
        ...


@lru_cache(maxsize=512)
def compile_pattern(pattern: str) -> Pattern:
    """A pattern ready to search with; compiled once per text.

    Args:
        pattern: RE2 syntax (https://github.com/google/re2/wiki/Syntax), at most 2,000 characters.

    Raises:
        UserError: it does not compile, or its program would be too large.
    """
    if len(pattern) > MAX_PATTERN:
        raise UserError(f"the pattern has {len(pattern):,} characters; at most {MAX_PATTERN:,} are accepted")
    re2 = _re2()
    options = re2.Options()
    options.log_errors = False
    options.max_mem = MAX_MEMORY
    try:
        compiled = _AnyText(re2.compile(pattern, options))
    except re2.error as problem:
        raise UserError(f"the pattern does not compile: {_reason(problem)}", hint=_hint(pattern)) from None
    except UnicodeEncodeError:
        raise UserError("the pattern holds a lone surrogate, which is no character") from None
    return compiled


class _AnyText:
    """A compiled pattern for any text: JSON of a server may hold halves of surrogate pairs, which RE2 cannot read.

    Args:
        pattern: of the library.
    """

    __slots__ = ("_pattern",)

    def __init__(self, pattern: Any) -> None:
        self._pattern = pattern

    def search(self, text: str) -> Any:
        """The first match anywhere in the text, or None."""
        try:
            return self._pattern.search(text)
        except UnicodeEncodeError:
            return self._pattern.search(_paired(text))

    def fullmatch(self, text: str) -> object | None:
        """A match of the whole text, or None."""
        try:
            found: object | None = self._pattern.fullmatch(text)
        except UnicodeEncodeError:
            found = self._pattern.fullmatch(_paired(text))
        return found


class Finder:
    """A pattern of our own making, of any length, searched in linear time.

    Args:
        pattern: RE2 syntax; the longest of several possible matches counts.
        memory: bytes its automaton may take.
    """

    __slots__ = ("_pattern",)

    def __init__(self, pattern: str, memory: int = 16 * MAX_MEMORY) -> None:
        re2 = _re2()
        options = re2.Options()
        options.log_errors = False
        options.longest_match = True
        options.max_mem = memory
        self._pattern = re2.compile(pattern, options)

    def found(self, text: str) -> bool:
        """Whether it is anywhere in the text.

        Args:
            text: any text, lone surrogates too.
        """
        try:
            return self._pattern.search(text) is not None
        except UnicodeEncodeError:
            return self._pattern.search(_paired(text)) is not None

    def first(self, text: str) -> tuple[int, int] | None:
        """Where it is first; None when it is nowhere.

        Args:
            text: any text, lone surrogates too.
        """
        try:
            match = self._pattern.search(text)
        except UnicodeEncodeError:
            match = self._pattern.search(_paired(text))
        return None if match is None else match.span()

    def spans(self, text: str) -> list[tuple[int, int]]:
        """Where it is, without overlaps, in order.

        Args:
            text: any text, lone surrogates too.
        """
        try:
            return [match.span() for match in self._pattern.finditer(text)]
        except UnicodeEncodeError:
            return [match.span() for match in self._pattern.finditer(_paired(text))]


def _paired(text: str) -> str:
    """The text with a replacement for each lone surrogate, so that places stay the same."""
    return "".join("\ufffd" if "\ud800" <= char <= "\udfff" else char for char in text)


def _re2() -> Any:
    """The library has no types; only this module sees it."""
    from importlib import import_module

    return import_module("re2")


def _reason(problem: Exception) -> str:
    argument = problem.args[0] if problem.args else problem
    text = argument.decode("utf-8", "replace") if isinstance(argument, bytes) else str(argument)
    return text.removesuffix(": ")


def _hint(pattern: str) -> str | None:
    if "(?=" in pattern or "(?!" in pattern or "(?<=" in pattern or "(?<!" in pattern:
        return "RE2 has no look-around; write two assertions instead"
    return None
