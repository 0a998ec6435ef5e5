"""Bodies larger than ordinary, read only after the caller was admitted."""

from __future__ import annotations

import zlib

from fastapi import Request
from starlette.datastructures import Headers
from starlette.exceptions import HTTPException
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from api.auth import Editor, services_of
from api.errors import Problem, Refused, response_of
from api.services import Policy

_CHUNK = 1 << 16
_UPLOADS = ("/api/v1/runs", "/v1/traces")


class BodyLimit:
    """Refuses bodies beyond the policy, announced or not; plain ASGI so that it counts what really comes in.

    Args:
        app: what it wraps.
        policy: of the server.
    """

    def __init__(self, app: ASGIApp, policy: Policy) -> None:
        self._app = app
        self._policy = policy

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Handle one connection.

        Args:
            scope: of ASGI.
            receive: of ASGI.
            send: of ASGI.
        """
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        limit = self._policy.upload if scope["path"].startswith(_UPLOADS) else self._policy.body
        announced = Headers(scope=scope).get("content-length", "0")
        if not announced.isdigit() or int(announced) > limit:
            problem = _too_large(limit).problem
            await response_of(problem, scope.get("state", {}).get("request_id", ""))(scope, receive, send)
            return
        total = 0

        async def counted() -> Message:
            nonlocal total
            message = await receive()
            total += len(message.get("body", b""))
            if total > limit:
                # FastAPI turns every other exception raised while it reads a body into a 400.
                raise HTTPException(413, _too_large(limit).problem.detail)
            return message

        await self._app(scope, counted, send)


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
        raise _too_large(limit)


def _too_large(limit: int) -> Refused:
    return Refused(Problem(413, "limit", f"the body is larger than {limit} bytes", hint="send it in parts"))
