"""Cookies that the steps of one session share, kept and sent back as a browser would (RFC 6265)."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from flows.clients.http_address import Place, place_of
from flows.clients.http_config import SHORTEST_SESSION

if TYPE_CHECKING:
    from flows.clients.http import HttpRequest

MAX_COOKIES = 300
FOREVER = float("inf")


@dataclass(frozen=True, slots=True)
class _Cookie:
    value: str
    host_only: bool
    secure: bool
    until: float


class CookieJar:
    """The cookies of one session.

    Args:
        hide: masks a secret in everything the run writes.
        now: seconds since 1970.
    """

    def __init__(self, hide: Callable[[str], None], now: Callable[[], float] = time.time) -> None:
        self._hide = hide
        self._now = now
        self._kept: dict[tuple[str, str, str], _Cookie] = {}

    def keep(self, url: str, lines: Iterable[str]) -> None:
        """Remembers what an answer sets.

        Args:
            url: that was asked.
            lines: values of `Set-Cookie`.
        """
        place = place_of(url)
        for line in lines:
            self._keep(place, line)
        while len(self._kept) > MAX_COOKIES:
            self._kept.pop(next(iter(self._kept)))

    def _keep(self, place: Place, line: str) -> None:
        first, _, rest = line.partition(";")
        name, equals, value = (part.strip() for part in first.partition("="))
        if not equals or not name:
            return
        given = {}
        for part in rest.split(";"):
            key, _, attribute = part.partition("=")
            given[key.strip().lower()] = attribute.strip()
        domain = given.get("domain", "").lstrip(".").lower()
        if domain and not _within(place.host, domain):
            return
        secure = "secure" in given
        if secure and place.scheme != "https" and not _local(place.host):
            return
        path = given.get("path", "")
        path = path if path.startswith("/") else place.path.partition("?")[0].rpartition("/")[0] or "/"
        key_ = (domain or place.host, path, name)
        self._kept.pop(key_, None)
        until = self._expiry(given)
        if until > self._now():
            if len(value) >= SHORTEST_SESSION:
                self._hide(value)
            self._kept[key_] = _Cookie(value, not domain, secure, until)

    def _expiry(self, given: dict[str, str]) -> float:
        age = given.get("max-age", "")
        if age.lstrip("-").isdigit():
            return self._now() + int(age) if int(age) > 0 else 0.0
        if "expires" in given:
            from email.utils import parsedate_to_datetime

            try:
                return parsedate_to_datetime(given["expires"].replace("-", " ")).timestamp()
            except (ValueError, TypeError, OverflowError):
                return FOREVER
        return FOREVER

    def pairs(self, url: str) -> list[tuple[str, str]]:
        """What is sent to an address, longest paths first.

        Args:
            url: to be asked.
        """
        place = place_of(url)
        path = place.path.partition("?")[0]
        found = []
        for (domain, prefix, name), cookie in self._kept.items():
            here = place.host == domain if cookie.host_only else _within(place.host, domain)
            safe = not cookie.secure or place.scheme == "https" or _local(place.host)
            if here and safe and _below(path, prefix) and cookie.until > self._now():
                found.append((len(prefix), name, cookie.value))
        return [(name, value) for _, name, value in sorted(found, key=lambda one: -one[0])]

    def added(self, request: HttpRequest) -> HttpRequest:
        """A request with its session's cookies; those it names itself win.

        Args:
            request: as the step describes it.
        """
        own = [value for name, value in request.headers if name.lower() == "cookie"]
        named = {part.partition("=")[0].strip() for value in own for part in value.split(";")}
        more = [f"{name}={value}" for name, value in self.pairs(request.url) if name not in named]
        if not more:
            return request
        headers = [pair for pair in request.headers if pair[0].lower() != "cookie"]
        return request._replace(headers=[*headers, ("Cookie", "; ".join([*own, *more]))])

    async def aclose(self) -> None:
        """Nothing is open."""


def _within(host: str, domain: str) -> bool:
    """Whether a host belongs to a domain that may set cookies for it: itself, or a parent with a dot in it."""
    return host == domain or ("." in domain and host.endswith(f".{domain}") and not host.replace(".", "").isdigit())


def _below(path: str, prefix: str) -> bool:
    return path == prefix or (path.startswith(prefix) and (prefix.endswith("/") or path[len(prefix)] == "/"))


def _local(host: str) -> bool:
    return host in ("localhost", "127.0.0.1", "::1") or host.endswith(".localhost")
