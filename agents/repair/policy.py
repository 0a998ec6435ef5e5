"""Which files a fix may touch: existing flows and tests, as plain files, never what runs or pins things."""

from __future__ import annotations

import re
from collections.abc import Sequence

from graph.answers import FileEdit

MODE = "100644"
_FLOW = re.compile(r"\.ya?ml$")
_FORBIDDEN = (
    ("CI configuration", re.compile(r"(^|/)\.(github|gitlab|circleci|ci|buildkite|woodpecker|travis|drone)(/|[-.])")),
    ("CI configuration", re.compile(r"(^|/)(Jenkinsfile|(azure|bitbucket)-pipelines\.ya?ml$)")),
    ("a lock file", re.compile(r"(^|/)([^/]*\.lock|package-lock\.json|pnpm-lock\.yaml|go\.sum|[^/]*-lock\.[^/]+)$")),
    ("git's own files", re.compile(r"(^|/)\.git(/|$|modules|attributes|ignore)")),
    ("deployment files", re.compile(r"(^|/)(docker-)?compose[^/]*\.ya?ml$|(^|/)(k8s|charts?|helm|deploy)/", re.I)),
)


def problem(edit: FileEdit) -> str:
    """Why a fix may not make this edit, or empty.

    Args:
        edit: one file of a fix.
    """
    path = edit.path
    if path.startswith(("/", "~")) or ".." in path.split("/") or "\\" in path or "\0" in path:
        return f"{path!r} leaves the repository"
    for name, pattern in _FORBIDDEN:
        if pattern.search(path):
            return f"{path} is {name}"
    if not _FLOW.search(path):
        return f"{path} is no flow file"
    if not edit.before:
        return f"{path} does not exist yet"
    return "" if edit.before != edit.after else f"{path} would not change"


def problems(edits: Sequence[FileEdit]) -> tuple[str, ...]:
    """Every reason against a set of edits.

    Args:
        edits: of one fix.
    """
    return tuple(p for p in map(problem, edits) if p)
