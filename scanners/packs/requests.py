"""Requests sent with requests and with sessions that prefix a base URL."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

from graph.values import Fact
from scanners.idioms.python_http import PythonClient, client_facts

if TYPE_CHECKING:
    from scanners.idioms.python import PyCode

_CLIENTS = (
    PythonClient("requests", "requests", ("Session", "session", "sessions.Session")),
    PythonClient("requests", "requests_toolbelt.sessions", ("BaseUrlSession",), base="base_url"),
    PythonClient("requests", "aiohttp", ("ClientSession",), base="base_url"),
)


@dataclass(frozen=True, slots=True)
class Requests:
    """The requests and aiohttp client libraries."""

    name: str = "requests"
    version: int = 1
    language: tuple[str, ...] = ("python",)
    markers: tuple[bytes, ...] = (b"requests", b"aiohttp")

    def facts(self, parsed: PyCode) -> Iterator[Fact]:
        """Requests sent.

        Args:
            parsed: a Python file.
        """
        for client in _CLIENTS:
            yield from client_facts(parsed, client)


PACK = Requests()
