"""A real Docker engine for the compose engine's tests, where one can be had."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.conftest import _absent, _folder, _serve
from tests.servers.engine import DockerEngine, add_image, own_engine, start_podman
from tests.servers.process import Unavailable


@pytest.fixture(scope="session")
def _docker() -> Iterator[DockerEngine]:
    own = own_engine()
    if own is not None:
        yield own
    else:
        yield from _serve("docker", start_podman)


@pytest.fixture(scope="session")
def _docker_image(_docker: DockerEngine) -> DockerEngine:
    with _folder() as folder:
        try:
            add_image(_docker, folder)
        except Unavailable as error:
            _absent("docker", str(error))
    return _docker


@pytest.fixture
def docker(_docker_image: DockerEngine, monkeypatch: pytest.MonkeyPatch) -> DockerEngine:
    """An engine that has the toy image; its address is in the process environment."""
    for name, value in _docker_image.variables.items():
        monkeypatch.setenv(name, value)
    return _docker_image
