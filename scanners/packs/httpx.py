"""Requests sent with httpx."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from graph.values import Fact
from scanners.idioms.python_http import PythonClient, client_facts

if TYPE_CHECKING:
    from scanners.idioms.python import PyCode

_CLIENT = PythonClient("httpx", "httpx", ("Client", "AsyncClient"), base="base_url")


class Httpx:
    """The httpx client library."""

    name: str = "httpx"
    version: int = 1
    language: tuple[str, ...] = ("python",)
    markers: tuple[bytes, ...] = (b"httpx",)
    generated: bool = True

    def facts(self, parsed: PyCode) -> Iterator[Fact]:
        """Requests sent.

        Args:
            parsed: a Python file.
        """
        return client_facts(parsed, _CLIENT)


PACK = Httpx()
