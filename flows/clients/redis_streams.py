"""What a flow reads from Redis: channels as they are published, and streams from a position on."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Literal

from flows.clients.errors import ClientError
from flows.clients.inbox import InboxLog
from flows.clients.messages import message, readable
from flows.clients.redis import RedisConnection, RedisError, Reply, moved
from flows.clients.resuming import keep_reading
from flows.clients.servers import Server
from flows.language.values import parse_json

Position = Literal["start_of_flow", "beginning", "end"]
BLOCK_MS = 5000
BATCH = 1000
NO_STREAM = "0-0"


class Subscription(InboxLog[RedisConnection]):
    """Messages of one channel since the subscription was confirmed; a connection of its own reads them.

    Args:
        where: the server.
        channel: its name, or a pattern.
        pattern: it is one.
    """

    def __init__(self, where: Server, channel: str, *, pattern: bool) -> None:
        super().__init__(f"{where}: channel {channel}", RedisConnection(where))
        self._where = where
        self._channel = channel
        self._pattern = pattern

    async def _start(self) -> None:
        try:
            await self._connection.command("PSUBSCRIBE" if self._pattern else "SUBSCRIBE", self._channel)
        except RedisError as error:
            raise ClientError(f"{self._where}: channel {self._channel}: {error}", "server") from error
        self._tasks.append(asyncio.create_task(self._receive()))

    async def alive(self) -> None:
        """Waits until the server has answered."""
        await _pinged(self._where)

    async def _receive(self) -> None:
        try:
            while True:
                reply = await self._connection.read()
                if isinstance(reply, list) and reply[:1] in ([b"message"], [b"pmessage"]):
                    channel, payload = reply[-2], reply[-1]
                    if isinstance(channel, bytes) and isinstance(payload, bytes):
                        seen = message(payload, topic=channel.decode("utf-8", "replace"))
                        self._inbox.put(seen, len(payload))
        except ClientError as error:
            self._lost(error)


class StreamLog(InboxLog[RedisConnection]):
    """Entries of a stream from a position on; a broken connection loses none.

    Args:
        where: the server.
        stream: its key.
        position: from when on.
    """

    def __init__(self, where: Server, stream: str, position: Position) -> None:
        super().__init__(f"{where}: stream {stream}", RedisConnection(where))
        self._where = where
        self._stream = stream
        self._last = NO_STREAM if position == "beginning" else ""
        self._broken = asyncio.Event()

    async def _start(self) -> None:
        """A stream that does not exist yet is read from its beginning."""
        await self._begin()
        self._tasks.append(asyncio.create_task(keep_reading(self._inbox, self._broken, self._begin, began=True)))

    async def alive(self) -> None:
        """Waits until the server has answered."""
        await _pinged(self._where)

    async def _begin(self) -> bool:
        if not self._last:
            self._last = await self._end()
        else:
            await self._command("PING")
        self._tasks = [task for task in self._tasks if not task.done()]
        self._tasks.append(asyncio.create_task(self._receive()))
        return True

    async def _end(self) -> str:
        """The id after which everything is new."""
        try:
            reply = await self._command("XINFO", "STREAM", self._stream)
        except ClientError as error:
            if "no such key" in error.message:
                return NO_STREAM
            raise
        pairs = reply if isinstance(reply, list) else []
        named = dict(zip([readable(_bytes(name)) for name in pairs[::2]], pairs[1::2], strict=False))
        return readable(_bytes(named.get("last-generated-id"))) or NO_STREAM

    async def _receive(self) -> None:
        try:
            while True:
                async with asyncio.timeout(BLOCK_MS / 1000 * 2):
                    reply = await self._command(
                        "XREAD", "COUNT", BATCH, "BLOCK", BLOCK_MS, "STREAMS", self._stream, self._last
                    )
                for entry in _entries(reply):
                    seen = shown(self._stream, *entry)
                    self._last = entry[0]
                    self._inbox.put(seen, sum(len(part) for part in entry[1]))
        except TimeoutError:
            await self._connection.aclose()
            self._broken.set()
        except ClientError as error:
            if error.type == "server":
                self._inbox.fail(error)
            self._broken.set()

    async def _command(self, *words: str | int) -> Reply:
        """A reply of the server that has the stream."""
        while True:
            try:
                return await self._connection.command(*words)
            except RedisError as error:
                onward = moved(error, self._where)
                if onward is None:
                    raise ClientError(f"{self._where}: stream {self._stream}: {error}", "server") from error
                await self._connection.aclose()
                self._where = onward[0]
                self._connection = RedisConnection(self._where)


async def _pinged(where: Server) -> None:
    """The connection that reads takes no other command meanwhile."""
    connection = RedisConnection(where)
    try:
        await connection.command("PING")
    except RedisError as error:
        raise ClientError(f"{where}: {error}", "server") from error
    finally:
        await connection.aclose()


def _bytes(value: object) -> bytes | None:
    return value if isinstance(value, bytes) else None


def _entries(reply: Reply) -> list[tuple[str, list[bytes]]]:
    """Id and names and values of each entry of an XREAD reply for one stream."""
    if not isinstance(reply, list) or not reply or not isinstance(reply[0], list):
        return []
    found: list[tuple[str, list[bytes]]] = []
    entries = reply[0][1] if len(reply[0]) > 1 else []
    for entry in entries if isinstance(entries, list) else []:
        if isinstance(entry, list) and len(entry) == 2 and isinstance(entry[0], bytes) and isinstance(entry[1], list):
            found.append((entry[0].decode("ascii", "replace"), [p for p in entry[1] if isinstance(p, bytes)]))
    return found


def shown(stream: str, entry: str, parts: Sequence[bytes]) -> dict[str, object]:
    """An entry as flows see it: `value` is the map of its fields, `offset` its id.

    Args:
        stream: its key.
        entry: its id.
        parts: names and values in turn.
    """
    texts = [readable(part) or "" for part in parts]
    fields = dict(zip(texts[::2], texts[1::2], strict=False))
    value = {name: structured(text) for name, text in fields.items()}
    raw = json.dumps(fields, ensure_ascii=False)
    milliseconds = entry.partition("-")[0]
    stamp = None
    if milliseconds.isdecimal() and len(milliseconds) < 15:
        moment = datetime.fromtimestamp(int(milliseconds) / 1000, UTC)
        stamp = moment.isoformat(timespec="milliseconds").replace("+00:00", "Z")
    seen = message(raw.encode("utf-8", "surrogatepass"), topic=stream, place=(None, None, stamp))
    return {**seen, "value": value, "json": value, "offset": entry}


def structured(text: str) -> object:
    """A field's JSON object or list; any other text stays text, so that ``42`` is no number by accident.

    Args:
        text: of the field.
    """
    if text[:1] not in ("{", "["):
        return text
    try:
        return parse_json(text)
    except ValueError:
        return text
