"""Waits until a server is there."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from flows.actions import Action, Call, Result, Touch
from flows.clients.tls import TLS_DOC, tls_problems
from flows.language.catalogue import ActionSpec, Duration, always, option
from flows.language.expressions.scope import Scope
from flows.language.shapes import ANYTHING, BOOLEAN, NUMBER, STRING, maybe, record

TRY_SECONDS = 5.0
STATUS_DOC = "A status, a list of them, or a class such as `2xx`; without it any below 400."


@dataclass(frozen=True, slots=True)
class HttpProbe:
    """An HTTP address that must answer."""

    url: str = option(doc="Absolute URL.")
    status: object = option(None, STATUS_DOC)
    body_contains: str | None = option(None, "Text in the body.")
    headers: Mapping[str, object] | None = option(None, "Request headers.")
    verify_ssl: bool = option(True, "Check the server's certificate.")
    tls: object = option(None, TLS_DOC)
    proxy: str | None = option(None, "URL of a proxy; `none` = direct.")


@dataclass(frozen=True, slots=True)
class TcpProbe:
    """A port that must accept connections."""

    host: str = option("localhost", "Name or address.")
    port: int = option(doc="Port.")


@dataclass(frozen=True, slots=True)
class GrpcProbe:
    """A gRPC server that must say it is SERVING (grpc.health.v1)."""

    address: str = option(doc="`host:port`.")
    service: str = option("", "Full name of a service; without it the server as a whole.")
    tls: object = option(None, TLS_DOC)


@dataclass(frozen=True, slots=True)
class WaitConfig:
    """Settings of a wait."""

    http: HttpProbe | None = option(None, "An HTTP address.", record=HttpProbe, short="url")
    tcp: TcpProbe | None = option(None, "A TCP port.", record=TcpProbe)
    grpc: GrpcProbe | None = option(None, "A gRPC server's health.", record=GrpcProbe, short="address")
    type: str | None = option(None, "Flat form: `http` or `tcp`.", choices=("http", "tcp"))
    url: str | None = option(None, "Flat form of `http.url`.")
    status: object = option(None, "Flat form of `http.status`.")
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
    url = http.get("url") if isinstance(http, Mapping) else http or config.get("url")
    if isinstance(url, str):
        yield Touch("endpoint", url, method="GET")


async def run(config: WaitConfig, call: Call) -> Result:
    """One try; what cannot be reached is a result here.

    Args:
        config: rendered.
        call: connections.
    """
    import asyncio

    from flows.clients.awaiting import awaited
    from flows.clients.errors import ClientError

    limit = min(TRY_SECONDS, config.timeout)
    try:
        async with asyncio.timeout(limit):
            return await _tried(config, call)
    except TimeoutError:
        problem = f"{str(awaited() or '') or 'no answer'} within {limit:g}s"
    except ClientError as error:
        if error.type == "config":
            raise
        problem = error.message
    return {"ok": False, "status": None, "body": None, "error": problem, "duration_ms": 0}


async def _tried(config: WaitConfig, call: Call) -> Result:
    probe = config.http or (HttpProbe(url=config.url) if config.url else None)
    if probe is not None:
        return await _http(probe, call)
    if config.grpc is not None:
        return await _grpc(config.grpc, call)
    host = config.tcp.host if config.tcp is not None else config.host
    port = config.tcp.port if config.tcp is not None else config.port
    return await _tcp(host or "localhost", port or 0)


async def _http(probe: HttpProbe, call: Call) -> Result:
    import time

    from flows.clients.http import HttpPool
    from flows.clients.http_bodies import text_of
    from flows.clients.http_request import HttpAsk, built

    pool = call.clients.shared("http", HttpPool)
    ask = HttpAsk(
        "GET", probe.url, headers=probe.headers, verify_ssl=probe.verify_ssl, tls=probe.tls, proxy=probe.proxy
    )
    request = (await built(ask, call)).traced(call.traceparent)
    started = time.perf_counter()
    response = await pool.send(request)
    return {
        "ok": True,
        "status": response.status,
        "body": text_of(response.body, dict(response.headers)),
        "error": "",
        "duration_ms": round((time.perf_counter() - started) * 1000, 3),
    }


async def _grpc(probe: GrpcProbe, call: Call) -> Result:
    import time

    from flows.clients.grpc_health import health
    from flows.clients.http import HttpPool
    from flows.clients.tls import tls_of

    pool, tls = call.clients.shared("http", HttpPool), tls_of(probe.tls, call.files)
    started = time.perf_counter()
    state = await health(pool, probe.address, probe.service, tls)
    duration = round((time.perf_counter() - started) * 1000, 3)
    error = "" if state == "SERVING" else f"{probe.service or probe.address} is {state}"
    return {"ok": not error, "status": None, "body": state, "error": error, "duration_ms": duration}


async def _tcp(host: str, port: int) -> Result:
    import asyncio
    import time

    from flows.clients.awaiting import awaiting
    from flows.clients.errors import ClientError, reason
    from flows.clients.resolving import families

    started = time.perf_counter()
    awaiting(f"{host}:{port}", "no connection")
    try:
        further: Any = families(host)
        _, writer = await asyncio.open_connection(host, port, **further)
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
    if wanted is not None and not _meets(status, wanted):
        return f"status is {status}, not {_shown(wanted)}"
    if wanted is None and status >= 400:
        return f"status is {status}"
    if text is not None and text not in str(result.get("body") or ""):
        return f"the body does not contain {text!r}"
    return ""


def _meets(status: int, wanted: object) -> bool:
    if isinstance(wanted, list | tuple):
        return any(_meets(status, one) for one in wanted)
    text = str(wanted).lower()
    return text == f"{status // 100}xx" or text == str(status)


def _shown(wanted: object) -> str:
    return " or ".join(map(str, wanted)) if isinstance(wanted, list | tuple) else str(wanted)


def _status_problem(given: object) -> str:
    for one in given if isinstance(given, list | tuple) else (given,):
        text = str(one).lower()
        number = text.isdigit() and 100 <= int(text) <= 599
        if not (one is None or number or (text[:1] in "12345" and text[1:] == "xx") or "$" in text or "{{" in text):
            return f"'status' is a number from 100 to 599, a class such as 2xx, or a list of them, not {one!r}"
    return ""


def _problems(config: Mapping[str, object]) -> Iterable[tuple[str, str]]:
    http = config.get("http") is not None or config.get("url") is not None
    probe = config.get("http")
    own: Mapping[str, object] = probe if isinstance(probe, Mapping) else config
    yield from (("http" if own is probe else key, message) for key, message in tls_problems(own))
    grpc = config.get("grpc")
    if isinstance(grpc, Mapping):
        yield from (("grpc", message) for _, message in tls_problems(grpc))
    probed = config.get("tcp")
    place: Mapping[str, object] = probed if isinstance(probed, Mapping) else config
    port = place.get("port")
    if isinstance(port, int) and not 0 < port < 65536:
        yield "tcp" if place is probed else "port", f"no TCP port: {port}"
    problem = _status_problem(own.get("status"))
    if problem:
        yield "http" if own is probe else "status", problem
    tcp = config.get("tcp") is not None or config.get("port") is not None
    if http + tcp + (grpc is not None) != 1:
        yield "config", "wait_for needs one of 'http: {url}', 'tcp: {host, port}' and 'grpc: {address}'"


ACTION: Action[WaitConfig] = Action(
    spec=ActionSpec(
        name="wait_for",
        summary="Waits until an HTTP address answers, a port accepts connections, or a gRPC server is healthy.",
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
