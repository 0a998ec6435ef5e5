"""Secrets never leave a run: they are masked by the key they stand under and, once known, wherever they appear."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from functools import cache
from typing import TYPE_CHECKING, cast

from flows.language.masked_text import MASK, NUMBER_MASK, fingerprint, may_be

if TYPE_CHECKING:
    from testmesh.guard.regex import Finder

_KEY = re.compile(
    r"(^|[^a-z])(pass(word|wd|phrase)?|secret|token|bearer|api[-_]?key|access[-_]?key|private[-_]?key|"
    r"client[-_]?secret|credentials?|(proxy-)?authorization|(set-)?cookies?|sasl[-_]password|dsn)([^a-z]|$)",
    re.IGNORECASE,
)
_CAMEL = re.compile(r"(?<=[a-z])(?=[A-Z])")
_USERINFO = re.compile(r"(?P<scheme>[a-zA-Z][a-zA-Z0-9+.-]*://)(?P<user>[^/\s:@]*)(?::(?P<password>[^/\s@]*))?@")
_DELIMITERS = re.compile(r"[/?#@:&\s]")
_PLAIN = frozenset({int, float, bool, type(None)})
_COOKIE_VALUE = r"(?s)((?:^|,)\s*[^=;,\s]+)=.*?(?=;|,\s*[^=;,\s]+=|$)"
_KEY_MARK = "PRIVATE KEY-----"
_PRIVATE_KEY = rf"(?s)-----BEGIN [A-Z0-9 ]{{0,40}}{_KEY_MARK}.*?(?:-----END [A-Z0-9 ]{{0,40}}{_KEY_MARK}|\Z)"


def _told(item: object) -> object:
    if isinstance(item, Mapping):
        return dict(item)
    if type(item).__name__ == "Decimal":
        return str(item)
    raise TypeError(type(item).__name__)


_JSON = json.JSONEncoder(ensure_ascii=False, check_circular=False, separators=(",", ":"), default=_told)
EXPANSION = 40
"""So many times longer may a secret's form be than the secret."""
_SHORTEST = 8
_SHORTEST_NAMED = 4
_BATCH = 400
_PIECE = 1_000


_ABOUT_TOKENS = frozenset({"token_url", "token_uri", "token_endpoint", "token_type"})


@cache
def _secret(key: str) -> bool:
    return key.lower() not in _ABOUT_TOKENS and bool(_KEY.search(_CAMEL.sub("_", key)))


def is_secret_key(key: str) -> bool:
    """Whether what stands under this key is masked whatever it is.

    Args:
        key: a config key, header or variable name.
    """
    return _secret(key) if len(key) <= 100 else False


class Masks:
    """The secret values that one run has met so far."""

    def __init__(self) -> None:
        self.own: set[str] | None = set()
        self._values: dict[str, None] = {}
        self._numbers: set[str] = set()
        self._pending: list[str] = []
        self._batches: list[tuple[list[str], Finder]] = []
        self._short: list[Finder] = []
        self._known_short = 0

    @property
    def count(self) -> int:
        """How many values are known; what was masked when it was smaller may hold more."""
        return len(self._values)

    @property
    def values(self) -> tuple[str, ...]:
        """What is masked, in the order it was learned."""
        return tuple(self._values)

    def learn(self, value: object, named: bool = False) -> None:
        """Remembers a secret; shorter ones than eight characters only when `secret()` named them.

        Args:
            value: anything; only text counts.
            named: it came from `secret()`.
        """
        if not isinstance(value, str):
            return
        shortest = _SHORTEST_NAMED if named else _SHORTEST
        for form in {value, value.strip()}:
            if len(form) >= shortest and form not in self._values:
                self._remember(form)
        for found in _parts(value):
            if len(found) >= _SHORTEST and found not in self._values:
                self._remember(found)

    def _remember(self, value: str) -> None:
        if len(value) > 2 * _PIECE:
            places = [*range(0, len(value) - _PIECE, _PIECE), len(value) - _PIECE]
            for place in places:
                self._remember(value[place : place + _PIECE])
            return
        self._values[value] = None
        self._pending.append(value)
        if value.isdigit() and value.isascii():
            self._numbers.add(value.lstrip("0") or "0")

    def _finders(self) -> list[Finder]:
        """Patterns for every value; batches grow so that a value is compiled anew only a few times."""
        if self._pending:
            from flows.engine.encodings import pattern
            from testmesh.guard.regex import Finder

            batch, self._pending = self._pending, []
            while self._batches and _joinable(self._batches[-1][0], batch):
                batch = [*self._batches.pop()[0], *batch]
            for part in _portions(batch):
                self._batches.append((part, Finder(pattern(part))))
        return [finder for _, finder in self._batches]

    def _shortened(self) -> list[Finder]:
        """Patterns for values that a shortened text breaks off in; made when the first such text comes."""
        from flows.engine.encodings import cut_short
        from testmesh.guard.regex import Finder

        for value in self.values[self._known_short :]:
            found = cut_short(value)
            if found:
                self._short.append(Finder(found))
        self._known_short = len(self._values)
        return self._short

    def text(self, value: str) -> str:
        """A text without secrets.

        Args:
            value: any text, also several lines.
        """
        if "://" in value and "@" in value:
            value = _USERINFO.sub(self._userinfo, value)
        if _KEY_MARK in value:
            value = re.sub(_PRIVATE_KEY, self._private_key, value)
        if not self._values or len(value) < _SHORTEST_NAMED:
            return value
        spans = self.spans(value)
        return replaced(value, spans) if spans else value

    def spans(self, value: str) -> list[tuple[int, int]]:
        """Where secrets stand in a text, in order, without overlaps.

        Args:
            value: any text.
        """
        self._finders()
        found = sorted(span for values, finder in self._batches for span in _whole(finder, values, value))
        if "..." in value or "…" in value:
            found = sorted([*found, *(span for finder in self._shortened() for span in finder.spans(value))])
        merged: list[tuple[int, int]] = []
        for start, end in found:
            if merged and start < merged[-1][1]:
                merged[-1] = (merged[-1][0], max(end, merged[-1][1]))
            elif end > start:
                merged.append((start, end))
        return merged

    def evidence(self, value: object) -> object:
        """What came back: known secrets are masked, names of fields are left alone, so that assertions still hold.

        Args:
            value: JSON-shaped; given back as it is when there is nothing to mask.
        """
        kind = type(value)
        if kind in _PLAIN:
            return NUMBER_MASK if self._numbers and kind in (int, float) and str(value) in self._numbers else value
        if kind is str:
            return self._kept(cast("str", value))
        return self._masked(value) if self._suspect(value) else value

    def _suspect(self, value: object) -> bool:
        """Whether anything in a value may have to be masked: one look at its JSON, which is quick to make."""
        try:
            text = _JSON.encode(value)
        except (TypeError, ValueError, RecursionError):
            return True
        if ("://" in text and "@" in text) or _KEY_MARK in text or '"set-cookie":' in text.lower() or MASK in text:
            return True
        if not self._values:
            return False
        if self._found(text):
            return True
        return "\\n" in text and self._found(text.replace("\\r", "\r").replace("\\n", "\n"))

    def _found(self, text: str) -> bool:
        if ("..." in text or "…" in text) and any(finder.found(text) for finder in self._shortened()):
            return True
        return any(finder.found(text) for finder in self._finders())

    def _kept(self, value: str) -> str:
        """A text of evidence without secrets; one with ``***`` of its own is remembered, so that `judge` knows it."""
        text = self.text(value)
        if MASK in value and self.own is not None and text == value != MASK:
            self.own.add(fingerprint(value))
        return text

    def _masked(self, value: object) -> object:
        if isinstance(value, str):
            return self._kept(value)
        if isinstance(value, Mapping):
            return {self._key(key): self._under(str(key), item) for key, item in value.items()}
        if isinstance(value, list | tuple):
            return [self._masked(item) for item in value]
        if self._numbers and not isinstance(value, bool) and str(value) in self._numbers:
            return NUMBER_MASK
        return value

    def _key(self, key: object) -> object:
        return self.text(key) if isinstance(key, str) and self._values else key

    def _under(self, key: str, item: object) -> object:
        if len(key) == len("set-cookie") and key.lower() == "set-cookie":
            lines = [item] if isinstance(item, str) else item if isinstance(item, list | tuple) else [str(item)]
            masked = [self.text(re.sub(_COOKIE_VALUE, rf"\1={MASK}", str(line))) for line in lines]
            return masked[0] if isinstance(item, str) else masked
        return self._masked(item)

    def request(self, value: object, key: str = "") -> object:
        """What is sent, or an input: masked under secret keys too, and those values are remembered.

        Args:
            value: JSON-shaped.
            key: what it stands under.
        """
        self._learn_under(value, key)
        return self._request(value, key)

    def _learn_under(self, value: object, key: str) -> None:
        """Remembers what stands under secret keys, before anything that may repeat it is written down."""
        if type(value) in _PLAIN:
            return
        if isinstance(value, str):
            if key and is_secret_key(key):
                self._learn_token(value)
        elif isinstance(value, Mapping):
            hidden = key if key and is_secret_key(key) else ""
            if _api_key(value, key):
                self._learn_token(value["value"])
                return
            for name, item in value.items():
                self._learn_under(item, hidden or str(name))
        elif isinstance(value, list | tuple):
            for item in value:
                self._learn_under(item, key)

    def _request(self, value: object, key: str) -> object:
        if type(value) in _PLAIN or isinstance(value, str):
            if key and value is not None and not isinstance(value, bool) and is_secret_key(key):
                return MASK
            if key == "proxy" and isinstance(value, str) and "@" in value and "://" not in value:
                return self.text(f"http://{value}")
            return self.evidence(value)
        if isinstance(value, Mapping):
            hidden = key if key and is_secret_key(key) else ""
            if _api_key(value, key):
                return {name: MASK if name == "value" else item for name, item in value.items()}
            return {self._key(name): self._request(item, hidden or str(name)) for name, item in value.items()}
        if isinstance(value, list | tuple):
            return [self._request(item, key) for item in value]
        return value

    def _learn_token(self, value: object) -> None:
        self.learn(value)
        if not isinstance(value, str):
            return
        scheme, _, rest = value.partition(" ")
        if scheme.lower() == "bearer":
            self.learn(rest)
        elif scheme.lower() == "basic":
            self.learn(_password_of(rest))

    def _private_key(self, match: re.Match[str]) -> str:
        self.learn(match[0])
        return MASK

    def _userinfo(self, match: re.Match[str]) -> str:
        password = match["password"]
        self.learn(password)
        shown = match["user"] if password is not None else MASK
        return f"{match['scheme']}{shown}{':' + MASK if password is not None else ''}@"


def _parts(value: str) -> Iterator[str]:
    """Lines of a key file, and what a secret falls into where it stands in an address that it is not encoded for."""
    if "\n" in value:
        yield from (found for line in value.split("\n") if not (found := line.strip()).startswith("-----"))
    elif "://" not in value:
        # A part that is a word may stand anywhere; one that mixes letters and digits is a secret's.
        yield from (
            part for part in _DELIMITERS.split(value) if re.search(r"[A-Za-z]", part) and re.search(r"\d", part)
        )


def _whole(finder: Finder, values: list[str], text: str) -> Iterator[tuple[int, int]]:
    """Places of secrets to the end of what begins within them: the same one again, or another of the same pattern.

    A pattern's own search goes on behind what it found; what begins within another pattern's place it finds by itself.
    """
    reach, found = EXPANSION * max(map(len, values)), finder.spans(text)
    for number, (begin, end) in enumerate(found):
        following = found[number + 1][0] if number + 1 < len(found) else len(text)
        start = begin
        while end < following:
            again = finder.first(text[start + 1 : end + reach])
            if again is None or start + 1 + again[0] >= end:
                break
            start, end = start + 1 + again[0], max(end, start + 1 + again[1])
        yield begin, end


def _joinable(before: list[str], batch: list[str]) -> bool:
    return len(before) <= len(batch) and sum(map(len, before)) + sum(map(len, batch)) <= _BATCH


def _portions(values: list[str]) -> Iterator[list[str]]:
    """The values in lists that one pattern each can hold."""
    part: list[str] = []
    for value in values:
        if part and sum(map(len, part)) + len(value) > _BATCH:
            yield part
            part = []
        part.append(value)
    yield part


def _api_key(value: Mapping[str, object], key: str) -> bool:
    places = ("header", "query", "cookie", None)
    return key == "api_key" and "value" in value and "name" in value and value.get("in") in places


def _password_of(credentials: str) -> str:
    """The password of RFC 7617 credentials; empty when they are none."""
    import base64
    import binascii

    try:
        return base64.b64decode(credentials, validate=True).decode().partition(":")[2]
    except (binascii.Error, UnicodeDecodeError):
        return ""


def replaced(text: str, spans: list[tuple[int, int]]) -> str:
    """A text with a mask in each of these places.

    Args:
        text: any text.
        spans: in order, without overlaps.
    """
    parts: list[str] = []
    place = 0
    for start, end in spans:
        parts += (text[place:start], MASK)
        place = end
    return "".join((*parts, text[place:]))


def same_but_for_secrets(recorded: object, now: object) -> bool:
    """Whether a request is the recorded one as far as a recording can tell: what is masked may be anything.

    Args:
        recorded: from the recording.
        now: rendered from masked inputs.
    """
    if isinstance(now, str) and now in (MASK, NUMBER_MASK):
        return isinstance(recorded, str | int | float)
    if isinstance(now, str) and MASK in now and isinstance(recorded, str | int | float):
        return may_be(str(recorded), now) or (isinstance(recorded, str) and may_be(now, recorded))
    if isinstance(recorded, str) and MASK in recorded:
        return isinstance(now, str | int | float) and may_be(str(now), recorded)
    if isinstance(recorded, Mapping) and isinstance(now, Mapping):
        if recorded.keys() == now.keys():
            return all(same_but_for_secrets(value, now[key]) for key, value in recorded.items())
        masked = any(MASK in str(key) for key in (*recorded, *now))
        return masked and same_but_for_secrets([*recorded.items()], [*now.items()])
    if isinstance(recorded, list | tuple) and isinstance(now, list | tuple):
        same_length = len(recorded) == len(now)
        return same_length and all(same_but_for_secrets(a, b) for a, b in zip(recorded, now, strict=True))
    return isinstance(recorded, bool) is isinstance(now, bool) and recorded == now
