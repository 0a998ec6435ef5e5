"""A pact file's text as typed values; what cannot be understood is said, never skipped."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Iterator, Mapping, Sequence
from urllib.parse import parse_qsl

from flows.clients.errors import ClientError
from flows.clients.pact.paths import tokens
from flows.clients.pact.records import Body, Combine, Interaction, Json, Kind, Matcher, Pact, Part, Rule, Rules, State
from flows.language.values import parse_json

_KINDS: Mapping[str, Kind] = {
    "Synchronous/HTTP": "http",
    "Asynchronous/Messages": "message",
    "Synchronous/Messages": "sync message",
}
_CATEGORIES = {"headers": "header", "content": "body", "contents": "body"}
_SINGLE = ("path", "status")
_IMPLIED = ("regex", "date", "time", "timestamp", "min", "max")


def read_pact(text: str | bytes) -> Pact:
    """The contract in a file.

    Args:
        text: JSON.

    Raises:
        ClientError: it is no pact of version 2, 3 or 4.
    """
    try:
        data = parse_json(text)
    except ValueError as problem:
        raise ClientError(f"the pact file is not JSON: {problem}", "config") from problem
    if not isinstance(data, Mapping) or not ("interactions" in data or "messages" in data):
        raise ClientError("the pact file has neither 'interactions' nor 'messages'", "config")
    try:
        version = _version(data)
        return Pact(
            consumer=str(_map(data.get("consumer")).get("name", "")),
            provider=str(_map(data.get("provider")).get("name", "")),
            version=version,
            interactions=tuple(_interactions(data, version)),
        )
    except (TypeError, ValueError, AttributeError, KeyError) as problem:
        raise ClientError(f"the pact file is not what the specification describes: {problem}", "config") from problem


def _version(data: Mapping[str, Json]) -> int:
    metadata = _map(data.get("metadata"))
    named = metadata.get("pactSpecification") or metadata.get("pact-specification") or {}
    text = str(_map(named).get("version") or metadata.get("pactSpecificationVersion") or "2")
    major = text.partition(".")[0]
    if major not in ("1", "2", "3", "4"):
        raise ClientError(f"pact specification {text} is not known; versions 2 to 4 are", "config")
    return int(major)


def _map(value: Json) -> Mapping[str, Json]:
    return value if isinstance(value, Mapping) else {}


def _interactions(data: Mapping[str, Json], version: int) -> Iterator[Interaction]:
    for item in data.get("interactions") or ():
        yield _interaction(item, version)
    for item in data.get("messages") or ():
        yield _interaction({**item, "type": "Asynchronous/Messages"}, version)


def _interaction(item: Mapping[str, Json], version: int) -> Interaction:
    named = str(item.get("type") or "Synchronous/HTTP")
    kind = _KINDS.get(named, "unknown")
    request, response = Part(), Part()
    if kind == "http":
        request, response = part(item["request"], version), part(item["response"], version)
    elif kind == "message":
        response = part(item, version)
    return Interaction(
        description=str(item.get("description") or ""),
        kind=kind,
        states=tuple(_states(item)),
        request=request,
        response=response,
        pending=item.get("pending") is True,
        type=named,
    )


def _states(item: Mapping[str, Json]) -> Iterator[State]:
    several = item.get("providerStates")
    if isinstance(several, Sequence) and not isinstance(several, str):
        for state in several:
            yield State(str(state["name"]), _map(state.get("params")))
    else:
        one = item.get("providerState") or item.get("provider_state") or several
        if one:
            yield State(str(one))


def part(data: Mapping[str, Json], version: int) -> Part:
    """A request, response or message.

    Args:
        data: of the file.
        version: of the specification.
    """
    status = data.get("status")
    metadata = _map(data.get("metadata") or data.get("metaData"))
    return Part(
        method=str(data.get("method") or "GET").upper(),
        path=str(data.get("path", "/")),
        query=_query(data.get("query")),
        headers=_map(data.get("headers")),
        status=int(status) if status is not None else None,
        body=_body(data, version, metadata),
        metadata=metadata,
        rules=rules(_map(data.get("matchingRules")), version),
        generators={_CATEGORIES.get(k, k): _generators(k, v) for k, v in _map(data.get("generators")).items()},
    )


def _generators(category: str, found: Json) -> Mapping[str, Json]:
    return {"": found} if category in _SINGLE else _map(found)


def _query(found: Json) -> Mapping[str, Sequence[Json]]:
    if isinstance(found, str):
        named: dict[str, list[Json]] = {}
        for name, value in parse_qsl(found, keep_blank_values=True):
            named.setdefault(name, []).append(value)
        return named
    return {str(k): list(v) if isinstance(v, list | tuple) else [v] for k, v in _map(found).items()}


def _body(data: Mapping[str, Json], version: int, metadata: Mapping[str, Json]) -> Body | None:
    key = next((name for name in ("body", "contents", "content") if name in data), "")
    if not key:
        return None
    content, declared = data[key], ""
    if version >= 4 and isinstance(content, Mapping) and ("content" in content or "contentType" in content):
        declared = str(content.get("contentType") or "")
        content = _decoded(content)
    kind = declared or _header(data, "content-type") or str(metadata.get("contentType") or "")
    return body(content, kind)


def _decoded(content: Mapping[str, Json]) -> Json:
    inner, encoded = content.get("content"), content.get("encoded")
    if not isinstance(inner, str) or not encoded:
        return inner
    if str(encoded).lower() == "json":
        return parse_json(inner)
    try:
        data = base64.b64decode(inner, validate=True)
    except (binascii.Error, ValueError):
        raise ClientError(f"a body of the pact is not {encoded}", "config") from None
    try:
        return data.decode()
    except UnicodeDecodeError:
        return inner


def _header(data: Mapping[str, Json], name: str) -> str:
    for key, value in _map(data.get("headers")).items():
        if key.lower() == name:
            return str(value[0] if isinstance(value, list | tuple) and value else value)
    return ""


def body(content: Json, declared: str) -> Body:
    """A body with its kind, by its media type or by how it begins.

    Args:
        content: as in the file.
        declared: content type, or empty.
    """
    kind = declared.partition(";")[0].strip().lower()
    if not kind and isinstance(content, str) and content.lstrip().startswith("<"):
        kind = "application/xml"
    if not kind and not isinstance(content, str):
        kind = "application/json"
    empty = content == "" or (content is None and not is_json(kind))
    if is_json(kind) and isinstance(content, str) and content:
        content = _json(content)
    return Body(content, kind, empty)


def is_json(kind: str) -> bool:
    """Whether a media type is JSON.

    Args:
        kind: without parameters.
    """
    return kind.endswith(("/json", "+json"))


def _json(text: str) -> Json:
    """A text that holds a whole document is that document; any other is a JSON text itself."""
    if text.lstrip()[:1] not in "{[":
        return text
    try:
        return parse_json(text)
    except ValueError:
        return text


def rules(found: Mapping[str, Json], version: int) -> Rules:
    """Matching rules in one form: version 2 writes whole paths, later ones sort them into categories.

    Args:
        found: `matchingRules` of a part.
        version: of the specification.
    """
    by: dict[str, list[Rule]] = {}
    for key, value in found.items():
        if key.startswith("$"):
            category, *rest = tokens(key)
            name = _CATEGORIES.get(str(category), str(category))
            by.setdefault(name, []).append(Rule(tuple(rest), (_matcher(value),)))
            continue
        name = _CATEGORIES.get(key, key)
        if "matchers" in value:
            by.setdefault(name, []).append(_rule((), value))
        for path, rule in value.items():
            if path not in ("matchers", "combine"):
                by.setdefault(name, []).append(_rule(tokens(path), rule))
    return Rules({category: tuple(listed) for category, listed in by.items()})


def _rule(path: tuple[str | int, ...], value: Mapping[str, Json]) -> Rule:
    if "matchers" not in value:
        return Rule(path, (_matcher(value),))
    combine: Combine = "OR" if str(value.get("combine", "AND")).upper() == "OR" else "AND"
    return Rule(path, tuple(_matcher(one) for one in value["matchers"]), combine)


def _matcher(value: Mapping[str, Json]) -> Matcher:
    """A matcher; older files leave `match` out where another key says it."""
    more = {k: v for k, v in value.items() if k != "match"}
    kind = value.get("match")
    if kind is None:
        kind = next(
            (name for name in ("regex", "date", "time", "timestamp", "min", "max") if name in value), "equality"
        )
    if kind in ("min", "max"):
        kind = "type"
    return Matcher(str(kind), more)
