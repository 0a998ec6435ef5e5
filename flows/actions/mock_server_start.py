"""Mock servers: a neighbouring service that answers as the flow says and remembers what it was asked."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from flows.actions import Action, Call, Result
from flows.language.catalogue import ActionSpec, Duration, option
from flows.language.shapes import NUMBER, STRING, record

if TYPE_CHECKING:
    from flows.clients.mock_server import Endpoint, Reply


@dataclass(frozen=True, slots=True)
class RequestMatch:
    """What a request must hold; what is not named does not count."""

    headers: Mapping[str, object] | None = option(None, "Header name to value; names ignore case.")
    query: Mapping[str, object] | None = option(None, "Query parameter to value, or to the list of its values.")
    body: object = option(None, "A map: its fields are equal (others may be there); a list or text: all of it.")


@dataclass(frozen=True, slots=True)
class MockReply:
    """What is answered."""

    status: int = option(200, "Status code.")
    headers: Mapping[str, object] | None = option(None, "Response headers.")
    body: object = option(None, "A map or list is sent as JSON, text as it is.")
    delay: Duration | None = option(None, "How long to wait before answering.")


@dataclass(frozen=True, slots=True)
class MockEndpoint:
    """What the server answers to."""

    method: str = option("GET", "Request method, or `ANY`.")
    path: str = option(doc="Path; `{name}` stands for any one segment.")
    match: RequestMatch | None = option(None, "What else the request must hold.", record=RequestMatch)
    response: MockReply | None = option(None, "The answer to every request.", record=MockReply)
    responses: tuple[MockReply, ...] | None = option(
        None, "Answers one after the other; the last repeats.", record=MockReply
    )


@dataclass(frozen=True, slots=True)
class MockConfig:
    """Settings of a mock server."""

    name: str = option("mock", "How other steps call it.")
    endpoints: tuple[MockEndpoint, ...] = option(doc="What it answers to.", record=MockEndpoint)
    port: int = option(0, "Port; 0 takes a free one.")
    host: str = option("127.0.0.1", "Address to listen on; `0.0.0.0` when containers must reach it.")


async def run(config: MockConfig, call: Call) -> Result:
    """Starts the server; it ends with the flow execution that started it.

    Args:
        config: rendered.
        call: connections.
    """
    from flows.clients.mock_server import MockServer, MockServers, Where

    servers = call.flow_clients.shared("mock_servers", MockServers)
    server = MockServer(config.name, [_endpoint(item, index) for index, item in enumerate(config.endpoints)])
    await servers.start(server, Where(config.host, config.port))
    local = "127.0.0.1" if config.host in ("0.0.0.0", "") else "::1" if config.host == "::" else config.host
    host = f"[{local}]" if ":" in local else local
    return {"name": config.name, "base_url": f"http://{host}:{server.port}", "host": config.host, "port": server.port}


def _endpoint(given: MockEndpoint, index: int) -> Endpoint:
    from flows.clients.errors import ClientError
    from flows.clients.mock_match import PathTemplate
    from flows.clients.mock_server import Endpoint

    for problem in _endpoint_problems(given.path, given.method):
        raise ClientError(f"endpoints[{index}]: {problem}", "config")
    replies = given.responses or (given.response or MockReply(),)
    made = [_reply(reply, f"endpoints[{index}]") for reply in replies]
    return Endpoint(given.method.upper(), PathTemplate.of(given.path), given.match, made)


def _reply(given: MockReply, where: str) -> Reply:
    from flows.clients.errors import ClientError
    from flows.clients.http1 import NotSendable, request_bytes
    from flows.clients.mock_server import Reply
    from flows.language.values import as_text

    if not 200 <= given.status <= 599:
        raise ClientError(f"{where}: the status must be between 200 and 599, not {given.status}", "config")
    headers = [(str(name), as_text(value)) for name, value in (given.headers or {}).items() if value is not None]
    names = {name.lower() for name, _ in headers}
    if names & {"content-length", "connection"}:
        raise ClientError(f"{where}: Content-Length and Connection are set by the mock server", "config")
    body = b"" if given.body is None else as_text(given.body).encode()
    if given.body is not None and "content-type" not in names:
        kind = "text/plain; charset=utf-8" if isinstance(given.body, str) else "application/json"
        headers.append(("Content-Type", kind))
    try:
        request_bytes("GET", "/", headers, b"")
    except NotSendable as problem:
        raise ClientError(f"{where}: {problem}", "config") from problem
    return Reply(given.status, tuple(headers), body, given.delay or 0.0)


def _endpoint_problems(path: object, method: object) -> Iterable[str]:
    if isinstance(path, str) and not path.startswith(("/", "$", "{{")):
        yield f"the path begins with '/', not {path[:40]!r}"
    if isinstance(path, str) and "?" in path and "$" not in path and "{{" not in path:
        yield "the path has no query; put it in 'match.query'"
    if isinstance(method, str) and not method.isalpha() and "$" not in method and "{{" not in method:
        yield f"'{method}' is no method"


def _problems(config: Mapping[str, object]) -> Iterable[tuple[str, str]]:
    endpoints = config.get("endpoints")
    for index, item in enumerate(endpoints if isinstance(endpoints, list | tuple) else ()):
        if not isinstance(item, Mapping):
            continue
        for problem in _endpoint_problems(item.get("path"), item.get("method")):
            yield "endpoints", f"endpoints[{index}]: {problem}"
        if "response" in item and "responses" in item:
            yield "endpoints", f"endpoints[{index}]: 'response' and 'responses' exclude each other"
        if item.get("responses") == []:
            yield "endpoints", f"endpoints[{index}]: 'responses' is empty"


ACTION: Action[MockConfig] = Action(
    spec=ActionSpec(
        name="mock_server_start",
        summary="Starts an HTTP server that answers as written; it ends with the run.",
        config=MockConfig,
        result=record(name=STRING, base_url=STRING, host=STRING, port=NUMBER),
        exempt=True,
        check=_problems,
    ),
    run=run,
    unsent=frozenset(),
)
