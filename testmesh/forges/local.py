"""A bare repository as a forge: branches, pull requests, comments and statuses are refs anyone can read with git."""

from __future__ import annotations

import json
import re
from pathlib import Path

from testmesh.forges.forge import ForgeKind, Proposal, PullRequest, State
from testmesh.guard.git_write import MODE, NewCommit, Writer
from testmesh.kernel.errors import UserError
from testmesh.kernel.ids import digest

AUTHOR = "TestMesh <testmesh@localhost>"
_PULLS = "refs/testmesh/pr/"
_COMMENTS = "refs/testmesh/comment/"
_STATUSES = "refs/testmesh/status/"
_NONE = "0" * 40
_TEXT, _DATA = "PULL_REQUEST.md", "pull_request.json"
_SAFE = re.compile(r"[A-Za-z0-9][A-Za-z0-9._/-]{0,200}\Z")


class LocalForge:
    """One repository and the bare repository that stands for its forge.

    Args:
        repository: the repository fixes are made in.
        remote: path of the bare one.

    Raises:
        UserError: one of them is not a git repository.
    """

    def __init__(self, repository: Path, remote: Path) -> None:
        self._here = Writer(repository)
        self._there = Writer(remote)
        if not self._there.repository.bare:
            raise UserError(f"{remote} is not a bare repository", hint=f"git init --bare {remote}")

    def propose(self, proposal: Proposal) -> PullRequest:
        """Push the branch and keep its pull request; see :class:`Client`."""
        self._check(proposal)
        commit = self._here.commit(
            NewCommit(
                parent=proposal.head,
                files={path: text.encode() for path, text in proposal.files.items()},
                message=f"{proposal.title}\n\nFailure {proposal.fingerprint} on {proposal.head}.\n",
                author=AUTHOR,
                date=self._here.date(proposal.head),
            )
        )
        branch = f"refs/heads/{proposal.branch}"
        before = self._there.refs(branch).get(branch, "")
        if before != commit:
            self._here.push(self._there.path, commit, branch, before)
        return self._pull(proposal, commit)

    def _check(self, proposal: Proposal) -> None:
        if not _SAFE.match(proposal.branch) or ".." in proposal.branch:
            raise UserError(f"'{proposal.branch}' is no name for a branch")
        for path in proposal.files:
            mode = self._here.mode(proposal.head, path)
            if mode != MODE:
                what = f"has mode {mode}" if mode else "does not exist"
                raise UserError(f"{path} {what} in {proposal.head[:10]}; a fix only changes plain files")

    def _pull(self, proposal: Proposal, commit: str) -> PullRequest:
        refs = self._there.refs(_PULLS)
        known = {ref: self._data(at) for ref, at in refs.items()}
        ref = next((r for r, d in sorted(known.items()) if d.get("branch") == proposal.branch), "")
        number = int(ref.rpartition("/")[2]) if ref else 1 + max((int(r.rpartition("/")[2]) for r in refs), default=0)
        place = f"{_PULLS}{number}"
        data = {
            "number": number,
            "branch": proposal.branch,
            "base": proposal.base,
            "head": proposal.head,
            "commit": commit,
            "title": proposal.title,
            "draft": proposal.draft,
        }
        if ref and known[ref] == data:
            return PullRequest(number, proposal.branch, commit, "unchanged", place)
        text = f"# {proposal.title}\n\n{proposal.body}\n"
        self._keep(place, refs.get(ref, ""), {_TEXT: text, _DATA: json.dumps(data, indent=2) + "\n"}, proposal.title)
        return PullRequest(number, proposal.branch, commit, "updated" if ref else "opened", place)

    def _data(self, commit: str) -> dict[str, object]:
        raw = self._there.file(commit, _DATA)
        try:
            found = json.loads(raw) if raw else {}
        except ValueError:
            return {}
        return found if isinstance(found, dict) else {}

    def comment(self, commit: str, marker: str, body: str) -> str:
        """Keep one comment per marker; see :class:`Client`."""
        ref = f"{_COMMENTS}{commit}/{digest(marker)[:16]}"
        self._keep(ref, self._there.refs(ref).get(ref, ""), {"comment.md": body, "marker": marker}, f"comment {marker}")
        return ref

    def status(self, commit: str, context: str, state: State, text: str) -> None:
        """Set the one status of that name; see :class:`Client`."""
        ref = f"{_STATUSES}{commit}/{digest(context)[:16]}"
        data = json.dumps({"context": context, "state": state, "text": text}, indent=2) + "\n"
        self._keep(ref, self._there.refs(ref).get(ref, ""), {"status.json": data}, f"{context}: {state}")

    def _keep(self, ref: str, before: str, files: dict[str, str], message: str) -> None:
        """A ref names a commit that holds only these files; the same files give the same commit."""
        data = {name: text.encode() for name, text in files.items()}
        commit = self._there.commit(NewCommit("", data, message, AUTHOR, "2000-01-01T00:00:00+00:00"))
        if commit != before:
            self._there.point(ref, commit, before or _NONE)


def _create(repository: str, address: str) -> LocalForge:
    return LocalForge(Path(repository), Path(address))


FORGE = ForgeKind("local", "A bare git repository on this machine.", _create)
