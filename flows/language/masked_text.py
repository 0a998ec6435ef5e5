"""What stands for a secret in everything that is kept, and what can be said of a text or number that is hidden so."""

from __future__ import annotations

from collections.abc import Mapping

MASK = "***"
NUMBER_MASK = "*** (number)"


class Masked(str):
    """A recorded text of which a part is hidden; what is made of it is hidden too."""

    __slots__ = ()

    def __add__(self, other: str) -> Masked:
        return Masked(str.__add__(self, other))

    def __radd__(self, other: str) -> Masked:
        return Masked(other + str(self))


class MaskedNumber(Masked):
    """A recorded number that is hidden."""

    __slots__ = ()


def may_be(text: str, masked: str) -> bool:
    """Whether a text is a masked one with anything in the place of each mask.

    Args:
        text: whole.
        masked: with ``***`` where something was hidden.
    """
    if MASK not in masked:
        return text == masked
    first, *middle, last = masked.split(MASK)
    if len(text) < len(first) + len(last) or not text.startswith(first) or not text.endswith(last):
        return False
    place, end = len(first), len(text) - len(last)
    for part in middle:
        found = text.find(part, place, end)
        if found < 0:
            return False
        place = found + len(part)
    return True


def hidden(value: object) -> bool:
    """Whether a part of a value is not known.

    Args:
        value: any value of the language.
    """
    if isinstance(value, str):
        return isinstance(value, Masked)
    if isinstance(value, Mapping):
        return any(hidden(key) or hidden(item) for key, item in value.items())
    return isinstance(value, list | tuple) and any(map(hidden, value))


def recorded(value: object, own: frozenset[str] = frozenset()) -> object:
    """A value of a recording with what is hidden in it told apart from what is known.

    Args:
        value: JSON-shaped; given back as it is when nothing in it is hidden.
        own: digests of texts that came with ``***`` of their own (see :func:`fingerprint`).
    """
    if isinstance(value, str):
        if MASK not in value or fingerprint(value) in own:
            return value
        return MaskedNumber(MASK) if value == NUMBER_MASK else Masked(value)
    if isinstance(value, Mapping):
        pairs = [(recorded(key, own), recorded(item, own)) for key, item in value.items()]
        same = all(a is key and b is item for (a, b), (key, item) in zip(pairs, value.items(), strict=True))
        return value if same else dict(pairs)
    if isinstance(value, list | tuple):
        items = [recorded(item, own) for item in value]
        return value if all(a is b for a, b in zip(items, value, strict=True)) else items
    return value


def fingerprint(text: str) -> str:
    """What a recording keeps of a text that came with ``***`` of its own.

    Args:
        text: any.
    """
    from hashlib import sha256

    return sha256(text.encode("utf-8", "surrogatepass")).hexdigest()[:16]


def hiding(text: str, *parts: object) -> str:
    """A text made of values: hidden in part when one of them is.

    Args:
        text: made of the parts.
        parts: values of the language.
    """
    return Masked(text) if MASK in text and hidden(parts) else text
