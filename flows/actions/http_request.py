"""HTTP requests: the step most flows are made of."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from flows.actions import Action, Call, Result, Touch
from flows.clients.http_config import PartConfig, WebConfig, http_result, http_view, path_problems, web_problems
from flows.language.catalogue import ActionSpec, Alias, Duration, option

METHODS = ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE")


@dataclass(frozen=True, slots=True)
class HttpConfig(WebConfig):
    """Settings of an HTTP request."""

    method: str = option("GET", "The request method.", choices=METHODS)
    service: str | None = option(None, "A service of the graph, with `endpoint`.")
    endpoint: str | None = option(None, "`METHOD /path` of that service; the path may hold `{name}`, see `path`.")
    path: Mapping[str, object] | None = option(None, "Values for each `{name}` in the path, escaped.")
    body: object = option(None, "A map or list is sent as JSON, text as it is.")
    form: Mapping[str, object] | None = option(None, "Form fields, sent urlencoded.")
    multipart: Mapping[str, object] | None = option(
        None, "Parts of a multipart form: text, or `{content or file, filename, content_type}`.", record=PartConfig
    )
    follow_redirects: bool = option(False, "Follow up to ten redirects.")
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
    from flows.clients.http_request import answered, built

    request = (await built(config, call)).traced(call.traceparent)
    return await answered(call.clients.shared("http", HttpPool), request, call.hide)


def _problems(config: Mapping[str, object]) -> Iterable[tuple[str, str]]:
    if config.get("url") is None and config.get("endpoint") is None:
        yield "config", "http_request needs 'url', or 'service' and 'endpoint'"
    if config.get("endpoint") is not None and config.get("service") is None:
        yield "endpoint", "'endpoint' needs 'service'"
    if config.get("endpoint") is not None and config.get("url") is not None:
        yield "url", "'url' and 'endpoint' exclude each other"
    yield from web_problems(config)
    yield from path_problems(config)
    bodies = [name for name in ("body", "form", "multipart") if config.get(name) is not None]
    if len(bodies) > 1:
        yield bodies[1], f"'{bodies[0]}' and '{bodies[1]}' exclude each other"


ACTION: Action[HttpConfig] = Action(
    spec=ActionSpec(
        name="http_request",
        summary="Sends one HTTP request; any status is a result.",
        config=HttpConfig,
        family="http",
        result=http_result(),
        alias="response",
        aliases=(Alias("http"),),
        check=_problems,
    ),
    touches=touches,
    run=run,
    view=http_view,
)
