"""What a workspace keeps comes back as it went in."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import pytest

from graph.answers import Diagnosis, Fix
from graph.runs import Exchange, FlowRun, Run, StepRun
from testmesh.kernel.errors import NotFoundError, UserError
from testmesh.workspaces.records import Workspace
from testmesh.workspaces.sql.credentials import Sealer, new_token, parse_key, well_formed
from testmesh.workspaces.sql.database import Database
from testmesh.workspaces.sql.models import SecretRow, TokenRow
from testmesh.workspaces.sql.store import SqlDirectory, SqlKept
from testmesh.workspaces.sql.tokens import ensure_admin_token
from testmesh.workspaces.tenants import Dismissal, EventRow, ModelRoute, Repository


def a_run(run_id: str, started: str = "2026-01-01T00:00:00.000Z", body: object = "x") -> Run:
    step = StepRun("s", "steps", "http_request", "passed", exchanges=(Exchange({}, ({"body": body},), (1.0,)),))
    flow = FlowRun("f.yaml", "F", None, "passed", 1.0, (step,))
    return Run(run_id, started, started, "passed", (flow,))


def test_a_recording_with_nul_and_lone_surrogates_comes_back(ours: SqlKept) -> None:
    run = a_run("01", body="a\0b\ud800")
    ours.runs.save(run)
    assert ours.runs.load("01") == run


def test_events_are_kept_once_by_position(ours: SqlKept, theirs: SqlKept) -> None:
    rows = [EventRow(n, {"event": "RunStarted", "n": n}) for n in (1, 2, 3)]
    assert ours.events.append("r", rows[:2]) == 2
    assert ours.events.append("r", rows) == 1
    assert [row.seq for row in ours.events.after("r", 1)] == [2, 3]
    assert theirs.events.after("r", 0) == ()


def test_repositories_page_by_name(ours: SqlKept) -> None:
    for name in ("c", "a", "B"):
        ours.repositories.put(Repository(name, f"/{name}", problems=({"line": 1},)))
    assert [r.name for r in ours.repositories.list(limit=2)] == ["B", "a"]
    assert [r.name for r in ours.repositories.list(after="a")] == ["c"]
    ours.repositories.remove("a")
    with pytest.raises(NotFoundError):
        ours.repositories.get("a")
    with pytest.raises(NotFoundError):
        ours.repositories.remove("a")


def test_answers_of_a_run(ours: SqlKept, theirs: SqlKept) -> None:
    diagnosis = Diagnosis("r", "f.yaml", "s", "flaky", "x")
    ours.answers.save_diagnosis(Diagnosis("r", "f.yaml", "s", "unknown", "earlier"))
    ours.answers.save_diagnosis(diagnosis)
    assert ours.answers.diagnosis("r") == diagnosis
    first = ours.answers.save_fix(Fix("r", "verified", "rename", "t", "e", diagnosis=diagnosis))
    second = ours.answers.save_fix(Fix("r", "refused", "", "t", "e"))
    assert [fix.id for fix in ours.answers.fixes()] == [second.id, first.id]
    assert ours.answers.settle(first.id, "merged").outcome == "merged"
    assert ours.answers.fix(first.id).fix.diagnosis == diagnosis
    for missing in (lambda: theirs.answers.diagnosis("r"), lambda: theirs.answers.settle(first.id, "closed")):
        with pytest.raises(NotFoundError):
            missing()
    with pytest.raises(UserError):
        ours.answers.settle(first.id, "won")


def test_a_secret_is_sealed_to_its_place(database: Database, ours: SqlKept, theirs: SqlKept) -> None:
    ours.secrets.put("KEY", "hunter2")
    assert ours.secrets.put("KEY", "hunter3").version == 2
    theirs.secrets.put("KEY", "other")
    assert ours.secrets.reveal("KEY") == "hunter3"
    assert [(s.name, s.version) for s in ours.secrets.list()] == [("KEY", 2)]
    with database.within(ours.workspace) as session:
        stolen = session.get_one(SecretRow, ("ours", "KEY", 2))
        nonce, sealed = stolen.nonce, stolen.sealed
        assert b"hunter3" not in sealed
    with database.within(theirs.workspace) as session:
        row = session.get_one(SecretRow, ("theirs", "KEY", 1))
        row.nonce, row.sealed = nonce, sealed
    with pytest.raises(UserError, match="cannot be opened"):
        theirs.secrets.reveal("KEY")
    ours.secrets.remove("KEY")
    with pytest.raises(NotFoundError):
        ours.secrets.reveal("KEY")


def test_secret_versions_of_two_writers_do_not_collide(ours: SqlKept) -> None:
    with ThreadPoolExecutor(4) as pool:
        versions = sorted(info.version for info in pool.map(lambda n: ours.secrets.put("K", str(n)), range(8)))
    assert versions == list(range(1, 9))


def test_a_key_must_be_32_bytes_of_hex() -> None:
    for wrong in ("zz", "00ff"):
        with pytest.raises(UserError):
            Sealer(parse_key(wrong))


def test_settings_come_back_sorted(ours: SqlKept) -> None:
    ours.settings.route(ModelRoute("embed", "", ("static",)))
    ours.settings.route(ModelRoute("chat", "repair", ("a:b", "c:d")))
    ours.settings.route(ModelRoute("chat", "repair", ("c:d",)))
    assert ours.settings.routes() == [ModelRoute("chat", "repair", ("c:d",)), ModelRoute("embed", "", ("static",))]
    ours.settings.route(ModelRoute("embed"))
    assert len(ours.settings.routes()) == 1
    ours.settings.dismiss(Dismissal("edge", "e1", "not so", "t", ""))
    assert ours.settings.dismissals()[0].reason == "not so"
    ours.settings.restore("edge", "e1")
    with pytest.raises(NotFoundError):
        ours.settings.restore("edge", "e1")


def test_a_job_goes_through_its_states(ours: SqlKept) -> None:
    from dataclasses import replace

    job = ours.jobs.add("scan", "shop")
    ours.jobs.update(replace(job, state="done", finished="2026-01-01T00:00:00.000Z", result={"files": 3}))
    kept = ours.jobs.get(job.id)
    assert (kept.state, kept.result, kept.finished) == ("done", {"files": 3}, "2026-01-01T00:00:00.000Z")
    assert [j.id for j in ours.jobs.list()] == [job.id]


def test_a_token_opens_its_workspace_until_it_is_revoked(
    directory: SqlDirectory, database: Database, ours: SqlKept
) -> None:
    made = ours.tokens.add("ci", "editor")
    access = directory.admit(made.text)
    assert access is not None
    assert (access.workspace.id, access.role) == ("ours", "editor")
    assert access.may("viewer")
    assert not access.may("admin")
    with database.within(ours.workspace) as session:
        assert made.text not in str([vars(row) for row in session.query(TokenRow)])
    ours.tokens.revoke(made.token.id)
    assert directory.admit(made.text) is None
    assert ours.tokens.list()[0].revoked


@pytest.mark.parametrize("wrong", ["", "tm_", "Bearer x", "tm_" + "a" * 46, "é" * 49])
def test_a_wrong_token_is_nobody(directory: SqlDirectory, wrong: str) -> None:
    assert directory.admit(wrong) is None


def test_a_mistyped_token_fails_its_checksum() -> None:
    token = new_token()
    assert well_formed(token)
    assert not well_formed(token[:10] + ("x" if token[10] != "x" else "y") + token[11:])


def test_the_first_admin_token_is_made_once(directory: SqlDirectory) -> None:
    text = ensure_admin_token(directory, Workspace("default"))
    assert text is not None
    access = directory.admit(text)
    assert access is not None
    assert access.role == "admin"
    assert ensure_admin_token(directory, Workspace("default")) is None
