"""Requests sent with requests and aiohttp, and with sessions that prefix a base URL."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from graph.values import Fact
from scanners.idioms.python_http import PythonClient, client_facts

if TYPE_CHECKING:
    from scanners.idioms.python import PyCode

_AIOHTTP = ("ClientSession", "client.ClientSession")
_CLIENTS = (
    PythonClient("requests", "requests", ("Session", "session", "sessions.Session", "api"), body_at=1),
    PythonClient("requests", "requests_toolbelt.sessions", ("BaseUrlSession",), base="base_url", base_at=0),
    PythonClient("requests", "requests_toolbelt", ("sessions.BaseUrlSession",), base="base_url", base_at=0),
    PythonClient("requests", "aiohttp", _AIOHTTP, base="base_url", base_at=0, body=("json", "data")),
    PythonClient("requests", "aiohttp_retry", ("RetryClient",), base="base_url"),
    PythonClient("requests", "requests_oauthlib", ("OAuth2Session", "OAuth1Session")),
    PythonClient("requests", "requests_cache", ("CachedSession",)),
)


class Requests:
    """The requests and aiohttp client libraries."""

    name: str = "requests"
    version: int = 2
    language: tuple[str, ...] = ("python",)
    markers: tuple[bytes, ...] = (b"requests", b"aiohttp")
    generated: bool = True

    def facts(self, parsed: PyCode) -> Iterator[Fact]:
        """Requests sent.

        Args:
            parsed: a Python file.
        """
        for client in _CLIENTS:
            if client.module.split(".", 1)[0].encode() in parsed.data:
                yield from client_facts(parsed, client)


PACK = Requests()
