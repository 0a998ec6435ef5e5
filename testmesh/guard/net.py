"""Addresses strangers ask us to open: a name is resolved once, judged, and the judged address is connected to."""

from __future__ import annotations

import ipaddress
import socket
from dataclasses import dataclass
from urllib.parse import urlsplit

from testmesh.kernel.errors import UnavailableError, UserError

_PORTS = {"http": 80, "https": 443}
_LONGEST = 2048
_NAT64 = ipaddress.ip_network("64:ff9b::/96")


@dataclass(frozen=True, slots=True)
class Rules:
    """What may be opened.

    Args:
        schemes: URL schemes.
        hosts: host names; empty allows every host.
        private: addresses of private networks and of this machine too.
    """

    schemes: tuple[str, ...] = ("https",)
    hosts: tuple[str, ...] = ()
    private: bool = False


@dataclass(frozen=True, slots=True)
class Pinned:
    """A judged destination.

    Args:
        scheme: of the URL.
        host: name for TLS and the Host header.
        port: TCP port.
        address: IP address to connect to, so that a second look-up cannot change it.
    """

    scheme: str
    host: str
    port: int
    address: str


def check_url(url: str, rules: Rules) -> Pinned:
    """Where a URL may be opened.

    Args:
        url: as given by a stranger.
        rules: what is allowed.

    Raises:
        UserError: not a URL, or not allowed.
        UnavailableError: its name does not resolve.
    """
    if len(url) > _LONGEST or any(ord(c) <= 0x20 or c in "\\\x7f" for c in url):
        raise UserError("this is not a URL", hint="give it without spaces and backslashes")
    try:
        parts = urlsplit(url)
        port = parts.port or _PORTS.get(parts.scheme, 0)
    except ValueError as error:
        raise UserError(f"this is not a URL: {error}") from error
    if parts.scheme not in rules.schemes:
        raise UserError(f"'{parts.scheme}' addresses are not allowed", hint=f"one of {', '.join(rules.schemes)}")
    host = (parts.hostname or "").rstrip(".").lower()
    if not host or not port:
        raise UserError("this URL has no host")
    if rules.hosts and host not in rules.hosts:
        raise UserError(f"host '{host}' is not allowed here", hint=f"allowed: {', '.join(rules.hosts)}")
    return Pinned(parts.scheme, host, port, _judged(host, port, rules))


def _judged(host: str, port: int, rules: Rules) -> str:
    try:
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError) as error:
        raise UnavailableError(host, "the name does not resolve", hint="check its spelling") from error
    addresses = [str(entry[4][0]) for entry in found]
    # All of them, not the first: a name with one public and one private address must not be a lottery.
    if not rules.private and not all(is_public(address) for address in addresses):
        raise UserError(f"host '{host}' is an address of this network, which is not allowed")
    return addresses[0]


def is_public(address: str) -> bool:
    """Whether an IP address belongs to the public Internet.

    Args:
        address: IPv4 or IPv6, also an IPv4 address inside IPv6.
    """
    parsed = ipaddress.ip_address(address.partition("%")[0])
    if isinstance(parsed, ipaddress.IPv6Address):
        if parsed in _NAT64:
            return False
        inner = parsed.ipv4_mapped or parsed.sixtofour or (parsed.teredo[1] if parsed.teredo else None)
        if inner is not None and not inner.is_global:
            return False
    return parsed.is_global and not parsed.is_multicast


def is_loopback(host: str) -> bool:
    """Whether a host name or address can only mean this machine.

    Args:
        host: name or address, without port.
    """
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host.strip("[]")).is_loopback
    except ValueError:
        return False
