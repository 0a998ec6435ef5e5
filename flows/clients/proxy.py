"""Which proxy a request goes through, by the rules of curl, with loopback left out as in Go."""

from __future__ import annotations

import base64
import os
from collections.abc import Mapping
from typing import TYPE_CHECKING, NamedTuple
from urllib.parse import unquote, urlsplit

from flows.clients.errors import ClientError

if TYPE_CHECKING:
    from ipaddress import IPv4Address, IPv6Address

NO_PROXY = "none"
PORTS = {"http": 80, "https": 443, "socks5": 1080, "socks5h": 1080}


class Proxy(NamedTuple):
    """A proxy server.

    Args:
        scheme: http, https, socks5 (names resolved here) or socks5h (names resolved there).
        host: name or address.
        port: number.
        user: empty = none.
        password: of the user.
    """

    scheme: str
    host: str
    port: int
    user: str = ""
    password: str = ""

    def __str__(self) -> str:
        return f"proxy {self.host}:{self.port}"

    @property
    def forwards(self) -> bool:
        """It takes plain requests with an absolute URL; the others only make tunnels."""
        return self.scheme in ("http", "https")

    @property
    def login(self) -> str:
        """Value of `Proxy-Authorization`; empty = none."""
        if not self.user:
            return ""
        return "Basic " + base64.b64encode(f"{self.user}:{self.password}".encode()).decode()


def proxy_named(text: str) -> Proxy:
    """The proxy that a URL names; without a scheme it is an HTTP proxy.

    Args:
        text: ``[scheme://][user:password@]host[:port]``.

    Raises:
        ClientError: of type ``config`` when it cannot be understood.
    """
    try:
        parts = urlsplit(text if "://" in text else f"http://{text}")
        port = parts.port
    except ValueError as error:
        raise ClientError(f"the proxy is not a URL: {error}", "config") from None
    if parts.scheme not in PORTS or not parts.hostname:
        known = ", ".join(f"{scheme}://" for scheme in PORTS)
        raise ClientError(f"the proxy is not a URL that begins with one of {known}", "config")
    user, password = unquote(parts.username or ""), unquote(parts.password or "")
    return Proxy(parts.scheme, parts.hostname, port or PORTS[parts.scheme], user, password)


class Proxies:
    """The proxies that a process environment names.

    Args:
        environment: of the process.
    """

    def __init__(self, environment: Mapping[str, str] | None = None) -> None:
        found = os.environ if environment is None else environment
        self._named = {name.lower(): value for name, value in found.items() if _names_a_proxy(name, found) and value}
        self._named |= {name: value for name, value in found.items() if name in _LOWER and value}
        self._without = [rule for rule in self._named.get("no_proxy", "").replace(",", " ").split() if rule]

    def of(self, scheme: str, host: str, port: int) -> Proxy | None:
        """The proxy for an address; None = a direct connection.

        Args:
            scheme: http, https, ws or wss.
            host: of the request.
            port: of the request.

        Raises:
            ClientError: of type ``config``: the variable that applies holds no URL of a proxy.
        """
        if not self._named:
            return None
        own = "https_proxy" if scheme in ("https", "wss") else "http_proxy"
        text = self._named.get(own) or self._named.get("all_proxy")
        if not text or _loopback(host) or any(_excluded(rule, host, port) for rule in self._without):
            return None
        return proxy_named(text)


_LOWER = ("http_proxy", "https_proxy", "all_proxy", "no_proxy")


def _names_a_proxy(name: str, environment: Mapping[str, str]) -> bool:
    """Inside CGI a request header becomes `HTTP_PROXY`, so that spelling is not believed there."""
    return name.lower() in _LOWER and not (name == "HTTP_PROXY" and "REQUEST_METHOD" in environment)


def _loopback(host: str) -> bool:
    if host == "localhost" or host.endswith(".localhost"):
        return True
    address = _address(host)
    return address is not None and address.is_loopback


def _address(host: str) -> IPv4Address | IPv6Address | None:
    import ipaddress

    try:
        return ipaddress.ip_address(host.strip("[]"))
    except ValueError:
        return None


def _excluded(rule: str, host: str, port: int) -> bool:
    """Whether one entry of NO_PROXY names a host: `*`, a domain with all below it, an address, a network."""
    if rule == "*":
        return True
    name, _, only = rule.rpartition(":")
    if name and only.isdigit() and not name.endswith(":") and "]" not in only:
        if int(only) != port:
            return False
        rule = name
    address = _address(host)
    if address is not None:
        import ipaddress

        try:
            return address in ipaddress.ip_network(rule.strip("[]"), strict=False)
        except ValueError:
            return False
    domain = rule.lstrip("*").lstrip(".").lower().rstrip(".")
    return bool(domain) and (host.rstrip(".") == domain or host.rstrip(".").endswith("." + domain))
