"""Whatever stands where a parameter or body should be: an answer with a reason, never a bug of ours."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any
from urllib.parse import quote, urlencode

import pytest

from evals.tenants import routes
from tests.api.conftest import Service, Tenant

VALUES = ("\0", "../../etc/passwd", "'; DROP TABLE runs; --", "a" * 3000, "🦄\u202e", "-1", "9" * 30, "%", "<script>")
BODIES = (
    "[]",
    "null",
    '"x"',
    "{",
    '{"repository": "\\u0000"}',
    '{"label": "\\ud800", "role": "admin"}',
    '{"reason": "\\ud800"}',
    '{"value": "\\ud800"}',
    '{"models": ["\\ud800"]}',
    '{"source": "\\ud800", "name": "x"}',
    "[" * 5000,
)


def operations(tenant: Tenant) -> Iterator[tuple[str, str, list[dict[str, Any]]]]:
    described = tenant.viewer.get("/api/v1/openapi.json").json()
    for path, found in described["paths"].items():
        for method, operation in found.items():
            yield method.upper(), path, operation.get("parameters", [])


def address(path: str, parameters: list[dict[str, Any]], value: str) -> str:
    for one in parameters:
        if one["in"] == "path":
            path = path.replace(f"{{{one['name']}}}", quote(value, safe=""))
    query = urlencode({one["name"]: value for one in parameters if one["in"] == "query"})
    return f"{path}?{query}" if query else path


@pytest.mark.parametrize("value", VALUES)
def test_parameters(ours: Tenant, value: str) -> None:
    for method, path, parameters in operations(ours):
        if not parameters:
            continue
        answer = ours.admin.request(method, address(path, parameters, value))
        assert answer.status_code < 500, f"{method} {path}: {answer.text}"
        if answer.status_code >= 400:
            assert answer.headers["content-type"] == "application/problem+json"


@pytest.mark.parametrize("body", BODIES)
def test_bodies(service: Service, ours: Tenant, body: str) -> None:
    for method, path in routes(service.app):
        if method not in ("POST", "PUT") or not path.startswith("/api/"):
            continue
        url = path.replace("{kind}", "edge").replace("{purpose}", "chat").replace("{agent}", "-")
        for name in ("run_id", "name", "subject:path", "fix_id"):
            url = url.replace(f"{{{name}}}", "x")
        answer = ours.admin.request(method, url, content=body.encode(), headers={"Content-Type": "application/json"})
        assert answer.status_code < 500, f"{method} {path}: {answer.text}"
