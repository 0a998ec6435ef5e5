"""From a URL to a connection's target, a request's path and its standing headers."""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING, NamedTuple
from urllib.parse import quote, urljoin, urlsplit

from flows.clients.errors import ClientError
from flows.clients.http_bodies import ACCEPTED
from flows.clients.http_dial import Target
from flows.clients.proxy import NO_PROXY, Proxies, Proxy, proxy_named

if TYPE_CHECKING:
    from flows.clients.http import HttpRequest

MAX_SHOWN = 200
_PATH_SAFE = "/%:@!$&'()*+,;=~-._"
_QUERY_SAFE = _PATH_SAFE + "?"
_STANDING = (
    ("accept", ("Accept", "*/*")),
    ("accept-encoding", ("Accept-Encoding", ACCEPTED)),
    ("user-agent", ("User-Agent", "testmesh")),
)
_CREDENTIALS = frozenset({"authorization", "cookie", "host", "proxy-authorization"})


class Place(NamedTuple):
    """A URL taken apart.

    Args:
        scheme: http or https.
        host: ASCII.
        port: number.
        path: with the query, quoted.
    """

    scheme: str
    host: str
    port: int
    path: str


@lru_cache(maxsize=512)
def place_of(url: str) -> Place:
    """Where a URL leads.

    Args:
        url: absolute, http or https.

    Raises:
        ClientError: of type ``config`` when it is none.
    """
    try:
        parts = urlsplit(url.strip())
        port, host = parts.port, parts.hostname or ""
        host = host if host.isascii() else host.encode("idna").decode()
    except ValueError as error:
        raise ClientError(f"not a URL: {bare_url(url)!r} ({error})", "config") from error
    if parts.scheme not in ("http", "https") or not host:
        raise ClientError(f"not an http or https URL: {bare_url(url)!r}", "config")
    path = quote(parts.path, safe=_PATH_SAFE) or "/"
    if parts.query:
        path += "?" + quote(parts.query, safe=_QUERY_SAFE)
    return Place(parts.scheme, host, port if port is not None else 443 if parts.scheme == "https" else 80, path)


def addressed(request: HttpRequest, proxies: Proxies) -> tuple[Target, str]:
    """The connection and the request target of a request.

    Args:
        request: with its URL.
        proxies: of the environment.

    Raises:
        ClientError: of type ``config``: not a URL, of the request or its proxy.
    """
    place = place_of(request.url)
    tls = request.tls if place.scheme == "https" else None
    target = Target(place.host, place.port, tls, proxy_for(request.proxy, place, proxies))
    return target, f"http://{target.authority}{place.path}" if target.forwarded else place.path


def proxy_for(named: str, place: Place, proxies: Proxies) -> Proxy | None:
    """The proxy of a request; None = direct.

    Args:
        named: by the step: a URL, ``none``, or empty.
        place: of the request.
        proxies: of the environment.
    """
    if not named:
        return proxies.of(place.scheme, place.host, place.port)
    return None if named == NO_PROXY else proxy_named(named)


def headers_of(request: HttpRequest, target: Target) -> list[tuple[str, str]]:
    """A request's headers with the standing ones that it does not set itself.

    Args:
        request: what is sent.
        target: where.
    """
    names = {name.lower() for name, _ in request.headers}
    found = [] if "host" in names else [("Host", target.authority)]
    found += [pair for name, pair in _STANDING if name not in names]
    if (request.body or request.method in ("POST", "PUT", "PATCH")) and "content-length" not in names:
        found.append(("Content-Length", str(len(request.body))))
    if target.proxy is not None and target.forwarded and target.proxy.login and "proxy-authorization" not in names:
        found.append(("Proxy-Authorization", target.proxy.login))
    return [*found, *request.headers]


def redirected(request: HttpRequest, status: int, location: str) -> HttpRequest:
    """The request that a redirect asks for (RFC 9110 §15.4); another origin gets no credentials.

    Args:
        request: the one before.
        status: 301, 302, 303, 307 or 308.
        location: header value.

    Raises:
        ClientError: of type ``server``: it leads to no web address.
    """
    try:
        url = urljoin(request.url, location.encode("latin-1").decode("utf-8", "replace"))
        place_of(url)
    except (ClientError, ValueError) as error:
        shown = bare_url(location)[:200]
        raise ClientError(
            f"{bare_url(request.url)}: it redirects to {shown!r}, which is no web address", "server"
        ) from error
    headers = list(request.headers)
    if place_of(url)[:3] != place_of(request.url)[:3]:
        private = _CREDENTIALS.union(request.private)
        headers = [pair for pair in headers if pair[0].lower() not in private]
        request = request._replace(digest=None)
    if status == 303 or (status in (301, 302) and request.method == "POST"):
        headers = [pair for pair in headers if not pair[0].lower().startswith("content-")]
        method = request.method if request.method == "HEAD" else "GET"
        return request._replace(method=method, url=url, headers=headers, body=b"")
    return request._replace(url=url, headers=headers)


def bare_url(url: str) -> str:
    """A URL for messages: without user, password and query, and no longer than a line.

    Args:
        url: as requested; need not be valid.
    """
    found = _bare(url)
    return found if len(found) <= MAX_SHOWN else f"{found[:MAX_SHOWN]}..."


def _bare(url: str) -> str:
    try:
        parts = urlsplit(url)
    except ValueError:
        return url.split("?", 1)[0].rpartition("@")[2]
    host = parts.netloc.rpartition("@")[2]
    if parts.scheme and not parts.netloc:
        return f"{parts.scheme}:{parts.path.rpartition('@')[2]}"
    return f"{parts.scheme}://{host}{parts.path}" if parts.scheme else parts.path
