"""Paths of matching rules: the part of JSONPath that Pact has, and which rule counts for a value."""

from __future__ import annotations

import re
from collections.abc import Iterable

from flows.clients.errors import ClientError
from flows.clients.pact.records import STAR, Rule, Tokens

_TOKEN = re.compile(
    r"""\.(?P<name>\*|[^.\[\]]+)|\[\s*(?:(?P<index>\d+)|(?P<star>\*)|'(?P<single>(?:[^'\\]|\\.)*)'"""
    r"""|"(?P<double>(?:[^"\\]|\\.)*)")\s*\]"""
)


def tokens(path: str) -> Tokens:
    """A path below ``$``.

    Args:
        path: as in a pact file; one without ``$`` is a bare name.

    Raises:
        ClientError: it is none.
    """
    if not path.startswith("$"):
        return tokens(f"$.{path}") if re.fullmatch(r"[\w-]+(\[(\d+|\*)\])*", path) else (path,)
    found: list[str | int] = []
    at = 1
    while at < len(path):
        match = _TOKEN.match(path, at)
        if match is None:
            raise ClientError(f"the pact's path {path!r} cannot be read at {path[at:]!r}", "config")
        found.append(_token(match))
        at = match.end()
    return tuple(found)


def _token(match: re.Match[str]) -> str | int:
    if match["index"] is not None:
        return int(match["index"])
    if match["star"] is not None or match["name"] == STAR:
        return STAR
    for name in ("name", "single", "double"):
        if match[name] is not None:
            return re.sub(r"\\(.)", r"\1", match[name])
    return ""


def weight(rule: Tokens, at: Tokens) -> int:
    """How well a rule's path fits a place: 0 = not at all; a path that ends above it counts for all below.

    Args:
        rule: the rule's path.
        at: the value's.

    Specification version 3, "Matcher selection algorithm".
    """
    if len(rule) > len(at):
        return 0
    product = 2
    for mine, theirs in zip(rule, at, strict=False):
        if mine == theirs and isinstance(mine, str) is isinstance(theirs, str):
            product *= 2
        elif mine != STAR:
            return 0
    return product


def best(rules: Iterable[Rule], at: Tokens) -> Rule | None:
    """The rule that counts for a place: the heaviest, of equals the longest.

    Args:
        rules: of a category.
        at: the value's path.
    """
    fitting = [(weight(rule.path, at), len(rule.path), rule) for rule in rules]
    fitting = [found for found in fitting if found[0]]
    return max(fitting, key=lambda found: found[:2])[2] if fitting else None
