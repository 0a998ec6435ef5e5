"""Messages of a NATS subject or JetStream stream, from the start of the flow on."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import cast

from flows.actions import Action, Call, MessageLog, Touch
from flows.clients.servers import NATS, ConsumerConfig, server_problems
from flows.language.catalogue import ActionSpec, Alias, always, option
from flows.language.shapes import ANYTHING, consumed


@dataclass(frozen=True, slots=True)
class SubscribeConfig(ConsumerConfig):
    """Settings of a NATS subscription."""

    url: str | None = option(None, "`nats://[user:password@]host[:port]`, or `tls://`.", also=("connection",))
    token: str | None = option(None, "Instead of user and password.")
    credentials: str | None = option(None, "A `.creds` file beside the flow (JWT and nkey).")
    subject: str | None = option(None, "Subject, also with `*` and `>`.", also=("topic",))
    stream: str | None = option(None, "Read this JetStream stream, from a position.")
    jetstream: bool = option(False, "Read the stream that stores the subject.")


def touches(config: Mapping[str, object]) -> Iterable[Touch]:
    """The subject, else the stream.

    Args:
        config: as written.
    """
    named = config.get("subject") or config.get("topic") or config.get("stream")
    if isinstance(named, str):
        yield Touch("topic", named, kind="nats")


async def follow(config: SubscribeConfig, call: Call) -> MessageLog:
    """Subscribes, or takes the stream's position, once per flow execution.

    Args:
        config: rendered.
        call: connections.
    """
    from flows.clients.nats import login
    from flows.clients.nats_streams import Position, StreamLog, SubjectLog, Wanted
    from flows.clients.servers import greeted, server

    where, proof = server(config, NATS, call.files), login(config.token, config.credentials, call.files)
    stored = config.jetstream or bool(config.stream)
    position = cast("Position", config.from_)
    wanted = Wanted(config.subject or "", config.stream or "", stored, position)
    key = ("nats", where, proof, wanted, () if position == "start_of_flow" else call.path)
    if stored:
        return await call.flow_clients.opened(key, lambda: greeted(where, StreamLog(where, proof, wanted).open()))
    return await call.flow_clients.opened(key, lambda: greeted(where, SubjectLog(where, proof, wanted).open()))


def _problems(config: Mapping[str, object]) -> Iterable[tuple[str, str]]:
    from flows.clients.nats_subjects import subject_problem

    yield from server_problems(config, NATS)
    named = config.get("subject") or config.get("topic")
    problem = subject_problem(named or None, wildcards=True)
    if problem:
        yield "subject", problem
    stored = config.get("stream") or config.get("jetstream")
    if not named and not config.get("stream"):
        yield "config", "nats_subscribe needs 'subject' or 'stream'"
    if config.get("from") == "beginning" and not stored:
        yield "from", "core NATS keeps no messages: 'from: beginning' needs 'stream' or 'jetstream: true'"


ACTION: Action[SubscribeConfig] = Action(
    spec=ActionSpec(
        name="nats_subscribe",
        summary="Waits for messages of a NATS subject or stream; none since the start of the flow is missed.",
        config=SubscribeConfig,
        family="messaging",
        result=consumed(reply=ANYTHING),
        aliases=(Alias("nats_consume"), Alias("nats_consumer"), Alias("nats.subscribe"), Alias("nats.consume")),
        checks_itself=True,
        connection=("url", "host"),
        implied=("NATS_URL",),
        reads=always,
        windowed=True,
        check=_problems,
    ),
    touches=touches,
    follow=follow,
)
