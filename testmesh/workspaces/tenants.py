"""The protocols of the stores that keep a workspace on a server, so that routes know no database."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import AbstractContextManager
from typing import Protocol

from graph.answers import Diagnosis, Fix
from graph.runs import RunStore
from testmesh.kernel.workspace import Workspace
from testmesh.workspaces.kept_records import (
    Access,
    Busy,
    Dismissal,
    EventRow,
    Job,
    JobState,
    ModelRoute,
    NewToken,
    Repository,
    Role,
    SecretInfo,
    StoredFix,
    Token,
)

__all__ = [
    "Access",
    "Answers",
    "Busy",
    "Directory",
    "Dismissal",
    "EventRow",
    "Events",
    "Job",
    "JobState",
    "Jobs",
    "Kept",
    "ModelRoute",
    "NewToken",
    "Repositories",
    "Repository",
    "Role",
    "SecretInfo",
    "Secrets",
    "Settings",
    "StoredFix",
    "Token",
    "Tokens",
]


class Events(Protocol):
    """The event stream of runs that are still going on."""

    def append(self, run_id: str, rows: Sequence[EventRow]) -> int:
        """Keep events exactly once by (run, seq); returns how many were new."""
        ...

    def after(self, run_id: str, seq: int, limit: int = 500) -> Sequence[EventRow]:
        """Events behind `seq`, in order."""
        ...


class Repositories(Protocol):
    """The repositories of a workspace, by name."""

    def put(self, repository: Repository) -> None:
        """Register it or replace what is known of it."""
        ...

    def get(self, name: str) -> Repository:
        """The repository of that name.

        Raises:
            NotFoundError: there is none.
        """
        ...

    def list(self, limit: int = 100, after: str = "") -> Sequence[Repository]:
        """By name, those behind `after`."""
        ...

    def remove(self, name: str) -> None:
        """Forget it.

        Raises:
            NotFoundError: there is none.
        """
        ...


class Answers(Protocol):
    """Diagnoses and fixes, kept with the run they explain."""

    def save_diagnosis(self, diagnosis: Diagnosis) -> None:
        """Keep it as the diagnosis of its run."""
        ...

    def diagnosis(self, run_id: str) -> Diagnosis:
        """The diagnosis of a run.

        Raises:
            NotFoundError: nobody made one.
        """
        ...

    def save_fix(self, fix: Fix) -> StoredFix:
        """Keep a fix of its run."""
        ...

    def fix(self, fix_id: str) -> StoredFix:
        """One fix.

        Raises:
            NotFoundError: there is none.
        """
        ...

    def fixes(self, run_id: str = "", limit: int = 50, before: str = "") -> Sequence[StoredFix]:
        """Newest first, of one run or of all."""
        ...

    def settle(self, fix_id: str, outcome: str) -> StoredFix:
        """Record what became of a fix: merged or closed.

        Raises:
            NotFoundError: there is none.
        """
        ...


class Secrets(Protocol):
    """Values that are needed and never shown."""

    def put(self, name: str, value: str) -> SecretInfo:
        """Keep a new version of it."""
        ...

    def reveal(self, name: str) -> str:
        """Its newest value, for the code that uses it.

        Raises:
            NotFoundError: there is none.
        """
        ...

    def list(self) -> Sequence[SecretInfo]:
        """Names and versions, by name."""
        ...

    def remove(self, name: str) -> None:
        """Forget all its versions.

        Raises:
            NotFoundError: there is none.
        """
        ...


class Settings(Protocol):
    """What people decided: model routes and dismissals."""

    def routes(self) -> Sequence[ModelRoute]:
        """By (purpose, agent)."""
        ...

    def route(self, route: ModelRoute) -> None:
        """Set the models of one (purpose, agent); no models removes it."""
        ...

    def dismissals(self) -> Sequence[Dismissal]:
        """By (kind, subject)."""
        ...

    def dismiss(self, dismissal: Dismissal) -> None:
        """Remember it, replacing an earlier reason."""
        ...

    def restore(self, kind: str, subject: str) -> None:
        """Show it again.

        Raises:
            NotFoundError: it was not dismissed.
        """
        ...


class Jobs(Protocol):
    """Jobs as they are recorded; who runs them is `testmesh.workflow`'s business."""

    def add(self, kind: str, subject: str) -> Job:
        """A new waiting job."""
        ...

    def update(self, job: Job) -> None:
        """Record its state.

        Raises:
            NotFoundError: there is none.
        """
        ...

    def get(self, job_id: str) -> Job:
        """One job.

        Raises:
            NotFoundError: there is none.
        """
        ...

    def list(self, limit: int = 50, before: str = "") -> Sequence[Job]:
        """Newest first."""
        ...


class Tokens(Protocol):
    """The tokens of a workspace."""

    def add(self, label: str, role: Role) -> NewToken:
        """Make one; its text is returned once and not kept."""
        ...

    def list(self) -> Sequence[Token]:
        """By creation."""
        ...

    def revoke(self, token_id: str) -> Token:
        """Accept it no longer.

        Raises:
            NotFoundError: there is none.
        """
        ...


class Kept(Protocol):
    """Everything one workspace keeps."""

    @property
    def workspace(self) -> Workspace:
        """Whose it is."""
        ...

    @property
    def runs(self) -> RunStore: ...
    @property
    def events(self) -> Events: ...
    @property
    def repositories(self) -> Repositories: ...
    @property
    def answers(self) -> Answers: ...
    @property
    def secrets(self) -> Secrets: ...
    @property
    def settings(self) -> Settings: ...
    @property
    def jobs(self) -> Jobs: ...
    @property
    def tokens(self) -> Tokens: ...

    def alone(self, what: str) -> AbstractContextManager[None]:
        """Nobody else does the same thing to this workspace meanwhile, on any replica."""
        ...


class Directory(Protocol):
    """Who may come in, and to which workspace."""

    def admit(self, token: str) -> Access | None:
        """Whom a token belongs to; None for a wrong, unknown or revoked one."""
        ...

    def create(self, workspace: Workspace) -> Workspace:
        """A new workspace.

        Raises:
            UserError: the id is taken or not well formed.
        """
        ...

    def list(self) -> Sequence[Workspace]:
        """All workspaces, by id; for the operator of the server, never for a token."""
        ...

    def open(self, workspace: Workspace) -> Kept:
        """What a workspace keeps."""
        ...

    def ready(self) -> None:
        """Returns when the database answers.

        Raises:
            UnavailableError: it does not.
        """
        ...
