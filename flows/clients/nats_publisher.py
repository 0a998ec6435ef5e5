"""Publishing to NATS: one connection for all steps of a run, opened again when the server moved."""

from __future__ import annotations

import asyncio

from flows.clients.errors import ClientError
from flows.clients.nats import Login, NatsConnection, NatsMessage
from flows.clients.nats_streams import answered
from flows.clients.servers import Server


class NatsPublisher:
    """Publishes for the steps of a run.

    Args:
        where: the server.
        login: beside user and password.
    """

    def __init__(self, where: Server, login: Login) -> None:
        self._where = where
        self._login = login
        self._connection: NatsConnection | None = None
        self._turn = asyncio.Lock()

    async def publish(self, message: NatsMessage) -> None:
        """Sends a message; the server has taken it when this returns.

        Args:
            message: what.
        """
        await (await self._living()).publish(message)

    async def request(self, message: NatsMessage) -> NatsMessage:
        """The first answer of whoever serves that subject.

        Args:
            message: what.

        Raises:
            ClientError: of type ``server`` when nobody does.
        """
        return await (await self._living()).request(message)

    async def store(self, message: NatsMessage, stream: str) -> tuple[str, int]:
        """Publishes to JetStream and waits for its acknowledgement: stream and sequence number.

        Args:
            message: what.
            stream: the one that must store it; empty = any.

        Raises:
            ClientError: of type ``server`` when no stream takes the subject, or another one than `stream`.
        """
        if stream:
            message = message._replace(headers=(*message.headers, ("Nats-Expected-Stream", stream)))
        try:
            answer = await self.request(message)
        except ClientError as error:
            if error.type == "server" and "no responders" in error.message:
                text = f"{self._where}: subject {message.subject}: no JetStream stream stores it"
                raise ClientError(text, "server") from None
            raise
        found = answered(self._where, answer.payload)
        sequence = found.get("seq")
        return str(found.get("stream", "")), sequence if isinstance(sequence, int) else 0

    async def _living(self) -> NatsConnection:
        async with self._turn:
            connection = self._connection
            if connection is None or connection.lost is not None:
                if connection is not None:
                    await connection.aclose()
                self._connection = connection = await NatsConnection(self._where, self._login).open()
            return connection

    async def aclose(self) -> None:
        """Drops the connection."""
        if self._connection is not None:
            await self._connection.aclose()
