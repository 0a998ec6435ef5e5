"""Everything a repair may use: the recording, a judge, the live system put back before each run, and the forge."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from graph.answers import Diagnosis, Fix
from graph.runs import Run
from testmesh.compose.diagnosing import Asked, Range, file_runs, inputs_of
from testmesh.compose.graphs import Checkout
from testmesh.compose.systems import System, run_flows_in
from testmesh.compose.trees import copy_work_tree
from testmesh.guard.git import Repository
from testmesh.kernel.diagnostics import Diagnostic
from testmesh.kernel.errors import UserError

if TYPE_CHECKING:
    from agents.diagnosis import DiagnosisInputs
    from agents.repair import Live
    from testmesh.forges.forge import PullRequest


@dataclass(frozen=True, slots=True)
class RepairAsked:
    """How a repair was asked for.

    Args:
        asked: run, flow, base and environment.
        live: bring the system up for the live gates.
        times: how often it must fail before and pass after.
    """

    asked: Asked
    live: bool = True
    times: int = 3


class LiveCopy:
    """A scratch copy of the work tree, up, in which flows run with other texts; data are put back before each run.

    Args:
        system: entered, with the copy as its tree.
        folder: the copy.
        revision: for the record.
    """

    def __init__(self, system: System, folder: Path, revision: str) -> None:
        self._system, self._folder, self._revision = system, folder, revision

    def run(self, texts: Mapping[str, str], flows: Sequence[str]) -> Run:
        """Run these flow files, some with another text; see :class:`agents.repair.Live`."""
        from flows.runner.options import RunOptions

        kept = {path: (self._folder / path).read_bytes() for path in texts}
        try:
            for path, text in texts.items():
                (self._folder / path).write_text(text, encoding="utf-8")
            assert self._system.environment is not None
            self._system.environment.reset()
            options = RunOptions(tuple(flows), self._folder, revision=self._revision)
            return run_flows_in(self._system, options, save=False).run
        finally:
            for path, data in kept.items():
                (self._folder / path).write_bytes(data)


@contextmanager
def live_copy(checkout: Checkout, environment: str, revision: str) -> Iterator[Live]:
    """The work tree's system, brought up from a scratch copy so that nothing of the user's is touched.

    Args:
        checkout: whose.
        environment: which to bring up.
        revision: for the record.
    """
    root = checkout.project.root
    with tempfile.TemporaryDirectory(prefix="testmesh-live-") as scratch:
        folder = Path(scratch)
        folder.chmod(0o755)
        copy_work_tree(Repository(root), root, folder, {})
        with System(checkout.project, environment, folder, traces=False) as system:
            yield LiveCopy(system, folder, revision)


def validate(text: str, file: str) -> Sequence[Diagnostic]:
    """Findings of a flow's text.

    Args:
        text: YAML.
        file: shown in findings.
    """
    from flows.actions import catalogue
    from flows.language.check import DiskFiles, load_flow

    return load_flow(text, file, catalogue(), DiskFiles(Path(file).parent)).findings


def judge(run: Run, texts: Mapping[str, str]) -> Run:
    """A recorded run judged with other texts.

    Args:
        run: a recording.
        texts: file to text.
    """
    from flows.engine.recording import judge as judged

    return judged(run, texts)


def repaired(checkout: Checkout, wanted: RepairAsked) -> Fix:
    """The fix of a failing flow, with its gates and counts, or a refusal.

    Args:
        checkout: whose repository.
        wanted: which run and how.
    """
    inputs, found = inputs_of(checkout, wanted.asked)
    from agents.diagnosis import diagnose

    diagnosis = diagnose(inputs)
    environment = wanted.asked.environment or inputs.run.environment
    if not wanted.live or not environment:
        return _repair(checkout, wanted, (inputs, found, diagnosis), None)
    with live_copy(checkout, environment, inputs.run.revision) as live:
        return _repair(checkout, wanted, (inputs, found, diagnosis), live)


def _flow_text(file: Path) -> str:
    """A flow's text with its own line ends, so that an edit keeps them."""
    try:
        return file.read_bytes().decode("utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise UserError(f"{file} cannot be read: {error}", hint="run the flow again, then fix") from error


def _repair(
    checkout: Checkout,
    wanted: RepairAsked,
    known: tuple[DiagnosisInputs, Range | None, Diagnosis],
    live: Live | None,
) -> Fix:
    from agents.diagnosis import Scene, diagnose, suggestion
    from agents.repair import AGENT, RepairInputs, Seams
    from testmesh.compose.models import answered

    inputs, found, diagnosis = known
    path = flow_path(checkout.project.root, diagnosis.flow)
    text = _flow_text(checkout.project.root / path)
    seams = Seams(validate, judge, live, lambda run: diagnose(replace(inputs, run=run)))
    shown = ""
    if found is not None and inputs.change is not None and inputs.sources is not None:
        shown = suggestion(diagnosis, Scene(inputs.change, inputs.sources, _no_tree, inputs.commits))
    request = RepairInputs(
        diagnosis=diagnosis,
        run=inputs.run,
        path=path,
        text=text,
        seams=seams,
        green=inputs.green,
        impacted=impacted_flows(inputs, path),
        system=checkout.project.name,
        times=wanted.times,
        suggestion=shown,
    )
    return answered(checkout, AGENT, request)


def _no_tree(files: dict[str, str | None], flows: Sequence[str]) -> Run:
    raise UserError("a suggestion brings nothing up")


def flow_path(root: Path, file: str) -> str:
    """The flow's path in its repository.

    Args:
        root: the repository's top folder.
        file: as in the run.

    Raises:
        UserError: it is not there any more.
    """
    path = (root / file).resolve()
    if not path.is_relative_to(root) or not path.is_file():
        raise UserError(f"the flow {file} is not in {root} any more", hint="run the flows again, then repair")
    return path.relative_to(root).as_posix()


def impacted_flows(inputs: DiagnosisInputs, path: str) -> tuple[str, ...]:
    """Flows that the change affects, the failing one included.

    Args:
        inputs: of the diagnosis.
        path: the failing flow.
    """
    views = inputs.views
    if inputs.change is None or views.base is None or views.head is None:
        return (path,)
    from agents.impact import ImpactInputs, answer

    impact = answer(ImpactInputs(views.base, views.head, inputs.change))
    return tuple(dict.fromkeys([path, *(f.file for f in impact.flows)]))


def proposed(checkout: Checkout, fix: Fix, remote: str, base: str = "") -> PullRequest:
    """Push the fix as a branch with its text, once: the same failure on the same head is the same pull request.

    Args:
        checkout: whose repository.
        fix: verified or a suggestion, with edits.
        remote: path of a bare repository.
        base: branch it should go into; the checked-out one when empty.

    Raises:
        UserError: there is nothing to push.
    """
    from testmesh.forges.comment import pull_text
    from testmesh.forges.forge import Proposal, fingerprint, open_forge

    if not fix.edits:
        raise UserError(
            f"there is no edit to push: {fix.title}", hint="only a fix of a stale flow becomes a pull request"
        )
    root = checkout.project.root
    repository = Repository(root)
    head = repository.commit("HEAD")
    files = {edit.path: edit.after for edit in fix.edits}
    proposal = Proposal(fingerprint(fix), head, base or repository.branch(), files, fix.title, pull_text(fix))
    return open_forge("local", str(root), remote).propose(proposal)


def keep(checkout: Checkout, fix: Fix) -> None:
    """Remember a fix beside its run.

    Args:
        checkout: whose.
        fix: the answer.
    """
    from graph.codec import dumps

    folder = checkout.project.state / "fixes"
    folder.mkdir(parents=True, exist_ok=True)
    temporary = folder / f"{fix.run}.new"
    temporary.write_text(dumps(fix), encoding="utf-8")
    temporary.replace(folder / f"{fix.run}.json")


__all__ = ["RepairAsked", "file_runs", "judge", "keep", "live_copy", "proposed", "repaired", "validate"]
