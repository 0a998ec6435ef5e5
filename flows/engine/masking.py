"""Secrets never leave a run: they are masked by the key they stand under and, once known, wherever they appear."""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import cache
from typing import cast
from urllib.parse import quote

MASK = "***"
_KEY = re.compile(
    r"(^|[^a-z])(pass(word|wd|phrase)?|secret|token|bearer|api[-_]?key|access[-_]?key|private[-_]?key|"
    r"client[-_]?secret|credentials?|(proxy-)?authorization|(set-)?cookies?|sasl[-_]password|dsn)([^a-z]|$)",
    re.IGNORECASE,
)
_CAMEL = re.compile(r"(?<=[a-z])(?=[A-Z])")
_USERINFO = re.compile(r"(?P<scheme>[a-zA-Z][a-zA-Z0-9+.-]*://)(?P<user>[^/\s:@]*)(?::(?P<password>[^/\s@]*))?@")
_PLAIN = frozenset({int, float, bool, type(None)})
_SHORTEST = 8
_SHORTEST_NAMED = 4


@cache
def _secret(key: str) -> bool:
    return bool(_KEY.search(_CAMEL.sub("_", key)))


def is_secret_key(key: str) -> bool:
    """Whether what stands under this key is masked whatever it is.

    Args:
        key: a config key, header or variable name.
    """
    return _secret(key) if len(key) <= 100 else False


class Masks:
    """The secret values that one run has met so far."""

    def __init__(self) -> None:
        self._values: set[str] = set()
        self._pattern: re.Pattern[str] | None = None

    def learn(self, value: object, named: bool = False) -> None:
        """Remembers a secret; shorter ones than eight characters only when `secret()` named them.

        Args:
            value: anything; only text counts.
            named: it came from `secret()`.
        """
        if not isinstance(value, str) or len(value) < (_SHORTEST_NAMED if named else _SHORTEST):
            return
        for form in {value, quote(value, safe="")}:
            if form not in self._values:
                self._values.add(form)
                self._pattern = None

    def text(self, value: str) -> str:
        """A text without secrets.

        Args:
            value: any text, also several lines.
        """
        if "://" in value and "@" in value:
            value = _USERINFO.sub(self._userinfo, value)
        if not self._values:
            return value
        if self._pattern is None:
            longest = sorted(self._values, key=lambda found: (-len(found), found))
            self._pattern = re.compile("|".join(re.escape(found) for found in longest))
        return self._pattern.sub(MASK, value)

    def evidence(self, value: object) -> object:
        """What came back: known secrets are masked, keys are left alone, so that assertions still hold.

        Args:
            value: JSON-shaped.
        """
        kind = type(value)
        if kind in _PLAIN:
            return value
        if kind is str:
            return self.text(cast("str", value))
        if isinstance(value, Mapping):
            found = {key: self.evidence(item) for key, item in value.items()}
            if "set-cookie" in found:
                found["set-cookie"] = MASK if isinstance(found["set-cookie"], str) else [MASK]
            return found
        if isinstance(value, list | tuple):
            return [self.evidence(item) for item in value]
        return value

    def request(self, value: object, key: str = "") -> object:
        """What is sent, or an input: masked under secret keys too, and those values are remembered.

        Args:
            value: JSON-shaped.
            key: what it stands under.
        """
        if isinstance(value, str | int | float | None):
            return self._request_scalar(value, key)
        if isinstance(value, Mapping):
            return self._request_map(value, key)
        if isinstance(value, list | tuple):
            return [self.request(item, key) for item in value]
        return value

    def _request_scalar(self, value: str | int | float | None, key: str) -> object:
        if key and value is not None and not isinstance(value, bool) and is_secret_key(key):
            self._learn_token(value)
            return MASK
        return self.text(value) if isinstance(value, str) else value

    def _request_map(self, value: Mapping[str, object], key: str) -> dict[str, object]:
        hidden = key if key and is_secret_key(key) else ""
        if "value" in value and value.get("in") in ("header", "query", None) and "name" in value and key == "api_key":
            self._learn_token(value["value"])
            return {name: MASK if name == "value" else item for name, item in value.items()}
        return {name: self.request(item, hidden or str(name)) for name, item in value.items()}

    def _learn_token(self, value: object) -> None:
        self.learn(value)
        if isinstance(value, str) and value[:7].lower() == "bearer ":
            self.learn(value[7:])

    def _userinfo(self, match: re.Match[str]) -> str:
        password = match["password"]
        self.learn(password)
        shown = match["user"] if password is not None else MASK
        return f"{match['scheme']}{shown}{':' + MASK if password is not None else ''}@"


def same_but_for_secrets(recorded: object, now: object) -> bool:
    """Whether a request is the recorded one as far as a recording can tell: what is masked now may be anything.

    Args:
        recorded: from the recording.
        now: rendered from masked inputs.
    """
    if isinstance(now, str) and MASK in now:
        return isinstance(recorded, str | int | float) and _fits(str(recorded), now.split(MASK))
    if isinstance(recorded, Mapping) and isinstance(now, Mapping):
        same_keys = recorded.keys() == now.keys()
        return same_keys and all(same_but_for_secrets(value, now[key]) for key, value in recorded.items())
    if isinstance(recorded, list | tuple) and isinstance(now, list | tuple):
        same_length = len(recorded) == len(now)
        return same_length and all(same_but_for_secrets(a, b) for a, b in zip(recorded, now, strict=True))
    return isinstance(recorded, bool) is isinstance(now, bool) and recorded == now


def _fits(text: str, parts: list[str]) -> bool:
    """Whether a text is the parts in order with anything between them."""
    first, *middle, last = parts
    if len(text) < len(first) + len(last) or not text.startswith(first) or not text.endswith(last):
        return False
    place, end = len(first), len(text) - len(last)
    for part in middle:
        found = text.find(part, place, end)
        if found < 0:
            return False
        place = found + len(part)
    return True
