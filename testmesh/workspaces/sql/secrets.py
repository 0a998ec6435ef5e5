"""Secrets in PostgreSQL, sealed to their place."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import delete, func, select
from sqlalchemy.dialects.postgresql import distinct_on
from sqlalchemy.orm import Session

from testmesh.kernel.errors import NotFoundError
from testmesh.workspaces.records import Workspace
from testmesh.workspaces.sql.credentials import Sealer
from testmesh.workspaces.sql.database import Database
from testmesh.workspaces.sql.models import SecretRow, WorkspaceRow
from testmesh.workspaces.sql.moments import moment
from testmesh.workspaces.tenants import SecretInfo


@dataclass(frozen=True, slots=True)
class SqlSecrets:
    """The secrets of one workspace.

    Args:
        database: where.
        workspace: whose.
        sealer: opens and seals.
    """

    database: Database
    workspace: Workspace
    sealer: Sealer

    def put(self, name: str, value: str) -> SecretInfo:
        """Keep a new version of it.

        Args:
            name: how configuration refers to it.
            value: plain text.
        """
        with self.database.within(self.workspace) as session:
            # Two writers must not take the same version: the workspace row orders them.
            session.execute(select(WorkspaceRow.id).where(WorkspaceRow.id == self.workspace.id).with_for_update())
            version = 1 + _newest(session, name)
            nonce, sealed = self.sealer.seal(value, self._place(name, version))
            row = SecretRow(workspace=self.workspace.id, name=name, version=version, nonce=nonce, sealed=sealed)
            session.add(row)
            session.flush()
            return SecretInfo(name, version, moment(row.created))

    def reveal(self, name: str) -> str:
        """Its newest value, for the code that uses it.

        Args:
            name: exactly.

        Raises:
            NotFoundError: there is none.
            UserError: it was sealed with another key.
        """
        wanted = select(SecretRow).where(SecretRow.name == name).order_by(SecretRow.version.desc()).limit(1)
        with self.database.within(self.workspace) as session:
            row = session.scalars(wanted).one_or_none()
            if row is None:
                raise NotFoundError(f"no secret '{name}'")
            return self.sealer.open(row.nonce, row.sealed, self._place(name, row.version))

    def list(self) -> Sequence[SecretInfo]:
        """Names and newest versions, by name."""
        wanted = (
            select(SecretRow.name, SecretRow.version, SecretRow.created)
            .ext(distinct_on(SecretRow.name))
            .order_by(SecretRow.name, SecretRow.version.desc())
        )
        with self.database.within(self.workspace) as session:
            found = [SecretInfo(name, version, moment(created)) for name, version, created in session.execute(wanted)]
        return sorted(found, key=lambda info: info.name)

    def remove(self, name: str) -> None:
        """Forget all its versions.

        Args:
            name: exactly.

        Raises:
            NotFoundError: there is none.
        """
        gone = delete(SecretRow).where(SecretRow.name == name).returning(SecretRow.version)
        with self.database.within(self.workspace) as session:
            if not session.scalars(gone).all():
                raise NotFoundError(f"no secret '{name}'")

    def _place(self, name: str, version: int) -> str:
        return f"{self.workspace.id}|{name}|{version}"


def _newest(session: Session, name: str) -> int:
    return session.scalar(select(func.max(SecretRow.version)).where(SecretRow.name == name)) or 0
