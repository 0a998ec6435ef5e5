"""The proof of a diagnosis: take the culprit back in a scratch tree, run the flow again, and it must turn green."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

from agents.diagnosis.inputs import Commit, Sources
from graph.answers import Cause, Confirmation, Diagnosis
from graph.change import Change, FileChange
from graph.runs import Run
from testmesh.kernel.errors import TestMeshError

RunTree = Callable[[dict[str, str | None], Sequence[str]], Run]
"""Brings up a scratch copy of the head with some files replaced (None deletes one) and runs flows on it."""


@dataclass(frozen=True, slots=True)
class Scene:
    """What a confirmation works on.

    Args:
        change: the change diagnosed.
        sources: texts of both sides.
        run_tree: brings the scratch tree up and runs flows.
        commits: of the range; a hunk of one of them is taken back to that commit's parent.
    """

    change: Change
    sources: Sources
    run_tree: RunTree
    commits: tuple[Commit, ...] = ()


def confirm(diagnosis: Diagnosis, scene: Scene) -> Diagnosis:
    """The diagnosis with what reverting its first cause showed.

    Args:
        diagnosis: with ranked causes.
        scene: change, texts, and how to run a tree.
    """
    return replace(diagnosis, confirmation=_confirmed(diagnosis, scene))


def _confirmed(diagnosis: Diagnosis, scene: Scene) -> Confirmation:
    top = next((c for c in diagnosis.causes if c.hunk is not None), None)
    if top is None:
        return Confirmation("not checked", "there is no changed region to take back")
    text = reverted(top, scene)
    if text is None:
        return Confirmation("not checked", f"{top.file} cannot be read on both sides")
    try:
        gone = not text and _added(top, scene)
        run = scene.run_tree({top.file: None if gone else text}, [diagnosis.flow])
    except TestMeshError as problem:
        return Confirmation("not checked", f"with {_place(top)} taken back the system did not come up: {problem}")
    flow = next((f for f in run.flows if f.file == diagnosis.flow), run.flows[0] if run.flows else None)
    if flow is None:
        return Confirmation("not checked", f"{diagnosis.flow} did not run", run.id)
    if flow.verdict == "passed":
        return Confirmation("confirmed", f"with {_place(top)} taken back {diagnosis.flow} passes", run.id)
    return Confirmation("refuted", f"with {_place(top)} taken back {diagnosis.flow} still fails", run.id)


def _place(cause: Cause) -> str:
    return f"{cause.file}:{cause.line}" if cause.line else cause.file


def _file(cause: Cause, scene: Scene) -> FileChange | None:
    return next((f for f in scene.change.files if f.path == cause.file), None)


def _added(cause: Cause, scene: Scene) -> bool:
    file = _file(cause, scene)
    return file is not None and file.status == "added"


def reverted(cause: Cause, scene: Scene) -> str | None:
    """The head's text of the file with one region as it was in the base; None when a side cannot be read.

    Args:
        cause: with file and hunk.
        scene: change and texts.
    """
    file, hunk = _file(cause, scene), cause.hunk
    if file is None or hunk is None:
        return None
    old = _before(cause, file, scene)
    new = "" if file.status == "deleted" else scene.sources.head(file.path)
    if old is None or new is None:
        return None
    before, after = old.split("\n"), new.split("\n")
    start = hunk.new_start - 1 if hunk.new_lines else hunk.new_start
    taken = before[hunk.old_start - 1 : hunk.old_start - 1 + hunk.old_lines] if hunk.old_lines else []
    return "\n".join([*after[:start], *taken, *after[start + hunk.new_lines :]])


def _before(cause: Cause, file: FileChange, scene: Scene) -> str | None:
    """The text the hunk's old side counts lines of: of the commit's parent when the commit is known."""
    commit = next((c for c in scene.commits if c.id == cause.commit and c.sources is not None), None)
    if commit is not None and commit.sources is not None:
        return commit.sources.base(file.path) or commit.sources.base(file.old_path) or ""
    return "" if file.status == "added" else scene.sources.base(file.old_path)


def suggestion(diagnosis: Diagnosis, scene: Scene) -> str:
    """Taking the first cause back as a unified diff, for people to judge; empty when it cannot be made.

    Args:
        diagnosis: with ranked causes.
        scene: change and texts.
    """
    import difflib

    top = next((c for c in diagnosis.causes if c.hunk is not None), None)
    text = reverted(top, scene) if top else None
    if top is None or text is None:
        return ""
    now = (scene.sources.head(top.file) or "").splitlines(keepends=True)
    return "".join(difflib.unified_diff(now, text.splitlines(keepends=True), f"a/{top.file}", f"b/{top.file}"))
