"""What a place for pull requests must do: take a fix branch once, keep one comment and one status where people look."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Literal, Protocol

from graph.answers import Fix
from testmesh.kernel.discovery import declared_one, module_names, third_party
from testmesh.kernel.errors import UserError
from testmesh.kernel.ids import digest

State = Literal["pending", "success", "failure", "error"]
BRANCH = "testmesh/fix-{}"


@dataclass(frozen=True, slots=True)
class Proposal:
    """A fix as a pull request.

    Args:
        fingerprint: of the failure; the branch is named by it.
        head: 40 hex of the commit the fix is for.
        base: branch it should go into.
        files: path to new text.
        title: one line.
        body: Markdown.
        draft: open it as a draft.
    """

    fingerprint: str
    head: str
    base: str
    files: Mapping[str, str]
    title: str
    body: str
    draft: bool = True

    @property
    def branch(self) -> str:
        """The branch it is pushed to."""
        return BRANCH.format(self.fingerprint)


@dataclass(frozen=True, slots=True)
class PullRequest:
    """A pull request as the forge knows it.

    Args:
        number: its number.
        branch: branch of the fix.
        commit: 40 hex of the fix.
        outcome: opened, updated (another head) or unchanged (the same failure on the same head).
        place: URL, or the ref that holds it.
    """

    number: int
    branch: str
    commit: str
    outcome: Literal["opened", "updated", "unchanged"]
    place: str


class Client(Protocol):
    """One repository at a forge."""

    def propose(self, proposal: Proposal) -> PullRequest:
        """Push the branch and open or update its pull request; the same failure on the same head changes nothing.

        Raises:
            UserError: the proposal touches what it may not.
            UnavailableError: the forge cannot be reached or refuses.
        """
        ...

    def comment(self, commit: str, marker: str, body: str) -> str:
        """Keep one comment per marker where that commit is discussed; returns its place.

        Args:
            commit: 40 hex.
            marker: names the sticky comment.
            body: Markdown.
        """
        ...

    def status(self, commit: str, context: str, state: State, text: str) -> None:
        """Set the one status of that name on a commit.

        Args:
            commit: 40 hex.
            context: e.g. ``testmesh/flows``.
            state: pending, success, failure or error.
            text: one line.
        """
        ...


@dataclass(frozen=True, slots=True)
class ForgeKind:
    """A kind of forge, declared as `FORGE` by one module of this package.

    Args:
        name: the word in settings.
        summary: one sentence.
        create: (local repository, address) to a client.
    """

    name: str
    summary: str
    create: Callable[[str, str], Client]


def open_forge(name: str, repository: str, address: str) -> Client:
    """A client of the forge of that name.

    Args:
        name: e.g. ``local``.
        repository: path of the local repository.
        address: where the forge is; for ``local`` the path of a bare repository.

    Raises:
        UserError: there is no forge of that name.
    """
    package = "testmesh.forges"
    kind = declared_one(package, name, "FORGE", ForgeKind) or third_party(package, name, ForgeKind)
    if kind is None:
        known = [n for n in module_names(package) if declared_one(package, n, "FORGE", ForgeKind)]
        raise UserError(f"there is no forge called '{name}'", hint=f"forges: {', '.join(known)}")
    return kind.create(repository, address)


def fingerprint(fix: Fix) -> str:
    """Names a failure by what it is, not by the run that met it: 16 hex.

    Args:
        fix: with its diagnosis.
    """
    d = fix.diagnosis
    parts = [d.flow, d.step, d.failure] if d else [fix.title]
    edits = sorted([e.kind, e.step, e.old, e.new] for e in d.contract) if d else []
    return digest([parts, edits, sorted(e.path for e in fix.edits)])[:16]
