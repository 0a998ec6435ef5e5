"""Jobs on the same PostgreSQL through procrastinate: they outlive the process, and any number of workers do them."""

from __future__ import annotations

import asyncio
import logging
import threading
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

from testmesh.kernel.clock import Clock, SystemClock
from testmesh.kernel.errors import UnavailableError
from testmesh.kernel.workspace import Workspace
from testmesh.workflow.jobs import Do, perform
from testmesh.workspaces.tenants import Directory, Job, Kept

if TYPE_CHECKING:
    from procrastinate import App

SCHEMA = "procrastinate"
TASK = "testmesh.job"
_LOG = logging.getLogger("testmesh.jobs")
_LOCK = 0x7E57_3E59
_ENDED = ("done", "failed")
_LOOK_SECONDS = 0.05


@dataclass(frozen=True, slots=True)
class Pace:
    """How a worker works.

    Args:
        workers: jobs at a time.
        heartbeat: seconds between signs of life.
        stalled: seconds without one after which a worker's jobs are done by another.
        grace: seconds to finish what is going on when it closes.
    """

    workers: int = 2
    heartbeat: float = 10.0
    stalled: float = 30.0
    grace: float = 10.0


class QueuedJobs:
    """A queue in PostgreSQL and, between :meth:`start` and :meth:`close`, a worker in a thread of this process.

    Args:
        url: of the database, as its owner.
        directory: of the server.
        pace: of the worker.
        clock: for the records.

    Raises:
        UnavailableError: the database does not answer.
    """

    def __init__(self, url: str, directory: Directory, pace: Pace | None = None, clock: Clock | None = None) -> None:
        self._url = _plain(url)
        self._directory = directory
        self._pace = pace or Pace()
        self._clock = clock or SystemClock()
        self._handlers: dict[str, Do] = {}
        self._thread: threading.Thread | None = None
        self._loop: asyncio.AbstractEventLoop | None = None
        self._stop: asyncio.Event | None = None
        _prepare(self._url)
        self._app = self._opened()

    def handle(self, kind: str, do: Do) -> None:
        """Say how jobs of a kind are done.

        Args:
            kind: e.g. scan.
            do: does one.
        """
        self._handlers[kind] = do

    def submit(self, kept: Kept, kind: str, subject: str) -> Job:
        """Record it as waiting and queue it, for this process too when it can do jobs.

        The same (kind, subject) of a workspace is done one after the other.

        Args:
            kept: whose.
            kind: a handled one.
            subject: what it is done to.
        """
        if self._handlers:
            self.start()
        job = kept.jobs.add(kind, subject)
        lock = f"{kept.workspace.id}|{kind}|{subject}"
        self._app.configure_task(TASK, lock=lock).defer(workspace=kept.workspace.id, job=job.id)
        return job

    def wait(self, kept: Kept, job: Job, seconds: float) -> bool:
        """Whether it ended within that time, whoever does it.

        Args:
            kept: whose.
            job: as submitted.
            seconds: at most.
        """
        deadline = time.monotonic() + seconds
        pause = threading.Event()
        while kept.jobs.get(job.id).state not in _ENDED:
            if time.monotonic() >= deadline:
                return False
            pause.wait(_LOOK_SECONDS)
        return True

    def recover(self, directory: Directory) -> int:
        """Nothing to do: what is queued stays queued, and a live worker takes over a dead one's jobs.

        Args:
            directory: of the server.
        """
        self.start()
        return 0

    def start(self) -> None:
        """Begin to work; a second call does nothing."""
        if self._thread is None:
            ready = threading.Event()
            self._thread = threading.Thread(target=lambda: asyncio.run(self._work(ready)), daemon=True, name="jobs")
            self._thread.start()
            ready.wait()

    def close(self) -> None:
        """Finish what is going on, begin nothing new."""
        if self._thread is not None and self._loop is not None and self._stop is not None:
            self._loop.call_soon_threadsafe(self._stop.set)
            self._thread.join()
            self._thread = None
        self._app.close()

    def _opened(self) -> App:
        from procrastinate import App, SyncPsycopgConnector

        app = App(connector=SyncPsycopgConnector(conninfo=self._url, max_size=4))
        return app.open()

    async def _work(self, ready: threading.Event) -> None:
        from procrastinate import App, PsycopgConnector

        self._loop, self._stop = asyncio.get_running_loop(), asyncio.Event()
        ready.set()
        app = App(connector=PsycopgConnector(conninfo=self._url, max_size=2 + self._pace.workers))
        app.task(name=TASK)(self._perform)
        async with app.open_async():
            work = asyncio.create_task(self._worker(app))
            adopt = asyncio.create_task(self._adopt(app))
            await self._stop.wait()
            for task in (adopt, work):
                task.cancel()
            await asyncio.gather(work, adopt, return_exceptions=True)

    async def _worker(self, app: App) -> None:
        await app.run_worker_async(
            concurrency=self._pace.workers,
            install_signal_handlers=False,
            update_heartbeat_interval=self._pace.heartbeat,
            stalled_worker_timeout=self._pace.stalled,
            shutdown_graceful_timeout=self._pace.grace,
            delete_jobs="successful",
        )

    async def _adopt(self, app: App) -> None:
        """Give the jobs of workers that show no sign of life back to the queue."""
        while True:
            for job in await app.job_manager.get_stalled_jobs(seconds_since_heartbeat=self._pace.stalled):
                _LOG.warning("job %s was left by a dead worker and is done again", job.id)
                await app.job_manager.retry_job(job)
            await asyncio.sleep(self._pace.heartbeat)

    def _perform(self, workspace: str, job: str) -> None:
        kept = self._directory.open(Workspace(workspace))
        record = kept.jobs.get(job)
        if record.state not in _ENDED:
            perform(kept, record, self._handlers[record.kind], self._clock)


def _plain(url: str) -> str:
    """The URL for libpq, with the queue's own schema first, so that its tables stay out of ours."""
    from psycopg.conninfo import make_conninfo

    return make_conninfo(url.replace("postgresql+psycopg://", "postgresql://"), options=f"-c search_path={SCHEMA}")


def _prepare(url: str) -> None:
    """Make the queue's tables once, whoever comes first."""
    import psycopg
    from procrastinate.schema import SchemaManager

    try:
        with psycopg.connect(url, connect_timeout=3) as connection:
            connection.execute("SELECT pg_advisory_xact_lock(%s)", (_LOCK,))
            connection.execute(f"CREATE SCHEMA IF NOT EXISTS {SCHEMA}".encode())
            there = connection.execute("SELECT to_regclass(%s)", (f"{SCHEMA}.procrastinate_jobs",)).fetchone()
            if there is None or there[0] is None:
                connection.execute(SchemaManager.get_schema())
    except psycopg.OperationalError as error:
        reason = str(error).strip().splitlines()[0]
        raise UnavailableError("PostgreSQL of the job queue", reason, hint="check TESTMESH_DATABASE_URL") from error
