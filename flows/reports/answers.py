"""What a step asked and what it was answered, in a few words for a person."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping

from flows.reports.commands import as_text
from flows.reports.differing import clipped, shown
from graph.runs import StepRun

_TELLING = (
    *("operation", "command", "topic", "channel", "subject", "queue", "exchange", "stream"),
    *("routing_key", "collection", "bucket", "key", "query", "address", "tcp", "url", "host", "port", "name"),
    *("path", "openapi", "pact"),
)
_WEB = frozenset(["http_request", "graphql", "sse", "websocket"])
_COMMENT = re.compile(r"(?m)(?<=\s)--\s[^\n]*$")
_HIDDEN = re.compile(r"(?is)<(script|style)\b.*?</\1\s*>|<!--.*?-->|<[^>]{0,500}>")
_BINARY = re.compile(r"(?i)^(?:image|audio|video|font)/|^application/(?:octet-stream|pdf|zip|gzip|x-protobuf|grpc)")
_STATUS = re.compile(r"\s*(?:response\.)?status\b")
_REDIRECT, _ERROR = 300, 400
_LONG = 320
_SEARCHED = 4_000


def sentence(action: str, request: Mapping[str, object]) -> str:
    """What a step asked, in a few words.

    Args:
        action: canonical name.
        request: as recorded.
    """
    inner = request.get("http")
    if action == "wait_for" and isinstance(inner, Mapping):
        return f"GET {as_text(inner.get('url'))}"
    if "url" in request and action in _WEB:
        method = request.get("method") or ("POST" if action == "graphql" else "GET")
        return f"{method} {as_text(request['url'])}" if action != "websocket" else as_text(request["url"])
    if request.get("endpoint") is not None:
        return f"{request.get('service')}: {request['endpoint']}"
    words = [_COMMENT.sub(" ", as_text(request[key])) for key in _TELLING if request.get(key) is not None]
    called = "/".join(as_text(request[key]) for key in ("service", "method") if request.get(key) is not None)
    return " ".join(" ".join([called, *words]).split())


def answered(answer: Mapping[str, object]) -> str:
    """What came back, in a few words.

    Args:
        answer: a candidate.
    """
    status = answer.get("status")
    if status is not None:
        where = _headers(answer).get("location") if isinstance(status, int) and _redirects(status) else None
        return f"{status} {answer.get('error_message') or ''}{f'to {where}' if where else ''}".strip()
    for key, noun in (("row_count", "row"), ("rows_affected", "row"), ("count", "message")):
        number = answer.get(key)
        if isinstance(number, int):
            return f"{number} {noun}{'' if number == 1 else 's'}"
    if "value" in answer:
        return clipped(shown(answer["value"]), 80)
    return ""


def _redirects(status: int) -> bool:
    return _REDIRECT <= status < _ERROR


def _headers(answer: Mapping[str, object]) -> Mapping[str, object]:
    found = answer.get("headers")
    return {str(name).lower(): value for name, value in found.items()} if isinstance(found, Mapping) else {}


def answer_lines(step: StepRun) -> list[str]:
    """What the answer itself says about the failure: its errors, or the body of one that was refused.

    Args:
        step: failed or in error.
    """
    exchange = step.exchanges[-1] if step.exchanges else None
    answer = exchange.candidates[-1] if exchange is not None and exchange.candidates else None
    if not isinstance(answer, dict):
        return []
    return [clipped(f"  {name:<7} {text}", _LONG) for name, text in _told(step, answer)]


def _told(step: StepRun, answer: Mapping[str, object]) -> Iterator[tuple[str, str]]:
    if isinstance(answer.get("errors"), list) and answer["errors"]:
        yield "errors", "; ".join(map(_graphql_error, answer["errors"][:3]))  # type: ignore[index]
    elif answer.get("error_details"):
        yield "details", shown(answer["error_details"])
    elif "body" in answer and isinstance(answer.get("status"), int):
        text = _body(answer, asked=any(not line.passed and _STATUS.match(line.expression) for line in step.assertions))
        if text:
            yield "answer", text


def _graphql_error(error: object) -> str:
    if not isinstance(error, Mapping) or "message" not in error:
        return shown(error)
    path, extensions = error.get("path"), error.get("extensions")
    at = ".".join(map(str, path)) if isinstance(path, list) else ""
    code = str(extensions.get("code") or "") if isinstance(extensions, Mapping) else ""
    about = ", ".join(filter(None, (f"at {at}" if at else "", code)))
    return f"{error['message']}{f' ({about})' if about else ''}"


def _body(answer: Mapping[str, object], *, asked: bool) -> str:
    """The body of a refusal, or of an answer whose status was not the expected one; what is odd about a body."""
    body, kind = answer["body"], str(_headers(answer).get("content-type") or "")
    refused = isinstance(answer["status"], int) and answer["status"] >= _ERROR
    if isinstance(body, str) and body and "json" in kind and not _is_json(body):
        return f"is no JSON, although it says {kind}: {_flat(body)}"
    if not refused and not asked:
        return ""
    if isinstance(body, str) and _BINARY.match(kind):
        return f"({kind}, {len(body):,} characters in base64)"
    if isinstance(body, str):
        return _flat(_HIDDEN.sub(" ", body[:_SEARCHED]) if "html" in kind or body.lstrip().startswith("<!") else body)
    return "" if body is None else shown(body)


def _is_json(text: str) -> bool:
    try:
        json.loads(text)
    except (ValueError, RecursionError):
        return False
    return True


def _flat(text: str) -> str:
    return " ".join(text[:2_000].split())
