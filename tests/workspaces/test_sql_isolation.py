"""Row-level security: a forgotten WHERE shows nothing of another workspace, whatever the code above does."""

from __future__ import annotations

import time

import psycopg
import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import Engine, create_engine, select, text, update
from sqlalchemy.exc import ProgrammingError

from testmesh.kernel.errors import NotFoundError, UnavailableError, UserError
from testmesh.workspaces.records import Workspace
from testmesh.workspaces.sql.database import Database, migrate
from testmesh.workspaces.sql.models import RepositoryRow, Table
from testmesh.workspaces.sql.store import SqlDirectory, SqlKept
from testmesh.workspaces.tenants import Busy, Repository


def _engine(url: str) -> Engine:
    return create_engine(url.replace("postgresql://", "postgresql+psycopg://"))


def test_migrations_make_exactly_the_models(database: Database, postgres_url: str) -> None:
    engine = _engine(postgres_url)
    with engine.connect() as connection:
        assert compare_metadata(MigrationContext.configure(connection), Table.metadata) == []
    engine.dispose()


def test_every_table_forces_row_security_with_a_policy(database: Database, postgres_url: str) -> None:
    query = """
        SELECT c.relname, c.relrowsecurity AND c.relforcerowsecurity, count(p.*)
        FROM pg_class c LEFT JOIN pg_policies p ON p.tablename = c.relname
        WHERE c.relkind = 'r' AND c.relnamespace = 'public'::regnamespace AND c.relname <> 'alembic_version'
        GROUP BY 1, 2
    """
    with psycopg.connect(postgres_url) as connection:
        found = {name: (forced, policies) for name, forced, policies in connection.execute(query)}
    assert set(found) == set(Table.metadata.tables)
    assert all(forced and policies for forced, policies in found.values())


def test_a_query_without_where_sees_one_workspace(database: Database, ours: SqlKept, theirs: SqlKept) -> None:
    ours.repositories.put(Repository("shop", "/ours"))
    theirs.repositories.put(Repository("shop", "/theirs"))
    with database.within(ours.workspace) as session:
        assert [row.source for row in session.scalars(select(RepositoryRow))] == ["/ours"]
        session.execute(update(RepositoryRow).values(source="/changed"))
    assert theirs.repositories.get("shop").source == "/theirs"


def test_a_transaction_without_a_workspace_sees_nothing(database: Database, ours: SqlKept) -> None:
    ours.repositories.put(Repository("shop", "/ours"))
    ours.tokens.add("t", "viewer")
    with database.operating() as session:
        assert session.scalars(select(RepositoryRow)).all() == []
        assert session.scalar(text("SELECT count(*) FROM tokens")) == 0


def test_rows_cannot_be_written_into_another_workspace(database: Database, ours: SqlKept, theirs: SqlKept) -> None:
    stray = RepositoryRow(workspace="theirs", name="x", source="", branch="", commit="", scanned="", problems="")
    with database.within(ours.workspace) as session:
        session.add(stray)
        with pytest.raises(ProgrammingError, match="row-level security"):
            session.flush()
        session.rollback()


def test_the_role_in_use_is_not_a_superuser(database: Database, ours: SqlKept) -> None:
    with database.within(ours.workspace) as session:
        who = text("SELECT rolsuper OR rolbypassrls FROM pg_roles WHERE rolname = current_user")
        assert session.scalar(who) is False


def test_a_plain_database_owner_is_bound_as_well(postgres_url: str) -> None:
    with psycopg.connect(postgres_url, autocommit=True) as admin:
        name = f"plain_{admin.info.dbname}"
        admin.execute(f"CREATE ROLE {name} LOGIN PASSWORD 'x'".encode())
        admin.execute(f"GRANT ALL ON SCHEMA public TO {name}".encode())
    database = Database(postgres_url.replace("postgres@", f"{name}:x@"))
    try:
        with database.within(Workspace("a")) as session:
            session.execute(text("INSERT INTO workspaces (id, name) VALUES ('a', 'a')"))
        with database.within(Workspace("b")) as session:
            assert session.scalar(text("SELECT count(*) FROM workspaces")) == 0
    finally:
        database.close()
        with psycopg.connect(postgres_url, autocommit=True) as admin:
            admin.execute(f"DROP OWNED BY {name}; DROP ROLE {name}".encode())


def test_the_schema_can_be_unmade_and_made_again(database: Database, postgres_url: str) -> None:
    engine = _engine(postgres_url)
    with engine.connect() as connection:
        migrate(connection, "base")
        assert connection.scalar(text("SELECT count(*) FROM pg_tables WHERE schemaname = 'public'")) == 1
        connection.rollback()
        migrate(connection)
    engine.dispose()


def test_an_unreachable_database_is_said_fast_and_without_the_password() -> None:
    began = time.monotonic()
    with pytest.raises(UnavailableError) as caught:
        Database("postgresql://me:hunter2@127.0.0.1:9/db")
    assert time.monotonic() - began < 4
    assert "hunter2" not in caught.value.message
    assert "127.0.0.1:9" in caught.value.message
    assert caught.value.hint


@pytest.mark.parametrize("url", ["mysql://x/y", "not a url"])
def test_another_kind_of_url_is_the_users_error(url: str) -> None:
    with pytest.raises(UserError):
        Database(url)


def test_a_database_that_went_away_is_unavailable(database: Database, ours: SqlKept, postgres_url: str) -> None:
    name = postgres_url.rsplit("/", 1)[1]
    with psycopg.connect(postgres_url.rsplit("/", 1)[0] + "/postgres", autocommit=True) as admin:
        admin.execute(f"ALTER DATABASE {name} ALLOW_CONNECTIONS false".encode())
        admin.execute(f"SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = '{name}'".encode())
        with pytest.raises(UnavailableError):
            ours.repositories.list()
        admin.execute(f"ALTER DATABASE {name} ALLOW_CONNECTIONS true".encode())
    assert ours.repositories.list() == ()


def test_the_same_work_is_done_once_at_a_time(ours: SqlKept, theirs: SqlKept) -> None:
    with ours.alone("scan shop"):
        with pytest.raises(Busy), ours.alone("scan shop"):
            pass
        with ours.alone("scan other"), theirs.alone("scan shop"):
            pass
    with ours.alone("scan shop"):
        pass


def test_a_workspace_id_is_checked_and_unique(directory: SqlDirectory, ours: SqlKept) -> None:
    for wrong in ("ours", "", "Ours", "../x", "a" * 64):
        with pytest.raises(UserError):
            directory.create(Workspace(wrong))
    assert [w.id for w in directory.list()] == ["ours"]


def test_a_nul_character_is_the_users_error(ours: SqlKept) -> None:
    with pytest.raises(UserError):
        ours.repositories.put(Repository("a\0b", "/x"))
    with pytest.raises((UserError, NotFoundError)):
        ours.repositories.get("a\0b")
