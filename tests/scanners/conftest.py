"""Small git repositories made for a test."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from pathlib import Path

import pytest

from testmesh.guard.process import Command, run

Files = Mapping[str, str | bytes]


class Repo:
    """A git work tree that tests write to and commit.

    Args:
        path: its root.
    """

    def __init__(self, path: Path) -> None:
        self.path = path

    def write(self, files: Files) -> None:
        """Put files into the work tree.

        Args:
            files: content by path.
        """
        for name, content in files.items():
            target = self.path / name
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_bytes(content.encode() if isinstance(content, str) else content)

    def commit(self, files: Files | None = None, message: str = "change") -> str:
        """Write files, commit everything, return the commit.

        Args:
            files: content by path.
            message: of the commit.
        """
        self.write(files or {})
        self.git("add", "-A")
        self.git("commit", "-q", "--allow-empty", "-m", message)
        return self.git("rev-parse", "HEAD")

    def git(self, *args: str) -> str:
        """Run git, return its output.

        Args:
            args: its arguments.
        """
        env = {
            "PATH": os.environ["PATH"],
            "HOME": str(self.path.parent),
            "GIT_CONFIG_NOSYSTEM": "1",
            "GIT_AUTHOR_NAME": "t",
            "GIT_AUTHOR_EMAIL": "t@example.com",
            "GIT_COMMITTER_NAME": "t",
            "GIT_COMMITTER_EMAIL": "t@example.com",
        }
        done = run(Command(("git", *args), cwd=self.path, env=env))
        assert done.ok, done.complaint()
        return done.text().strip()


@pytest.fixture
def make_repo(tmp_path: Path) -> Callable[[], Repo]:
    """Makes a fresh repository on branch main."""
    made: list[Repo] = []

    def make() -> Repo:
        path = tmp_path / f"repo{len(made)}"
        path.mkdir()
        repo = Repo(path)
        repo.git("init", "-q", "-b", "main")
        made.append(repo)
        return repo

    return make


@pytest.fixture
def repo(make_repo: Callable[[], Repo]) -> Repo:
    """A fresh repository on branch main."""
    return make_repo()
