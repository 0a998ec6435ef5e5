"""A conversation over a WebSocket."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from flows.actions import Action, Call, Conversation, Touch
from flows.clients.http_config import WebConfig, web_problems
from flows.clients.scripts import UNSENT_LINES, Line, receives, result_shape, script_problems
from flows.language.catalogue import ActionSpec, Duration, option
from flows.language.shapes import STRING, maybe


@dataclass(frozen=True, slots=True)
class WebSocketConfig(WebConfig):
    """Settings of a WebSocket conversation."""

    url: str = option(doc="`ws://` or `wss://` URL.")
    subprotocols: tuple[str, ...] = option((), "Offered to the server, best first.")
    messages: tuple[Line, ...] = option((), "What to send and what to wait for, in order.", record=Line)
    timeout: Duration = option(10.0, "Limit for the handshake.")

    @property
    def script(self) -> tuple[Line, ...]:
        """The lines that the engine follows."""
        return self.messages


def touches(config: Mapping[str, object]) -> Iterable[Touch]:
    """The endpoint of the handshake.

    Args:
        config: as written.
    """
    url = config.get("url")
    if isinstance(url, str):
        yield Touch("endpoint", url, method="GET")


async def converse(config: WebSocketConfig, call: Call) -> Conversation:
    """Connects.

    Args:
        config: rendered.
        call: connections and trace context.
    """
    from flows.clients.http_request import HttpAsk, built
    from flows.clients.websocket import Door, Socket, opened

    request = (await built(HttpAsk.of(config), call)).traced(call.traceparent)
    if request.jar is not None:
        web = request._replace(url="http" + request.url.removeprefix("ws"))
        request = request._replace(headers=request.jar.added(web).headers)
    door = Door(request.url, tuple(request.headers), config.subprotocols, request.tls, request.proxy)
    found = await opened(door, config.messages)
    if isinstance(found, Socket):
        call.flow_clients.shared(("websocket", id(found)), lambda: found)
    return found


def _problems(config: Mapping[str, object]) -> Iterable[tuple[str, str]]:
    url = str(config.get("url") or "")
    scheme = url.partition("://")[0]
    web = scheme in ("ws", "wss")
    yield from web_problems({**config, "url": "http" + url.removeprefix("ws") if web else None})
    yield from script_problems(config)
    if url and not web and "$" not in scheme and "{{" not in scheme:
        yield "url=", "a WebSocket URL begins with ws:// or wss://"


ACTION: Action[WebSocketConfig] = Action(
    spec=ActionSpec(
        name="websocket",
        summary="Holds a conversation over a WebSocket; a `receive` that is not met fails the step.",
        config=WebSocketConfig,
        family="messaging",
        result=result_shape(subprotocol=maybe(STRING)),
        checks_when=receives,
        check=_problems,
    ),
    touches=touches,
    converse=converse,
    unsent_lines=UNSENT_LINES,
)
