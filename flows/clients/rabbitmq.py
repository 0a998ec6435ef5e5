"""RabbitMQ as flows use it: publishing that somebody gets, and seeing messages without taking them from anyone."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any, Literal

from flows.clients.amqp import AmqpConnection
from flows.clients.amqp_messages import Delivery, Refused, codec
from flows.clients.errors import ClientError
from flows.clients.inbox import InboxLog
from flows.clients.messages import message, readable
from flows.clients.servers import Server
from flows.language.values import as_text

Position = Literal["start_of_flow", "beginning", "end"]
MAX_BEHIND = 50_000
STREAM_PREFETCH = 1000
PROPERTIES = (
    "content_type",
    "content_encoding",
    "delivery_mode",
    "priority",
    "correlation_id",
    "reply_to",
    "expiration",
    "message_id",
    "timestamp",
    "type",
    "user_id",
    "app_id",
)
_NUMBERS = frozenset({"delivery_mode", "priority"})
_CURRENT_TYPE = re.compile(r"inequivalent arg 'type' .* but current is '?([\w-]+)'?")


@dataclass(frozen=True, slots=True)
class Target:
    """Where a message goes.

    Args:
        exchange: empty = straight to a queue.
        routing_key: with an exchange its routing key, else the queue.
        mandatory: it is a failure when no queue gets it.
    """

    exchange: str
    routing_key: str
    mandatory: bool = True


class RabbitPublisher:
    """Publishes for the steps of a run; connects again when the broker moved.

    Args:
        where: the server.
    """

    def __init__(self, where: Server) -> None:
        self._where = where
        self._amqp = codec()
        self._connection: AmqpConnection | None = None
        self._turn = asyncio.Lock()

    async def publish(self, target: Target, properties: Any, body: bytes) -> None:
        """Sends a message and waits for the broker's confirmation.

        Args:
            target: where to.
            properties: of :func:`properties_of`.
            body: bytes.

        Raises:
            ClientError: of type ``server`` when the exchange does not exist or no queue gets it.
        """
        basic = self._amqp.commands.Basic
        publish = basic.Publish(0, target.exchange, target.routing_key, target.mandatory)
        async with self._turn:
            connection = await self._living()
            finished = False
            try:
                await connection.publish(publish, properties, body)
                finished = True
            except ClientError:
                finished = connection.lost is None
                raise
            finally:
                if not finished:
                    self._connection = None
                    await connection.aclose()

    async def _living(self) -> AmqpConnection:
        connection = self._connection
        if connection is None or connection.lost is not None:
            if connection is not None:
                await connection.aclose()
            self._connection = connection = await AmqpConnection(self._where).open()
        if connection.channel_closed:
            try:
                await connection.call(self._amqp.commands.Confirm.Select(), "publisher confirms")
            except BaseException:
                self._connection = None
                await connection.aclose()
                raise
        return connection

    async def aclose(self) -> None:
        """Drops the connection."""
        if self._connection is not None:
            await self._connection.aclose()


def properties_of(headers: Mapping[str, object], given: Mapping[str, object], *, json: bool) -> Any:
    """The properties of a message.

    Args:
        headers: a table.
        given: by the names of AMQP.
        json: the body is JSON, which its content type says unless `given` does.

    Raises:
        ClientError: of type ``config``: an unknown name or a value of the wrong type.
    """
    found: dict[str, Any] = {"delivery_mode": 2, "headers": _table(headers)}
    if json:
        found["content_type"] = "application/json"
    for name, value in given.items():
        if name not in PROPERTIES:
            raise ClientError(f"no property of a message: '{name}' ({', '.join(PROPERTIES)})", "config")
        if name in _NUMBERS or name == "timestamp":
            if not isinstance(value, int) or isinstance(value, bool):
                raise ClientError(f"property {name} is a number, not {as_text(value)}", "config")
            found[name] = datetime.fromtimestamp(value, UTC) if name == "timestamp" else value
        else:
            found["message_type" if name == "type" else name] = as_text(value)
    try:
        return codec().commands.Basic.Properties(**found)
    except (ValueError, TypeError) as error:
        raise ClientError(f"properties: {error}", "config") from error


def _table(headers: Mapping[str, object]) -> dict[str, Any]:
    """Headers as AMQP carries them; exact decimals travel as floating point."""

    def plain(value: object) -> Any:
        if isinstance(value, Decimal):
            return float(value)
        if isinstance(value, Mapping):
            return {str(name): plain(item) for name, item in value.items()}
        if isinstance(value, list | tuple):
            return [plain(item) for item in value]
        return value

    return {name: plain(value) for name, value in headers.items()}


def shown(found: Delivery) -> dict[str, object]:
    """A message as flows see it.

    Args:
        found: as delivered.
    """
    properties = found.properties
    headers = {str(name): _shown(value) for name, value in (properties.headers or {}).items()}
    offset = headers.get("x-stream-offset")
    stamp = _shown(properties.timestamp)
    place = (None, offset if isinstance(offset, int) else None, stamp if isinstance(stamp, str) else None)
    seen = message(found.body, key=found.routing_key, topic=found.exchange or found.routing_key, place=place)
    named = {name: _shown(getattr(properties, "message_type" if name == "type" else name)) for name in PROPERTIES}
    return {
        **seen,
        "headers": headers,
        "properties": {name: value for name, value in named.items() if value is not None and value != ""},
        "redelivered": found.redelivered,
    }


def _shown(value: object) -> object:
    if value is None or isinstance(value, bool | int | float | str | Decimal):
        return value
    if isinstance(value, datetime):
        return value.astimezone(UTC).isoformat(timespec="seconds").replace("+00:00", "Z")
    if isinstance(value, bytes | bytearray):
        return readable(bytes(value))
    if isinstance(value, Mapping):
        return {str(name): _shown(item) for name, item in value.items()}
    if isinstance(value, Sequence):
        return [_shown(item) for item in value]
    return str(value)


@dataclass(frozen=True, slots=True)
class Binding:
    """What is published to an exchange, by a queue of our own.

    Args:
        exchange: its name.
        routing_key: binding key; None = everything the exchange sends.
        arguments: of a headers exchange, as sorted pairs.
        exchange_type: declare the exchange with that type when it does not exist; empty = it must.
        durable: of an exchange that is declared.
    """

    exchange: str
    routing_key: str | None = None
    arguments: tuple[tuple[str, object], ...] = ()
    exchange_type: str = ""
    durable: bool = True

    def __str__(self) -> str:
        key = "" if self.routing_key is None else f", routing key '{self.routing_key}'"
        return f"exchange {self.exchange}{key}"


class NoExchange(ClientError):
    """The exchange does not exist; what it sends once somebody has made it cannot be seen any more.

    Args:
        message: naming it.
    """

    def __init__(self, message: str) -> None:
        super().__init__(message, "server")


class Turn:
    """Exchanges are looked at in the order of the steps: one step may declare what the next one only reads."""

    def __init__(self) -> None:
        self.lock = asyncio.Lock()

    async def aclose(self) -> None:
        """Nothing is held."""


class Absent:
    """Remembers for one flow that an exchange was not there at its start; later is too late."""

    def __init__(self) -> None:
        self.error: NoExchange | None = None

    async def aclose(self) -> None:
        """Nothing is held."""


class ExchangeLog(InboxLog[AmqpConnection]):
    """Everything an exchange sends since the start of the flow, to a queue that only this flow has.

    Args:
        where: the server.
        binding: what to see.
    """

    def __init__(self, where: Server, binding: Binding) -> None:
        super().__init__(f"{where}: {binding}", AmqpConnection(where, self._take, self._lost))
        self._binding = binding
        self._commands = codec().commands

    async def _start(self) -> None:
        """Makes a queue and binds it; the broker drops it with the connection."""
        connection, name = await self._connection.open(), f"{self._binding}"
        await self._declared(connection)
        key = self._binding.routing_key
        if key is None:
            key = await self._everything(connection)
        made = await connection.call(self._commands.Queue.Declare(exclusive=True, auto_delete=True), name)
        bind = self._commands.Queue.Bind(
            queue=made.queue,
            exchange=self._binding.exchange,
            routing_key=key,
            arguments=dict(self._binding.arguments),
        )
        await connection.call(bind, name)
        await connection.call(self._commands.Basic.Consume(queue=made.queue, no_ack=True), name)

    async def _declared(self, connection: AmqpConnection) -> None:
        name, kind = self._binding.exchange, self._binding.exchange_type
        try:
            await connection.call(self._commands.Exchange.Declare(exchange=name, passive=True), f"exchange {name}")
        except Refused as refused:
            if refused.code != 404:
                raise
            if not kind:
                text = f"{refused.message}, when the flow started (exchange_type: topic would declare it)"
                raise NoExchange(text) from None
            made = self._commands.Exchange.Declare(exchange=name, exchange_type=kind, durable=self._binding.durable)
            await connection.call(made, f"exchange {name}")

    async def _everything(self, connection: AmqpConnection) -> str:
        """The binding key that gets all an exchange sends; a direct exchange has none.

        AMQP does not say an exchange's type, but declaring it as another one is refused with the true one.
        """
        name, where = self._binding.exchange, self._connection.where
        if self._binding.arguments:
            return ""
        try:
            await connection.call(self._commands.Exchange.Declare(exchange=name, exchange_type="topic"), "type")
        except Refused as refused:
            found = _CURRENT_TYPE.search(refused.message)
            if found is None and "inequivalent arg" not in refused.message:
                raise ClientError(
                    f"{self._connection.where}: exchange {name}: name its routing_key", "server"
                ) from None
            if found is not None and found[1] != "topic":
                if found[1] in ("fanout", "headers"):
                    return ""
                text = f"exchange {name} is {found[1]}: name the routing_key to see"
                raise ClientError(f"{where}: {text}", "config") from None
        return "#"

    async def alive(self) -> None:
        """Waits until the server has answered."""
        await self._connection.ping()

    def _take(self, found: Delivery) -> None:
        self._inbox.put(shown(found), len(found.body))
