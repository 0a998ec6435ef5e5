"""WebSocket conversations (RFC 6455) on the `websockets` library, read only as far as a script asks."""

from __future__ import annotations

import asyncio
import base64
import binascii
import time
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from flows.clients.awaiting import awaiting
from flows.clients.errors import ClientError, reason
from flows.clients.http1 import request_bytes
from flows.clients.http_address import bare_url, place_of, proxy_for
from flows.clients.http_dial import explained
from flows.clients.http_request import folded, parsed_body
from flows.clients.proxy import Proxies
from flows.clients.scripts import MAX_EVENTS, MAX_HELD, MAX_MESSAGE, Line, event_of
from flows.clients.tls import PLAIN_TLS, Tls
from flows.language.values import as_text, to_json
from testmesh.kernel.errors import MissingExtra

if TYPE_CHECKING:
    from websockets.asyncio.client import ClientConnection
    from websockets.http11 import Response

PARTING_SECONDS = 1.0


@dataclass(frozen=True, slots=True)
class Door:
    """Where a conversation begins.

    Args:
        url: ws or wss.
        headers: sent with the handshake.
        subprotocols: offered, best first.
        tls: for wss.
        proxy: as for a request.
    """

    url: str
    headers: Sequence[tuple[str, str]] = ()
    subprotocols: tuple[str, ...] = ()
    tls: Tls = PLAIN_TLS
    proxy: str = ""

    def __str__(self) -> str:
        return bare_url(self.url)


class Refused:
    """A conversation that the server did not begin: its answer is a result (FLOWS §3).

    Args:
        opening: status, headers and body of the refusal.
    """

    def __init__(self, opening: dict[str, object]) -> None:
        self._opening = opening

    async def hear(self, place: int) -> dict[str, object]:
        """The refusal, then the end."""
        if place == 0:
            return self._opening
        return {"kind": "closed", "code": None, "reason": f"handshake refused with status {self._opening['status']}"}

    async def say(self, line: int) -> None:
        """Nobody listens."""
        status = self._opening.get("status")
        raise ClientError(f"messages[{line}] cannot be sent: the handshake was refused with status {status}", "server")

    async def part(self, clean: bool) -> None:
        """Nothing is open."""


class Socket:
    """An open conversation.

    Args:
        connection: of the library.
        door: for messages.
        script: lines to send.
        opening: the handshake.
    """

    def __init__(
        self, connection: ClientConnection, door: Door, script: Sequence[Line], opening: dict[str, object]
    ) -> None:
        self._connection = connection
        self._door = door
        self._script = script
        self._opening = opening
        self._heard = 0
        self._held = 0

    async def hear(self, place: int) -> dict[str, object]:
        """The handshake, then message after message, then how it was closed."""
        if place == 0:
            return self._opening
        from websockets.exceptions import ConnectionClosed

        try:
            payload = await self._connection.recv()
        except ConnectionClosed as closed:
            return self._closed(closed)
        self._heard += 1
        self._held += len(payload)
        if self._heard > MAX_EVENTS or self._held > MAX_HELD:
            raise ClientError(f"{self._door}: more than {MAX_EVENTS} messages or {MAX_HELD // 2**20} MiB of them")
        if isinstance(payload, str):
            return event_of(payload.encode())
        return event_of(payload, binary=True)

    def _closed(self, closed: Any) -> dict[str, object]:
        frame = closed.rcvd
        if frame is None and closed.sent is not None and closed.sent.code in (1002, 1007, 1009):
            raise ClientError(f"{self._door}: the server breaks the protocol: {closed.sent.reason or closed.sent.code}")
        if frame is None:
            return {"kind": "closed", "code": 1006, "reason": "the connection broke off"}
        return {"kind": "closed", "code": int(frame.code), "reason": frame.reason}

    async def say(self, line: int) -> None:
        """Sends a line of the script."""
        from websockets.exceptions import ConnectionClosed, WebSocketException

        said = self._script[line]
        try:
            if said.close is not None:
                await self._connection.close(said.close)
            else:
                await self._connection.send(_payload(said, line))
        except ConnectionClosed as closed:
            end = self._closed(closed)
            text = f"messages[{line}] cannot be sent: the server closed the connection with code {end['code']}"
            raise ClientError(f"{self._door}: {text}", "server") from closed
        except (WebSocketException, ValueError) as error:
            raise ClientError(f"{self._door}: messages[{line}] cannot be sent: {reason(error)}", "config") from error

    async def part(self, clean: bool) -> None:
        """Says goodbye when asked to, and lets go."""
        try:
            if clean:
                with suppress(TimeoutError, OSError):
                    async with asyncio.timeout(PARTING_SECONDS):
                        await self._connection.close()
        finally:
            self._connection.transport.abort()

    async def aclose(self) -> None:
        """Lets go at the end of the flow."""
        self._connection.transport.abort()


def _payload(line: Line, number: int) -> str | bytes:
    if line.send_binary is not None:
        try:
            return base64.b64decode(line.send_binary, validate=True)
        except (binascii.Error, ValueError) as error:
            raise ClientError(f"messages[{number}].send_binary is not base64: {error}", "config") from error
    return as_text(line.send) if isinstance(line.send, str) else to_json(line.send)


async def opened(door: Door, script: Sequence[Line]) -> Socket | Refused:
    """Connects and shakes hands.

    Args:
        door: where.
        script: lines to send.

    Raises:
        ClientError: unreachable, not trusted, or no WebSocket server.
    """
    exceptions = _library()
    from websockets.asyncio.client import connect

    class Once(connect):
        """Redirects are results."""

        def process_redirect(self, exc: Exception) -> Exception | str:
            return exc

    started = time.perf_counter()
    awaiting(door, "no answer to the handshake")
    url, headers, further = _addressed(door)
    try:
        connection = await Once(
            url,
            additional_headers=headers,
            subprotocols=list(door.subprotocols) or None,  # type: ignore[arg-type]
            user_agent_header="testmesh",
            open_timeout=None,
            close_timeout=PARTING_SECONDS,
            max_size=MAX_MESSAGE,
            proxy=_proxy(door),
            **further,
        )
    except exceptions.InvalidStatus as refusal:
        return Refused(_opening(door, refusal.response, started))
    except (exceptions.InvalidURI, ValueError) as error:
        raise ClientError(f"{door}: {reason(error)}", "config") from error
    except (exceptions.InvalidHandshake, EOFError) as error:
        raise ClientError(f"{door}: no WebSocket handshake: {_why(error)}") from error
    except OSError as error:
        raise ClientError(f"{door}: {reason(error)}") from error
    response = connection.response
    if response is None:
        raise ClientError(f"{door}: no answer to the handshake")
    return Socket(connection, door, script, _opening(door, response, started) | {"subprotocol": connection.subprotocol})


def _why(error: BaseException) -> str:
    cause = error.__cause__
    return f"{reason(error)} ({reason(cause)})" if cause is not None else reason(error)


def _proxy(door: Door) -> str | None:
    """URL of the proxy, or None; the library makes a tunnel through it."""
    place = place_of("http" + door.url.removeprefix("ws"))
    proxy = proxy_for(door.proxy, place, Proxies())
    if proxy is None:
        return None
    if not proxy.forwards:
        raise ClientError(f"{proxy}: WebSockets go through HTTP proxies only", "config")
    login = f"{quote(proxy.user, '')}:{quote(proxy.password, '')}@" if proxy.user else ""
    host = f"[{proxy.host}]" if ":" in proxy.host else proxy.host
    return f"{proxy.scheme}://{login}{host}:{proxy.port}"


def _addressed(door: Door) -> tuple[str, list[tuple[str, str]], dict[str, Any]]:
    """URL, headers, and where to connect: a `Host` of the step's own goes into the URL, as the library wants it.

    Raises:
        ClientError: of type ``config`` for what HTTP cannot carry.
    """
    with explained(door):
        request_bytes("GET", "/", door.headers, b"")
    place = place_of("http" + door.url.removeprefix("ws"))
    host = next((value.strip() for name, value in door.headers if name.lower() == "host"), "")
    headers = [pair for pair in door.headers if pair[0].lower() != "host"]
    further: dict[str, Any] = {"ssl": door.tls.context()} if place.scheme == "https" else {}
    if place.scheme == "https" and (host or door.tls.server_name):
        further["server_hostname"] = door.tls.server_name or place.host
    if not host:
        return door.url, headers, further
    return (
        f"{'wss' if place.scheme == 'https' else 'ws'}://{host}{place.path}",
        headers,
        further
        | {
            "host": place.host,
            "port": place.port,
        },
    )


def _opening(door: Door, response: Response, started: float) -> dict[str, object]:
    headers, _ = folded(response.headers.raw_items())
    return {
        "kind": "opening",
        "status": response.status_code,
        "url": door.url,
        "headers": headers,
        "body": parsed_body(bytes(response.body or b""), headers),
        "subprotocol": None,
        "duration_ms": round((time.perf_counter() - started) * 1000, 3),
    }


def _library() -> Any:
    try:
        from websockets import exceptions
    except ImportError as error:
        raise MissingExtra("websockets", "websocket") from error
    return exceptions
