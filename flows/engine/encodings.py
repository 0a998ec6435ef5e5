"""How a secret may look in a text, as patterns: servers, shells, mails and logs write the same value differently.

Each form is a list of atoms, one per character or group of characters, so that a text that breaks off inside a form can
be recognised too.
"""

from __future__ import annotations

import base64
import json
import re
import unicodedata
from collections.abc import Callable, Iterable, Iterator, Mapping
from functools import cache
from urllib.parse import quote

Atoms = tuple[str, ...]
PARTIAL = re.compile(
    r"(?:\\+(?:[uU]\{?[0-9a-fA-F]{0,8}|x[0-9a-fA-F]?|r|r\\+|[0-7]{1,3})?|%(?:25)*(?:2|[uU])?[0-9a-fA-F]{0,4}"
    r"|&(?:amp;)*#?[0-9a-zA-Z]{0,33}|=(?:[0-9a-fA-F]|\r|\\+(?:r\\*)?)?|'[\"'\\]{0,3}|\"|\r|[uU]\+?[0-9a-fA-F]{0,5})\Z"
)
"""A text that ends in the middle of an escape."""
COMPLETE = re.compile(
    r"(?:%(?:25)*[0-9a-fA-F]{2}|=[0-9a-fA-F]{2}|=(?:\r?\n|(?:\\+r)?\\+n)|\\+x[0-9a-fA-F]{2}|\\+[0-7]{3}|\\+u[0-9a-fA-F]{4})\Z"
)
"""A text that ends in one escape, of several that some characters need."""
BETWEEN = re.compile(
    r"(?:\r?\n?|[ :-]|,? ?0?x?|\x00|\\+(?:u0*|x0{0,2}|r?\\+n|n|r\\*)?|=(?:\r?\n=?|\\+(?:r\\*)?n?)?|%(?:25)*)\Z"
)
"""A text that ends in what may stand between two pieces of a secret."""
_SLASHES = r"\\+"
_SOFT_BREAK = r"(?:=(?:\r?\n|(?:\\+r)?\\+n))?"
_CUT_ESCAPE = r"(?:\\+[a-zA-Z0-9{]{0,8}|%[0-9a-fA-F]{0,4}|&[#a-zA-Z0-9]{0,10}|=[0-9a-fA-F]?)?"
_AND = r"(?:&|\\+u0026)(?:amp;)*"
_MAX_NESTED = 400
_NO_WORD = 8
_NO_HALF = 10
_LETTER = re.compile(r"[A-Za-z]")
_SIGN = re.compile(r"[^A-Za-z\s._-]")
CUT = 4
"""So many characters of a secret at the end of a shortened text are masked."""
LONG = 80
"""Longer values (tokens, keys) are looked for in fewer forms: each costs time with every letter."""


def forms(value: str) -> Iterator[Atoms]:
    """Every form that is looked for.

    Args:
        value: a secret, not empty.
    """
    seen: set[Atoms] = set()
    found = (form for plain in _normal(value) for form in (*_texts(plain), *_bytes(plain)))
    for form in (*found, *_wrapped(value)):
        if form and form not in seen:
            seen.add(form)
            yield form


def prefix(form: Atoms, least: int = 1) -> str:
    """A pattern for texts that end after some of this form's atoms; empty when it is too long to be told.

    Args:
        form: its atoms.
        least: how many atoms there must be.
    """
    if len(form) > _MAX_NESTED:
        return ""
    sure, rest = "".join(form[:least]), form[least:]
    return sure + "".join(f"(?:{atom}" for atom in rest) + ")?" * len(rest)


def cut_short(value: str) -> str:
    """A pattern for the secret's beginning where a text was shortened in the middle of it.

    Args:
        value: a secret.
    """
    beginnings = [text for form in forms(value) if (text := prefix(form, min(CUT, len(form))))]
    return rf"(?:{'|'.join(beginnings)}){_CUT_ESCAPE}(?:\.\.\.|…)" if beginnings else ""


def _normal(value: str) -> Iterator[str]:
    """The value as written, composed, decomposed, and as UTF-8 read in the wrong code page."""
    yield value
    if value.isascii():
        return
    yield unicodedata.normalize("NFC", value)
    yield unicodedata.normalize("NFD", value)
    data = value.encode("utf-8", "surrogatepass")
    yield data.decode("latin-1")
    yield data.decode("cp1252", "replace")


def _texts(value: str) -> Iterator[Atoms]:
    """The value with any of its characters escaped, all of them escaped, spaced out by NULs, and backwards.

    Letters count in either case where the value is long enough not to be a word: servers change headers, hosts, names.
    """
    plain = [_mixed(char, any_case=len(value) >= _NO_WORD) for char in value]
    if len(value) < _NO_WORD and value.isascii() and value.isalpha():
        # A secret that may be a word is none within another: `test` in `testmesh` and in `latest`.
        plain[0], plain[-1] = rf"\b{plain[0]}", rf"{plain[-1]}\b"
    yield tuple(plain)
    if len(value) > LONG:
        return
    yield tuple([_unicode_escape(char) for char in value])
    yield tuple([_numeric_entity(char) for char in value])
    yield tuple([rf"{_SLASHES}{byte:03o}" for byte in value.encode("utf-8", "surrogatepass")])
    yield _separated([_mixed(char) for char in value], r"(?:\x00|\\+u0000|\\+x00)")
    if len(value) >= 8:
        yield tuple([_mixed(char) for char in reversed(value)])
    if max(value) > "\xff":
        for wide in ("utf-16-le", "utf-16-be"):
            yield tuple([_mixed(char) for char in value.encode(wide, "surrogatepass").decode("latin-1")])


def _bytes(value: str) -> Iterator[Atoms]:
    """The bytes in hexadecimal and in base64, wherever they stand in a longer text."""
    data = value.encode("utf-8", "surrogatepass")
    if len(value) > LONG:
        yield tuple([_hex(byte, 2) for byte in data])
        yield from (tuple([_base64_letter(char) for char in base64_core(data, before)]) for before in range(3))
        return
    wide = value.encode("utf-16-le", "surrogatepass")
    yield _hexadecimal(data)
    yield _hexadecimal(wide)
    yield _hexadecimal(value.encode("utf-16-be", "surrogatepass"))
    for found in (data, wide):
        for before in range(3):
            core = base64_core(found, before)
            if len(core) >= 4:
                yield _separated([_base64_letter(char) for char in core], r"(?:(?:\\+r)?\\+n|\r?\n)?")
    for before in range(5):
        core = base32_core(data, before)
        if len(core) >= _NO_WORD:
            yield tuple([f"[{char}{char.lower()}]" if char.isalpha() else char for char in core])


def _wrapped(value: str) -> Iterator[Atoms]:
    """The value as JSON or a URL has it, within base64: parts of a JSON Web Token, states of a login."""
    if len(value) > LONG:
        return
    data = value.encode("utf-8", "surrogatepass")
    escaped = (json.dumps(value)[1:-1], json.dumps(value, ensure_ascii=False)[1:-1], quote(data, safe=""))
    for text in {text for text in escaped if text != value}:
        for before in range(3):
            core = base64_core(text.encode("utf-8", "surrogatepass"), before)
            if len(core) <= _MAX_NESTED:
                yield tuple([_base64_letter(char) for char in core])


def base64_core(data: bytes, before: int) -> str:
    """The letters that these bytes alone decide when so many others stand before them in the same group of three.

    Args:
        data: the bytes.
        before: 0, 1 or 2.
    """
    text = base64.b64encode(b"\0" * before + data).decode().rstrip("=")
    first = (0, 2, 3)[before]
    last = len(text) if (before + len(data)) % 3 == 0 else len(text) - 1
    return text[first:last]


def base32_core(data: bytes, before: int) -> str:
    """The letters of base32 that these bytes alone decide when so many others stand before them in the same group.

    Args:
        data: the bytes.
        before: 0 to 4.
    """
    text = base64.b32encode(b"\0" * before + data).decode()
    return text[-(-before * 8 // 5) : (before + len(data)) * 8 // 5]


def _separated(atoms: list[str], between: str) -> Atoms:
    return tuple([atom if number == 0 else between + atom for number, atom in enumerate(atoms)])


def _hexadecimal(data: bytes) -> Atoms:
    between = r"(?:[ :-]|\\+x|%(?:25)*|=(?:\r?\n=)?|,? ?0x)?"
    digits = [(_hex(byte >> 4, 1), _hex(byte & 15, 1)) for byte in data]
    return tuple([part for number, (high, low) in enumerate(digits) for part in (between * (number > 0) + high, low)])


def _hex(number: int, digits: int) -> str:
    text = f"{number:0{digits}x}"
    return "".join(f"[{char}{char.upper()}]" if char.isalpha() else char for char in text)


def _base64_letter(char: str) -> str:
    if char == "+":
        return r"(?:[+\-]|%(?:25)*2[bB]|\\+u002[bB]|&#43;)"
    if char == "/":
        return r"(?:\\*[/_]|%(?:25)*2[fF]|\\+u002[fF]|&#(?:47|x2[fF]);)"
    return char


def _unicode_escape(char: str) -> str:
    point = ord(char)
    if point <= 0xFFFF:
        return rf"(?:(?:\\+|%)[uU]\{{?0*{_hex(point, 1)}\}}?|U\+0*{_hex(point, 1)} ?)"
    high, low = 0xD800 + ((point - 0x10000) >> 10), 0xDC00 + ((point - 0x10000) & 0x3FF)
    pair = "".join(rf"\\+u{_hex(half, 4)}" for half in (high, low))
    return rf"(?:{pair}|\\+[uU]\{{?0*{_hex(point, 1)}\}}?)"


def _numeric_entity(char: str) -> str:
    return rf"{_AND}#(?:0*{ord(char)}|[xX]0*{_hex(ord(char), 1)});"


@cache
def _mixed(char: str, *, any_case: bool = False) -> str:
    """One character, bare or escaped in any of the usual ways."""
    if char.isascii() and char.isalnum():
        shown = f"[{char.lower()}{char.upper()}]" if any_case and char.isalpha() else char
        return f"{_SOFT_BREAK}{shown}"
    data = char.encode("utf-8", "surrogatepass")
    found = [
        *_bare(char),
        *(re.escape(other) for other in {char.upper(), char.lower()} - {char} if any_case and len(other) == 1),
        "".join(f"%(?:25)*{_hex(byte, 2)}" for byte in data),
        _SOFT_BREAK.join(f"={_hex(byte, 2)}" for byte in data),
        "".join(rf"\\+x{_hex(byte, 2)}" for byte in data),
        _unicode_escape(char),
        _numeric_entity(char),
        *(rf"{_AND}{name}" for name in _named_entities().get(char, ())),
    ]
    if ord(char) < 256:
        found += (rf"\\+{ord(char):03o}", rf"\\+x{_hex(ord(char), 2)}")
    return f"{_SOFT_BREAK}(?:{'|'.join(found)})"


_OWN_ESCAPES: Mapping[str, tuple[str, ...]] = {
    "\\": (r"\\+",),
    "'": (r"'\\*\"'\\*\"'", r"'\\+''", r"'\\*'"),
    '"': (r'\\*"\\*"',),
    " ": (r"\+", "_", "\u00a0"),
    "%": ("%%",),
    "$": (r"\$\$",),
    "\n": (rf"(?:{_SLASHES}r)?{_SLASHES}n", r"\r\n", r"%(?:25)*0[dD]%(?:25)*0[aA]"),
    "\r": (rf"{_SLASHES}r",),
    "\t": (rf"{_SLASHES}t",),
    "\b": (rf"{_SLASHES}b",),
    "\f": (rf"{_SLASHES}f",),
    "\v": (rf"{_SLASHES}v",),
    "\a": (rf"{_SLASHES}a",),
}


def _bare(char: str) -> Iterator[str]:
    if char != "\\":
        yield rf"\\*{re.escape(char)}"
    yield from _OWN_ESCAPES.get(char, ())


@cache
def _named_entities() -> Mapping[str, tuple[str, ...]]:
    from html.entities import html5

    names: dict[str, list[str]] = {}
    for name, char in html5.items():
        if len(char) == 1 and name.endswith(";"):
            names.setdefault(char, []).append(re.escape(name))
    return {char: tuple(sorted(found)) for char, found in names.items()}


def pattern(values: Iterable[str], of: Callable[[Atoms], str] = "".join) -> str:
    """One pattern for all forms of all values.

    Args:
        values: secrets.
        of: the pattern of one form.
    """
    found = (text for value in values for text in (*map(of, forms(value)), _half(value)))
    return "|".join(f"(?:{text})" for text in found if text)


def _half(value: str) -> str:
    """A pattern for the first half and more: what a server cut off, or a flow changed the end of.

    A beginning of nothing but letters may be a word, and an address begins as others do; neither is masked.
    """
    if len(value) > LONG or "\n" in value or "://" in value:
        return ""
    least = max(_NO_HALF, -(-len(value) // 2))
    while least < len(value) and not (_LETTER.search(value[:least]) and _SIGN.search(value[:least])):
        least += 1
    return prefix(tuple([_mixed(char, any_case=True) for char in value]), least) if least < len(value) else ""
