"""Secrets of a recorded request stay out of the flow: it names them, and the reader is told which to give."""

from __future__ import annotations

import re
from collections.abc import Mapping
from urllib.parse import quote, quote_plus, unquote_plus

from flows.engine.masking import is_secret_key

_WORD = re.compile(r"[^A-Za-z0-9]+")
_FIELD = re.compile(r"(\A|[?&])([A-Za-z0-9_.\[\]-]+)=([^&#]+)")
_TELLING = 8
_NAMED = re.compile(r"(\$\{secret\('\w+'\)\})")
_CAMEL = re.compile(r"(?<=[a-z0-9])(?=[A-Z])")


class Secrets:
    """Names for the secrets of one flow; the same value has one name."""

    def __init__(self) -> None:
        self._names: dict[tuple[str, str], str] = {}

    @property
    def names(self) -> tuple[str, ...]:
        """Those that the flow asks for, in order."""
        return tuple(dict.fromkeys(self._names.values()))

    def named(self, key: str, value: str) -> str:
        """A template that stands for a secret.

        Args:
            key: what it is: a header, a field.
            value: the secret itself.
        """
        base = _WORD.sub("_", _CAMEL.sub("_", key)).strip("_").upper() or "SECRET"
        base = base if base[0].isalpha() else f"SECRET_{base}"
        known = next((name for (_, other), name in self._names.items() if other == value), None)
        if known is None:
            known, number = base, 2
            while known in self._names.values():
                known, number = f"{base}_{number}", number + 1
            self._names[(key, value)] = known
        return f"${{secret('{known}')}}"

    def everywhere(self, value: object) -> object:
        """A finished setting or assertion in which no named secret stands, wherever else it was sent or came back.

        Args:
            value: JSON-shaped.
        """
        if isinstance(value, Mapping):
            return {key: self.everywhere(item) for key, item in value.items()}
        if isinstance(value, list):
            return [self.everywhere(item) for item in value]
        if not isinstance(value, str):
            return value
        for (_, secret), name in self._names.items():
            for written in dict.fromkeys((secret, quote(secret, safe=""), quote_plus(secret))):
                if len(written) >= _TELLING and written in value:
                    parts = _NAMED.split(value)
                    parts[::2] = [part.replace(written, f"${{secret('{name}')}}") for part in parts[::2]]
                    value = "".join(parts)
        return value

    def in_fields(self, text: str) -> str:
        """An urlencoded text, or a URL with a query, with the values of its secret fields named.

        Args:
            text: escaped; its templates stay.
        """

        def shown(found: re.Match[str]) -> str:
            mark, name, value = found.groups()
            if not is_secret_key(name) or value.startswith("${"):
                return found.group()
            return f"{mark}{name}={self.named(name, unquote_plus(value))}"

        return _FIELD.sub(shown, text)

    def hidden(self, value: object, key: str = "") -> object:
        """A value of a body with its secret fields named.

        Args:
            value: JSON-shaped; its templates stay.
            key: what it stands under.
        """
        if isinstance(value, Mapping):
            return {str(name): self.hidden(item, str(name)) for name, item in value.items()}
        if isinstance(value, list | tuple):
            return [self.hidden(item, key) for item in value]
        if isinstance(value, str) and value and is_secret_key(key) and not value.startswith("${"):
            return self.named(key, value)
        return value
