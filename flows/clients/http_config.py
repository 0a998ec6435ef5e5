"""The settings that everything on top of HTTP shares, declared once."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from flows.clients.http_auth import AUTH_DOC, auth_problems
from flows.clients.tls import TLS_DOC, tls_problems
from flows.language.catalogue import option
from flows.language.shapes import ANYTHING, NUMBER, OBJECT, STRING, Shape, record
from flows.language.values import Headers


@dataclass(frozen=True, slots=True)
class WebConfig:
    """How a request is addressed, authorised and encrypted."""

    url: str | None = option(None, "Absolute URL.")
    query: Mapping[str, object] | None = option(None, "Query parameters; a list repeats its name, null leaves it out.")
    headers: Mapping[str, object] | None = option(None, "Request headers.")
    auth: Mapping[str, object] | None = option(None, AUTH_DOC)
    cookies: Mapping[str, object] | None = option(None, "Cookies to send.")
    verify_ssl: bool = option(True, "Check the server's certificate.")
    tls: object = option(None, TLS_DOC)
    proxy: str | None = option(
        None, "URL of a proxy (http, https, socks5, socks5h); `none` = direct; by default `HTTPS_PROXY` and its kin."
    )


def web_problems(config: Mapping[str, object]) -> Iterable[tuple[str, str]]:
    """What is wrong with the shared settings, for an action's static check.

    Args:
        config: as written.
    """
    yield from tls_problems(config)
    yield from auth_problems(config)


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
    repeated = result.get("headers_all")
    lines = repeated.get("set-cookie") if isinstance(repeated, Mapping) else None
    seen["cookies"] = cookies_of(map(str, lines)) if isinstance(lines, list) else {}
    seen["http_version"] = result.get("http_version", "1.1")
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
