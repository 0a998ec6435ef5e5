"""What travels over AMQP 0-9-1, and the library that knows its frames."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, NamedTuple

from flows.clients.errors import ClientError
from testmesh.kernel.errors import MissingExtra

CHANNEL = 1
FRAME_MAX = 131_072
MAX_BODY = 128 * 1024 * 1024


class Delivery(NamedTuple):
    """A message as the broker delivers it.

    Args:
        exchange: it was published to; empty = straight to a queue.
        routing_key: it was published with.
        redelivered: somebody had it before and gave it back.
        tag: for acknowledging.
        properties: pamqp's ``Basic.Properties``.
        body: bytes.
    """

    exchange: str
    routing_key: str
    redelivered: bool
    tag: int
    properties: Any
    body: bytes


class Refused(ClientError):
    """The broker closed the channel: the connection goes on with a new one.

    Args:
        message: with the broker's text.
        code: AMQP reply code, as 404.
    """

    def __init__(self, message: str, code: int) -> None:
        super().__init__(message, "server")
        self.code = code


def codec() -> Any:
    """The pamqp package with its modules.

    Raises:
        MissingExtra: it is not installed.
    """
    try:
        import pamqp.body
        import pamqp.commands
        import pamqp.exceptions
        import pamqp.frame
        import pamqp.header
        import pamqp.heartbeat
    except ImportError as error:
        raise MissingExtra("pamqp", "rabbitmq") from error
    return pamqp


@dataclass(slots=True)
class Content:
    """A message whose body is still coming."""

    method: Any
    header: Any = None
    body: bytearray = field(default_factory=bytearray)

    @property
    def complete(self) -> bool:
        """Header and whole body are there."""
        return self.header is not None and len(self.body) >= self.header.body_size
