"""Requests over HTTP as `curl`, conversations as `websocat`."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from urllib.parse import quote, quote_plus, urlencode

from flows.reports.commands import Commands, Sent, as_text, nothing, quoted


def curl(sent: Sent) -> list[str]:
    """An HTTP request.

    Args:
        sent: what was sent.
    """
    body = list(_body(sent))
    method = sent.text("method", "GET").upper()
    words = ["curl", "-sS", *_switches(sent)]
    if method != ("POST" if body else "GET"):
        words += ["--head"] if method == "HEAD" else ["-X", method]
    return [*words, quoted(_url(sent)), *_auth(sent), *_headers(sent), *body]


def _switches(sent: Sent) -> Iterator[str]:
    if sent.get("follow_redirects") is True:
        yield "-L"
    if sent.get("verify_ssl") is False:
        yield "-k"
    if sent.get("http2") is True:
        yield "--http2" if _url(sent).startswith("https:") else "--http2-prior-knowledge"
    for key, switch in (("ca", "--cacert"), ("cert", "--cert"), ("key", "--key")):
        value = sent.fields("tls").get(key)
        if isinstance(value, str) and "\n" not in value:
            yield from (switch, quoted(value))
    if sent.get("proxy"):
        yield from ("-x", quoted(sent.get("proxy")))


def _url(sent: Sent) -> str:
    url = sent.text("url")
    for name, value in sent.fields("path").items():
        url = url.replace("{" + name + "}", quote(as_text(value), safe="*", errors="replace"))
    if not url and sent.get("endpoint") is not None:
        url = str(sent.answer.get("url") or "")
        if not url:
            path = sent.text("endpoint").split()[-1]
            url = f"http://{sent.text('service')}{path}"
        return url
    pairs = [(name, as_text(item)) for name, value in sent.fields("query").items() for item in _each(value)]
    key = sent.fields("auth").get("api_key")
    if isinstance(key, Mapping) and key.get("in") == "query":
        pairs.append((str(key.get("name")), str(key.get("value"))))
    if not pairs:
        return url
    base, hash_, fragment = url.partition("#")
    query = urlencode(pairs, safe="*", errors="replace", quote_via=quote)
    return f"{base}{'&' if '?' in base else '?'}{query}{hash_}{fragment}"


def _each(value: object) -> list[object]:
    if value is None:
        return []
    return list(value) if isinstance(value, list | tuple) else [value]


def _auth(sent: Sent) -> Iterator[str]:
    auth = sent.get("auth")
    if isinstance(auth, str):
        yield from ("-H", quoted(f"Authorization: {auth}"))
    if not isinstance(auth, Mapping):
        return
    key = auth.get("api_key")
    for kind, switches in (("basic", ()), ("digest", ("--digest",))):
        login = auth.get(kind)
        if isinstance(login, Mapping):
            yield from (*switches, "-u", quoted(f"{login.get('username')}:{login.get('password')}"))
    if auth.get("bearer") is not None or auth.get("oauth2") is not None:
        yield from ("-H", quoted(f"Authorization: Bearer {as_text(auth.get('bearer') or '***')}"))
    if isinstance(key, Mapping) and key.get("in") != "query":
        yield from ("-H", quoted(f"{key.get('name')}: {key.get('value')}"))


def _headers(sent: Sent) -> Iterator[str]:
    for name, value in sent.fields("headers").items():
        for item in _each(value):
            yield from ("-H", quoted(f"{name}: {as_text(item)}"))
    cookies = sent.get("cookies")
    if isinstance(cookies, Mapping):
        yield from ("-b", quoted("; ".join(f"{name}={as_text(value)}" for name, value in cookies.items())))
    elif cookies is not None:
        yield from ("-b", quoted(cookies))


def _body(sent: Sent) -> Iterator[str]:
    body = sent.get("body")
    if body is not None:
        if not isinstance(body, str) and not any(name.lower() == "content-type" for name in sent.fields("headers")):
            yield from ("-H", quoted("Content-Type: application/json"))
        yield from ("--data-raw", quoted(body))
    for name, value in sent.fields("form").items():
        for item in _each(value):
            yield from ("--data-raw", quoted(f"{_form(name)}={_form(as_text(item))}"))
    for name, value in sent.fields("multipart").items():
        yield from _part(name, value)


def _form(text: str) -> str:
    return quote_plus(text, safe="*", errors="replace")


def _part(name: str, value: object) -> Iterator[str]:
    if not isinstance(value, Mapping):
        yield from ("--form-string", quoted(f"{name}={as_text(value)}"))
        return
    kind = f";type={value['content_type']}" if value.get("content_type") else ""
    file = value.get("file") or value.get("filename")
    if file:
        yield from ("-F", quoted(f"{name}=@{as_text(file)}{kind}"))
    else:
        yield from ("--form-string", quoted(f"{name}={as_text(value.get('content', ''))}"))


def graphql(sent: Sent) -> list[str]:
    """An operation, as the JSON body it is sent in.

    Args:
        sent: what was sent.
    """
    body = {"query": sent.text("query")}
    extra = {"variables": sent.get("variables"), "operationName": sent.get("operation_name")}
    given = {key: value for key, value in extra.items() if value is not None}
    return curl(
        Sent("http_request", {**sent.request, "query": None, "method": "POST", "body": body | given}, sent.answer)
    )


def events(sent: Sent) -> list[str]:
    """A stream of server-sent events.

    Args:
        sent: what was sent.
    """
    headers = {**sent.fields("headers"), "Accept": "text/event-stream"}
    if sent.get("last_event_id") is not None:
        headers["Last-Event-ID"] = sent.get("last_event_id")
    words = curl(Sent(sent.action, {**sent.request, "headers": headers}, sent.answer))
    return [words[0], "-N", *words[1:]]


def websocat(sent: Sent) -> list[str]:
    """A WebSocket conversation: what was sent, line by line.

    Args:
        sent: what was sent.
    """
    lines = sent.get("messages")
    found = (
        [line["send"] for line in lines if isinstance(line, Mapping) and "send" in line]
        if isinstance(lines, list)
        else []
    )
    headers = [
        word for name, value in sent.fields("headers").items() for word in ("-H", quoted(f"{name}: {as_text(value)}"))
    ]
    said = ["printf", quoted("%s\\n"), *(quoted(text) for text in found), "|"] if found else []
    return [*said, "websocat", *headers, quoted(_url(sent))]


def probe(sent: Sent) -> list[str]:
    """What `wait_for` asks.

    Args:
        sent: what was sent.
    """
    tcp = sent.fields("tcp") or (sent.request if sent.get("type") == "tcp" else {})
    if tcp:
        return ["nc", "-vz", quoted(tcp.get("host", "localhost")), quoted(tcp.get("port"))]
    url = sent.fields("http").get("url") or sent.get("url")
    return ["curl", "-sSi", quoted(url)] if url else []


COMMANDS = Commands(
    {
        "http_request": curl,
        "graphql": graphql,
        "sse": events,
        "websocket": websocat,
        "wait_for": probe,
        "mock_server_start": nothing,
        "mock_server_stop": nothing,
        "mock_server_verify": nothing,
        "trace_assert": nothing,
        "contract_verify": nothing,
    }
)
