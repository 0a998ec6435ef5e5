"""One template for every way of writing a path, and how well a called path fits an offered one."""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import lru_cache

_CONVERTED = re.compile(r"<[^<>/]*>|\$?\{[^{}/]*\}|\(\?P<[^>]*>[^)]*\)|%[sd]")
_COLON = re.compile(r"^:([A-Za-z_]\w*)(\([^)]*\))?[?+*]?$")
_COLON_INSIDE = re.compile(r":([A-Za-z_]\w*)")
_IDENTIFIER = re.compile(r"^(\d+|[0-9a-fA-F]{8}-[0-9a-fA-F-]{27}|[0-9a-fA-F]{24,64})$")
_REST = frozenset({"*", "**", "{**}", "{*}"})


@lru_cache(maxsize=65536)
def template(path: str) -> str:
    """A path with ``{}`` for every parameter, a leading and no trailing slash, no query, ``/**`` for a rest.

    ``/users/{id}``, ``/users/:id``, ``/users/<int:id>``, ``/users/${id}``, ``/users/%s`` and ``/users/42`` are one.

    Args:
        path: as written in any framework.
    """
    bare = path.split("#", 1)[0]
    bare = _query(bare)
    segments = [_segment(s) for s in bare.split("/") if s]
    segments = ["{}" if s == "**" and n < len(segments) - 1 else s for n, s in enumerate(segments)]
    return "/" + "/".join(segments)


def named(path: str) -> str:
    """A path with ``{name}`` for every parameter, whatever the framework's spelling; for people and generated flows.

    Args:
        path: as written.
    """
    bare = re.sub(r"<(?:[^<>:/]*:)?([^<>/]*)>", r"{\1}", _query(path))
    bare = re.sub(r"\{(\w+):[^{}/]*\}", r"{\1}", bare)
    bare = re.sub(r"(?<=/):([A-Za-z_]\w*)(\([^)]*\))?[?+*]?", r"{\1}", "/" + bare.lstrip("/"))
    return bare.rstrip("/") or "/"


def _query(path: str) -> str:
    depth = 0
    for position, char in enumerate(path):
        depth += (char in "{<(") - (char in "}>)")
        if char == "?" and depth <= 0 and not _optional(path, position):
            return path[:position]
    return path


def _optional(path: str, position: int) -> bool:
    """Express writes an optional parameter ``/:id?``: the question mark ends a segment that begins with a colon."""
    segment = path[:position].rpartition("/")[2]
    return segment.startswith(":") and path[position + 1 : position + 2] in ("", "/")


def _segment(text: str) -> str:
    if text in _REST:
        return "**"
    if re.fullmatch(r"\{[^{}]*:path\}|<path:[^<>]*>|\{\*+\w+\}|\*\w+", text):
        return "**"
    if _IDENTIFIER.match(text) or _COLON.match(text):
        return "{}"
    text = _CONVERTED.sub("{}", text)
    text = _COLON_INSIDE.sub("{}", text) if text.startswith(":") else text
    return re.sub(r"(\{\})+", "{}", text)


@dataclass(frozen=True, slots=True, order=True)
class Fit:
    """How well a called path fits an offered template; greater is better.

    Args:
        exact: the fit needs no assumption about unknown parts.
        literals: segments that are equal text in both.
        whole: no wildcard rest was needed.
    """

    exact: bool
    literals: int
    whole: bool


def fit(called: str, offered: str) -> Fit | None:
    """How a called template fits an offered one, or None.

    An unknown segment of the call may stand for a literal of the offer, but then the fit is not exact.

    Args:
        called: template of the call.
        offered: template of the endpoint, may end in ``/**``.
    """
    ours, theirs = _split(called), _split(offered)
    rest = bool(theirs) and theirs[-1] == "**"
    if rest:
        theirs = theirs[:-1]
        if len(ours) < len(theirs):
            return None
    elif len(ours) != len(theirs):
        return None
    exact, literals = True, 0
    for ours_part, theirs_part in zip(ours, theirs, strict=False):
        if ours_part == theirs_part:
            literals += ours_part != "{}"
        elif _matches(theirs_part, ours_part):
            continue
        elif _matches(ours_part, theirs_part):
            exact = False
        else:
            return None
    return Fit(exact, literals, not rest)


def _split(path: str) -> list[str]:
    return [s for s in path.split("/") if s]


@lru_cache(maxsize=65536)
def _matches(pattern: str, text: str) -> bool:
    if "{}" not in pattern:
        return False
    parts = [re.escape(p) for p in pattern.split("{}")]
    return re.fullmatch(".+".join(parts), text) is not None


def below(prefix: str, path: str) -> str:
    """Two path pieces as one path.

    Args:
        prefix: may be empty or end in a slash.
        path: may be empty.
    """
    if not path or path == "/":
        return prefix or "/"
    return f"{prefix.rstrip('/')}/{path.lstrip('/')}"


def rewritten(path: str, offered: str, target: str) -> str:
    """A path sent through a gateway rule, as the service behind it sees it.

    Args:
        path: template of the call.
        offered: the rule's template, maybe with ``/**``.
        target: what the rule makes of it, maybe with ``/**``; empty leaves the path as it is.
    """
    if not target:
        return path
    if not target.endswith("**"):
        return template(target)
    fixed = len(_split(offered)) - (1 if offered.endswith("**") else 0)
    rest = _split(path)[fixed:]
    return "/" + "/".join([*_split(target)[:-1], *rest])
