"""A real Docker engine for the compose engine's tests; optional, absent even where servers are required."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack

import pytest

from tests.conftest import _folder
from tests.servers.engine import DockerEngine, add_image, own_engine, start_podman
from tests.servers.process import Unavailable


@pytest.fixture(scope="session")
def _docker() -> Iterator[DockerEngine]:
    with ExitStack() as stack:
        try:
            engine = own_engine()
            if engine is None:
                server, engine = start_podman(stack.enter_context(_folder()))
                stack.callback(server.stop)
            add_image(engine, stack.enter_context(_folder()))
        except Unavailable as error:
            pytest.skip(f"optional server 'docker' cannot be had here: {error}")
        yield engine


@pytest.fixture
def docker(_docker: DockerEngine, monkeypatch: pytest.MonkeyPatch) -> DockerEngine:
    """An engine that has the toy image; its address is in the process environment."""
    for name, value in _docker.variables.items():
        monkeypatch.setenv(name, value)
    return _docker
