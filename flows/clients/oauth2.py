"""OAuth 2 access tokens (RFC 6749): asked for once in a run, and again shortly before they expire."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Mapping
from typing import TYPE_CHECKING, NamedTuple
from urllib.parse import quote, urlencode

from flows.clients.errors import ClientError
from flows.clients.http import HttpPool, HttpRequest
from flows.clients.http_address import bare_url
from flows.clients.http_auth import basic, text_at
from flows.clients.http_bodies import text_of
from flows.language.values import as_text, parse_json, to_json

if TYPE_CHECKING:
    from collections.abc import Callable

    from flows.clients.tls import Tls

GRANTS = ("client_credentials", "password", "refresh_token")
CLIENT_AUTH = ("basic", "post", "none")
EARLY_SECONDS = 10.0


class Way(NamedTuple):
    """How the token endpoint is reached.

    Args:
        tls: of the request that needs the token.
        proxy: of that request.
        hide: masks a secret in everything the run writes.
    """

    tls: Tls
    proxy: str
    hide: Callable[[str], None]


class _Token(NamedTuple):
    access: str
    until: float
    refresh: str


class Tokens:
    """The access tokens of a run.

    Args:
        pool: asks for them.
    """

    def __init__(self, pool: HttpPool) -> None:
        self._pool = pool
        self._held: dict[str, _Token] = {}
        self._asking: dict[str, asyncio.Lock] = {}

    async def get(self, settings: Mapping[str, object], way: Way) -> str:
        """An access token that is valid for a while.

        Args:
            settings: `auth.oauth2`, rendered.
            way: to the token endpoint.

        Raises:
            ClientError: there is none: unreachable, refused, or settings that do not do.
        """
        key = to_json(settings)
        async with self._asking.setdefault(key, asyncio.Lock()):
            held = self._held.get(key)
            if held is not None and time.monotonic() < held.until:
                return held.access
            if held is not None and held.refresh:
                again = {**settings, "grant_type": "refresh_token", "refresh_token": held.refresh}
                try:
                    held = await self._asked(again, way)
                except ClientError as error:
                    if error.type != "server":
                        raise
                    held = await self._asked(settings, way)
            else:
                held = await self._asked(settings, way)
            self._held[key] = held
            return held.access

    async def _asked(self, settings: Mapping[str, object], way: Way) -> _Token:
        url = text_at(settings, "token_url")
        form, headers = _grant(settings), [("Accept", "application/json")]
        _identify(settings, form, headers)
        headers.append(("Content-Type", "application/x-www-form-urlencoded"))
        body = urlencode(form).encode()
        response = await self._pool.send(HttpRequest("POST", url, headers, body, tls=way.tls, proxy=way.proxy))
        answer = _parsed(response.body, dict(response.headers))
        access, kind = answer.get("access_token"), as_text(answer.get("token_type") or "bearer")
        if response.status != 200 or not isinstance(access, str) or not access:
            raise ClientError(f"no OAuth 2 token from {bare_url(url)}: {_refusal(response.status, answer)}", "server")
        if kind.lower() != "bearer":
            raise ClientError(f"the OAuth 2 token from {bare_url(url)} is of type '{kind[:40]}', not bearer", "server")
        refresh = answer.get("refresh_token") or settings.get("refresh_token") or ""
        for secret in (access, as_text(refresh)):
            way.hide(secret)
        return _Token(access, _expiry(answer.get("expires_in")), as_text(refresh))

    async def aclose(self) -> None:
        """Nothing is open."""


def _grant(settings: Mapping[str, object]) -> dict[str, str]:
    grant = text_at(settings, "grant_type") or "client_credentials"
    if grant not in GRANTS:
        raise ClientError(f"auth.oauth2.grant_type is one of {', '.join(GRANTS)}, not '{grant}'", "config")
    if not settings.get("token_url"):
        raise ClientError("auth.oauth2 needs 'token_url'", "config")
    form = {"grant_type": grant}
    wanted = {"client_credentials": (), "password": ("username", "password"), "refresh_token": ("refresh_token",)}[
        grant
    ]
    for name in wanted:
        if settings.get(name) is None:
            raise ClientError(f"auth.oauth2 with grant_type '{grant}' needs '{name}'", "config")
        form[name] = text_at(settings, name)
    scope = settings.get("scope")
    if scope:
        form["scope"] = " ".join(map(as_text, scope)) if isinstance(scope, list | tuple) else as_text(scope)
    if settings.get("audience"):
        form["audience"] = text_at(settings, "audience")
    params = settings.get("params")
    if isinstance(params, Mapping):
        form |= {str(name): as_text(value) for name, value in params.items() if value is not None}
    return form


def _identify(settings: Mapping[str, object], form: dict[str, str], headers: list[tuple[str, str]]) -> None:
    """The client names itself by header or in the form (RFC 6749 §2.3.1)."""
    way = text_at(settings, "client_auth") or "basic"
    if way not in CLIENT_AUTH:
        raise ClientError(f"auth.oauth2.client_auth is one of {', '.join(CLIENT_AUTH)}, not '{way}'", "config")
    name, secret = text_at(settings, "client_id"), text_at(settings, "client_secret")
    if way == "basic" and secret:
        headers.append(("Authorization", basic(f"{quote(name, '')}:{quote(secret, '')}")))
    elif name:
        form["client_id"] = name
        if way == "post":
            form["client_secret"] = secret


def _parsed(body: bytes, headers: Mapping[str, str]) -> Mapping[str, object]:
    try:
        found = parse_json(text_of(body, headers) or "")
    except ValueError:
        return {}
    return found if isinstance(found, Mapping) else {}


def _refusal(status: int, answer: Mapping[str, object]) -> str:
    """The error of RFC 6749 §5.2, without anything else of the answer."""
    words = [
        as_text(answer[name])[:200] for name in ("error", "error_description") if isinstance(answer.get(name), str)
    ]
    return f"status {status}" + (f" ({': '.join(words)})" if words else " without an access_token")


def _expiry(seconds: object) -> float:
    try:
        lasts = float(as_text(seconds)) if seconds is not None else float("inf")
    except ValueError:
        lasts = float("inf")
    return time.monotonic() + max(lasts - EARLY_SECONDS, lasts / 2)
