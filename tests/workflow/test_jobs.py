"""Jobs are recorded, never done twice at a time, and what a dead process left is said to have failed."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from dataclasses import replace

import pytest

from testmesh.kernel.errors import UserError
from testmesh.kernel.workspace import Workspace
from testmesh.workflow.jobs import InProcessJobs, JobRunner
from testmesh.workspaces.sql.credentials import Sealer
from testmesh.workspaces.sql.database import Database
from testmesh.workspaces.sql.store import SqlDirectory, SqlKept
from testmesh.workspaces.tenants import Job


@pytest.fixture
def directory(postgres_url: str) -> Iterator[SqlDirectory]:
    database = Database(postgres_url)
    yield SqlDirectory(database, Sealer(bytes(32)))
    database.close()


@pytest.fixture
def kept(directory: SqlDirectory) -> SqlKept:
    return directory.open(directory.create(Workspace("w")))


@pytest.fixture
def jobs() -> Iterator[InProcessJobs]:
    runner = InProcessJobs()
    yield runner
    runner.close()


def ended(jobs: JobRunner, kept: SqlKept, job: Job) -> bool:
    return jobs.wait(kept, job, 30)


def refuse(kept: SqlKept, subject: str) -> None:
    raise UserError("no such thing", hint="make one")


def break_down(kept: SqlKept, subject: str) -> None:
    raise ZeroDivisionError("secret detail")


def test_a_job_ends_with_its_result_or_its_reason(kept: SqlKept, jobs: InProcessJobs) -> None:
    jobs.handle("count", lambda _, subject: {"n": len(subject)})
    jobs.handle("refuse", refuse)
    jobs.handle("break", break_down)
    done, refused, broken = (jobs.submit(kept, kind, "a") for kind in ("count", "refuse", "break"))
    assert all(ended(jobs, kept, job) for job in (done, refused, broken))
    assert kept.jobs.get(done.id).result == {"n": 1}
    assert (kept.jobs.get(refused.id).error, kept.jobs.get(refused.id).hint) == ("no such thing", "make one")
    assert "secret" not in kept.jobs.get(broken.id).error


def test_the_same_work_twice_at_a_time_is_refused(kept: SqlKept, jobs: InProcessJobs) -> None:
    began, go = threading.Event(), threading.Event()

    def slowly(kept: SqlKept, subject: str) -> str:
        began.set()
        go.wait(30)
        return "done"

    jobs.handle("scan", slowly)
    first = jobs.submit(kept, "scan", "a")
    assert began.wait(30)
    second = jobs.submit(kept, "scan", "a")
    assert ended(jobs, kept, second)
    assert not jobs.wait(kept, first, 0.01)
    go.set()
    assert ended(jobs, kept, first)
    assert (kept.jobs.get(first.id).state, kept.jobs.get(second.id).state) == ("done", "failed")


def test_what_a_dead_process_left_is_recorded_as_failed(directory: SqlDirectory, kept: SqlKept) -> None:
    dead = kept.jobs.add("scan", "a")
    kept.jobs.update(replace(dead, state="running"))
    elsewhere = kept.jobs.add("scan", "b")
    kept.jobs.update(replace(elsewhere, state="running"))
    runner = InProcessJobs()
    with kept.alone("scan b"):
        assert runner.recover(directory) == 1
    runner.close()
    assert kept.jobs.get(dead.id).error == "the server stopped before it ended"
    assert kept.jobs.get(elsewhere.id).state == "running"
