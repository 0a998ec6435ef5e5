"""Job records in PostgreSQL."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import select, update

from testmesh.kernel.errors import NotFoundError
from testmesh.kernel.ids import run_id as sortable_id
from testmesh.workspaces.records import Workspace
from testmesh.workspaces.sql.database import Database
from testmesh.workspaces.sql.models import JobRow
from testmesh.workspaces.sql.moments import moment, text_of
from testmesh.workspaces.tenants import Job


@dataclass(frozen=True, slots=True)
class SqlJobs:
    """The jobs of one workspace.

    Args:
        database: where.
        workspace: whose.
    """

    database: Database
    workspace: Workspace

    def add(self, kind: str, subject: str) -> Job:
        """A new waiting job.

        Args:
            kind: what it does.
            subject: what it does it to.
        """
        row = JobRow(workspace=self.workspace.id, id=sortable_id(), kind=kind, subject=subject, state="waiting")
        with self.database.within(self.workspace) as session:
            session.add(row)
            session.flush()
            return _record(row)

    def update(self, job: Job) -> None:
        """Record its state.

        Args:
            job: as it is now.

        Raises:
            NotFoundError: there is none.
        """
        values = {
            "state": job.state,
            "finished": datetime.fromisoformat(job.finished) if job.finished else None,
            "result": text_of(job.result),
            "error": job.error,
            "hint": job.hint,
        }
        changed = update(JobRow).where(JobRow.id == job.id).values(**values).returning(JobRow.id)
        with self.database.within(self.workspace) as session:
            if session.scalars(changed).one_or_none() is None:
                raise NotFoundError(f"no job '{job.id}'")

    def get(self, job_id: str) -> Job:
        """One job.

        Args:
            job_id: exactly.

        Raises:
            NotFoundError: there is none.
        """
        with self.database.within(self.workspace) as session:
            row = session.scalars(select(JobRow).where(JobRow.id == job_id)).one_or_none()
            if row is None:
                raise NotFoundError(f"no job '{job_id}'")
            return _record(row)

    def list(self, limit: int = 50, before: str = "") -> Sequence[Job]:
        """Newest first.

        Args:
            limit: most rows.
            before: a job id, or empty.
        """
        wanted = select(JobRow).order_by(JobRow.id.desc()).limit(limit)
        if before:
            wanted = wanted.where(JobRow.id < before)
        with self.database.within(self.workspace) as session:
            return tuple(_record(row) for row in session.scalars(wanted))


def _record(row: JobRow) -> Job:
    return Job(
        id=row.id,
        kind=row.kind,
        subject=row.subject,
        state=row.state,
        created=moment(row.created),
        finished=moment(row.finished),
        result=json.loads(row.result),
        error=row.error,
        hint=row.hint,
    )
