"""What a workspace keeps on a server, as frozen records."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal, TypeAlias

from graph.answers import Fix
from testmesh.kernel.errors import UserError
from testmesh.kernel.workspace import Workspace

VERSION = 1
Role = Literal["viewer", "editor", "admin"]
ROLES: tuple[Role, ...] = ("viewer", "editor", "admin")
JobState = Literal["waiting", "running", "done", "failed"]
Json: TypeAlias = Any


class Busy(UserError):
    """The same work is going on already."""


@dataclass(frozen=True, slots=True)
class Token:
    """An API token as it is kept: never the token itself.

    Args:
        id: short id.
        label: what it is for.
        role: viewer, editor or admin.
        prefix: its first characters, to recognise it by.
        created: RFC 3339.
        revoked: it is no longer accepted.
    """

    id: str
    label: str
    role: Role
    prefix: str
    created: str
    revoked: bool = False


@dataclass(frozen=True, slots=True)
class NewToken:
    """A token at the only moment its text is known.

    Args:
        token: what is kept.
        text: the secret itself.
    """

    token: Token
    text: str


@dataclass(frozen=True, slots=True)
class Access:
    """Who asks.

    Args:
        workspace: the workspace of the token.
        token: its id.
        role: its role.
    """

    workspace: Workspace
    token: str
    role: Role

    def may(self, role: Role) -> bool:
        """Whether this role includes another.

        Args:
            role: what is needed.
        """
        return ROLES.index(self.role) >= ROLES.index(role)


@dataclass(frozen=True, slots=True)
class Repository:
    """A repository a workspace watches.

    Args:
        name: as in the graph.
        source: local path or URL, without credentials.
        branch: default branch, or empty for the checked-out one.
        commit: last scanned commit, or empty.
        scanned: RFC 3339 of the last scan, or empty.
        problems: diagnostics of the last scan, JSON form.
    """

    name: str
    source: str
    branch: str = ""
    commit: str = ""
    scanned: str = ""
    problems: tuple[Json, ...] = ()


@dataclass(frozen=True, slots=True)
class Job:
    """Work that outlives a request.

    Args:
        id: sortable id.
        kind: what it does, e.g. scan.
        subject: what it does it to, e.g. a repository name.
        state: waiting, running, done or failed.
        created: RFC 3339.
        finished: RFC 3339, or empty.
        result: JSON-shaped, None until done.
        error: message when it failed.
        hint: what to do about it.
    """

    id: str
    kind: str
    subject: str
    state: JobState
    created: str
    finished: str = ""
    result: Json = None
    error: str = ""
    hint: str = ""


@dataclass(frozen=True, slots=True)
class StoredFix:
    """A fix as it is kept, with what became of it.

    Args:
        id: sortable id.
        created: RFC 3339.
        outcome: open, merged or closed.
        fix: the answer.
    """

    id: str
    created: str
    outcome: str
    fix: Fix


@dataclass(frozen=True, slots=True)
class SecretInfo:
    """A secret without its value.

    Args:
        name: how configuration refers to it.
        version: grows with every change.
        created: RFC 3339 of that version.
    """

    name: str
    version: int
    created: str


@dataclass(frozen=True, slots=True)
class ModelRoute:
    """Which models a workspace uses, in order of preference (DESIGN §9).

    Args:
        purpose: chat or embed.
        agent: agent name, or empty for all.
        models: `provider:model`, first choice first.
    """

    purpose: Literal["chat", "embed"]
    agent: str = ""
    models: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Dismissal:
    """Something a person said is not so; remembered with the reason and never shown again.

    Args:
        kind: edge, diagnosis or fix.
        subject: its id.
        reason: the person's words.
        by: token id.
        created: RFC 3339.
    """

    kind: Literal["edge", "diagnosis", "fix"]
    subject: str
    reason: str
    by: str
    created: str


@dataclass(frozen=True, slots=True)
class EventRow:
    """One event of a run in order.

    Args:
        seq: 1-based position.
        body: tagged JSON of the event (`graph.codec.to_tagged`).
    """

    seq: int
    body: Mapping[str, Json] = field(default_factory=dict)
