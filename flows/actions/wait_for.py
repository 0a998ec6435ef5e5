"""Waits until a server is there."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from flows.actions import Action, Call, Result, Touch
from flows.language.catalogue import ActionSpec, Duration, always, option
from flows.language.expressions.scope import Scope
from flows.language.shapes import ANYTHING, BOOLEAN, NUMBER, STRING, maybe, record


@dataclass(frozen=True, slots=True)
class HttpProbe:
    """An HTTP address that must answer."""

    url: str = option(doc="Absolute URL.")
    status: int | None = option(None, "Exactly this status; without it any below 400.")
    body_contains: str | None = option(None, "Text in the body.")


@dataclass(frozen=True, slots=True)
class TcpProbe:
    """A port that must accept connections."""

    host: str = option("localhost", "Name or address.")
    port: int = option(doc="Port.")


@dataclass(frozen=True, slots=True)
class WaitConfig:
    """Settings of a wait."""

    http: HttpProbe | None = option(None, "An HTTP address.", record=HttpProbe)
    tcp: TcpProbe | None = option(None, "A TCP port.", record=TcpProbe)
    type: str | None = option(None, "Flat form: `http` or `tcp`.", choices=("http", "tcp"))
    url: str | None = option(None, "Flat form of `http.url`.")
    status: int | None = option(None, "Flat form of `http.status`.")
    body_contains: str | None = option(None, "Flat form of `http.body_contains`.")
    host: str | None = option(None, "Flat form of `tcp.host`.")
    port: int | None = option(None, "Flat form of `tcp.port`.")
    timeout: Duration = option(30.0, "How long to wait.")
    interval: Duration | None = option(None, "Pause between tries; by default it grows from 10ms to 250ms.")


def touches(config: Mapping[str, object]) -> Iterable[Touch]:
    """The endpoint that is probed.

    Args:
        config: as written.
    """
    http = config.get("http")
    url = http.get("url") if isinstance(http, Mapping) else config.get("url")
    if isinstance(url, str):
        yield Touch("endpoint", url, method="GET")


async def run(config: WaitConfig, call: Call) -> Result:
    """One try; what cannot be reached is a result here.

    Args:
        config: rendered.
        call: connections.
    """
    from flows.clients.errors import ClientError

    try:
        url = config.http.url if config.http is not None else config.url
        if url:
            return await _http(url, call)
        host = config.tcp.host if config.tcp is not None else config.host
        port = config.tcp.port if config.tcp is not None else config.port
        return await _tcp(host or "localhost", port or 0)
    except ClientError as error:
        if error.type == "config":
            raise
        return {"ok": False, "status": None, "body": None, "error": error.message, "duration_ms": 0}


async def _http(url: str, call: Call) -> Result:
    import asyncio
    import time

    from flows.clients.errors import ClientError
    from flows.clients.http import HttpPool, HttpRequest
    from flows.clients.http_bodies import text_of

    pool = call.clients.shared("http", HttpPool)
    started = time.perf_counter()
    try:
        async with asyncio.timeout(5):
            response = await pool.send(HttpRequest("GET", url, [("traceparent", call.traceparent)]))
    except TimeoutError:
        raise ClientError(f"{url}: no answer within 5s", "timeout") from None
    return {
        "ok": True,
        "status": response.status,
        "body": text_of(response.body, dict(response.headers)),
        "error": "",
        "duration_ms": round((time.perf_counter() - started) * 1000, 3),
    }


async def _tcp(host: str, port: int) -> Result:
    import asyncio
    import time

    from flows.clients.errors import ClientError, reason

    started = time.perf_counter()
    try:
        async with asyncio.timeout(5):
            _, writer = await asyncio.open_connection(host, port)
    except TimeoutError:
        raise ClientError(f"{host}:{port}: no answer within 5s", "timeout") from None
    except (OSError, ValueError, OverflowError) as error:
        raise ClientError(f"{host}:{port}: {reason(error)}") from error
    writer.transport.abort()
    duration = round((time.perf_counter() - started) * 1000, 3)
    return {"ok": True, "status": None, "body": None, "error": "", "duration_ms": duration}


def condition(config: WaitConfig, result: Result, names: Scope) -> str:
    """Whether the server is there as wanted.

    Args:
        config: rendered.
        result: one try.
        names: unused.
    """
    if not result.get("ok"):
        return str(result.get("error") or "not reached")
    status = result.get("status")
    if not isinstance(status, int):
        return ""
    wanted = config.http.status if config.http is not None else config.status
    text = config.http.body_contains if config.http is not None else config.body_contains
    if wanted is not None and status != wanted:
        return f"status is {status}, not {wanted}"
    if wanted is None and status >= 400:
        return f"status is {status}"
    if text is not None and text not in str(result.get("body") or ""):
        return f"the body does not contain {text!r}"
    return ""


def _problems(config: Mapping[str, object]) -> Iterable[tuple[str, str]]:
    http = config.get("http") is not None or config.get("url") is not None
    tcp = config.get("tcp") is not None or config.get("port") is not None
    if http == tcp:
        yield "config", "wait_for needs either 'http: {url}' or 'tcp: {host, port}'"


ACTION: Action[WaitConfig] = Action(
    spec=ActionSpec(
        name="wait_for",
        summary="Waits until an HTTP address answers or a port accepts connections.",
        config=WaitConfig,
        result=record(ok=BOOLEAN, status=maybe(NUMBER), body=ANYTHING, error=STRING, duration_ms=NUMBER),
        checks_itself=True,
        reads=always,
        windowed=True,
        check=_problems,
    ),
    touches=touches,
    run=run,
    condition=condition,
)
