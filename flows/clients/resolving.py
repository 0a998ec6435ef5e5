"""Host names looked up in daemon threads: asyncio's own keep a process alive until the last resolver times out."""

from __future__ import annotations

import asyncio
import socket
from typing import Any

NEXT_SECONDS = 0.25


def families(host: str) -> dict[str, float]:
    """Arguments of `asyncio.open_connection` by which a dead IPv6 address does not hide a living IPv4 one (RFC 8305).

    Args:
        host: name or address.
    """
    numeric = ":" in host or host[-1:].isdigit()
    return {} if numeric else {"happy_eyeballs_delay": NEXT_SECONDS}


def abandonable(loop: asyncio.AbstractEventLoop) -> None:
    """From now on a look-up on this loop can be given up: cancelled, timed out, or left behind when the process ends.

    Args:
        loop: running; every client that connects through it benefits.
    """

    async def getaddrinfo(host: Any, port: Any, **more: int) -> Any:
        from flows.clients.threads import in_thread

        return await in_thread("resolver", lambda given_up: socket.getaddrinfo(host, port, **more))

    loop.getaddrinfo = getaddrinfo  # type: ignore[method-assign]
