"""From a step's settings to bytes: query, body kinds, authentication; and from bytes to a body."""

from __future__ import annotations

import base64
import binascii
import time
from collections.abc import Iterable, Mapping
from os import urandom
from typing import TYPE_CHECKING, NamedTuple, Protocol
from urllib.parse import quote, urlencode, urlsplit, urlunsplit

from flows.clients.errors import ClientError
from flows.clients.http import HttpPool, HttpRequest, text_of
from flows.clients.tls import PLAIN_TLS, Tls, web_tls
from flows.language.values import as_text, parse_json, to_json

if TYPE_CHECKING:
    from flows.clients.http_config import WebConfig
    from flows.clients.pool import Clients
    from flows.clients.tls import ReadsFiles

    Pairs = list[tuple[str, str]]


class HttpSettings(Protocol):
    """What the builder reads of an action's config."""

    @property
    def method(self) -> str: ...
    @property
    def url(self) -> str | None: ...
    @property
    def service(self) -> str | None: ...
    @property
    def endpoint(self) -> str | None: ...
    @property
    def query(self) -> Mapping[str, object] | None: ...
    @property
    def headers(self) -> Mapping[str, object] | None: ...
    @property
    def body(self) -> object: ...
    @property
    def form(self) -> Mapping[str, object] | None: ...
    @property
    def multipart(self) -> Mapping[str, object] | None: ...
    @property
    def auth(self) -> Mapping[str, object] | None: ...
    @property
    def cookies(self) -> Mapping[str, object] | None: ...
    @property
    def follow_redirects(self) -> bool: ...
    @property
    def verify_ssl(self) -> bool: ...
    @property
    def tls(self) -> object: ...


class Surroundings(Protocol):
    """What the builder needs beside the settings (`Call`)."""

    @property
    def clients(self) -> Clients: ...
    @property
    def services(self) -> Mapping[str, str]: ...
    @property
    def files(self) -> ReadsFiles: ...


class HttpAsk(NamedTuple):
    """Settings of a request that another action than `http_request` makes."""

    method: str
    url: str | None
    query: Mapping[str, object] | None = None
    headers: Mapping[str, object] | None = None
    body: object = None
    auth: Mapping[str, object] | None = None
    cookies: Mapping[str, object] | None = None
    verify_ssl: bool = True
    tls: object = None
    service: str | None = None
    endpoint: str | None = None
    form: Mapping[str, object] | None = None
    multipart: Mapping[str, object] | None = None
    follow_redirects: bool = False

    @classmethod
    def of(cls, config: WebConfig, method: str = "GET", body: object = None) -> HttpAsk:
        """The request of shared settings.

        Args:
            config: rendered.
            method: upper case.
            body: a map or list is sent as JSON.
        """
        own = (config.query, config.headers, body, config.auth, config.cookies, config.verify_ssl, config.tls)
        return cls(method, config.url, *own)


async def built(config: HttpSettings, call: Surroundings) -> HttpRequest:
    """The request that a config describes.

    Args:
        config: rendered settings.
        call: services, files, and connections for an OAuth 2 token.

    Raises:
        ClientError: of type ``config`` when it cannot be sent.
    """
    method, url = _where(config, call.services)
    headers: Pairs = [(name, as_text(value)) for name, value in (config.headers or {}).items() if value is not None]
    url, login = _without_userinfo(url)
    if login and not _has(headers, "authorization"):
        headers.append(("Authorization", login))
    query = _pairs(config.query or {})
    tls = _tls(config, call)
    if config.auth:
        await _authorise(config.auth, headers, query, call.clients.shared("http", HttpPool))
    if config.cookies:
        headers.append(("Cookie", "; ".join(f"{name}={as_text(v)}" for name, v in config.cookies.items())))
    kind, body = _body(config)
    if kind and not _has(headers, "content-type"):
        headers.append(("Content-Type", kind))
    return HttpRequest(method, _with_query(url, query), headers, body, config.follow_redirects, tls)


def _tls(config: HttpSettings, call: Surroundings) -> Tls:
    if config.tls is None and config.verify_ssl:
        return PLAIN_TLS
    return web_tls(config.tls, config.verify_ssl, call.files)


def _where(config: HttpSettings, services: Mapping[str, str]) -> tuple[str, str]:
    if config.endpoint is None:
        return config.method.upper(), config.url or ""
    base = services.get(config.service or "")
    if base is None:
        known = ", ".join(sorted(services)) or "none"
        raise ClientError(f"no address is known for service '{config.service}' (known: {known})", "config")
    method, _, path = config.endpoint.strip().rpartition(" ")
    return (method.strip() or config.method).upper(), base.rstrip("/") + "/" + path.lstrip("/")


def _has(headers: Pairs, name: str) -> bool:
    return any(found.lower() == name for found, _ in headers)


def _without_userinfo(url: str) -> tuple[str, str]:
    try:
        parts = urlsplit(url)
    except ValueError:
        return url, ""
    login, at, host = parts.netloc.rpartition("@")
    if not at:
        return url, ""
    return urlunsplit(parts._replace(netloc=host)), _basic(login)


def _basic(login: str) -> str:
    return "Basic " + base64.b64encode(login.encode()).decode()


def _pairs(values: Mapping[str, object]) -> Pairs:
    found: Pairs = []
    for name, value in values.items():
        items = value if isinstance(value, list | tuple) else [value]
        found += [(name, as_text(item)) for item in items if item is not None]
    return found


def _with_query(url: str, query: Pairs) -> str:
    if not query:
        return url
    bare, hash_, fragment = url.partition("#")
    joiner = "&" if "?" in bare else "?"
    return f"{bare}{joiner}{urlencode(query)}{hash_}{fragment}"


async def _authorise(auth: Mapping[str, object], headers: Pairs, query: Pairs, pool: HttpPool) -> None:
    for kind, given in auth.items():
        if kind == "bearer":
            headers.append(("Authorization", f"Bearer {as_text(given)}"))
            continue
        if not isinstance(given, Mapping):
            raise ClientError(f"auth.{kind} must be a map", "config")
        if kind == "basic":
            login = f"{as_text(given.get('username', ''))}:{as_text(given.get('password', ''))}"
            headers.append(("Authorization", _basic(login)))
        elif kind == "api_key":
            pair = (as_text(given.get("name", "X-API-Key")), as_text(given.get("value", "")))
            (query if given.get("in") == "query" else headers).append(pair)
        elif kind == "oauth2":
            headers.append(("Authorization", f"Bearer {await _token(given, pool)}"))
        else:
            raise ClientError(f"unknown auth '{kind}' (basic, bearer, api_key or oauth2)", "config")


async def _token(given: Mapping[str, object], pool: HttpPool) -> str:
    """An access token by the client-credentials grant (RFC 6749 §4.4)."""
    form = {"grant_type": "client_credentials"} | ({"scope": as_text(given["scope"])} if given.get("scope") else {})
    login = f"{quote(as_text(given.get('client_id', '')), '')}:{quote(as_text(given.get('client_secret', '')), '')}"
    headers = [("Content-Type", "application/x-www-form-urlencoded"), ("Authorization", _basic(login))]
    url = as_text(given.get("token_url", ""))
    response = await pool.send(HttpRequest("POST", url, headers, urlencode(form).encode()))
    body = parsed_body(response.body, dict(response.headers))
    token = body.get("access_token") if isinstance(body, Mapping) else None
    if response.status != 200 or not isinstance(token, str):
        raise ClientError(f"no OAuth 2 token: status {response.status} without an access_token", "server")
    return token


def _body(config: HttpSettings) -> tuple[str, bytes]:
    if config.form is not None:
        return "application/x-www-form-urlencoded", urlencode(_pairs(config.form)).encode()
    if config.multipart is not None:
        return _multipart(config.multipart)
    if config.body is None:
        return "", b""
    if isinstance(config.body, str):
        return "text/plain; charset=utf-8", config.body.encode()
    return "application/json", to_json(config.body).encode()


def _multipart(parts: Mapping[str, object]) -> tuple[str, bytes]:
    """A multipart/form-data body (RFC 7578)."""
    boundary = f"testmesh-{binascii.hexlify(urandom(12)).decode()}"
    found: list[bytes] = []
    for name, value in parts.items():
        for item in value if isinstance(value, list | tuple) else [value]:
            found += [f"--{boundary}\r\n".encode(), *_part(name, item), b"\r\n"]
    return f"multipart/form-data; boundary={boundary}", b"".join([*found, f"--{boundary}--\r\n".encode()])


def _part(name: str, value: object) -> Iterable[bytes]:
    disposition = f'form-data; name="{_quoted(name)}"'
    kind = ""
    if isinstance(value, Mapping) and "content" in value:
        disposition += f'; filename="{_quoted(as_text(value.get("filename", name)))}"'
        kind = as_text(value.get("content_type", "application/octet-stream"))
        value = value["content"]
    yield f"Content-Disposition: {disposition}\r\n".encode()
    if kind:
        yield f"Content-Type: {_line(kind)}\r\n".encode()
    yield b"\r\n" + as_text(value).encode()


def _quoted(text: str) -> str:
    return text.replace('"', "%22").replace("\r", "%0D").replace("\n", "%0A")


def _line(text: str) -> str:
    return text.replace("\r", " ").replace("\n", " ")


async def answered(pool: HttpPool, request: HttpRequest) -> dict[str, object]:
    """Sends a request; the answer as a step's result.

    Args:
        pool: connections.
        request: what to send.
    """
    started = time.perf_counter()
    response = await pool.send(request)
    duration = (time.perf_counter() - started) * 1000
    headers, repeated = folded(response.headers)
    return {
        "status": response.status,
        "body": parsed_body(response.body, headers),
        "headers": headers,
        "headers_all": repeated,
        "duration_ms": round(duration, 3),
        "url": response.url,
    }


def folded(pairs: Iterable[tuple[str, str]]) -> tuple[dict[str, str], dict[str, list[str]]]:
    """Headers by lower-case name: repeated values joined, and as lists.

    Args:
        pairs: in order of arrival.
    """
    repeated: dict[str, list[str]] = {}
    for name, value in pairs:
        repeated.setdefault(name.lower(), []).append(value)
    return {name: ", ".join(values) for name, values in repeated.items()}, repeated


def parsed_body(body: bytes, headers: Mapping[str, str]) -> object:
    """A body as the flow sees it: parsed JSON, else text, else (not text at all) base64 text.

    Args:
        body: decompressed.
        headers: lower-case names.
    """
    text = text_of(body, headers)
    if text is None:
        return base64.b64encode(body).decode()
    kind = headers.get("content-type", "").split(";")[0].strip().lower()
    if kind.endswith(("/json", "+json")) or text.lstrip()[:1] in ("{", "["):
        try:
            return parse_json(text)
        except ValueError:
            return text
    return text
