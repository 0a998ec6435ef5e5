"""Values that one answer brings and a later request sends again become outputs and templates."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from urllib.parse import unquote

from flows.importers.draft import DraftStep, escaped, identifier
from flows.importers.paths import dotted
from flows.importers.requests import WebRequest

Part = str | int
_NAMED = re.compile(
    r"(^|[a-z0-9_-])(id|uuid|guid|token|key|code|ref|reference|number|slug|etag|cursor|next|nonce|sid|sku)$"
)
_CAMEL = re.compile(r"(?<=[a-z0-9])(?=[A-Z])")
_OPAQUE = re.compile(r"(?=.*[0-9])[A-Za-z0-9_.:+/=~-]{6,}\Z")
_UUID = re.compile(r"[0-9a-f]{8}-([0-9a-f]{4}-){3}[0-9a-f]{12}\Z", re.IGNORECASE)
_DATE = re.compile(r"\d{4}-\d\d-\d\d([T ].*)?\Z|\d\d:\d\d")
MAX_VALUES = 20_000


@dataclass(frozen=True, slots=True)
class Seen:
    """What an answer brought.

    Args:
        body: parsed.
        headers: lower-case names.
        cookies: that it sets.
    """

    body: object
    headers: Mapping[str, str] = field(default_factory=dict)
    cookies: Mapping[str, str] = field(default_factory=dict)

    @staticmethod
    def of_request(request: WebRequest, path: str, query: list[tuple[str, str]]) -> frozenset[str]:
        """Every value that a request sends, as text.

        Args:
            request: as recorded.
            path: of its URL.
            query: of its URL.
        """
        found = {unquote(part) for part in path.split("/") if part}
        found |= {str(value) for _, value in (*query, *request.headers, *request.cookies, *(request.form or []))}
        return frozenset(found | {as_text(value) for _, value in leaves(request.body)})


@dataclass(slots=True)
class Origin:
    """Where a value first came from.

    Args:
        step: whose answer brought it.
        path: below its body, cookies or headers.
        value: itself.
        collection: last word of the path that was asked.
    """

    step: DraftStep
    path: tuple[Part, ...]
    value: object
    collection: str
    output: str = ""

    def expression(self) -> str:
        """How later steps write it; the source step gets an output when it comes from a body."""
        root, *rest = self.path
        if root == "location":
            return f'split({self.step.id}.headers.location, "/")[-1]'
        if root != "body":
            return dotted(f"{self.step.id}.{root}", list(rest))
        if not self.output:
            self.output = self._name(rest)
            self.step.output[self.output] = dotted("body", list(rest))
        return f"{self.step.id}.{self.output}"

    def _name(self, parts: list[Part]) -> str:
        words = [str(part) for part in parts if isinstance(part, str)]
        base = identifier(_CAMEL.sub("_", words[-1]) if words else "value", "value")
        if base in ("id", "uuid", "key", "code", "number") or len(base) < 3:
            owner = identifier(words[-2] if len(words) > 1 else self.collection.rstrip("s"), "")
            base = f"{owner}_{base}" if owner else f"its_{base}"
        found, number = base, 2
        while found in self.step.output:
            found, number = f"{base}_{number}", number + 1
        return found


class Chain:
    """The values met so far in a recording."""

    def __init__(self) -> None:
        self._origins: dict[str, Origin] = {}
        self._sent: set[str] = set()

    def find(self, value: object, before: str = "") -> Origin | None:
        """Where a value that is about to be sent came from, or None.

        Args:
            value: as recorded.
            before: the name it is sent under, or the path segment before it.
        """
        found = self._origins.get(as_text(value))
        if found is None or not _telling(found, before):
            return None
        return found

    def expression(self, value: object, name: str) -> str | None:
        """The expression of the earlier answer that brought a value, or None.

        Args:
            value: as recorded.
            name: it stands under.
        """
        found = self.find(value, name)
        if found is None or isinstance(found.value, str) != isinstance(value, str):
            return None
        return found.expression()

    def whole(self, value: object, name: str) -> object:
        """A value of a query, form or header: a template when it was met before, else itself.

        Args:
            value: as recorded.
            name: it is sent under.
        """
        if not isinstance(value, str):
            return value
        found = self.find(value, name)
        if found is not None:
            return f"${{{found.expression()}}}"
        scheme, space, rest = value.partition(" ")
        inner = self.find(rest, name) if space and " " not in rest else None
        return f"{escaped(scheme)} ${{{inner.expression()}}}" if inner is not None else escaped(value)

    def cookie(self, name: str, value: str) -> object:
        """A cookie: the one an earlier answer set, else itself.

        Args:
            name: of the cookie.
            value: as sent.
        """
        found = self._origins.get(f"cookie {name}={value}")
        return f"${{{found.expression()}}}" if found is not None else escaped(value)

    def in_path(self, path: str) -> str:
        """A URL's path with templates for the segments that were met before.

        Args:
            path: as recorded.
        """
        parts = path.split("/")
        shown: list[str] = []
        for at, part in enumerate(parts):
            found = self.find(unquote(part), parts[at - 1] if at else "") if part else None
            shown.append(f"${{{found.expression()}}}" if found is not None else escaped(part))
        return "/".join(shown)

    def body(self, value: object, name: str = "") -> object:
        """A body with templates for the values that were met before.

        Args:
            value: JSON-shaped, or text.
            name: it stands under.
        """
        if isinstance(value, Mapping):
            return {str(key): self.body(item, str(key)) for key, item in value.items()}
        if isinstance(value, list):
            return [self.body(item, name) for item in value]
        found = self.find(value, name) if name else None
        if found is None:
            return escaped(value) if isinstance(value, str) else value
        expression = found.expression()
        if isinstance(value, str) == isinstance(found.value, str):
            return f"${{{expression}}}"
        return f"${{string({expression})}}" if isinstance(value, str) else value

    def answered(self, step: DraftStep, seen: Seen, sent: frozenset[str]) -> None:
        """Remembers what an answer brought that had not been sent before.

        Args:
            step: that asked.
            seen: the answer.
            sent: with the question.
        """
        self._sent |= sent
        url = str(step.config.get("url", ""))
        words = [word for word in re.sub(r"\$\{[^}]*\}", "", url.partition("?")[0]).split("/") if word]
        collection = words[-1] if words else ""
        for name, value in seen.cookies.items():
            self._origins[f"cookie {name}={value}"] = Origin(step, ("cookies", name), value, collection)
        for path, leaf in leaves(seen.body):
            self._remember(Origin(step, ("body", *path), leaf, collection), str(path[-1]) if path else "")
        etag, location = seen.headers.get("etag"), seen.headers.get("location")
        if etag:
            self._remember(Origin(step, ("headers", "etag"), etag, collection), "etag")
        if location:
            last = location.partition("?")[0].rstrip("/").rpartition("/")[2]
            self._remember(Origin(step, ("location",), last, collection), "id")

    def _remember(self, origin: Origin, key: str) -> None:
        text = as_text(origin.value)
        if not text or text in self._sent or text in self._origins or len(self._origins) > MAX_VALUES:
            return
        if _worth(key, origin.value):
            self._origins[text] = origin


def leaves(value: object, path: tuple[Part, ...] = ()) -> Iterator[tuple[tuple[Part, ...], object]]:
    """Every scalar of a JSON value with its path.

    Args:
        value: parsed.
        path: to it.
    """
    if isinstance(value, Mapping):
        for key, item in value.items():
            yield from leaves(item, (*path, str(key)))
    elif isinstance(value, list):
        for at, item in enumerate(value[:50]):
            yield from leaves(item, (*path, at))
    elif path:
        yield path, value


def as_text(value: object) -> str:
    """A scalar as it stands in a URL; empty for what no request repeats.

    Args:
        value: text or number.
    """
    if isinstance(value, bool) or value is None or isinstance(value, Mapping | list):
        return ""
    return value if isinstance(value, str) else str(value)


def opaque(value: object) -> bool:
    """Whether a value looks made up by a machine: an id, a token, a date.

    Args:
        value: a scalar.
    """
    if not isinstance(value, str):
        return False
    return bool(_OPAQUE.match(value) or _UUID.match(value) or _DATE.match(value)) or (
        len(value) > 24 and " " not in value
    )


def _worth(key: str, value: object) -> bool:
    named = bool(_NAMED.search(_CAMEL.sub("_", key).lower()))
    if isinstance(value, str):
        return (named and len(value) > 1) or (opaque(value) and not _DATE.match(value))
    return named and not isinstance(value, bool) and value is not None


def _telling(origin: Origin, before: str) -> bool:
    """Short numbers are everywhere: one is taken for an id only where its collection says so."""
    text = as_text(origin.value)
    if not text.isdigit() or len(text) > 3:
        return True
    word = identifier(_CAMEL.sub("_", before), "").rstrip("s")
    owner = identifier(origin.collection, "").rstrip("s")
    key = str(origin.path[-1])
    return bool(word) and word in (owner, f"{owner}_id", identifier(_CAMEL.sub("_", key), ""))
