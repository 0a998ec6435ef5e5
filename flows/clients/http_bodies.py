"""Bodies as they were before a server compressed them, bounded, and as text."""

from __future__ import annotations

import zlib
from collections.abc import Mapping

from flows.clients.errors import ClientError
from flows.clients.http_dial import MAX_BODY

ACCEPTED = "gzip, deflate"
MAX_CODINGS = 4
_NO_CHARSETS = ("idna", "punycode")  # of names, and slow by the square of their length


def decoded(body: bytes, encoding: str, target: object) -> bytes:
    """A body without its content codings (RFC 9110 §8.4.1).

    Args:
        body: as transferred.
        encoding: the header's value; empty = none.
        target: for messages.

    Raises:
        ClientError: damaged, too large, or compressed in a way that was not asked for.
    """
    names = [part.strip().lower() for part in encoding.split(",") if part.strip()]
    if len(names) > MAX_CODINGS:
        raise ClientError(f"{target}: the answer is compressed {len(names)} times over")
    for name in reversed(names):
        if name in ("gzip", "x-gzip"):
            body = _inflated(body, 31, target)
        elif name == "deflate":
            body = _inflated(body, 15 if body[:1] == b"\x78" else -15, target)
        elif name != "identity":
            raise ClientError(
                f"{target}: the answer is compressed with '{name}', which was not asked for (only {ACCEPTED})"
            )
    return body


def _inflated(body: bytes, window: int, target: object) -> bytes:
    parts: list[bytes] = []
    left = MAX_BODY
    while body:
        inflater = zlib.decompressobj(window)
        try:
            plain = inflater.decompress(body, left + 1)
        except zlib.error as error:
            raise ClientError(f"{target}: the compressed answer is damaged: {error}") from error
        left -= len(plain)
        if left < 0:
            raise ClientError(f"{target}: the answer is larger than {MAX_BODY // 2**20} MiB when decompressed")
        if not inflater.eof:
            raise ClientError(f"{target}: the compressed answer is cut off")
        parts.append(plain)
        body = inflater.unused_data if window == 31 else b""
    return b"".join(parts)


def text_of(body: bytes, headers: Mapping[str, str]) -> str | None:
    """A body as text in the charset its headers name (UTF-8 without one), or None when it is not text.

    A byte order mark is no part of it (WHATWG Encoding §6, RFC 8259 §8.1).

    Args:
        body: bytes.
        headers: lower-case names.
    """
    _, _, charset = headers.get("content-type", "").lower().partition("charset=")
    name = charset.split(";")[0].strip().strip("\"'") or "utf-8"
    if name in _NO_CHARSETS:
        return None
    try:
        return body.decode(name).removeprefix("\ufeff")
    except (LookupError, ValueError):
        return None
