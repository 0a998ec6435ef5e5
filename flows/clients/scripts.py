"""The lines of a conversation (`websocket`, `sse`): settings, static check and message fields that both share."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from flows.clients.messages import message
from flows.language.catalogue import Duration, option
from flows.language.expressions import Expression
from flows.language.shapes import ANYTHING, BOOLEAN, NUMBER, OBJECT, STRING, Shape, listing, maybe, record

MAX_MESSAGE = 4 * 1024 * 1024
MAX_EVENTS = 100_000
MAX_HELD = 16 * 1024 * 1024
UNSENT_LINES = {"messages": frozenset({"receive"})}


@dataclass(frozen=True, slots=True)
class Receive:
    """A message to wait for; those before it that do not match are passed over."""

    match: Expression | None = option(None, "Which message is meant; without it the next one.", scope="message")
    timeout: Duration = option(10.0, "How long to wait for it.")
    expect: str = option(
        "message",
        "`none`: fail when one arrives; `close`: wait until the server ends the conversation.",
        choices=("message", "none", "close"),
    )


@dataclass(frozen=True, slots=True)
class Line:
    """One line of a WebSocket script; exactly one of its keys."""

    send: object = option(None, "A map or list is sent as JSON, text as it is.")
    send_binary: str | None = option(None, "Base64 text, sent as a binary message.")
    close: int | None = option(None, "Close with this code.")
    receive: Receive | None = option(None, "Wait for a message; `{}` takes the next one.", record=Receive)


@dataclass(frozen=True, slots=True)
class ReceiveLine:
    """One line of a script that only listens."""

    receive: Receive | None = option(None, "Wait for an event; `{}` takes the next one.", record=Receive)


def message_shape() -> Shape:
    """One message as `match` and `messages[i]` see it."""
    return record(
        kind=STRING,
        value=ANYTHING,
        raw=maybe(STRING),
        json=ANYTHING,
        key=ANYTHING,
        headers=OBJECT,
        topic=STRING,
        partition=ANYTHING,
        offset=ANYTHING,
        timestamp=ANYTHING,
        event=maybe(STRING),
        id=maybe(STRING),
        binary=BOOLEAN,
    )


def result_shape(**more: Shape) -> Shape:
    """The result of a conversation.

    Args:
        more: fields of the opening that only one protocol has.
    """
    return record(
        status=NUMBER,
        url=STRING,
        headers=OBJECT,
        body=ANYTHING,
        messages=listing(message_shape()),
        received=listing(message_shape()),
        count=NUMBER,
        value=ANYTHING,
        closed=BOOLEAN,
        close_code=maybe(NUMBER),
        close_reason=maybe(STRING),
        duration_ms=NUMBER,
        **more,
    )


def event_of(
    payload: bytes, *, event: str | None = None, id: str | None = None, binary: bool = False
) -> dict[str, object]:
    """A message's fields; SSE's event name is its topic and its id the key.

    Args:
        payload: as it came.
        event: SSE event name.
        id: SSE last event id.
        binary: a binary WebSocket message.
    """
    fields = message(payload, key=id, topic=event or "")
    return {"kind": "message", **fields, "event": event, "id": id, "binary": binary}


def script_problems(config: Mapping[str, object]) -> Iterable[tuple[str, str]]:
    """What is wrong with a script, for an action's static check.

    Args:
        config: as written.
    """
    lines = config.get("messages")
    for number, line in enumerate(lines if isinstance(lines, list | tuple) else ()):
        if not isinstance(line, Mapping):
            continue
        if sum(line.get(kind) is not None for kind in _KINDS) != 1:
            wanted = "exactly one of send, send_binary, receive, close ('receive: {}' takes the next message)"
            yield "messages", f"messages[{number}] must hold {wanted}"
        receive = line.get("receive")
        if isinstance(receive, Mapping) and receive.get("expect") == "close" and receive.get("match") is not None:
            yield "messages", f"messages[{number}]: 'expect: close' and 'match' exclude each other"


def receives(config: Mapping[str, object]) -> bool:
    """Whether a script waits for something, so that the step can fail without an assertion.

    Args:
        config: as written.
    """
    lines = config.get("messages")
    return any(isinstance(line, Mapping) and "receive" in line for line in lines) if isinstance(lines, list) else False


_KINDS = ("send", "send_binary", "receive", "close")
