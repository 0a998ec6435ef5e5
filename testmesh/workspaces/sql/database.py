"""The one door to PostgreSQL: every transaction belongs to one workspace, under a role that policies bind."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from contextlib import contextmanager

from sqlalchemy import Connection, Engine, create_engine, make_url, text
from sqlalchemy.engine import URL
from sqlalchemy.exc import ArgumentError, DataError, DBAPIError, InterfaceError, OperationalError
from sqlalchemy.orm import Session

from testmesh.kernel.errors import UnavailableError, UserError
from testmesh.workspaces.records import Workspace
from testmesh.workspaces.sql.models import APP_ROLE
from testmesh.workspaces.tenants import Busy

CONNECT_SECONDS = 3
STATEMENT_MS = 30_000
POOL = 8
HINT = "check TESTMESH_DATABASE_URL, or unset it to use the embedded PostgreSQL"
_MIGRATION_LOCK = 0x7E57_3E58
_SETTINGS = text(
    "SELECT set_config('role', :role, true), set_config('app.workspace', :workspace, true),"
    " set_config('app.token', :token, true), set_config('app.operator', :operator, true),"
    " set_config('statement_timeout', :statement_ms, true)"
)
_WHO = text(
    "SELECT rolsuper OR rolbypassrls,"
    " EXISTS (SELECT FROM pg_roles a WHERE a.rolname = :role AND NOT a.rolsuper AND NOT a.rolbypassrls"
    "   AND pg_has_role(current_user, a.oid, 'MEMBER'))"
    " FROM pg_roles WHERE rolname = current_user"
)


class Database:
    """A PostgreSQL database at the newest schema.

    Args:
        url: `postgresql://user:password@host:port/name`.

    Raises:
        UserError: not a PostgreSQL URL, or a user that row-level security cannot bind.
        UnavailableError: nobody answers there.
    """

    def __init__(self, url: str) -> None:
        self._url = _parsed(url)
        self.shown = self._url.set(drivername="postgresql").render_as_string(hide_password=True)
        self._engine = _engine(self._url)
        try:
            self._migrate()
            self._role = self._runtime_role()
        except BaseException:
            self._engine.dispose()
            raise

    def close(self) -> None:
        """Release all connections."""
        self._engine.dispose()

    @contextmanager
    def within(self, workspace: Workspace) -> Iterator[Session]:
        """A transaction that sees one workspace's rows and no others.

        Args:
            workspace: whose.
        """
        with self._transaction(workspace=workspace.id) as session:
            yield session

    @contextmanager
    def presenting(self, digest: str) -> Iterator[Session]:
        """A transaction that sees the one token of that SHA-256 and its workspace.

        Args:
            digest: 64 hex.
        """
        with self._transaction(token=digest) as session:
            yield session

    @contextmanager
    def operating(self) -> Iterator[Session]:
        """A transaction that may list workspaces, and sees nothing in them."""
        with self._transaction(operator="on") as session:
            yield session

    @contextmanager
    def alone(self, workspace: Workspace, what: str) -> Iterator[None]:
        """Hold a lock that all replicas respect, for as long as the block runs.

        Args:
            workspace: whose.
            what: what is done, e.g. `scan orders`.

        Raises:
            Busy: somebody else holds it.
        """
        key = int.from_bytes(hashlib.sha256(f"{workspace.id}|{what}".encode()).digest()[:8], "big", signed=True)
        with self._translated(), self._engine.connect() as connection:
            locked = connection.scalar(text("SELECT pg_try_advisory_lock(:key)"), {"key": key})
            connection.commit()
            if not locked:
                raise Busy(f"`{what}` is already going on in this workspace", hint="wait for it to end")
            try:
                yield
            finally:
                connection.execute(text("SELECT pg_advisory_unlock(:key)"), {"key": key})
                connection.commit()

    def ping(self) -> None:
        """Return when the database answers.

        Raises:
            UnavailableError: it does not.
        """
        with self._translated(), self._engine.connect() as connection:
            connection.execute(text("SELECT 1"))

    @contextmanager
    def _transaction(self, workspace: str = "", token: str = "", operator: str = "") -> Iterator[Session]:
        with self._translated(), Session(self._engine) as session, session.begin():
            values = {"role": self._role, "workspace": workspace, "token": token, "operator": operator}
            session.execute(_SETTINGS, {**values, "statement_ms": str(STATEMENT_MS)})
            yield session

    @contextmanager
    def _translated(self) -> Iterator[None]:
        try:
            yield
        except (OperationalError, InterfaceError) as error:
            raise UnavailableError(f"PostgreSQL at {self.shown}", _reason(error), hint=HINT) from error
        except DataError as error:
            raise UserError(f"PostgreSQL cannot store this value: {_reason(error)}") from error

    def _migrate(self) -> None:
        with self._translated(), self._engine.connect() as connection:
            connection.execute(text("SELECT pg_advisory_lock(:key)"), {"key": _MIGRATION_LOCK})
            connection.commit()
            try:
                migrate(connection)
            finally:
                connection.rollback()
                connection.execute(text("SELECT pg_advisory_unlock(:key)"), {"key": _MIGRATION_LOCK})
                connection.commit()

    def _runtime_role(self) -> str:
        with self._translated(), self._engine.connect() as connection:
            above_policies, can_step_down = connection.execute(_WHO, {"role": APP_ROLE}).one()
        if can_step_down:
            return APP_ROLE
        if above_policies:
            raise UserError(
                f"the database user of {self.shown} ignores row-level security and may not become '{APP_ROLE}'",
                hint=f"GRANT {APP_ROLE} TO that user, or use one without SUPERUSER and BYPASSRLS",
            )
        return "none"


def migrate(connection: Connection, revision: str = "head") -> None:
    """Bring the schema to a revision.

    Args:
        connection: to the database, outside a transaction.
        revision: Alembic revision, or `base` to unmake all.
    """
    from alembic import command
    from alembic.config import Config

    config = Config()
    config.set_main_option("script_location", "testmesh.workspaces.sql:migrations")
    config.set_main_option("path_separator", "os")
    config.attributes["connection"] = connection
    (command.downgrade if revision == "base" else command.upgrade)(config, revision)
    connection.commit()


def _parsed(url: str) -> URL:
    try:
        parsed = make_url(url)
    except ArgumentError as error:
        raise UserError("the database URL cannot be read", hint="postgresql://user:password@host:5432/name") from error
    if parsed.get_backend_name() not in ("postgresql", "postgres"):
        raise UserError(f"the service keeps its data in PostgreSQL, not in {parsed.get_backend_name()}", hint=HINT)
    return parsed.set(drivername="postgresql+psycopg")


def _engine(url: URL) -> Engine:
    return create_engine(
        url,
        pool_size=POOL,
        max_overflow=2 * POOL,
        pool_timeout=10,
        pool_pre_ping=True,
        connect_args={"connect_timeout": CONNECT_SECONDS, "application_name": "testmesh"},
    )


def _reason(error: DBAPIError) -> str:
    lines = [line.strip() for line in str(error.orig).splitlines() if line.strip()]
    return lines[0] if lines else "no answer"
