"""Credentials of a request: what each form of `auth` adds to it."""

from __future__ import annotations

import base64
from collections.abc import Awaitable, Callable, Iterable, Mapping
from dataclasses import dataclass, field

from flows.clients.errors import ClientError
from flows.language.values import as_text

Pairs = list[tuple[str, str]]
PLACES = ("header", "query", "cookie")
KEYS: Mapping[str, tuple[str, ...]] = {
    "basic": ("username", "password"),
    "digest": ("username", "password"),
    "bearer": (),
    "api_key": ("name", "value", "in"),
    "oauth2": (
        "token_url",
        "grant_type",
        "client_id",
        "client_secret",
        "client_auth",
        "scope",
        "audience",
        "username",
        "password",
        "refresh_token",
        "params",
    ),
}


@dataclass(slots=True)
class Credentials:
    """What a request carries to be let in.

    Args:
        headers: to add.
        query: parameters to add.
        cookies: to add.
        digest: user and password, for when the server asks (RFC 7616).
    """

    headers: Pairs = field(default_factory=list)
    query: Pairs = field(default_factory=list)
    cookies: Pairs = field(default_factory=list)
    digest: tuple[str, str] | None = None


def auth_problems(config: Mapping[str, object]) -> Iterable[tuple[str, str]]:
    """What is wrong with the `auth` of a config, for an action's static check.

    Args:
        config: as written.
    """
    auth = config.get("auth")
    if not isinstance(auth, Mapping):
        return
    for kind, given in auth.items():
        known = KEYS.get(str(kind))
        if known is None:
            yield f"auth.{kind}", f"'auth' has no form '{kind}' ({', '.join(KEYS)})"
        elif known and isinstance(given, Mapping):
            unknown = [str(key) for key in given if key not in known]
            if unknown:
                yield f"auth.{kind}.{unknown[0]}", f"'auth.{kind}' has no key '{unknown[0]}' ({', '.join(known)})"
            place = given.get("in")
            if isinstance(place, str) and place not in PLACES and "$" not in place and "{{" not in place:
                yield f"auth.{kind}.in=", f"'in' is one of {', '.join(PLACES)}, not '{place}'"
        elif known and not (isinstance(given, str) and ("$" in given or "{{" in given)):
            yield f"auth.{kind}", f"'auth.{kind}' is a map of {', '.join(known)}"
    if len(auth) > 1:
        yield "auth", f"'auth' holds one form, not {' and '.join(map(str, auth))}"


async def credentials(
    auth: Mapping[str, object], token: Callable[[Mapping[str, object]], Awaitable[str]]
) -> Credentials:
    """What a form of `auth` adds to a request.

    Args:
        auth: rendered, one form.
        token: gives an OAuth 2 access token for its settings.

    Raises:
        ClientError: of type ``config`` for a form that is not known, or as `token` does.
    """
    found = Credentials()
    problem = next(iter(auth_problems({"auth": auth})), None)
    if problem is not None:
        raise ClientError(problem[1], "config")
    for kind, given in auth.items():
        if kind == "bearer":
            found.headers.append(("Authorization", f"Bearer {as_text(given)}"))
        elif isinstance(given, Mapping):
            await _of_map(found, kind, given, token)
    return found


async def _of_map(
    found: Credentials, kind: str, given: Mapping[str, object], token: Callable[[Mapping[str, object]], Awaitable[str]]
) -> None:
    if kind == "oauth2":
        found.headers.append(("Authorization", f"Bearer {await token(given)}"))
        return
    if kind == "api_key":
        place = as_text(given.get("in") or "header")
        if place not in PLACES:
            raise ClientError(f"auth.api_key.in is one of {', '.join(PLACES)}, not '{place}'", "config")
        where = {"header": found.headers, "query": found.query, "cookie": found.cookies}[place]
        where.append((as_text(given.get("name") or "X-API-Key"), text_at(given, "value")))
        return
    user, password = text_at(given, "username"), text_at(given, "password")
    if kind == "digest":
        found.digest = (user, password)
    else:
        found.headers.append(("Authorization", basic(f"{user}:{password}")))


def text_at(given: Mapping[str, object], key: str) -> str:
    """A setting as text; empty when it is not given.

    Args:
        given: settings.
        key: which.
    """
    value = given.get(key)
    return "" if value is None else as_text(value)


def basic(login: str) -> str:
    """Value of an `Authorization: Basic` header (RFC 7617, UTF-8).

    Args:
        login: ``user:password``.
    """
    return "Basic " + base64.b64encode(login.encode()).decode()
