"""Server-sent events, none missed since the start of the flow."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from flows.actions import Action, Call, Conversation, Touch
from flows.clients.http_config import WebConfig, web_problems
from flows.clients.scripts import UNSENT_LINES, Receive, ReceiveLine, receives, result_shape, script_problems
from flows.language.catalogue import ActionSpec, Duration, option

NEXT_EVENT = (ReceiveLine(receive=Receive()),)


@dataclass(frozen=True, slots=True)
class SseConfig(WebConfig):
    """Settings of an event stream."""

    url: str = option(doc="Absolute URL.")
    method: str = option("GET", "The request method.", choices=("GET", "POST"))
    body: object = option(None, "With POST: a map or list is sent as JSON, text as it is.")
    last_event_id: str | None = option(None, "Sent as `Last-Event-ID`.")
    from_: str = option(
        "start_of_flow",
        "When the stream is opened; with POST always when the step runs.",
        choices=("start_of_flow", "step"),
    )
    messages: tuple[ReceiveLine, ...] = option(
        (), "What to wait for, in order; without it the next event.", record=ReceiveLine
    )
    timeout: Duration = option(10.0, "Limit for the beginning of the answer.")

    @property
    def script(self) -> tuple[ReceiveLine, ...]:
        """The lines that the engine follows."""
        return self.messages or NEXT_EVENT


def touches(config: Mapping[str, object]) -> Iterable[Touch]:
    """The endpoint of the stream.

    Args:
        config: as written.
    """
    url = config.get("url")
    if isinstance(url, str):
        yield Touch("endpoint", url, method=str(config.get("method") or "GET").upper(), sends=config.get("body"))


def early(config: SseConfig) -> bool:
    """Whether the stream is opened when the flow starts: a GET changes nothing.

    Args:
        config: rendered.
    """
    return config.from_ == "start_of_flow" and config.method == "GET"


async def converse(config: SseConfig, call: Call) -> Conversation:
    """Opens the stream, or joins one that was opened for the same request when the flow started.

    Args:
        config: rendered.
        call: connections and trace context.
    """
    from flows.clients.event_stream import EventLog, Listening, NoStream, Refusal, opened
    from flows.clients.http import HttpPool
    from flows.clients.http_request import HttpAsk, built

    own = {"Accept": "text/event-stream", "Accept-Encoding": "identity", "Cache-Control": "no-store"}
    if config.last_event_id is not None:
        own["Last-Event-ID"] = config.last_event_id
    ask = HttpAsk.of(config, config.method, config.body)._replace(headers={**own, **(config.headers or {})})
    request = await built(ask, call)
    shared = (request.method, request.url, tuple(request.headers), request.body, request.tls)
    key = ("sse", *shared) if early(config) else ("sse", *shared, call.path, call.traceparent)

    async def open_it() -> EventLog:
        return await opened(call.clients.shared("http", HttpPool), request.traced(call.traceparent))

    try:
        return Listening(await call.flow_clients.opened(key, open_it))
    except NoStream as answer:
        return Refusal(answer.opening)


def _problems(config: Mapping[str, object]) -> Iterable[tuple[str, str]]:
    yield from web_problems(config)
    yield from script_problems(config)
    if config.get("body") is not None and str(config.get("method") or "GET").upper() == "GET":
        yield "body", "'body' needs 'method: POST'"


def _checks(config: Mapping[str, object]) -> bool:
    return config.get("messages") is None or receives(config)


ACTION: Action[SseConfig] = Action(
    spec=ActionSpec(
        name="sse",
        summary="Waits for server-sent events; none since the start of the flow is missed.",
        config=SseConfig,
        family="messaging",
        result=result_shape(),
        checks_when=_checks,
        check=_problems,
    ),
    touches=touches,
    converse=converse,
    early=early,
    unsent_lines=UNSENT_LINES,
)
