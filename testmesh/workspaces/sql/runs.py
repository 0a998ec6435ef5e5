"""Run artefacts and event streams in PostgreSQL."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import select, tuple_
from sqlalchemy.dialects.postgresql import insert

from graph.codec import from_json
from graph.runs import Run, RunSummary
from testmesh.kernel.errors import NotFoundError, UserError
from testmesh.workspaces.records import Workspace
from testmesh.workspaces.sql.database import Database
from testmesh.workspaces.sql.models import EventRecord, RunRow
from testmesh.workspaces.sql.moments import text_of
from testmesh.workspaces.tenants import EventRow

_SUMMARY = (
    RunRow.id,
    RunRow.started,
    RunRow.verdict,
    RunRow.passed,
    RunRow.failed,
    RunRow.revision,
    RunRow.environment,
)


@dataclass(frozen=True, slots=True)
class SqlRunStore:
    """The RunStore of one workspace.

    Args:
        database: where.
        workspace: whose.
    """

    database: Database
    workspace: Workspace

    def save(self, run: Run) -> None:
        """Keep a run, atomically; saving the same id again replaces it.

        Args:
            run: the artefact.
        """
        passed = sum(flow.verdict == "passed" for flow in run.flows)
        failed = sum(flow.verdict in ("failed", "error") for flow in run.flows)
        values = {
            "started": run.started,
            "verdict": run.verdict,
            "passed": passed,
            "failed": failed,
            "revision": run.revision,
            "environment": run.environment,
            "artefact": text_of(run),
        }
        row = insert(RunRow).values(workspace=self.workspace.id, id=run.id, **values)
        with self.database.within(self.workspace) as session:
            session.execute(row.on_conflict_do_update(index_elements=["workspace", "id"], set_=values))

    def load(self, run_id: str) -> Run:
        """The run of that id, a unique prefix, or ``latest``.

        Args:
            run_id: which.

        Raises:
            NotFoundError: there is none.
            UserError: a prefix of several.
        """
        with self.database.within(self.workspace) as session:
            newest = select(RunRow.artefact).order_by(RunRow.started.desc(), RunRow.id.desc()).limit(1)
            if run_id == "latest":
                found = session.scalars(newest).all()
            else:
                found = session.scalars(select(RunRow.artefact).where(RunRow.id == run_id)).all()
                if not found and run_id:
                    prefixed = RunRow.id.startswith(run_id, autoescape=True)
                    found = session.scalars(select(RunRow.artefact).where(prefixed).limit(2)).all()
        if len(found) > 1:
            raise UserError(f"'{run_id}' begins the id of several runs", hint="type more of it")
        if not found:
            raise NotFoundError(f"no run '{run_id}'", hint="list them with: testmesh runs")
        return from_json(Run, json.loads(found[0]))

    def list(self, limit: int = 50, before: str = "") -> Sequence[RunSummary]:
        """Newest first, those older than the run `before`.

        Args:
            limit: most rows.
            before: a run id, or empty.
        """
        wanted = select(*_SUMMARY).order_by(RunRow.started.desc(), RunRow.id.desc()).limit(limit)
        with self.database.within(self.workspace) as session:
            if before:
                edge = select(RunRow.started, RunRow.id).where(RunRow.id == before)
                at = session.execute(edge).one_or_none()
                if at is None:
                    return ()
                wanted = wanted.where(tuple_(RunRow.started, RunRow.id) < tuple_(at[0], at[1]))
            return tuple(RunSummary(*row) for row in session.execute(wanted))


@dataclass(frozen=True, slots=True)
class SqlEvents:
    """Event streams of one workspace.

    Args:
        database: where.
        workspace: whose.
    """

    database: Database
    workspace: Workspace

    def append(self, run_id: str, rows: Sequence[EventRow]) -> int:
        """Keep events exactly once by (run, seq); returns how many were new.

        Args:
            run_id: whose.
            rows: any order.
        """
        if not rows:
            return 0
        values = [
            {"workspace": self.workspace.id, "run": run_id, "seq": row.seq, "body": text_of(row.body)} for row in rows
        ]
        once = insert(EventRecord).values(values).on_conflict_do_nothing().returning(EventRecord.seq)
        with self.database.within(self.workspace) as session:
            return len(session.scalars(once).all())

    def after(self, run_id: str, seq: int, limit: int = 500) -> Sequence[EventRow]:
        """Events behind `seq`, in order.

        Args:
            run_id: whose.
            seq: 0 for all.
            limit: most rows.
        """
        wanted = (
            select(EventRecord.seq, EventRecord.body)
            .where(EventRecord.run == run_id, EventRecord.seq > seq)
            .order_by(EventRecord.seq)
            .limit(limit)
        )
        with self.database.within(self.workspace) as session:
            return tuple(EventRow(number, json.loads(body)) for number, body in session.execute(wanted))
