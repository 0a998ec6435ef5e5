"""The ways in which a secret is written by servers, shells, mails and logs: what the canary sends and looks for."""

from __future__ import annotations

import base64
import html
import json
import math
import quopri
import re
import shlex
import unicodedata
from collections.abc import Callable, Mapping
from functools import cache
from string import ascii_lowercase, ascii_uppercase
from urllib.parse import quote, quote_plus, urlencode
from xml.sax.saxutils import escape

from testmesh.guard.regex import Finder

_UPPER = {ord(char): char.upper() for char in ascii_lowercase}
_LOWER = {ord(char): char.lower() for char in ascii_uppercase}


def _hex_case(text: str) -> str:
    """Percent escapes in lower case."""
    parts = text.split("%")
    return parts[0] + "".join("%" + part[:2].lower() + part[2:] for part in parts[1:])


def _within(before: str) -> Callable[[str], str]:
    return lambda text: base64.b64encode((before + text + ":rest").encode()).decode()


def _escaped_json(text: str) -> str:
    return "".join(f"\\u{ord(char):04x}" for char in text)


ENCODINGS: Mapping[str, Callable[[str], str]] = {
    "plain": lambda text: text,
    "url": lambda text: quote(text, safe=""),
    "url lower": lambda text: _hex_case(quote(text, safe="")),
    "url path": lambda text: quote(text, safe="/"),
    "form": quote_plus,
    "form body": lambda text: urlencode({"a": text, "b": "c"}),
    "double url": lambda text: quote(quote(text, safe=""), safe=""),
    "every byte percent": lambda text: "".join(f"%{byte:02X}" for byte in text.encode()),
    "base64": lambda text: base64.b64encode(text.encode()).decode(),
    "base64 after 1": _within("u"),
    "base64 after 2": _within("us"),
    "basic auth": _within("user:"),
    "base64 unpadded": lambda text: base64.b64encode(text.encode()).decode().rstrip("="),
    "base64url": lambda text: base64.urlsafe_b64encode(text.encode()).decode(),
    "base64url unpadded": lambda text: base64.urlsafe_b64encode(text.encode()).decode().rstrip("="),
    "base64 mime": lambda text: base64.encodebytes(("x" * 50 + text).encode()).decode(),
    "base64 utf-16": lambda text: base64.b64encode(text.encode("utf-16-le")).decode(),
    "base64 in url": lambda text: quote(base64.b64encode(text.encode()).decode(), safe=""),
    "base64 of json": lambda text: base64.b64encode(json.dumps({"sub": text}).encode()).decode(),
    "base64 of url": lambda text: base64.b64encode(quote(text, safe="").encode()).decode(),
    "base32": lambda text: base64.b32encode(text.encode()).decode(),
    "base32 lower unpadded": lambda text: base64.b32encode(text.encode()).decode().lower().rstrip("="),
    "octal": lambda text: "".join(f"\\{byte:03o}" for byte in text.encode()),
    "upper": lambda text: text.translate(_UPPER),
    "lower": lambda text: text.translate(_LOWER),
    "hex": lambda text: text.encode().hex(),
    "hex upper": lambda text: text.encode().hex().upper(),
    "hex colons": lambda text: text.encode().hex(":"),
    "hex escapes": lambda text: "".join(f"\\x{byte:02x}" for byte in text.encode()),
    "json": lambda text: json.dumps(text)[1:-1],
    "json slashes": lambda text: json.dumps(text)[1:-1].replace("/", "\\/"),
    "json in json": lambda text: json.dumps(json.dumps(text)),
    "json all": _escaped_json,
    "json all upper": lambda text: _escaped_json(text).upper().replace("\\U", "\\u"),
    "html": html.escape,
    "html numbers": lambda text: "".join(f"&#{ord(char)};" for char in text),
    "html hex": lambda text: "".join(f"&#x{ord(char):x};" for char in text),
    "xml": escape,
    "xml in html": lambda text: html.escape(escape(text)),
    "shell": shlex.quote,
    "backslashes": lambda text: "".join(char if char.isalnum() else "\\" + char for char in text),
    "sql": lambda text: "'" + text.replace("'", "''") + "'",
    "csv": lambda text: '"' + text.replace('"', '""') + '"',
    "utf-16": lambda text: text.encode("utf-16-le").decode("latin-1"),
    "quoted-printable": lambda text: quopri.encodestring(text.encode(), quotetabs=True).decode("latin-1"),
    "reversed": lambda text: text[::-1],
    "python repr": repr,
    "nfd": lambda text: unicodedata.normalize("NFD", text),
    "nfc": lambda text: unicodedata.normalize("NFC", text),
    "utf-8 as latin-1": lambda text: text.encode().decode("latin-1"),
}
"""Name to encoder."""


WINDOW = 10


def left(text: str, secret: str) -> list[str]:
    """Names of the encodings in which ten characters of a secret in a row (or a shorter one) stand in a text.

    Args:
        text: an artefact.
        secret: the value.
    """
    return [name for name, finder in _windows(secret).items() if finder.found(text)]


@cache
def _windows(secret: str) -> Mapping[str, Finder]:
    found = {}
    for name, encode in ENCODINGS.items():
        core = _core(name, encode(secret), secret)
        width = max(WINDOW, math.ceil(WINDOW * len(core) / len(secret)))
        pieces = {core[place : place + width] for place in range(max(1, len(core) - width + 1))} - {""}
        if pieces:
            found[name] = Finder("|".join(re.escape(piece) for piece in sorted(pieces)))
    return found


def _core(name: str, encoded: str, secret: str) -> str:
    """The part of an encoded text that the secret alone decides."""
    if name == "form body":
        return quote_plus(secret)
    if name in ("base64 after 1", "base64 after 2", "basic auth"):
        before = {"base64 after 1": 1, "base64 after 2": 2, "basic auth": 5}[name]
        first, last = -(-before * 8 // 6), (before + len(secret.encode())) * 8 // 6
        return encoded[first:last]
    if name == "base64 mime":
        return ""
    if name == "base64 of json":
        # What stands before is nine bytes, which are twelve letters.
        return base64.b64encode(json.dumps(secret)[1:-1].encode()).decode().rstrip("=")[:-1]
    if name.startswith("base32"):
        return encoded.rstrip("=")[:-1]
    if name.startswith("base64"):
        return encoded.replace("%3D", "").rstrip("=")[:-1]
    return encoded.strip("'\"") if name in ("shell", "sql", "csv", "python repr") else encoded
