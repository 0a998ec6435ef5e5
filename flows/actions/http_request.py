"""HTTP requests: the step most flows are made of."""

from __future__ import annotations

import time
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from flows.actions import Action, Call, Result, Touch
from flows.language.catalogue import ActionSpec, Alias, Duration, option
from flows.language.shapes import ANYTHING, NUMBER, OBJECT, STRING, record
from flows.language.values import Headers

METHODS = ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE")


@dataclass(frozen=True, slots=True)
class HttpConfig:
    """Settings of an HTTP request."""

    method: str = option("GET", "The request method.", choices=METHODS)
    url: str | None = option(None, "Absolute URL.")
    service: str | None = option(None, "A service of the graph, with `endpoint`.")
    endpoint: str | None = option(None, "`METHOD /path` of that service.")
    query: Mapping[str, object] | None = option(None, "Query parameters; a list repeats its name, null leaves it out.")
    headers: Mapping[str, object] | None = option(None, "Request headers.")
    body: object = option(None, "A map or list is sent as JSON, text as it is.")
    form: Mapping[str, object] | None = option(None, "Form fields, sent urlencoded.")
    multipart: Mapping[str, object] | None = option(
        None, "Parts of a multipart form: text, or `{filename, content, content_type}`."
    )
    auth: Mapping[str, object] | None = option(None, "`basic`, `bearer`, `api_key` or `oauth2`.")
    cookies: Mapping[str, object] | None = option(None, "Cookies to send.")
    follow_redirects: bool = option(False, "Follow up to ten redirects.")
    verify_ssl: bool = option(True, "Check the server's certificate.")
    timeout: Duration | None = option(None, "Limit for one request.")
    http2: bool = option(False, "Ask for HTTP/2.")


def touches(config: Mapping[str, object]) -> Iterable[Touch]:
    """The endpoint a request goes to.

    Args:
        config: as written.
    """
    method = str(config.get("method") or "GET").upper()
    url = config.get("url")
    endpoint = config.get("endpoint")
    if isinstance(endpoint, str):
        method, _, path = endpoint.strip().partition(" ") if " " in endpoint.strip() else (method, "", endpoint)
        url = f"http://{config.get('service')}{path.strip()}"
    if isinstance(url, str):
        mode = "read" if method.upper() in ("GET", "HEAD", "OPTIONS") else "write"
        sent = config.get("body") if config.get("body") is not None else config.get("form")
        yield Touch("endpoint", url, method=method.upper(), mode=mode, sends=sent)


async def run(config: HttpConfig, call: Call) -> Result:
    """Sends the request.

    Args:
        config: rendered.
        call: connections and trace context.
    """
    from flows.clients.http import HttpPool
    from flows.clients.http_request import built, parsed_body

    pool = call.clients.shared("http", HttpPool)
    request = await built(config, call.services, pool)
    if not any(name.lower() == "traceparent" for name, _ in request.headers):
        request = request.with_header("traceparent", call.traceparent)
    started = time.perf_counter()
    response = await pool.send(request)
    duration = (time.perf_counter() - started) * 1000
    repeated: dict[str, list[str]] = {}
    for name, value in response.headers:
        repeated.setdefault(name, []).append(value)
    headers = {name: ", ".join(values) for name, values in repeated.items()}
    return {
        "status": response.status,
        "body": parsed_body(response.body, headers),
        "headers": headers,
        "headers_all": repeated,
        "duration_ms": round(duration, 3),
        "url": response.url,
    }


def view(result: Result) -> Mapping[str, object]:
    """The result with header lookups that ignore case, and `time`.

    Args:
        result: as recorded.
    """
    seen = dict(result)
    for name in ("headers", "headers_all"):
        found = result.get(name)
        if isinstance(found, Mapping):
            seen[name] = Headers(found)
    seen["time"] = result.get("duration_ms")
    return seen


RESULT = record(
    status=NUMBER, body=ANYTHING, headers=OBJECT, headers_all=OBJECT, duration_ms=NUMBER, url=STRING, time=NUMBER
)


def _problems(config: Mapping[str, object]) -> Iterable[tuple[str, str]]:
    if config.get("url") is None and config.get("endpoint") is None:
        yield "config", "http_request needs 'url', or 'service' and 'endpoint'"
    if config.get("endpoint") is not None and config.get("service") is None:
        yield "endpoint", "'endpoint' needs 'service'"
    if config.get("http2") is True:
        yield "http2", "HTTP/2 is not supported yet; leave 'http2' out"
    bodies = [name for name in ("body", "form", "multipart") if config.get(name) is not None]
    if len(bodies) > 1:
        yield bodies[1], f"'{bodies[0]}' and '{bodies[1]}' exclude each other"


ACTION: Action[HttpConfig] = Action(
    spec=ActionSpec(
        name="http_request",
        summary="Sends one HTTP request; any status is a result.",
        config=HttpConfig,
        family="http",
        result=RESULT,
        alias="response",
        aliases=(Alias("http"),),
        check=_problems,
    ),
    touches=touches,
    run=run,
    view=view,
)
