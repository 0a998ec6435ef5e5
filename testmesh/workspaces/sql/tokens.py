"""API tokens in PostgreSQL: SHA-256 only."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import func, select, update

from testmesh.kernel.errors import NotFoundError
from testmesh.kernel.ids import run_id as sortable_id
from testmesh.workspaces.records import Workspace
from testmesh.workspaces.sql.credentials import SHOWN_LENGTH, new_token, token_digest
from testmesh.workspaces.sql.database import Database
from testmesh.workspaces.sql.models import TokenRow
from testmesh.workspaces.sql.moments import moment
from testmesh.workspaces.tenants import Directory, NewToken, Role, Token


@dataclass(frozen=True, slots=True)
class SqlTokens:
    """The tokens of one workspace.

    Args:
        database: where.
        workspace: whose.
    """

    database: Database
    workspace: Workspace

    def add(self, label: str, role: Role) -> NewToken:
        """Make one; its text is returned once and not kept.

        Args:
            label: what it is for.
            role: viewer, editor or admin.
        """
        text = new_token()
        row = TokenRow(
            workspace=self.workspace.id,
            id=sortable_id(),
            label=label,
            role=role,
            prefix=text[:SHOWN_LENGTH],
            digest=token_digest(text),
        )
        with self.database.within(self.workspace) as session:
            session.add(row)
            session.flush()
            return NewToken(_record(row), text)

    def list(self) -> Sequence[Token]:
        """By creation."""
        with self.database.within(self.workspace) as session:
            return tuple(_record(row) for row in session.scalars(select(TokenRow).order_by(TokenRow.id)))

    def revoke(self, token_id: str) -> Token:
        """Accept it no longer.

        Args:
            token_id: exactly.

        Raises:
            NotFoundError: there is none.
        """
        changed = update(TokenRow).where(TokenRow.id == token_id).values(revoked=func.now()).returning(TokenRow)
        with self.database.within(self.workspace) as session:
            row = session.scalars(changed).one_or_none()
            if row is None:
                raise NotFoundError(f"no token '{token_id}'")
            return _record(row)


def _record(row: TokenRow) -> Token:
    return Token(row.id, row.label, row.role, row.prefix, moment(row.created), row.revoked is not None)


def ensure_admin_token(directory: Directory, workspace: Workspace) -> str | None:
    """The text of a first admin token, or None when the workspace has an accepted one already.

    Args:
        directory: of the server.
        workspace: made when it does not exist.
    """
    if workspace.id not in {known.id for known in directory.list()}:
        directory.create(workspace)
    tokens = directory.open(workspace).tokens
    if any(token.role == "admin" and not token.revoked for token in tokens.list()):
        return None
    return tokens.add("first admin token", "admin").text
