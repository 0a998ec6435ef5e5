"""Host names looked up in daemon threads: asyncio's own keep a process alive until the last resolver times out."""

from __future__ import annotations

import asyncio
import socket
from typing import Any


def abandonable(loop: asyncio.AbstractEventLoop) -> None:
    """From now on a look-up on this loop can be given up: cancelled, timed out, or left behind when the process ends.

    Args:
        loop: running; every client that connects through it benefits.
    """

    async def getaddrinfo(host: Any, port: Any, **more: int) -> Any:
        from flows.clients.threads import in_thread

        return await in_thread("resolver", lambda given_up: socket.getaddrinfo(host, port, **more))

    loop.getaddrinfo = getaddrinfo  # type: ignore[method-assign]
