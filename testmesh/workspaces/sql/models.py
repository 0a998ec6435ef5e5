"""The tables as typed models: queries and migrations are checked against these."""

from __future__ import annotations

from datetime import datetime
from typing import Any, Literal

from sqlalchemy import (
    BigInteger,
    CheckConstraint,
    DateTime,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    Text,
    func,
)
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column

from graph.runs import RunVerdict
from testmesh.workspaces.tenants import JobState, Role

APP_ROLE = "testmesh_app"


class Table(DeclarativeBase):
    """Root of all models."""


def _workspace() -> Mapped[str]:
    return mapped_column(Text, ForeignKey("workspaces.id", ondelete="CASCADE"), primary_key=True)


def _created() -> Mapped[datetime]:
    return mapped_column(DateTime(timezone=True), server_default=func.now())


class WorkspaceRow(Table):
    """A workspace."""

    __tablename__ = "workspaces"
    __table_args__ = (CheckConstraint("id ~ '^[a-z0-9][a-z0-9-]{0,62}$'", name="workspaces_id_form"),)
    id: Mapped[str] = mapped_column(Text, primary_key=True)
    name: Mapped[str] = mapped_column(Text)
    created: Mapped[datetime] = _created()


class TokenRow(Table):
    """A token's SHA-256."""

    __tablename__ = "tokens"
    __table_args__ = (CheckConstraint("role IN ('viewer', 'editor', 'admin')", name="tokens_role"),)
    workspace: Mapped[str] = _workspace()
    id: Mapped[str] = mapped_column(Text, primary_key=True)
    label: Mapped[str] = mapped_column(Text)
    role: Mapped[Role] = mapped_column(Text)
    prefix: Mapped[str] = mapped_column(Text)
    digest: Mapped[str] = mapped_column(Text, unique=True)
    created: Mapped[datetime] = _created()
    revoked: Mapped[datetime | None] = mapped_column(DateTime(timezone=True))


class RepositoryRow(Table):
    """A watched repository."""

    __tablename__ = "repositories"
    workspace: Mapped[str] = _workspace()
    name: Mapped[str] = mapped_column(Text, primary_key=True)
    source: Mapped[str] = mapped_column(Text)
    branch: Mapped[str] = mapped_column(Text)
    commit: Mapped[str] = mapped_column(Text)
    scanned: Mapped[str] = mapped_column(Text)
    problems: Mapped[str] = mapped_column(Text)


class RunRow(Table):
    """A run artefact, byte for byte as text because JSONB would refuse NUL characters a service answered."""

    __tablename__ = "runs"
    __table_args__ = (Index("runs_newest", "workspace", "started", "id"),)
    workspace: Mapped[str] = _workspace()
    id: Mapped[str] = mapped_column(Text, primary_key=True)
    started: Mapped[str] = mapped_column(Text)
    verdict: Mapped[RunVerdict] = mapped_column(Text)
    passed: Mapped[int] = mapped_column(Integer)
    failed: Mapped[int] = mapped_column(Integer)
    revision: Mapped[str] = mapped_column(Text)
    environment: Mapped[str] = mapped_column(Text)
    artefact: Mapped[str] = mapped_column(Text)


class EventRecord(Table):
    """One event of a run."""

    __tablename__ = "run_events"
    workspace: Mapped[str] = _workspace()
    run: Mapped[str] = mapped_column(Text, primary_key=True)
    seq: Mapped[int] = mapped_column(BigInteger, primary_key=True)
    body: Mapped[str] = mapped_column(Text)


class DiagnosisRow(Table):
    """The diagnosis of a run."""

    __tablename__ = "diagnoses"
    workspace: Mapped[str] = _workspace()
    run: Mapped[str] = mapped_column(Text, primary_key=True)
    body: Mapped[str] = mapped_column(Text)
    created: Mapped[datetime] = _created()


class FixRow(Table):
    """A fix and its outcome."""

    __tablename__ = "fixes"
    __table_args__ = (
        CheckConstraint("outcome IN ('open', 'merged', 'closed')", name="fixes_outcome"),
        Index("fixes_run", "workspace", "run"),
    )
    workspace: Mapped[str] = _workspace()
    id: Mapped[str] = mapped_column(Text, primary_key=True)
    run: Mapped[str] = mapped_column(Text)
    body: Mapped[str] = mapped_column(Text)
    outcome: Mapped[str] = mapped_column(Text)
    created: Mapped[datetime] = _created()


class SecretRow(Table):
    """One version of a secret, sealed."""

    __tablename__ = "secrets"
    workspace: Mapped[str] = _workspace()
    name: Mapped[str] = mapped_column(Text, primary_key=True)
    version: Mapped[int] = mapped_column(Integer, primary_key=True)
    nonce: Mapped[bytes] = mapped_column(LargeBinary)
    sealed: Mapped[bytes] = mapped_column(LargeBinary)
    created: Mapped[datetime] = _created()


class ModelRouteRow(Table):
    """Models of one (purpose, agent)."""

    __tablename__ = "model_routes"
    workspace: Mapped[str] = _workspace()
    purpose: Mapped[Literal["chat", "embed"]] = mapped_column(Text, primary_key=True)
    agent: Mapped[str] = mapped_column(Text, primary_key=True)
    models: Mapped[list[Any]] = mapped_column(JSONB)


class DismissalRow(Table):
    """A dismissed item."""

    __tablename__ = "dismissals"
    workspace: Mapped[str] = _workspace()
    kind: Mapped[Literal["edge", "diagnosis", "fix"]] = mapped_column(Text, primary_key=True)
    subject: Mapped[str] = mapped_column(Text, primary_key=True)
    reason: Mapped[str] = mapped_column(Text)
    by: Mapped[str] = mapped_column(Text)
    created: Mapped[datetime] = _created()


class JobRow(Table):
    """A recorded job."""

    __tablename__ = "jobs"
    __table_args__ = (CheckConstraint("state IN ('waiting', 'running', 'done', 'failed')", name="jobs_state"),)
    workspace: Mapped[str] = _workspace()
    id: Mapped[str] = mapped_column(Text, primary_key=True)
    kind: Mapped[str] = mapped_column(Text)
    subject: Mapped[str] = mapped_column(Text)
    state: Mapped[JobState] = mapped_column(Text)
    created: Mapped[datetime] = _created()
    finished: Mapped[datetime | None] = mapped_column(DateTime(timezone=True))
    result: Mapped[str] = mapped_column(Text, server_default="null")
    error: Mapped[str] = mapped_column(Text, server_default="")
    hint: Mapped[str] = mapped_column(Text, server_default="")
