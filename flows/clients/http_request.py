"""From a step's settings to a request, and from an answer to a step's result."""

from __future__ import annotations

import base64
import re
import time
from collections.abc import Callable, Iterable, Mapping
from typing import TYPE_CHECKING, NamedTuple, Protocol
from urllib.parse import quote, unquote, urlencode, urlsplit, urlunsplit

from flows.clients.errors import ClientError
from flows.clients.http import HttpPool, HttpRequest, HttpResponse
from flows.clients.http_bodies import text_of
from flows.clients.http_config import PLACEHOLDER, SHORTEST_SESSION, cookies_of
from flows.clients.http_parts import body_of, pairs_of
from flows.clients.tls import PLAIN_TLS, Tls, web_tls
from flows.language.values import as_text, parse_json

if TYPE_CHECKING:
    from flows.clients.cookies import CookieJar
    from flows.clients.http_auth import Credentials
    from flows.clients.http_config import WebConfig
    from flows.clients.pool import Clients
    from flows.clients.tls import ReadsFiles


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
    def path(self) -> Mapping[str, object] | None: ...
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
    def session(self) -> str | None: ...
    @property
    def follow_redirects(self) -> bool: ...
    @property
    def verify_ssl(self) -> bool: ...
    @property
    def tls(self) -> object: ...
    @property
    def proxy(self) -> str | None: ...
    @property
    def http2(self) -> bool: ...


class Surroundings(Protocol):
    """What the builder needs beside the settings (`Call`)."""

    @property
    def clients(self) -> Clients: ...
    @property
    def flow_clients(self) -> Clients: ...
    @property
    def services(self) -> Mapping[str, str]: ...
    @property
    def files(self) -> ReadsFiles: ...
    @property
    def traceparent(self) -> str: ...
    @property
    def hide(self) -> Callable[[str], None]: ...


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
    proxy: str | None = None
    http2: bool = False
    service: str | None = None
    endpoint: str | None = None
    form: Mapping[str, object] | None = None
    multipart: Mapping[str, object] | None = None
    path: Mapping[str, object] | None = None
    session: str | None = None
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
        return cls(method, config.url, *own, config.proxy, session=config.session)


async def built(config: HttpSettings, call: Surroundings) -> HttpRequest:
    """The request that a config describes.

    Args:
        config: rendered settings.
        call: services, files, and connections for an OAuth 2 token.

    Raises:
        ClientError: of type ``config`` when it cannot be sent.
    """
    method, url = _where(config, call.services)
    if config.path is not None:
        url = _filled(url, config.path)
    headers = pairs_of(config.headers or {})
    url, login = _without_userinfo(url)
    if login and not _has(headers, "authorization"):
        headers.append(("Authorization", login))
    query = pairs_of(config.query) if config.query else []
    cookies = pairs_of(config.cookies) if config.cookies else []
    tls = PLAIN_TLS if config.tls is None and config.verify_ssl else web_tls(config.tls, config.verify_ssl, call.files)
    found = await _credentials(config.auth, call, tls, config.proxy or "") if config.auth else None
    if found is not None:
        headers, query, cookies = headers + found.headers, query + found.query, cookies + found.cookies
    if cookies:
        headers.append(("Cookie", "; ".join(f"{name}={value}" for name, value in cookies)))
    kind, body = body_of(config, call.files)
    if kind and not _has(headers, "content-type"):
        headers.append(("Content-Type", kind))
    return HttpRequest(
        method,
        _with_query(url, query),
        headers,
        body,
        config.follow_redirects,
        tls,
        config.proxy or "",
        config.http2,
        () if found is None else tuple(name.lower() for name, _ in found.headers),
        None if found is None else found.digest,
        _jar(config.session, call) if config.session else None,
    )


def _jar(session: str, call: Surroundings) -> CookieJar:
    from flows.clients.cookies import CookieJar

    return call.flow_clients.shared(("cookies", session), lambda: CookieJar(call.hide))


async def _credentials(auth: Mapping[str, object], call: Surroundings, tls: Tls, proxy: str) -> Credentials:
    from flows.clients.http_auth import credentials

    async def token(settings: Mapping[str, object]) -> str:
        from flows.clients.oauth2 import Tokens, Way

        pool = call.clients.shared("http", HttpPool)
        return await call.clients.shared("oauth2", lambda: Tokens(pool)).get(settings, Way(tls, proxy, call.hide))

    return await credentials(auth, token)


def _where(config: HttpSettings, services: Mapping[str, str]) -> tuple[str, str]:
    if config.endpoint is None:
        return config.method.upper(), config.url or ""
    base = services.get(config.service or "")
    if base is None:
        known = ", ".join(sorted(services)) or "none"
        raise ClientError(f"no address is known for service '{config.service}' (known: {known})", "config")
    method, _, path = config.endpoint.strip().rpartition(" ")
    return (method.strip() or config.method).upper(), base.rstrip("/") + "/" + path.lstrip("/")


def _filled(url: str, values: Mapping[str, object]) -> str:
    """A URL with the placeholders of its path replaced; a value never becomes more than one segment."""

    def value(found: re.Match[str]) -> str:
        given = values.get(found[1])
        if given is None or given == "":
            raise ClientError(f"'{{{found[1]}}}' in the path has no value", "config")
        text = quote(as_text(given), safe="")
        return text if text not in (".", "..") else text.replace(".", "%2E")

    path, mark, rest = url.partition("?")
    return re.sub(PLACEHOLDER, value, path) + mark + rest


def _has(headers: Iterable[tuple[str, str]], name: str) -> bool:
    return any(found.lower() == name for found, _ in headers)


def _without_userinfo(url: str) -> tuple[str, str]:
    if "@" not in url:
        return url, ""
    try:
        parts = urlsplit(url)
    except ValueError:
        return url, ""
    login, at, host = parts.netloc.rpartition("@")
    if not at:
        return url, ""
    from flows.clients.http_auth import basic

    user, colon, password = login.partition(":")
    return urlunsplit(parts._replace(netloc=host)), basic(f"{unquote(user)}{colon}{unquote(password)}")


def _with_query(url: str, query: list[tuple[str, str]]) -> str:
    if not query:
        return url
    bare, hash_, fragment = url.partition("#")
    joiner = "&" if "?" in bare else "?"
    return f"{bare}{joiner}{urlencode(query)}{hash_}{fragment}"


async def answered(pool: HttpPool, request: HttpRequest, hide: Callable[[str], None]) -> dict[str, object]:
    """Sends a request; the answer as a step's result.

    Args:
        pool: connections.
        request: what to send.
        hide: masks a secret in everything the run writes.
    """
    started = time.perf_counter()
    response = await pool.send(request)
    duration = (time.perf_counter() - started) * 1000
    return result_of(response, duration, hide)


def result_of(response: HttpResponse, duration: float, hide: Callable[[str], None]) -> dict[str, object]:
    """An answer as a step's result.

    Args:
        response: the answer.
        duration: milliseconds.
        hide: masks a secret in everything the run writes.
    """
    headers, repeated = folded(response.headers)
    found: dict[str, object] = {
        "status": response.status,
        "body": parsed_body(response.body, headers),
        "headers": headers,
        "headers_all": repeated,
        "duration_ms": round(duration, 3),
        "url": response.url,
    }
    if response.version != "1.1":
        found["http_version"] = response.version
    if "set-cookie" in repeated:
        found["cookies"] = cookies = cookies_of(repeated["set-cookie"])
        for value in cookies.values():
            if len(value) >= SHORTEST_SESSION:
                hide(value)
    return found


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
