"""Whether a request is one that a flow means, and how near it came when it is not."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import NamedTuple, Protocol
from urllib.parse import unquote

from flows.language.comparing import equal, same_text
from flows.language.masked_text import MASK
from flows.language.values import as_text, described, type_name

ANY = "ANY"
HIDDEN = "(hidden)"


class Wanted(Protocol):
    """What a request must hold, as a config says it."""

    @property
    def headers(self) -> Mapping[str, object] | None: ...
    @property
    def query(self) -> Mapping[str, object] | None: ...
    @property
    def body(self) -> object: ...


class PathTemplate(NamedTuple):
    """A path with `{name}` for segments that may be anything.

    Args:
        text: as written.
        segments: literal text, or the name in braces.
    """

    text: str
    segments: tuple[str, ...]

    @classmethod
    def of(cls, text: str) -> PathTemplate:
        """Reads a template.

        Args:
            text: begins with a slash.
        """
        return cls(text, tuple(text.split("/")))

    @property
    def free(self) -> int:
        """How many segments may be anything."""
        return sum(_is_free(segment) for segment in self.segments)

    def match(self, path: str) -> dict[str, str] | None:
        """The values of the free segments, or None when the path is another.

        Args:
            path: as sent, without query.
        """
        given = path.split("/")
        if len(given) != len(self.segments):
            return None
        found: dict[str, str] = {}
        for segment, part in zip(self.segments, given, strict=True):
            if _is_free(segment) and part:
                found[segment[1:-1]] = unquote(part)
            elif unquote(segment) != unquote(part):
                return None
        return found


def _is_free(segment: str) -> bool:
    return len(segment) > 2 and segment.startswith("{") and segment.endswith("}")


def same_method(wanted: str, given: str) -> bool:
    """Whether a method is the wanted one; HEAD counts as GET without a body.

    Args:
        wanted: in any case, or ``ANY``.
        given: as sent.
    """
    name = wanted.upper()
    return name in (ANY, given.upper()) or (name == "GET" and given.upper() == "HEAD")


def differences(wanted: Wanted | None, request: Mapping[str, object]) -> list[str]:
    """Everything in which a request is not as wanted; empty when it matches.

    Args:
        wanted: only what it names counts; maps in the body likewise.
        request: as recorded.
    """
    if wanted is None:
        return []
    found: list[str] = []
    headers = request.get("headers")
    lower = {str(k).lower(): v for k, v in (headers.items() if isinstance(headers, Mapping) else ())}
    for name, value in (wanted.headers or {}).items():
        found += _text_differs(f"header {name}", value, lower.get(str(name).lower()))
    query = request.get("query")
    for name, value in (wanted.query or {}).items():
        found += _text_differs(f"query {name}", value, query.get(name) if isinstance(query, Mapping) else None)
    if wanted.body is not None:
        found += list(_differs("body", wanted.body, request.get("body")))
    return found


def _text_differs(what: str, wanted: object, given: object) -> Iterator[str]:
    if given is None:
        if wanted is not None:
            yield f"{what} is missing"
    elif wanted is None:
        yield f"{what} is there"
    elif isinstance(wanted, list | tuple) or isinstance(given, list):
        ours = [as_text(item) for item in (wanted if isinstance(wanted, list | tuple) else [wanted])]
        theirs = [as_text(item) for item in (given if isinstance(given, list) else [given])]
        if len(ours) != len(theirs) or not all(_same_text(a, b) for a, b in zip(ours, theirs, strict=True)):
            yield f"{what} is {', '.join(theirs)}, not {', '.join(ours)}"
    elif not _same_text(as_text(wanted), as_text(given)):
        yield f"{what} is {as_text(given)}, not {as_text(wanted)}"


def _same_text(wanted: str, given: str) -> bool:
    """Equal; what stands hidden under a secret name was compared when it came (see mock_requests)."""
    return given == MASK or (given != HIDDEN and same_text(wanted, given))


def _differs(where: str, wanted: object, given: object) -> Iterator[str]:
    kind, other = type_name(wanted), type_name(given)
    if kind != other:
        yield f"{where} is {described(given)}, not {described(wanted)}"
    elif isinstance(wanted, Mapping) and isinstance(given, Mapping):
        for key, value in wanted.items():
            if key not in given:
                yield f"{where}.{key} is missing"
            else:
                yield from _differs(f"{where}.{key}", value, given[key])
    elif isinstance(wanted, list | tuple) and isinstance(given, list | tuple):
        yield from _lists_differ(where, wanted, given)
    elif not equal(wanted, given):
        yield f"{where} is {described(given)}, not {described(wanted)}"


def _lists_differ(where: str, wanted: Iterable[object], given: Iterable[object]) -> Iterator[str]:
    ours, theirs = list(wanted), list(given)
    if len(ours) != len(theirs):
        yield f"{where} has {len(theirs)} elements, not {len(ours)}"
        return
    for index, (a, b) in enumerate(zip(ours, theirs, strict=True)):
        yield from _differs(f"{where}[{index}]", a, b)
