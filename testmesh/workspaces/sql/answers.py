"""Diagnoses and fixes in PostgreSQL."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import select, update
from sqlalchemy.dialects.postgresql import insert

from graph.answers import Diagnosis, Fix
from graph.codec import from_json
from testmesh.kernel.errors import NotFoundError, UserError
from testmesh.kernel.ids import run_id as sortable_id
from testmesh.workspaces.records import Workspace
from testmesh.workspaces.sql.database import Database
from testmesh.workspaces.sql.models import DiagnosisRow, FixRow
from testmesh.workspaces.sql.moments import moment, text_of
from testmesh.workspaces.tenants import StoredFix

OUTCOMES = ("open", "merged", "closed")


@dataclass(frozen=True, slots=True)
class SqlAnswers:
    """The answers of one workspace.

    Args:
        database: where.
        workspace: whose.
    """

    database: Database
    workspace: Workspace

    def save_diagnosis(self, diagnosis: Diagnosis) -> None:
        """Keep it as the diagnosis of its run.

        Args:
            diagnosis: replaces an earlier one.
        """
        body = text_of(diagnosis)
        row = insert(DiagnosisRow).values(workspace=self.workspace.id, run=diagnosis.run, body=body)
        with self.database.within(self.workspace) as session:
            session.execute(row.on_conflict_do_update(index_elements=["workspace", "run"], set_={"body": body}))

    def diagnosis(self, run_id: str) -> Diagnosis:
        """The diagnosis of a run.

        Args:
            run_id: exactly.

        Raises:
            NotFoundError: nobody made one.
        """
        with self.database.within(self.workspace) as session:
            body = session.scalar(select(DiagnosisRow.body).where(DiagnosisRow.run == run_id))
        if body is None:
            raise NotFoundError(f"no diagnosis of run '{run_id}'", hint="ask for one: POST .../diagnosis")
        return from_json(Diagnosis, json.loads(body))

    def save_fix(self, fix: Fix) -> StoredFix:
        """Keep a fix of its run.

        Args:
            fix: the answer.
        """
        row = FixRow(workspace=self.workspace.id, id=sortable_id(), run=fix.run, body=text_of(fix), outcome="open")
        with self.database.within(self.workspace) as session:
            session.add(row)
            session.flush()
            return _record(row)

    def fix(self, fix_id: str) -> StoredFix:
        """One fix.

        Args:
            fix_id: exactly.

        Raises:
            NotFoundError: there is none.
        """
        with self.database.within(self.workspace) as session:
            row = session.scalars(select(FixRow).where(FixRow.id == fix_id)).one_or_none()
            if row is None:
                raise NotFoundError(f"no fix '{fix_id}'")
            return _record(row)

    def fixes(self, run_id: str = "", limit: int = 50, before: str = "") -> Sequence[StoredFix]:
        """Newest first, of one run or of all.

        Args:
            run_id: a run, or empty for all.
            limit: most rows.
            before: a fix id, or empty.
        """
        wanted = select(FixRow).order_by(FixRow.id.desc()).limit(limit)
        if run_id:
            wanted = wanted.where(FixRow.run == run_id)
        if before:
            wanted = wanted.where(FixRow.id < before)
        with self.database.within(self.workspace) as session:
            return tuple(_record(row) for row in session.scalars(wanted))

    def settle(self, fix_id: str, outcome: str) -> StoredFix:
        """Record what became of a fix.

        Args:
            fix_id: exactly.
            outcome: open, merged or closed.

        Raises:
            NotFoundError: there is none.
        """
        if outcome not in OUTCOMES:
            raise UserError(f"'{outcome}' is no outcome of a fix", hint=f"one of {', '.join(OUTCOMES)}")
        changed = update(FixRow).where(FixRow.id == fix_id).values(outcome=outcome).returning(FixRow)
        with self.database.within(self.workspace) as session:
            row = session.scalars(changed).one_or_none()
            if row is None:
                raise NotFoundError(f"no fix '{fix_id}'")
            return _record(row)


def _record(row: FixRow) -> StoredFix:
    return StoredFix(row.id, moment(row.created), row.outcome, from_json(Fix, json.loads(row.body)))
