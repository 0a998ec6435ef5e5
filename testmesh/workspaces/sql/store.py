"""The directory of workspaces and the handle on one, in PostgreSQL."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass

from sqlalchemy import select
from sqlalchemy.exc import IntegrityError

from testmesh.kernel.errors import UserError
from testmesh.workspaces.records import Workspace
from testmesh.workspaces.sql.answers import SqlAnswers
from testmesh.workspaces.sql.credentials import Sealer, token_digest, well_formed
from testmesh.workspaces.sql.database import Database
from testmesh.workspaces.sql.jobs import SqlJobs
from testmesh.workspaces.sql.models import TokenRow, WorkspaceRow
from testmesh.workspaces.sql.repositories import SqlRepositories
from testmesh.workspaces.sql.runs import SqlEvents, SqlRunStore
from testmesh.workspaces.sql.secrets import SqlSecrets
from testmesh.workspaces.sql.settings import SqlSettings
from testmesh.workspaces.sql.tokens import SqlTokens
from testmesh.workspaces.tenants import Access


class SqlKept:
    """Everything one workspace keeps; each part opens transactions of this workspace only.

    Args:
        database: where.
        workspace: whose.
        sealer: for its secrets.
    """

    def __init__(self, database: Database, workspace: Workspace, sealer: Sealer) -> None:
        self._database = database
        self._workspace = workspace
        self._sealer = sealer

    @property
    def workspace(self) -> Workspace:
        """Whose it is."""
        return self._workspace

    @property
    def runs(self) -> SqlRunStore:
        """Run artefacts."""
        return SqlRunStore(self._database, self._workspace)

    @property
    def events(self) -> SqlEvents:
        """Events of runs."""
        return SqlEvents(self._database, self._workspace)

    @property
    def repositories(self) -> SqlRepositories:
        """Watched repositories."""
        return SqlRepositories(self._database, self._workspace)

    @property
    def answers(self) -> SqlAnswers:
        """Diagnoses and fixes."""
        return SqlAnswers(self._database, self._workspace)

    @property
    def secrets(self) -> SqlSecrets:
        """Secrets."""
        return SqlSecrets(self._database, self._workspace, self._sealer)

    @property
    def settings(self) -> SqlSettings:
        """Model routes and dismissals."""
        return SqlSettings(self._database, self._workspace)

    @property
    def jobs(self) -> SqlJobs:
        """Recorded jobs."""
        return SqlJobs(self._database, self._workspace)

    @property
    def tokens(self) -> SqlTokens:
        """API tokens."""
        return SqlTokens(self._database, self._workspace)

    def alone(self, what: str) -> AbstractContextManager[None]:
        """Nobody else does the same thing to this workspace meanwhile, on any replica.

        Args:
            what: e.g. `scan orders`.
        """
        return self._database.alone(self._workspace, what)


@dataclass(frozen=True, slots=True)
class SqlDirectory:
    """Who may come in, and to which workspace.

    Args:
        database: where.
        sealer: for secrets.
    """

    database: Database
    sealer: Sealer

    def admit(self, token: str) -> Access | None:
        """Whom a token belongs to; None for a wrong, unknown or revoked one.

        Args:
            token: as presented.
        """
        if not well_formed(token):
            return None
        digest = token_digest(token)
        wanted = (
            select(TokenRow, WorkspaceRow)
            .join(WorkspaceRow, WorkspaceRow.id == TokenRow.workspace)
            .where(TokenRow.digest == digest, TokenRow.revoked.is_(None))
        )
        with self.database.presenting(digest) as session:
            found = session.execute(wanted).one_or_none()
            if found is None:
                return None
            row, workspace = found
            return Access(Workspace(workspace.id, workspace.name), row.id, row.role)

    def create(self, workspace: Workspace) -> Workspace:
        """A new workspace.

        Args:
            workspace: its id and name.

        Raises:
            UserError: the id is taken or not well formed.
        """
        try:
            with self.database.within(workspace) as session:
                session.add(WorkspaceRow(id=workspace.id, name=workspace.name or workspace.id))
        except IntegrityError as error:
            hint = "choose another: lower case letters, digits and dashes, at most 63, starting with a letter or digit"
            raise UserError(f"workspace '{workspace.id}' cannot be created", hint=hint) from error
        return Workspace(workspace.id, workspace.name or workspace.id)

    def list(self) -> Sequence[Workspace]:
        """All workspaces, by id; for the operator of the server, never for a token."""
        with self.database.operating() as session:
            rows = session.scalars(select(WorkspaceRow)).all()
            return sorted((Workspace(row.id, row.name) for row in rows), key=lambda w: w.id)

    def open(self, workspace: Workspace) -> SqlKept:
        """What a workspace keeps.

        Args:
            workspace: as admitted or listed.
        """
        return SqlKept(self.database, workspace, self.sealer)

    def ready(self) -> None:
        """Return when the database answers.

        Raises:
            UnavailableError: it does not.
        """
        self.database.ping()
