"""A message to a NATS subject."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from flows.actions import Action, Call, Result, Touch
from flows.clients.servers import NATS, ServerConfig, server_problems
from flows.language.catalogue import ActionSpec, Alias, Duration, option
from flows.language.shapes import ANYTHING, BOOLEAN, NUMBER, OBJECT, STRING, maybe, record
from flows.language.values import as_text

if TYPE_CHECKING:
    from flows.clients.nats import NatsMessage


@dataclass(frozen=True, slots=True)
class PublishConfig(ServerConfig):
    """Settings of a NATS publish."""

    url: str | None = option(None, "`nats://[user:password@]host[:port]`, or `tls://`.", also=("connection",))
    token: str | None = option(None, "Instead of user and password.")
    credentials: str | None = option(None, "A `.creds` file beside the flow (JWT and nkey).")
    subject: str = option(doc="Where to.", also=("topic",))
    value: object = option(None, "Text as it is, anything else as JSON.", also=("payload", "message"))
    headers: Mapping[str, object] | None = option(None, "Message headers.")
    reply: str | None = option(None, "Subject for answers.")
    request: bool = option(False, "Wait for an answer; it is the result's `value`.")
    jetstream: bool = option(False, "Wait until a stream has stored it.")
    stream: str | None = option(None, "That stream must be the one that stores it.")
    timeout: Duration | None = option(None, "Limit for the acknowledgement or the answer.")


def touches(config: Mapping[str, object]) -> Iterable[Touch]:
    """The subject.

    Args:
        config: as written.
    """
    subject = config.get("subject") or config.get("topic")
    if isinstance(subject, str):
        sent = next((config[key] for key in ("value", "payload", "message") if config.get(key) is not None), None)
        yield Touch("topic", subject, kind="nats", mode="write", sends=sent)


async def run(config: PublishConfig, call: Call) -> Result:
    """Publishes; the server has taken the message when this returns.

    Args:
        config: rendered.
        call: connections and trace context.
    """
    from flows.clients.nats import NatsMessage, login
    from flows.clients.nats_publisher import NatsPublisher
    from flows.clients.servers import server

    where, proof = server(config, NATS, call.files), login(config.token, config.credentials, call.files)
    publisher = call.clients.shared(("nats", where, proof), lambda: NatsPublisher(where, proof))
    headers = [(name, as_text(value)) for name, value in (config.headers or {}).items()]
    if not any(name.lower() == "traceparent" for name, _ in headers):
        headers.append(("traceparent", call.traceparent))
    payload = b"" if config.value is None else as_text(config.value).encode()
    message = NatsMessage(config.subject, config.reply or "", tuple(headers), payload)
    if config.request:
        return _result(config, answer=await publisher.request(message))
    if config.jetstream or config.stream:
        stream, sequence = await publisher.store(message, config.stream or "")
        return _result(config, stored=(stream, sequence))
    await publisher.publish(message)
    return _result(config)


def _result(
    config: PublishConfig, *, answer: NatsMessage | None = None, stored: tuple[str, int] | None = None
) -> Result:
    from flows.clients.nats_streams import shown

    seen = shown(answer) if answer is not None else {}
    return {
        "ok": True,
        "topic": config.subject,
        "stream": stored[0] if stored else None,
        "offset": stored[1] if stored else None,
        **{name: seen.get(name) for name in ("value", "raw", "json")},
        "headers": seen.get("headers", {}),
    }


def _problems(config: Mapping[str, object]) -> Iterable[tuple[str, str]]:
    from flows.clients.nats_subjects import subject_problem

    yield from server_problems(config, NATS)
    problem = subject_problem(config.get("subject"), wildcards=False)
    if problem:
        yield "subject", problem
    if config.get("request") is True and (config.get("jetstream") is True or config.get("stream")):
        yield "request", "a request is answered by a service, not stored: leave out 'jetstream' and 'stream'"


ACTION: Action[PublishConfig] = Action(
    spec=ActionSpec(
        name="nats_publish",
        summary="Publishes a message to a NATS subject, or asks a service for an answer.",
        config=PublishConfig,
        family="messaging",
        result=record(
            ok=BOOLEAN,
            topic=STRING,
            stream=maybe(STRING),
            offset=maybe(NUMBER),
            value=ANYTHING,
            raw=ANYTHING,
            json=ANYTHING,
            headers=OBJECT,
        ),
        aliases=(
            Alias("nats.publish"),
            Alias("nats_producer"),
            Alias("nats_request", {"request": True}),
            Alias("nats.request", {"request": True}),
        ),
        connection=("url", "host"),
        implied=("NATS_URL",),
        check=_problems,
    ),
    touches=touches,
    run=run,
)
