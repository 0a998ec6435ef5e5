"""Bodies larger than ordinary, read only after the caller was admitted."""

from __future__ import annotations

import zlib

from fastapi import Request

from api.auth import Editor, services_of
from api.errors import Problem, Refused

_CHUNK = 1 << 16


async def upload_body(request: Request, caller: Editor) -> bytes:
    """The whole body within the upload limit, inflated when it is gzip.

    Args:
        request: whose body.
        caller: admitted first, so that strangers cannot make us read.

    Raises:
        Refused: too large, or not what its Content-Encoding says.
    """
    limit = services_of(request).policy.upload
    found = bytearray()
    async for chunk in request.stream():
        found += chunk
        _within(len(found), limit)
    encoding = request.headers.get("content-encoding", "identity").lower()
    if encoding in ("identity", ""):
        return bytes(found)
    if encoding != "gzip":
        raise Refused(Problem(415, "encoding", f"Content-Encoding {encoding!r} is not understood", hint="use gzip"))
    return _inflated(bytes(found), limit)


def _inflated(data: bytes, limit: int) -> bytes:
    """Inflate with the limit on what comes out, because a small bomb holds a large one."""
    engine = zlib.decompressobj(wbits=31)
    out = bytearray()
    try:
        while data and not engine.eof:
            out += engine.decompress(data, _CHUNK)
            data = engine.unconsumed_tail
            _within(len(out), limit)
    except zlib.error as error:
        raise Refused(Problem(400, "encoding", f"the body is not gzip: {error}")) from error
    if not engine.eof:
        raise Refused(Problem(400, "encoding", "the gzip body ends early"))
    return bytes(out)


def _within(size: int, limit: int) -> None:
    if size > limit:
        raise Refused(Problem(413, "limit", f"the body is larger than {limit} bytes", hint="send it in parts"))
