"""The sample systems, brought up once for all tests of this folder."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import httpx
import pytest

from fixtures.build import REPOS
from testmesh.environments.environment import Addresses, Environment, open_environment
from tests.samples.systems import settings


@dataclass(frozen=True, slots=True)
class Live:
    """A system that is up."""

    environment: Environment
    addresses: Addresses

    def client(self, variable: str) -> httpx.Client:
        """A client of the service at that variable."""
        return httpx.Client(base_url=self.addresses.variables[variable], timeout=10.0)


def _live(system: str, factory: pytest.TempPathFactory) -> Iterator[Live]:
    tree = REPOS / system
    environment = open_environment(settings(tree), factory.mktemp(system))
    addresses = environment.up(tree)
    try:
        yield Live(environment, addresses)
    finally:
        environment.down()


@pytest.fixture(scope="package")
def live_shop(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Live]:
    """The shop."""
    yield from _live("shop", tmp_path_factory)


@pytest.fixture(scope="package")
def live_depot(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Live]:
    """The depot."""
    yield from _live("depot", tmp_path_factory)
