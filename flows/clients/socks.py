"""Tunnels through a SOCKS 5 proxy (RFC 1928, RFC 1929)."""

from __future__ import annotations

import asyncio
import ipaddress
from typing import TYPE_CHECKING

from flows.clients.errors import ClientError

if TYPE_CHECKING:
    from flows.clients.proxy import Proxy

REFUSALS = {
    1: "general failure",
    2: "not allowed by its rules",
    3: "the network is unreachable",
    4: "the host is unreachable",
    5: "connection refused",
    6: "timed out",
    7: "it makes no tunnels",
    8: "it does not know this kind of address",
}


async def connected(
    proxy: Proxy, host: str, port: int, streams: tuple[asyncio.StreamReader, asyncio.StreamWriter]
) -> None:
    """Asks the proxy for a tunnel.

    Args:
        proxy: with user and password, where it wants them.
        host: of the server; resolved by the proxy (socks5h) or here (socks5).
        port: of the server.
        streams: connected to the proxy.

    Raises:
        ClientError: it refuses, or is no SOCKS 5 proxy.
    """
    reader, writer = streams
    try:
        await _greeted(proxy, reader, writer)
        name = host if proxy.scheme == "socks5h" else await _resolved(host, port)
        writer.write(b"\x05\x01\x00" + _address(name) + port.to_bytes(2, "big"))
        version, code, _, kind = await reader.readexactly(4)
        if version == 5 and code == 0:
            length = {1: 4, 4: 16}.get(kind) or (await reader.readexactly(1))[0]
            await reader.readexactly(length + 2)
            return
    except asyncio.IncompleteReadError:
        raise ClientError(f"{proxy}: it closed the connection instead of making a tunnel") from None
    why = REFUSALS.get(code, f"code {code}") if version == 5 else "it does not speak SOCKS 5"
    raise ClientError(f"{proxy}: it makes no tunnel to {host}:{port}: {why}", "server")


async def _greeted(proxy: Proxy, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    writer.write(b"\x05\x02\x00\x02" if proxy.user else b"\x05\x01\x00")
    version, method = await reader.readexactly(2)
    if version != 5:
        raise ClientError(f"{proxy}: it does not speak SOCKS 5", "server")
    if method == 2 and proxy.user:
        user, password = proxy.user.encode()[:255], proxy.password.encode()[:255]
        writer.write(b"\x01" + bytes([len(user)]) + user + bytes([len(password)]) + password)
        _, status = await reader.readexactly(2)
        if status != 0:
            raise ClientError(f"{proxy}: it refuses this user and password", "server")
    elif method != 0:
        raise ClientError(f"{proxy}: it demands a user and password", "server")


async def _resolved(host: str, port: int) -> str:
    found = await asyncio.get_running_loop().getaddrinfo(host, port, type=1)
    return str(found[0][4][0])


def _address(host: str) -> bytes:
    try:
        address = ipaddress.ip_address(host)
    except ValueError:
        name = host.encode("ascii")[:255]
        return b"\x03" + bytes([len(name)]) + name
    return (b"\x01" if address.version == 4 else b"\x04") + address.packed
