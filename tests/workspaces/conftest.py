"""A migrated database and two workspaces in it."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from testmesh.workspaces.records import Workspace
from testmesh.workspaces.sql.credentials import Sealer
from testmesh.workspaces.sql.database import Database
from testmesh.workspaces.sql.store import SqlDirectory, SqlKept


@pytest.fixture
def database(postgres_url: str) -> Iterator[Database]:
    opened = Database(postgres_url)
    yield opened
    opened.close()


@pytest.fixture
def directory(database: Database) -> SqlDirectory:
    return SqlDirectory(database, Sealer(bytes(range(32))))


@pytest.fixture
def ours(directory: SqlDirectory) -> SqlKept:
    return directory.open(directory.create(Workspace("ours")))


@pytest.fixture
def theirs(directory: SqlDirectory) -> SqlKept:
    return directory.open(directory.create(Workspace("theirs")))
