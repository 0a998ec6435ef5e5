"""An answer against what an operation's description promises: status, headers, content type and body."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from flows.clients.openapi.document import Json, Operation, operation, read_document
from flows.clients.openapi.schemas import problems
from flows.language.values import typed_text


def differences(contract: str, name: str, answer: Mapping[str, Json]) -> Iterator[str]:
    """What an answer has not as described.

    Args:
        contract: the document with this operation, as a recording keeps it.
        name: the operation.
        answer: status, headers, body.

    Raises:
        ClientError: the document has no such operation.
        ValueError: a schema of it is none.
    """
    found = operation(read_document(contract, "contract.json"), name)
    status = answer.get("status")
    described = _response(found, int(status) if isinstance(status, int) else 0)
    if described is None:
        known = ", ".join(map(str, found.data.get("responses") or {}))
        yield f"status: {status} is not described; there is {known or 'nothing'}"
        return
    headers = answer.get("headers")
    named = {str(k).lower(): v for k, v in headers.items()} if isinstance(headers, Mapping) else {}
    yield from _headers(found, described, named)
    yield from _content(found, described, named, answer.get("body"))


def _response(found: Operation, status: int) -> Mapping[str, Json] | None:
    """The most precise description: the status, its class, then `default`."""
    responses = {str(k).upper(): v for k, v in (found.data.get("responses") or {}).items()}
    for key in (str(status), f"{status // 100}XX", "DEFAULT"):
        if key in responses:
            described = found.resolved(responses[key])
            return described if isinstance(described, Mapping) else {}
    return None


def _headers(found: Operation, described: Mapping[str, Json], named: Mapping[str, Json]) -> Iterator[str]:
    for name, reference in (described.get("headers") or {}).items():
        header = found.resolved(reference)
        if name.lower() == "content-type" or not isinstance(header, Mapping):
            continue
        if name.lower() not in named:
            if header.get("required"):
                yield f"header {name}: missing"
            continue
        if "schema" in header:
            value = _typed(found, header["schema"], str(named[name.lower()]))
            yield from (f"header {name} {line}" for line in problems(found, header["schema"], value, "response"))


def _typed(found: Operation, schema: Json, text: str) -> Json:
    """A header's text as the type that the schema wants (style simple)."""
    schema = found.resolved(schema)
    kind = schema.get("type") if isinstance(schema, Mapping) else None
    kinds = kind if isinstance(kind, list | tuple) else [kind]
    if {"integer", "number", "boolean"} & set(kinds):
        return typed_text(text)
    if "array" in kinds and isinstance(schema, Mapping):
        return [_typed(found, schema.get("items", {}), part.strip()) for part in text.split(",")]
    return text


def _content(found: Operation, described: Mapping[str, Json], named: Mapping[str, Json], body: Json) -> Iterator[str]:
    content = described.get("content") or {}
    if found.method == "HEAD":
        return
    if not content:
        if body not in ("", None):
            yield "body: none is described, there is one"
        return
    kind = str(named.get("content-type", "")).partition(";")[0].strip().lower()
    media = _media(content, kind)
    if media is None:
        yield f"content-type: {kind or 'none'} is not described; there is {', '.join(content)}"
        return
    schema = media.get("schema")
    if schema is None:
        return
    if isinstance(body, str) and kind.endswith(("/json", "+json")) and body == "":
        yield "body: missing"
        return
    yield from (f"body {line}" for line in problems(found, schema, body, "response"))


def _media(content: Mapping[str, Json], kind: str) -> Mapping[str, Json] | None:
    """The most precise media type range that holds a type (RFC 9110, 12.5.1)."""
    ranges = {key.partition(";")[0].strip().lower(): value for key, value in content.items()}
    for wanted in (kind, f"{kind.partition('/')[0]}/*", "*/*"):
        if wanted in ranges and isinstance(ranges[wanted], Mapping):
            media: Mapping[str, Json] = ranges[wanted]
            return media
    return None
