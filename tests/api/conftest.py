"""A service over a real PostgreSQL and real embedded graphs, with two workspaces that must not see each other."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from fastapi import FastAPI
from starlette.testclient import TestClient

from api.app import create_app
from testmesh.workspaces.records import Workspace
from testmesh.workspaces.sql.credentials import Sealer
from testmesh.workspaces.sql.database import Database
from testmesh.workspaces.sql.store import SqlDirectory, SqlKept
from testmesh.workspaces.tenants import Role
from tests.api.seams import Rooms, services_over


@dataclass(frozen=True, slots=True)
class Tenant:
    """A workspace as its people see it: what it keeps, and a client for each role."""

    kept: SqlKept
    clients: dict[str, TestClient]
    texts: dict[str, str]

    @property
    def admin(self) -> TestClient:
        return self.clients["admin"]

    @property
    def editor(self) -> TestClient:
        return self.clients["editor"]

    @property
    def viewer(self) -> TestClient:
        return self.clients["viewer"]


@dataclass(frozen=True, slots=True)
class Service:
    """The app and what is behind it."""

    app: FastAPI
    directory: SqlDirectory
    rooms: Rooms
    folder: Path

    def tenant(self, name: str) -> Tenant:
        kept = self.directory.open(self.directory.create(Workspace(name)))
        roles: tuple[Role, ...] = ("viewer", "editor", "admin")
        texts = {role: kept.tokens.add(f"{name}-{role}", role).text for role in roles}
        clients = {
            role: TestClient(self.app, headers={"Authorization": f"Bearer {text}"}, raise_server_exceptions=False)
            for role, text in texts.items()
        }
        return Tenant(kept, clients, texts)


@pytest.fixture
def service(postgres_url: str, tmp_path: Path) -> Iterator[Service]:
    database = Database(postgres_url)
    directory = SqlDirectory(database, Sealer(bytes(32)))
    services, rooms = services_over(directory, tmp_path)
    yield Service(create_app(services), directory, rooms, tmp_path)
    services.jobs.close()
    database.close()


@pytest.fixture
def ours(service: Service) -> Tenant:
    return service.tenant("ours")


@pytest.fixture
def theirs(service: Service) -> Tenant:
    return service.tenant("theirs")


@pytest.fixture
def stranger(service: Service) -> TestClient:
    return TestClient(service.app, raise_server_exceptions=False)
