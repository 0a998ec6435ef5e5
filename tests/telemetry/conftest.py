"""A real Jaeger for the tests that can have one."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.conftest import _folder
from tests.servers.jaeger import Jaeger, start_jaeger
from tests.servers.process import Unavailable


@pytest.fixture(scope="session")
def jaeger_server() -> Iterator[Jaeger]:
    """Addresses of a Jaeger with an empty memory; an optional server, absent even where servers are required."""
    with _folder() as folder:
        try:
            server, address = start_jaeger(folder)
        except Unavailable as error:
            pytest.skip(f"optional server 'jaeger' cannot be had here: {error}")
        yield address
        server.stop()
