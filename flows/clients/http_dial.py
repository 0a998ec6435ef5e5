"""Connections to web servers: direct or through a proxy, encrypted or not, and in words why there is none."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any, NamedTuple

from flows.clients.awaiting import awaiting
from flows.clients.errors import ClientError, reason
from flows.clients.http1 import Malformed, NothingCame, NotSendable, TooLarge, Wire, request_bytes
from flows.clients.proxy import Proxy
from flows.clients.resolving import families
from flows.clients.tls import Tls

MAX_BODY = 16 * 1024 * 1024
LIMIT = 2**18
SILENT = "the server closed the connection without an answer"
_BROKEN = (ConnectionError, EOFError, OSError)
_TLS_RECORD = ("\\x15\\x03", "\\x16\\x03")


class Target(NamedTuple):
    """Where a connection goes; connections with the same target are interchangeable.

    Args:
        host: name (ASCII) or address.
        port: number.
        tls: None = not encrypted.
        proxy: None = direct.
    """

    host: str
    port: int
    tls: Tls | None = None
    proxy: Proxy | None = None

    def __str__(self) -> str:
        via = "" if self.proxy is None else f" through {self.proxy}"
        return f"{self.host}:{self.port}{via}"

    @property
    def authority(self) -> str:
        """Host and port as URLs and `Host` headers write them."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return host if self.port == (80 if self.tls is None else 443) else f"{host}:{self.port}"

    @property
    def forwarded(self) -> bool:
        """Requests go to the proxy itself, with an absolute URL."""
        return self.proxy is not None and self.proxy.forwards and self.tls is None


class Dialled(NamedTuple):
    """An open connection."""

    reader: asyncio.StreamReader
    writer: asyncio.StreamWriter

    @property
    def protocol(self) -> str:
        """What was agreed on by ALPN; empty = nothing."""
        tls = self.writer.get_extra_info("ssl_object")
        return (tls.selected_alpn_protocol() or "") if tls is not None else ""


async def dial(target: Target, alpn: Sequence[str] = (), tunnel: bool = False) -> Dialled:
    """Connects.

    Args:
        target: where.
        alpn: protocols to offer in TLS.
        tunnel: also through a proxy that could forward plain requests.

    Raises:
        ClientError: unreachable, not trusted, or the proxy refuses.
    """
    awaiting(target, "no connection")
    if target.proxy is not None:
        return await _through(target, target.proxy, alpn, tunnel)
    further: dict[str, Any] = _secure(target, alpn) | families(target.host)
    try:
        return Dialled(*await asyncio.open_connection(target.host, target.port, limit=LIMIT, **further))
    except (OSError, UnicodeError, ValueError) as error:
        raise ClientError(f"{target}: {reason(error)}") from error


def _secure(target: Target, alpn: Sequence[str] = ()) -> dict[str, Any]:
    tls = target.tls
    if tls is None:
        return {}
    context = tls.context(alpn)
    return {"ssl": context, "server_hostname": tls.server_name} if tls.server_name else {"ssl": context}


async def _through(target: Target, proxy: Proxy, alpn: Sequence[str], tunnel: bool) -> Dialled:
    own: dict[str, Any] = {"ssl": Tls().context()} if proxy.scheme == "https" else {}
    own |= families(proxy.host)
    try:
        reader, writer = await asyncio.open_connection(proxy.host, proxy.port, limit=LIMIT, **own)
    except (OSError, UnicodeError, ValueError) as error:
        raise ClientError(f"{proxy}: {reason(error)}") from error
    try:
        if not proxy.forwards:
            from flows.clients.socks import connected

            await connected(proxy, target.host, target.port, (reader, writer))
        elif target.tls is not None or tunnel:
            await _tunnel(target, proxy, Dialled(reader, writer))
        if target.tls is not None:
            name = target.tls.server_name or target.host
            await writer.start_tls(target.tls.context(alpn), server_hostname=name)
    except (OSError, EOFError, ValueError) as error:
        writer.transport.abort()
        raise ClientError(f"{target}: {reason(error)}") from error
    except BaseException:
        writer.transport.abort()
        raise
    return Dialled(reader, writer)


async def _tunnel(target: Target, proxy: Proxy, dialled: Dialled) -> None:
    """CONNECT (RFC 9110 §9.3.6)."""
    host = f"[{target.host}]" if ":" in target.host else target.host
    authority = f"{host}:{target.port}"
    headers = [("Host", authority), ("User-Agent", "testmesh")]
    if proxy.login:
        headers.append(("Proxy-Authorization", proxy.login))
    with explained(f"{proxy}"):
        dialled.writer.write(request_bytes("CONNECT", authority, headers, b""))
        head = await Wire(dialled.reader, MAX_BODY).head("CONNECT")
    if head.status == 407:
        raise ClientError(f"{proxy}: it demands a user and password (407)", "server")
    if not 200 <= head.status < 300:
        raise ClientError(f"{proxy}: it makes no tunnel to {authority}: status {head.status}", "server")


@contextmanager
def explained(target: object) -> Iterator[None]:
    """Turns what breaks off while a request is sent or answered into a sentence that names the target.

    Args:
        target: for messages.

    Raises:
        ClientError: instead.
    """
    try:
        yield
    except NotSendable as problem:
        raise ClientError(f"{target}: the request cannot be sent: {problem}", "config") from problem
    except NothingCame as problem:
        raise ClientError(f"{target}: {SILENT}") from problem
    except Malformed as problem:
        advice = "; it speaks TLS: use https" if any(mark in str(problem) for mark in _TLS_RECORD) else ""
        raise ClientError(f"{target}: the answer is not valid HTTP: {problem}{advice}") from problem
    except TooLarge as problem:
        raise ClientError(f"{target}: the answer is larger than {MAX_BODY // 2**20} MiB") from problem
    except _BROKEN as error:
        raise ClientError(f"{target}: {reason(error)} while waiting for the answer") from error
