"""A provider asked everything its contract says; what it answered is evidence, judged apart and any number of times."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from urllib.parse import quote, urlencode

from flows.clients.http import HttpPool, HttpRequest
from flows.clients.http_request import folded, parsed_body
from flows.clients.pact.comparing import message_differences, response_differences
from flows.clients.pact.generators import generated
from flows.clients.pact.matchers import Unverifiable
from flows.clients.pact.reading import body, is_json, read_pact
from flows.clients.pact.records import Body, Interaction, Json, Pact, Part
from flows.language.values import parse_json, to_json

if TYPE_CHECKING:
    from flows.clients.tls import Tls

METADATA = "pact-message-metadata"


@dataclass(frozen=True, slots=True)
class Provider:
    """Where the provider is.

    Args:
        pool: connections.
        base_url: of the service.
        states_url: sets provider states, or empty.
        messages_url: answers messages by description, or empty.
        headers: sent with every request (a token, for instance).
        traceparent: of the step.
        tls: of its addresses.
    """

    pool: HttpPool
    base_url: str
    states_url: str = ""
    messages_url: str = ""
    headers: Sequence[tuple[str, str]] = ()
    traceparent: str = ""
    tls: Tls | None = None


async def asked(pact: Pact, provider: Provider, only: str) -> list[dict[str, Json]]:
    """What the provider answered to each interaction, one after the other.

    Args:
        pact: the contract.
        provider: where it is.
        only: interactions whose description holds this; all when empty.

    Raises:
        ClientError: the provider cannot be reached.
    """
    return [
        await _asked(interaction, provider) if only in interaction.description else {"skipped": True}
        for interaction in pact.interactions
    ]


async def _asked(interaction: Interaction, provider: Provider) -> dict[str, Json]:
    try:
        if interaction.kind == "http":
            given = await _states(interaction, provider)
            return await _sent(interaction, provider, given)
        if interaction.kind == "message" and provider.messages_url:
            await _states(interaction, provider)
            return await _message(interaction, provider)
    except Unverifiable as problem:
        return {"unverified": problem.reason}
    if interaction.kind == "message":
        return {"unverified": "a message needs 'messages_url', an address that answers it by its description"}
    return {"unverified": f"interactions of type {interaction.type} cannot be verified over HTTP"}


async def _states(interaction: Interaction, provider: Provider) -> dict[str, Json]:
    """Sets the states; what the provider answers are values for the request."""
    given: dict[str, Json] = {}
    for state in interaction.states if provider.states_url else ():
        data = {"state": state.name, "params": dict(state.params), "action": "setup"}
        answer = await _posted(provider, provider.states_url, data)
        if answer["status"] >= 400:
            raise Unverifiable(f"provider state '{state.name}' could not be set: {provider.states_url} answered"
                               f" {answer['status']}")  # fmt: skip
        given.update(state.params)
        if isinstance(answer["body"], Mapping):
            given.update(answer["body"])
    return given


async def _posted(provider: Provider, url: str, data: Json) -> dict[str, Any]:
    headers = [("Content-Type", "application/json"), ("Accept", "application/json"), *provider.headers]
    request = HttpRequest("POST", url, headers, to_json(data).encode())
    return await exchanged(provider, request)


async def exchanged(provider: Provider, request: HttpRequest) -> dict[str, Any]:
    """Sends a request; status, headers and body of the answer.

    Args:
        provider: its connections.
        request: without trace context.
    """
    if provider.tls is not None:
        request = request._replace(tls=provider.tls)
    response = await provider.pool.send(request.traced(provider.traceparent))
    headers, _ = folded(response.headers)
    return {"status": response.status, "headers": headers, "body": parsed_body(response.body, headers)}


async def _sent(interaction: Interaction, provider: Provider, given: Mapping[str, Json]) -> dict[str, Json]:
    part, content = generated(interaction.request, given)
    query = urlencode([(name, value) for name, values in part.query.items() for value in values if value is not None])
    url = provider.base_url.rstrip("/") + quote(part.path, safe="/%:@!$&'()*+,;=~-._") + (f"?{query}" if query else "")
    headers = [(name, _joined(value)) for name, value in part.headers.items()]
    mine = {name.lower() for name, _ in provider.headers}
    headers = [pair for pair in headers if pair[0].lower() not in mine] + list(provider.headers)
    data, kind = _payload(part.body, content)
    if kind and not any(name.lower() == "content-type" for name, _ in headers):
        headers.append(("Content-Type", kind))
    answer = await exchanged(provider, HttpRequest(part.method, url, headers, data))
    return {"sent": {"method": part.method, "url": url}, "response": answer}


def _joined(value: Json) -> str:
    return ", ".join(map(str, value)) if isinstance(value, list | tuple) else str(value)


def _payload(declared: Body | None, content: Json) -> tuple[bytes, str]:
    if declared is None or declared.empty:
        return b"", ""
    if is_json(declared.kind) or not isinstance(content, str):
        return to_json(content).encode(), declared.kind or "application/json"
    return content.encode(), declared.kind


async def _message(interaction: Interaction, provider: Provider) -> dict[str, Json]:
    data = {
        "description": interaction.description,
        "providerStates": [{"name": s.name, "params": dict(s.params)} for s in interaction.states],
    }
    answer = await _posted(provider, provider.messages_url, data)
    if answer["status"] >= 400:
        raise Unverifiable(f"{provider.messages_url} answered {answer['status']} for the message")
    return {
        "sent": {"method": "POST", "url": provider.messages_url},
        "response": {"body": answer["body"], "headers": answer["headers"], "metadata": _metadata(answer["headers"])},
    }


def _metadata(headers: Mapping[str, str]) -> Json:
    text = headers.get(METADATA, "")
    try:
        found = parse_json(base64.b64decode(text)) if text else {}
    except (ValueError, binascii.Error):
        raise Unverifiable(f"header {METADATA} is not base64 of JSON") from None
    return found if isinstance(found, Mapping) else {}


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of one interaction.

    Args:
        description: of the interaction.
        status: verified, failed, pending or unverified.
        differences: what is not as agreed, or why it was not verified.
    """

    description: str
    status: str
    differences: tuple[str, ...] = ()


def outcomes(contract: str, answers: Sequence[Mapping[str, Json]]) -> Iterator[Outcome]:
    """The verdict on recorded answers, by the contract alone.

    Args:
        contract: the pact file's text.
        answers: one for each interaction.
    """
    pact = read_pact(contract)
    for interaction, answer in zip(pact.interactions, answers, strict=False):
        if answer.get("skipped"):
            continue
        found = _differences(interaction, answer)
        name = interaction.description
        if isinstance(found, str):
            yield Outcome(name, "pending" if interaction.pending else "unverified", (found,))
        elif found:
            yield Outcome(name, "pending" if interaction.pending else "failed", tuple(found))
        else:
            yield Outcome(name, "verified")


def _differences(interaction: Interaction, answer: Mapping[str, Json]) -> list[str] | str:
    if answer.get("unverified"):
        return str(answer["unverified"])
    response = answer.get("response")
    if not isinstance(response, Mapping):
        return "there is no answer"
    headers = response.get("headers") if isinstance(response.get("headers"), Mapping) else {}
    status = response.get("status")
    actual = Part(
        status=status if isinstance(status, int) else None,
        headers=headers or {},
        body=_actual_body(response.get("body"), headers or {}),
        metadata=response.get("metadata") or {},
    )
    compare = response_differences if interaction.kind == "http" else message_differences
    try:
        return list(compare(interaction.response, actual))
    except Unverifiable as problem:
        return problem.reason


def _actual_body(content: Json, headers: Mapping[str, Json]) -> Body | None:
    if content == "" or content is None:
        return Body(None, "", empty=True) if content == "" else body(content, str(headers.get("content-type", "")))
    found = body(content, str(headers.get("content-type", "")))
    if not isinstance(content, str) and not is_json(found.kind):
        return Body(content, "application/json" if not found.kind else found.kind)
    return found
