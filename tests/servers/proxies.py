"""Small proxies for tests: HTTP (tunnels and forwarding) and SOCKS 5, each of which counts what it was asked."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from urllib.parse import urlsplit

from tests.servers.web import tcp_server


@dataclass
class ProxySeen:
    """What a proxy was asked.

    Args:
        port: where it listens.
        lines: request lines, or SOCKS targets.
        logins: values of `Proxy-Authorization`, or user:password.
    """

    port: int = 0
    lines: list[str] = field(default_factory=list)
    logins: list[str] = field(default_factory=list)


async def _relay(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    try:
        while data := await reader.read(65536):
            writer.write(data)
            await writer.drain()
    except ConnectionError:
        return
    finally:
        writer.close()


async def _join(
    client: tuple[asyncio.StreamReader, asyncio.StreamWriter], server: tuple[asyncio.StreamReader, asyncio.StreamWriter]
) -> None:
    await asyncio.gather(_relay(client[0], server[1]), _relay(server[0], client[1]))


@contextmanager
def http_proxy(login: str = "", *, refuse: int = 0) -> Iterator[ProxySeen]:
    """A forwarding and tunnelling HTTP proxy.

    Args:
        login: the `Proxy-Authorization` it demands.
        refuse: status with which it answers everything.
    """
    seen = ProxySeen()

    async def handle(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = (await reader.readuntil(b"\r\n\r\n")).decode()
        line, *rest = head.split("\r\n")
        seen.lines.append(line)
        headers = {name.lower(): value for name, _, value in (one.partition(": ") for one in rest)}
        seen.logins.append(headers.get("proxy-authorization", ""))
        status = refuse or (407 if login and headers.get("proxy-authorization") != login else 0)
        if status:
            writer.write(f"HTTP/1.1 {status} No\r\ncontent-length: 0\r\n\r\n".encode())
            await writer.drain()
            return
        method, target, _ = line.split(" ")
        if method == "CONNECT":
            host, _, port = target.rpartition(":")
            server = await asyncio.open_connection(host, int(port))
            writer.write(b"HTTP/1.1 200 Connection established\r\n\r\n")
        else:
            parts = urlsplit(target)
            server = await asyncio.open_connection(parts.hostname, parts.port or 80)
            kept = "\r\n".join(one for one in rest if not one.lower().startswith("proxy-"))
            server[1].write(f"{method} {parts.path} HTTP/1.1\r\n{kept}".encode())
        await _join((reader, writer), server)

    with tcp_server(handle) as port:
        seen.port = port
        yield seen


@contextmanager
def socks_proxy(login: str = "", *, code: int = 0) -> Iterator[ProxySeen]:
    """A SOCKS 5 proxy.

    Args:
        login: ``user:password`` that it demands.
        code: reply with which it refuses.
    """
    seen = ProxySeen()

    async def handle(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        _, count = await reader.readexactly(2)
        methods = await reader.readexactly(count)
        method = 2 if login else 0
        writer.write(bytes([5, method if method in methods else 255]))
        if method not in methods:
            return
        if login:
            (_, size) = await reader.readexactly(2)
            user = (await reader.readexactly(size)).decode()
            (size,) = await reader.readexactly(1)
            seen.logins.append(f"{user}:{(await reader.readexactly(size)).decode()}")
            writer.write(bytes([1, 0 if seen.logins[-1] == login else 1]))
            if seen.logins[-1] != login:
                return
        _, _, _, kind = await reader.readexactly(4)
        size = {1: 4, 4: 16}.get(kind) or (await reader.readexactly(1))[0]
        name = await reader.readexactly(size)
        host = name.decode() if kind == 3 else ".".join(map(str, name))
        port = int.from_bytes(await reader.readexactly(2), "big")
        seen.lines.append(f"{host}:{port}")
        writer.write(bytes([5, code, 0, 1, 0, 0, 0, 0, 0, 0]))
        if code == 0:
            await _join((reader, writer), await asyncio.open_connection(host, port))

    with tcp_server(handle) as port:
        seen.port = port
        yield seen
