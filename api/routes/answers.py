"""The four answers: impact, coverage, diagnosis and fix."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Path, Query
from starlette.responses import Response

from api.answers import Cursor, Limit, answer, page
from api.auth import Caller, Editor, Viewer
from api.errors import Problem, Refused
from api.routes.runs import RunId
from api.schemas import NAME, AskDiagnosis, AskFix, AskImpact, Outcome
from api.services import CoverageQuestion, DiagnosisQuestion, ImpactQuestion, RepairQuestion, SearchHit
from graph.answers import Coverage, Diagnosis, Fix, Impact
from testmesh.kernel.errors import NotFoundError
from testmesh.workspaces.tenants import Repository, StoredFix

router = APIRouter(tags=["answers"])
FixId = Annotated[str, Path(pattern=r"^[0-9a-z]{1,64}$")]
RepositoryQuery = Annotated[str, Query(pattern=NAME, description="A registered repository.", examples=["shop"])]
OptionalRepository = Annotated[str, Query(pattern=NAME + "|^$", description="One repository, empty for all.")]
RevisionQuery = Annotated[str, Query(max_length=200, pattern=r"^[A-Za-z0-9_][A-Za-z0-9._/@{}^~+-]*$|^$")]
Words = Annotated[str, Query(min_length=1, max_length=500, examples=["who cancels an order"])]


@router.get("/impact", responses={200: {"model": Impact}}, response_model=None)
def impact_of(
    caller: Viewer, repository: RepositoryQuery, base: RevisionQuery = "", head: RevisionQuery = ""
) -> Response:
    """What the change between two revisions affects, and which flows must or may run."""
    known = caller.kept.repositories.get(repository)
    return answer(caller.services.engines.impact(caller.kept, ImpactQuestion(known, base, head)))


@router.post("/impact", responses={200: {"model": Impact}}, response_model=None)
def ask_impact(caller: Viewer, body: AskImpact) -> Response:
    """The same for a patch, or for nodes instead of a diff; nothing is stored."""
    known = caller.kept.repositories.get(body.repository)
    question = ImpactQuestion(known, body.base, body.head, body.patch, tuple(body.nodes))
    return answer(caller.services.engines.impact(caller.kept, question))


@router.get("/coverage", responses={200: {"model": Coverage}}, response_model=None)
def coverage(caller: Viewer, repository: OptionalRepository = "", skeletons: bool = False) -> Response:
    """What the flows cover, and the gaps with the worst first."""
    if repository:
        caller.kept.repositories.get(repository)
    return answer(caller.services.engines.coverage(caller.kept, CoverageQuestion(repository, skeletons)))


@router.post("/runs/{run_id}/diagnosis", responses={200: {"model": Diagnosis}}, response_model=None)
def diagnose(caller: Editor, run_id: RunId, body: AskDiagnosis | None = None) -> Response:
    """Why a run failed; the answer is kept with the run."""
    asked = body or AskDiagnosis()
    run = caller.kept.runs.load(run_id)
    question = DiagnosisQuestion(run, _repository(caller, asked.repository), asked.base)
    found = caller.services.engines.diagnose(caller.kept, question)
    caller.kept.answers.save_diagnosis(found)
    return answer(found)


@router.get("/runs/{run_id}/diagnosis", responses={200: {"model": Diagnosis}}, response_model=None)
def diagnosis(caller: Viewer, run_id: RunId) -> Response:
    """The kept diagnosis of a run."""
    return answer(caller.kept.answers.diagnosis(caller.kept.runs.load(run_id).id))


@router.post("/runs/{run_id}/fixes", status_code=201, responses={201: {"model": StoredFix}}, response_model=None)
def repair(caller: Editor, run_id: RunId, body: AskFix | None = None) -> Response:
    """A fix of a failed run, or a refusal with what the product should have done; kept with the run."""
    run = caller.kept.runs.load(run_id)
    repository = _repository(caller, body.repository if body else None)
    question = RepairQuestion(run, repository, known_diagnosis(caller, run.id))
    stored = caller.kept.answers.save_fix(caller.services.engines.repair(caller.kept, question))
    return answer(stored, 201, {"Location": f"/api/v1/fixes/{stored.id}"})


@router.get("/runs/{run_id}/fixes", response_model=None)
def fixes_of(caller: Viewer, run_id: RunId, limit: Limit = 50, after: Cursor = "") -> Response:
    """The fixes of a run, newest first."""
    run = caller.kept.runs.load(run_id)
    return page(caller.kept.answers.fixes(run.id, limit + 1, after), limit, "id")


@router.get("/fixes", response_model=None)
def fixes(caller: Viewer, limit: Limit = 50, after: Cursor = "") -> Response:
    """All fixes, newest first."""
    return page(caller.kept.answers.fixes("", limit + 1, after), limit, "id")


@router.get("/fixes/{fix_id}", responses={200: {"model": StoredFix}}, response_model=None)
def fix(caller: Viewer, fix_id: FixId) -> Response:
    """One fix with its outcome."""
    return answer(caller.kept.answers.fix(fix_id))


@router.put("/fixes/{fix_id}/outcome", responses={200: {"model": Fix}}, response_model=None)
def settle(caller: Editor, fix_id: FixId, body: Outcome) -> Response:
    """Record what became of it; counted outcomes are what confidence rests on."""
    return answer(caller.kept.answers.settle(fix_id, body.outcome))


@router.get("/search", responses={200: {"model": list[SearchHit]}}, response_model=None)
def search(caller: Viewer, q: Words, limit: Limit = 20) -> Response:
    """What fits a question in words, best first; never evidence."""
    hits = caller.services.engines.search(caller.kept, q, limit)
    return answer({"items": list(hits), "next": None})


def _repository(caller: Caller, name: str | None) -> Repository | None:
    """The named repository, else the only one there is."""
    if name is not None:
        return caller.kept.repositories.get(name)
    known = caller.kept.repositories.list(limit=2)
    if len(known) > 1:
        raise Refused(Problem(422, "repository", "this workspace has several repositories", "name one: `repository`"))
    return known[0] if known else None


def known_diagnosis(caller: Caller, run_id: str) -> Diagnosis | None:
    """The kept diagnosis of a run, or None.

    Args:
        caller: whose.
        run_id: exactly.
    """
    try:
        return caller.kept.answers.diagnosis(run_id)
    except NotFoundError:
        return None
