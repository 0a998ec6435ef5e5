"""The settings that everything on top of HTTP shares, declared once."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from flows.clients.tls import TLS_DOC, tls_problems
from flows.language.catalogue import option
from flows.language.shapes import ANYTHING, NUMBER, OBJECT, STRING, Shape, record
from flows.language.values import Headers

AUTH_DOC = (
    "One of `basic`, `digest` (each `{username, password}`), `bearer: TOKEN`, `api_key: {name, value, in}`, `oauth2`."
)
SHORTEST_SESSION = 12


@dataclass(frozen=True, slots=True)
class WebConfig:
    """How a request is addressed, authorised and encrypted."""

    url: str | None = option(None, "Absolute URL.")
    query: Mapping[str, object] | None = option(None, "Query parameters; a list repeats its name, null leaves it out.")
    headers: Mapping[str, object] | None = option(None, "Request headers.")
    auth: Mapping[str, object] | None = option(None, AUTH_DOC)
    cookies: Mapping[str, object] | None = option(None, "Cookies to send.")
    session: str | None = option(
        None, "Steps of the flow that name the same session share its cookies, also through redirects."
    )
    verify_ssl: bool = option(True, "Check the server's certificate.")
    tls: object = option(None, TLS_DOC)
    proxy: str | None = option(
        None, "URL of a proxy (http, https, socks5, socks5h); `none` = direct; by default `HTTPS_PROXY` and its kin."
    )


@dataclass(frozen=True, slots=True)
class PartConfig:
    """One part of a multipart form."""

    content: object = option(None, "Text, or a map or list, which is sent as JSON.")
    file: str | None = option(None, "A file beside the flow.", file=True, sent=True)
    filename: str | None = option(None, "The name that the server sees.")
    content_type: str | None = option(None, "Of the part; by default what the file's name says.")


def web_problems(config: Mapping[str, object]) -> Iterable[tuple[str, str]]:
    """What is wrong with the shared settings, for an action's static check.

    Args:
        config: as written.
    """
    yield from tls_problems(config)
    yield from _url_problems(config.get("url"))
    for key in ("headers", "cookies"):
        given = config.get(key)
        for name, value in given.items() if isinstance(given, Mapping) else ():
            if isinstance(value, Mapping):
                yield f"{key}.{name}=", f"'{name}' is text or a list of texts, not a map"
    if config.get("auth") is not None:
        from flows.clients.http_auth import auth_problems

        yield from auth_problems(config)


def _url_problems(url: object) -> Iterable[tuple[str, str]]:
    """What is wrong with a URL that is written out."""
    if not isinstance(url, str) or "$" in url or "{" in url:
        return
    from flows.clients.errors import ClientError
    from flows.clients.http_address import place_of

    try:
        place_of(url)
    except ClientError as problem:
        yield "url=", str(problem)


PLACEHOLDER = r"(?<![${])\{(\w+)\}(?!\})"


def path_problems(config: Mapping[str, object]) -> Iterable[tuple[str, str]]:
    """Placeholders of a path without a value, and values without a placeholder.

    Args:
        config: as written.
    """
    given = config.get("path")
    key = "endpoint" if config.get("endpoint") is not None else "url"
    text = config.get(key)
    if not isinstance(text, str) or not (given is None or isinstance(given, Mapping)):
        return
    named: set[str] = set(re.findall(PLACEHOLDER, text.partition("?")[0])) if "{" in text else set()
    missing = named.difference(given or ()) if key == "endpoint" or given is not None else set()
    if missing:
        name = min(missing)
        yield key, f"'{{{name}}}' has no value: add 'path: {{{name}: ...}}'"
    unused = [name for name in given or () if name not in named]
    if unused and "$" not in text and "{{" not in text:
        yield "path", f"'{key}' holds no '{{{unused[0]}}}'"


def http_result(**more: Shape) -> Shape:
    """The result of a request.

    Args:
        more: fields that only one action has.
    """
    return record(
        status=NUMBER,
        body=ANYTHING,
        headers=OBJECT,
        headers_all=OBJECT,
        duration_ms=NUMBER,
        url=STRING,
        time=NUMBER,
        http_version=STRING,
        cookies=OBJECT,
        **more,
    )


def http_view(result: Mapping[str, object]) -> Mapping[str, object]:
    """The result with header lookups that ignore case, `time`, `cookies` and `http_version`.

    Args:
        result: as recorded.
    """
    seen = dict(result)
    for name in ("headers", "headers_all"):
        found = result.get(name)
        if isinstance(found, Mapping):
            seen[name] = Headers(found)
    seen.setdefault("cookies", {})
    seen.setdefault("http_version", "1.1")
    seen["time"] = result.get("duration_ms")
    return seen


def cookies_of(lines: Iterable[str]) -> dict[str, str]:
    """Name and value of each `Set-Cookie` line (RFC 6265 §5.2); the latest of a name counts.

    Args:
        lines: header values.
    """
    found: dict[str, str] = {}
    for line in lines:
        name, equals, value = line.partition(";")[0].partition("=")
        if equals and name.strip():
            found[name.strip()] = value.strip()
    return found
