"""Reading that begins again where it stopped: a broker that keeps messages loses none by a broken connection."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

from flows.clients.errors import ClientError
from flows.clients.inbox import Inbox

NOT_YET_SECONDS = 0.05
UNREACHABLE_SECONDS = 0.1


async def keep_reading(
    inbox: Inbox, broken: asyncio.Event, begin: Callable[[], Awaitable[bool]], *, began: bool
) -> None:
    """Begins again whenever reading broke off, and until there is something to read; ends by being cancelled.

    Whoever waits for a message hears of it only when beginning again fails.

    Args:
        inbox: told while nothing comes.
        broken: set when reading broke off.
        begin: reads on from the last position, over a new connection when needed; False = it does not exist yet.
        began: reading goes on already.
    """
    while True:
        if began:
            await broken.wait()
            broken.clear()
        try:
            began = await begin()
            inbox.resume()
        except ClientError as error:
            began = False
            inbox.interrupt(error)
        if not began:
            await asyncio.sleep(NOT_YET_SECONDS if inbox.failed is None else UNREACHABLE_SECONDS)
