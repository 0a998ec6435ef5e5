"""A URL with unknown parts, taken apart into host and path template."""

from __future__ import annotations

import re
from dataclasses import dataclass

from graph.linking.outcomes import NOT_SET, Hole, Part, Text, joined
from graph.linking.paths import template

_MARK = re.compile("\x00(\\d+)\x00")
_SCHEME = re.compile(r"^[A-Za-z][A-Za-z0-9+.-]*://")
_LEADING = re.compile("^((?:\x00\\d+\x00)+(?::\\d+)?)(.*)$", re.DOTALL)
_DOMAIN = re.compile("^(http://[A-Za-z][A-Za-z0-9-]*)(\\.?)\x00(\\d+)\x00(?=[:/]|$)")
_HOST_PORT = re.compile(r"^[A-Za-z0-9_.-]+:\d+$")


@dataclass(frozen=True, slots=True)
class Url:
    """A URL taken apart.

    Args:
        host: lower-case text, ``{}`` for unknown parts, with port when given; empty when the URL has none.
        holes: unknown parts of the host.
        path: template.
        path_holes: unknown parts of the path, in order.
        loose: the unknown parts of the path that may stand for more than one segment.
    """

    host: str
    holes: tuple[Hole, ...]
    path: str
    path_holes: tuple[Hole, ...] = ()
    loose: tuple[Hole, ...] = ()


def take_apart(text: Text) -> Url:
    """Host and path of a URL.

    Args:
        text: URL or path with holes.
    """
    holes = text.holes
    numbers = iter(range(len(holes)))
    marked = "".join(p if isinstance(p, str) else f"\x00{next(numbers)}\x00" for p in text.parts).strip()
    host, path = _split(_without_domain(marked, holes))
    path = re.split(r"[?#]", path, maxsplit=1)[0]
    return Url(
        _MARK.sub("{}", host.rpartition("@")[2]).lower(),
        _of(host, holes),
        template(_MARK.sub("{}", path)),
        _of(path, holes),
        tuple(holes[int(m.group(1))] for m in _MARK.finditer(path) if _is_loose(path, m)),
    )


def _without_domain(marked: str, holes: tuple[Hole, ...]) -> str:
    """``http://orders{}/x`` where the hole is a domain set at run time, or nothing: the service's name is told."""
    found = _DOMAIN.match(marked)
    unset = found is not None and holes[int(found.group(3))].reason == NOT_SET
    if found is None or not (found.group(2) or unset):
        return marked
    return found.group(1) + marked[found.end() :]


def _split(marked: str) -> tuple[str, str]:
    bare = _SCHEME.sub("", marked, count=1)
    if bare != marked or marked.startswith("//"):
        return _at_slash(bare.lstrip("/"))
    if marked.startswith("/"):
        return "", marked
    leading = _LEADING.match(marked)
    if leading:
        return leading.group(1), "/" + leading.group(2).lstrip("/")
    first, path = _at_slash(marked)
    return (first, path) if _HOST_PORT.match(first) else ("", "/" + marked)


def _at_slash(text: str) -> tuple[str, str]:
    position = min((i for i in (text.find("/"), text.find("?")) if i >= 0), default=len(text))
    return text[:position], text[position:] or "/"


def _of(marked: str, holes: tuple[Hole, ...]) -> tuple[Hole, ...]:
    return tuple(holes[int(m.group(1))] for m in _MARK.finditer(marked))


def _is_loose(path: str, mark: re.Match[str]) -> bool:
    """A part glued to the text before it, or the whole path, may hold slashes of its own."""
    before = path[: mark.start()]
    return not before.endswith("/") or (before == "/" and mark.end() == len(path))


def after(base: Text, url: Text) -> Text:
    """A URL as a client with a base URL sends it.

    Args:
        base: of the client, maybe empty.
        url: given to the call; absolute ones ignore the base.
    """
    start = url.parts[0] if url.parts else ""
    if not base.parts or (isinstance(start, str) and _SCHEME.match(start)):
        return url
    last: Part = base.parts[-1]
    head = (*base.parts[:-1], last.rstrip("/")) if isinstance(last, str) else base.parts
    if isinstance(start, str):
        return joined((*head, "/" if url.parts else "", start.lstrip("/"), *url.parts[1:]))
    return joined((*head, *url.parts))


def addressed(text: Text) -> Text:
    """An address of a channel as a URL: ``host:port``, ``dns:///host:port``, ``http://host``.

    Args:
        text: the address.
    """
    first = text.parts[0] if text.parts else ""
    if isinstance(first, str) and ("://" in first or first.startswith("//")):
        return text
    start = first.removeprefix("dns:").removeprefix("passthrough:").lstrip("/") if isinstance(first, str) else first
    rest = text.parts[1:] if text.parts else ()
    return joined(("grpc://", start, *rest))
