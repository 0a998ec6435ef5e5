"""Watched repositories in PostgreSQL."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import delete, select
from sqlalchemy.dialects.postgresql import insert

from testmesh.kernel.errors import NotFoundError
from testmesh.workspaces.records import Workspace
from testmesh.workspaces.sql.database import Database
from testmesh.workspaces.sql.models import RepositoryRow
from testmesh.workspaces.sql.moments import text_of
from testmesh.workspaces.tenants import Repository


@dataclass(frozen=True, slots=True)
class SqlRepositories:
    """The repositories of one workspace.

    Args:
        database: where.
        workspace: whose.
    """

    database: Database
    workspace: Workspace

    def put(self, repository: Repository) -> None:
        """Register it or replace what is known of it.

        Args:
            repository: by name.
        """
        values = {
            "source": repository.source,
            "branch": repository.branch,
            "commit": repository.commit,
            "scanned": repository.scanned,
            "problems": text_of(repository.problems),
        }
        row = insert(RepositoryRow).values(workspace=self.workspace.id, name=repository.name, **values)
        with self.database.within(self.workspace) as session:
            session.execute(row.on_conflict_do_update(index_elements=["workspace", "name"], set_=values))

    def get(self, name: str) -> Repository:
        """The repository of that name.

        Args:
            name: exactly.

        Raises:
            NotFoundError: there is none.
        """
        with self.database.within(self.workspace) as session:
            row = session.scalars(select(RepositoryRow).where(RepositoryRow.name == name)).one_or_none()
            if row is None:
                raise NotFoundError(f"no repository '{name}'")
            return _record(row)

    def list(self, limit: int = 100, after: str = "") -> Sequence[Repository]:
        """By name, those behind `after`.

        Args:
            limit: most rows.
            after: a name, or empty.
        """
        key = RepositoryRow.name.collate("C")
        wanted = select(RepositoryRow).where(key > after).order_by(key).limit(limit)
        with self.database.within(self.workspace) as session:
            return tuple(_record(row) for row in session.scalars(wanted))

    def remove(self, name: str) -> None:
        """Forget it.

        Args:
            name: exactly.

        Raises:
            NotFoundError: there is none.
        """
        gone = delete(RepositoryRow).where(RepositoryRow.name == name).returning(RepositoryRow.name)
        with self.database.within(self.workspace) as session:
            if not session.scalars(gone).all():
                raise NotFoundError(f"no repository '{name}'")


def _record(row: RepositoryRow) -> Repository:
    return Repository(row.name, row.source, row.branch, row.commit, row.scanned, tuple(json.loads(row.problems)))
