"""Model routes and dismissals in PostgreSQL."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import delete, select
from sqlalchemy.dialects.postgresql import insert

from testmesh.kernel.errors import NotFoundError
from testmesh.workspaces.records import Workspace
from testmesh.workspaces.sql.database import Database
from testmesh.workspaces.sql.models import DismissalRow, ModelRouteRow
from testmesh.workspaces.sql.moments import moment
from testmesh.workspaces.tenants import Dismissal, ModelRoute


@dataclass(frozen=True, slots=True)
class SqlSettings:
    """What people of one workspace decided.

    Args:
        database: where.
        workspace: whose.
    """

    database: Database
    workspace: Workspace

    def routes(self) -> Sequence[ModelRoute]:
        """By (purpose, agent)."""
        with self.database.within(self.workspace) as session:
            rows = session.scalars(select(ModelRouteRow)).all()
            found = [ModelRoute(row.purpose, row.agent, tuple(row.models)) for row in rows]
        return sorted(found, key=lambda route: (route.purpose, route.agent))

    def route(self, route: ModelRoute) -> None:
        """Set the models of one (purpose, agent); no models removes it.

        Args:
            route: replaces an earlier one.
        """
        where = (ModelRouteRow.purpose == route.purpose, ModelRouteRow.agent == route.agent)
        values = {"workspace": self.workspace.id, "purpose": route.purpose, "agent": route.agent}
        with self.database.within(self.workspace) as session:
            session.execute(delete(ModelRouteRow).where(*where))
            if route.models:
                session.execute(insert(ModelRouteRow).values(**values, models=list(route.models)))

    def dismissals(self) -> Sequence[Dismissal]:
        """By (kind, subject)."""
        with self.database.within(self.workspace) as session:
            rows = session.scalars(select(DismissalRow)).all()
            found = [Dismissal(row.kind, row.subject, row.reason, row.by, moment(row.created)) for row in rows]
        return sorted(found, key=lambda item: (item.kind, item.subject))

    def dismiss(self, dismissal: Dismissal) -> None:
        """Remember it, replacing an earlier reason.

        Args:
            dismissal: `created` is set here.
        """
        values = {"reason": dismissal.reason, "by": dismissal.by}
        key = {"workspace": self.workspace.id, "kind": dismissal.kind, "subject": dismissal.subject}
        row = insert(DismissalRow).values(**key, **values)
        with self.database.within(self.workspace) as session:
            session.execute(row.on_conflict_do_update(index_elements=list(key), set_=values))

    def restore(self, kind: str, subject: str) -> None:
        """Show it again.

        Args:
            kind: edge, diagnosis or fix.
            subject: its id.

        Raises:
            NotFoundError: it was not dismissed.
        """
        where = (DismissalRow.kind == kind, DismissalRow.subject == subject)
        with self.database.within(self.workspace) as session:
            if not session.scalars(delete(DismissalRow).where(*where).returning(DismissalRow.subject)).all():
                raise NotFoundError(f"{kind} '{subject}' is not dismissed")
