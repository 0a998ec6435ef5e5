"""One operation called as its description shows, and its answer kept as evidence."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Protocol
from urllib.parse import urlencode

from flows.clients.errors import ClientError
from flows.clients.http import HttpRequest
from flows.clients.openapi.asking import Ask
from flows.clients.openapi.checking import differences
from flows.clients.openapi.document import Json, alone, operation, read_document
from flows.clients.pact.verifying import Outcome, exchanged
from flows.language.values import as_text, to_json

if TYPE_CHECKING:
    from flows.clients.pact.verifying import Provider


class Asked(Protocol):
    """What the flow says of the request."""

    @property
    def request(self) -> Mapping[str, object] | None: ...


async def asked_operation(
    file: tuple[str, str], name: str, given: Asked, provider: Provider
) -> tuple[str, dict[str, Json]]:
    """The contract that is kept, and the answer.

    Args:
        file: text and name of the description.
        name: of the operation.
        given: the flow's `request`.
        provider: where it is.

    Raises:
        ClientError: the provider cannot be reached, or the request cannot be made.
    """
    found = operation(read_document(*file), name)
    ask = Ask(found, given.request or {})
    query = urlencode(ask.query())
    url = provider.base_url.rstrip("/") + ask.path() + (f"?{query}" if query else "")
    mine = {key.lower() for key, _ in provider.headers}
    headers = [pair for pair in ask.headers() if pair[0].lower() not in mine] + list(provider.headers)
    value, kind = ask.body()
    if kind and not any(key.lower() == "content-type" for key, _ in headers):
        headers.append(("Content-Type", kind))
    request = HttpRequest(found.method, url, headers, _data(value, kind, found.name))
    answer = await exchanged(provider, request)
    return alone(found), {"sent": {"method": found.method, "url": url}, "response": answer}


def _data(value: Json, kind: str, name: str) -> bytes:
    if not kind:
        return b""
    media = kind.partition(";")[0].strip().lower()
    if media.endswith(("/json", "+json", "*/*")):
        return to_json(value).encode()
    if media == "application/x-www-form-urlencoded" and isinstance(value, Mapping):
        return urlencode({key: as_text(inner) for key, inner in value.items()}).encode()
    if isinstance(value, str):
        return value.encode()
    raise ClientError(f"{name}: a body of type {kind} cannot be made from an example; give request: {{body: text}}",
                      "config")  # fmt: skip


def outcome(contract: str, name: str, answer: Mapping[str, Json]) -> Outcome:
    """The verdict on a recorded answer, by the description alone.

    Args:
        contract: as kept.
        name: of the operation.
        answer: as kept.
    """
    response = answer.get("response")
    if not isinstance(response, Mapping):
        return Outcome(name, "unverified", ("there is no answer",))
    try:
        found = tuple(differences(contract, name, response))
    except (ValueError, ClientError) as problem:
        return Outcome(name, "unverified", (str(problem),))
    return Outcome(name, "failed" if found else "verified", found)
