"""GraphQL operations over HTTP: data and errors are fields of the result."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from flows.actions import Action, Call, Result, Touch
from flows.clients.graphql_text import document_problems
from flows.clients.http_config import WebConfig, http_result, http_view, web_problems
from flows.language.catalogue import ActionSpec, Duration, option
from flows.language.shapes import ANYTHING, ARRAY, maybe


@dataclass(frozen=True, slots=True)
class GraphqlConfig(WebConfig):
    """Settings of a GraphQL request."""

    url: str = option(doc="Absolute URL of the endpoint.")
    query: str = option(doc="The document: a query or a mutation.")  # type: ignore[assignment]
    variables: Mapping[str, object] | None = option(None, "Values for its variables.")
    operation_name: str | None = option(
        None, "Which operation of the document, where there are several.", also=("operationName",)
    )
    follow_redirects: bool = option(False, "Follow up to ten redirects.")
    timeout: Duration | None = option(None, "Limit for one request.")
    http2: bool = option(False, "Ask for HTTP/2.")


def touches(config: Mapping[str, object]) -> Iterable[Touch]:
    """The endpoint a request goes to.

    Args:
        config: as written.
    """
    url, query = config.get("url"), config.get("query")
    if isinstance(url, str):
        writes = isinstance(query, str) and "mutation" in query
        sent = {"query": query, "variables": config.get("variables") or {}}
        yield Touch("endpoint", url, method="POST", mode="write" if writes else "read", sends=sent)


async def run(config: GraphqlConfig, call: Call) -> Result:
    """Sends the operation (GraphQL over HTTP).

    Args:
        config: rendered.
        call: connections and trace context.
    """
    from flows.clients.http import HttpPool
    from flows.clients.http_request import HttpAsk, answered, built

    body: dict[str, object] = {"query": config.query}
    if config.variables:
        body["variables"] = config.variables
    if config.operation_name:
        body["operationName"] = config.operation_name
    headers = {"Accept": "application/graphql-response+json, application/json;q=0.9", **(config.headers or {})}
    ask = HttpAsk.of(config, "POST", body)._replace(
        query=None, headers=headers, http2=config.http2, follow_redirects=config.follow_redirects
    )
    request = (await built(ask, call)).traced(call.traceparent)
    result = await answered(call.clients.shared("http", HttpPool), request, call.hide)
    answer = result["body"]
    given: Mapping[str, object] = answer if isinstance(answer, Mapping) else {}
    return {**result, "data": given.get("data"), "errors": given.get("errors") or []}


def _problems(config: Mapping[str, object]) -> Iterable[tuple[str, str]]:
    yield from web_problems(config)
    yield from document_problems(config)


ACTION: Action[GraphqlConfig] = Action(
    spec=ActionSpec(
        name="graphql",
        summary="Sends a GraphQL operation; errors are a result.",
        config=GraphqlConfig,
        family="graphql",
        result=http_result(data=ANYTHING, errors=maybe(ARRAY)),
        alias="response",
        check=_problems,
    ),
    touches=touches,
    run=run,
    view=http_view,
)
