"""The queue in PostgreSQL: jobs outlive the process that took them, and a dead worker's jobs are done by another."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator

import psycopg
import pytest

from testmesh.kernel.errors import UnavailableError, UserError
from testmesh.kernel.workspace import Workspace
from testmesh.workflow.queued import Pace, QueuedJobs
from testmesh.workspaces.sql.credentials import Sealer
from testmesh.workspaces.sql.database import Database
from testmesh.workspaces.sql.store import SqlDirectory, SqlKept

DYING = """
import sys, time
from testmesh.workflow.queued import Pace, QueuedJobs
from testmesh.workspaces.sql.credentials import Sealer
from testmesh.workspaces.sql.database import Database
from testmesh.workspaces.sql.store import SqlDirectory

def hang(kept, subject):
    print("began", flush=True)
    sys.stdin.read()

jobs = QueuedJobs(sys.argv[1], SqlDirectory(Database(sys.argv[1]), Sealer(bytes(32))), Pace(heartbeat=0.2, stalled=1.0))
jobs.handle("scan", hang)
jobs.start()
sys.stdin.read()
"""


@pytest.fixture
def directory(postgres_url: str) -> Iterator[SqlDirectory]:
    database = Database(postgres_url)
    yield SqlDirectory(database, Sealer(bytes(32)))
    database.close()


@pytest.fixture
def kept(directory: SqlDirectory) -> SqlKept:
    return directory.open(directory.create(Workspace("w")))


@pytest.fixture
def jobs(postgres_url: str, directory: SqlDirectory) -> Iterator[QueuedJobs]:
    runner = QueuedJobs(postgres_url, directory, Pace(heartbeat=0.2, stalled=1.0))
    yield runner
    runner.close()


def refuse(kept: SqlKept, subject: str) -> None:
    raise UserError("no such thing", hint="make one")


def test_a_queued_job_ends_with_its_result_or_its_reason(kept: SqlKept, jobs: QueuedJobs) -> None:
    jobs.handle("count", lambda _, subject: {"n": len(subject)})
    jobs.handle("refuse", refuse)
    jobs.start()
    done, refused = jobs.submit(kept, "count", "abc"), jobs.submit(kept, "refuse", "x")
    assert jobs.wait(kept, done, 60)
    assert jobs.wait(kept, refused, 60)
    assert kept.jobs.get(done.id).result == {"n": 3}
    assert (kept.jobs.get(refused.id).state, kept.jobs.get(refused.id).hint) == ("failed", "make one")


def test_the_same_work_is_done_one_after_the_other(kept: SqlKept, jobs: QueuedJobs) -> None:
    going, most = 0, 0
    lock = threading.Lock()
    met = threading.Event()

    def work(kept: SqlKept, subject: str) -> str:
        nonlocal going, most
        with lock:
            going += 1
            most = max(most, going)
        met.wait(0.3)
        with lock:
            going -= 1
        return subject

    jobs.handle("scan", work)
    jobs.start()
    submitted = [jobs.submit(kept, "scan", "a") for _ in range(3)]
    assert all(jobs.wait(kept, job, 60) for job in submitted)
    assert {kept.jobs.get(job.id).state for job in submitted} == {"done"}
    assert most == 1


def test_a_job_without_a_worker_waits_for_one(postgres_url: str, directory: SqlDirectory, kept: SqlKept) -> None:
    first = QueuedJobs(postgres_url, directory)
    job = first.submit(kept, "scan", "a")
    first.close()
    assert kept.jobs.get(job.id).state == "waiting"
    second = QueuedJobs(postgres_url, directory)
    second.handle("scan", lambda _, subject: subject)
    second.start()
    assert second.wait(kept, job, 60)
    second.close()


def test_the_job_of_a_killed_worker_is_done_by_another(postgres_url: str, kept: SqlKept, jobs: QueuedJobs) -> None:
    pipe = subprocess.PIPE
    with subprocess.Popen([sys.executable, "-c", DYING, postgres_url], stdin=pipe, stdout=pipe, text=True) as dying:
        job = jobs.submit(kept, "scan", "a")
        assert dying.stdout is not None
        assert dying.stdout.readline() == "began\n"
        assert kept.jobs.get(job.id).state == "running"
        os.kill(dying.pid, signal.SIGKILL)
    jobs.handle("scan", lambda _, subject: f"did {subject}")
    jobs.start()
    assert jobs.wait(kept, job, 120)
    assert kept.jobs.get(job.id).result == "did a"


def test_the_queue_stays_out_of_the_workspaces_tables(postgres_url: str, jobs: QueuedJobs) -> None:
    with psycopg.connect(postgres_url) as connection:
        query = "SELECT DISTINCT schemaname FROM pg_tables WHERE tablename LIKE 'procrastinate%'"
        assert connection.execute(query).fetchall() == [("procrastinate",)]


def test_an_unreachable_queue_is_said(directory: SqlDirectory) -> None:
    with pytest.raises(UnavailableError):
        QueuedJobs("postgresql://me:hunter2@127.0.0.1:9/db", directory)
