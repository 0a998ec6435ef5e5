"""Requests sent with urllib3 and with the standard library: urllib.request and http.client."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from graph.values import Fact, Location, Member
from scanners.idioms.code import CallSite
from scanners.idioms.python_http import PythonClient, client_facts, upper

if TYPE_CHECKING:
    from scanners.idioms.python import PyCode

_POOLS = {"HTTPConnectionPool": "http://", "HTTPSConnectionPool": "https://"}
_CONNECTIONS = {"HTTPConnection": "http://", "HTTPSConnection": "https://"}
_METHOD_FIRST = ("request", "urlopen", "request_encode_body", "request_encode_url")
_CLIENTS = (
    PythonClient(
        "urllib", "urllib3", ("PoolManager", "ProxyManager"), body=("json", "body", "fields"), general=_METHOD_FIRST
    ),
    *(
        PythonClient(
            "urllib",
            module,
            (name,),
            base="host",
            base_at=0,
            scheme=scheme,
            body=("json", "body", "fields"),
            general=_METHOD_FIRST,
        )
        for module in ("urllib3", "urllib3.connectionpool")
        for name, scheme in _POOLS.items()
    ),
    PythonClient("urllib", "urllib.request", body=("data",), general=(), plain=("urlopen", "Request")),
    *(
        PythonClient(
            "urllib",
            "http.client",
            (name,),
            base="host",
            base_at=0,
            scheme=scheme,
            body=("body",),
            general=("request",),
        )
        for name, scheme in _CONNECTIONS.items()
    ),
)


class Urllib:
    """urllib3, urllib.request and http.client."""

    name: str = "urllib"
    version: int = 1
    language: tuple[str, ...] = ("python",)
    markers: tuple[bytes, ...] = (
        b"urllib3",
        b"urllib.request",
        b"urllib import request",
        b"http.client",
        b"_serialize(",
    )
    generated: bool = True

    def facts(self, parsed: PyCode) -> Iterator[Fact]:
        """Requests sent.

        Args:
            parsed: a Python file.
        """
        for client in _CLIENTS:
            yield from client_facts(parsed, client)
        for site in parsed.called("param_serialize", "call_api"):
            yield from _generated(parsed, site)


def _generated(code: PyCode, site: CallSite) -> Iterator[Fact]:
    """OpenAPI Generator: ``self.api_client.param_serialize(method="GET", resource_path="/orders/{id}", ...)``."""
    path = site.arg(0 if site.method == "call_api" else -1, "resource_path")
    method = site.arg(1 if site.method == "call_api" else -1, "method")
    held = site.receiver
    if path is None or method is None or held is None or not code.string(path).startswith("/"):
        return
    fields = {
        "method": upper(code.value(method, site.scope)),
        "url": code.value(path, site.scope),
        "base": Member(Member(code.value(held, site.scope), "configuration"), "host"),
        "symbol": site.scope.name,
        "client": "urllib",
    }
    yield Fact("http_call", fields, Location(code.path, site.line))


PACK = Urllib()
