"""Fixtures of flow tests."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.flows.support import Web


@pytest.fixture
def web() -> Iterator[Web]:
    """A real HTTP server."""
    server = Web()
    yield server
    server.close()
