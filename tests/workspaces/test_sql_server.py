"""The embedded PostgreSQL keeps its data, needs its password, and says why it cannot start."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest

from testmesh.kernel.errors import UnavailableError, UserError
from testmesh.workspaces.sql.database import Database
from testmesh.workspaces.sql.server import start_postgres


@pytest.fixture
def folder() -> Iterator[Path]:
    # pytest's own temporary folders are closed to the user PostgreSQL runs as when we are root.
    made = Path(tempfile.mkdtemp(prefix="testmesh-serve-"))
    made.chmod(0o755)
    yield made
    shutil.rmtree(made)


def test_data_survives_a_restart_and_a_password_is_needed(folder: Path) -> None:
    server = start_postgres(folder)
    try:
        Database(server.url).close()
        with pytest.raises(psycopg.OperationalError, match="password"):
            psycopg.connect(server.url.replace("postgres:", "postgres:wrong"))
        with pytest.raises(UnavailableError, match="lock file"):
            start_postgres(folder)
    finally:
        server.stop()
    again = start_postgres(folder)
    try:
        with psycopg.connect(again.url) as connection:
            assert connection.execute("SELECT version_num FROM alembic_version").fetchone() == ("0001",)
    finally:
        again.stop()
    assert (folder / "pg.password").stat().st_mode & 0o077 == 0


@pytest.mark.skipif(os.geteuid() != 0, reason="only root hands its server to another user")
def test_a_folder_nobody_else_can_reach_is_refused_with_advice(folder: Path) -> None:
    closed = folder / "closed"
    closed.mkdir(mode=0o700)
    with pytest.raises(UserError) as caught:
        start_postgres(closed / "data")
    assert "--data" in (caught.value.hint or "")
