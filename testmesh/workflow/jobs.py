"""Work that outlives a request: recorded first, then done, so that its end can be asked for later."""

from __future__ import annotations

import logging
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import replace
from typing import Any, Protocol, TypeAlias

from graph.codec import to_json
from testmesh.kernel.clock import Clock, SystemClock, iso
from testmesh.kernel.errors import UnavailableError, UserError
from testmesh.workspaces.tenants import Busy, Directory, Job, Kept

_RECENT = 500
_ENDED = ("done", "failed")
_LOG = logging.getLogger("testmesh.jobs")


Do: TypeAlias = Callable[[Kept, str], Any]
"""Does a job of one kind to a subject of a workspace; gives a record or JSON-shaped data."""


class JobRunner(Protocol):
    """Runs jobs."""

    def handle(self, kind: str, do: Do) -> None:
        """Say how jobs of a kind are done; before any is submitted."""
        ...

    def submit(self, kept: Kept, kind: str, subject: str) -> Job:
        """Record it as waiting and do it soon; the same (kind, subject) of a workspace never twice at a time."""
        ...

    def wait(self, kept: Kept, job: Job, seconds: float) -> bool:
        """Whether it ended within that time."""
        ...

    def recover(self, directory: Directory) -> int:
        """Take care of what an earlier process left unfinished; returns how many jobs that were."""
        ...

    def close(self) -> None:
        """Finish what is going on, begin nothing new."""
        ...


def perform(kept: Kept, job: Job, do: Do, clock: Clock) -> None:
    """Do a job and record how it ended; nothing a job raises goes further, and a bug's text stays in the log.

    Args:
        kept: whose.
        job: as recorded.
        do: does it.
        clock: for the record.
    """
    kept.jobs.update(replace(job, state="running"))
    try:
        with kept.alone(f"{job.kind} {job.subject}"):
            ended = replace(job, state="done", result=to_json(do(kept, job.subject)))
    except (UserError, UnavailableError) as error:
        ended = replace(job, state="failed", error=error.message, hint=error.hint or "")
    except Exception:
        _LOG.exception("job %s failed", job.id)
        ended = replace(job, state="failed", error="this is a bug of TestMesh", hint="see the server's log")
    kept.jobs.update(replace(ended, finished=iso(clock.now())))


class InProcessJobs:
    """Threads of this process; what it leaves unfinished when it is killed is recorded as failed by the next one.

    Args:
        workers: jobs at a time.
        clock: for the records.
    """

    def __init__(self, workers: int = 2, clock: Clock | None = None) -> None:
        self._pool = ThreadPoolExecutor(workers, thread_name_prefix="job")
        self._clock = clock or SystemClock()
        self._handlers: dict[str, Do] = {}
        self._futures: dict[str, Future[None]] = {}

    def handle(self, kind: str, do: Do) -> None:
        """Say how jobs of a kind are done.

        Args:
            kind: e.g. scan.
            do: does one.
        """
        self._handlers[kind] = do

    def submit(self, kept: Kept, kind: str, subject: str) -> Job:
        """Record it as waiting and do it soon.

        Args:
            kept: whose.
            kind: a handled one.
            subject: what it is done to.
        """
        job = kept.jobs.add(kind, subject)
        future = self._pool.submit(perform, kept, job, self._handlers[kind], self._clock)
        self._futures[job.id] = future
        future.add_done_callback(lambda _: self._futures.pop(job.id, None))
        return job

    def wait(self, kept: Kept, job: Job, seconds: float) -> bool:
        """Whether it ended within that time.

        Args:
            kept: whose.
            job: as submitted.
            seconds: at most.
        """
        future = self._futures.get(job.id)
        if future is None:
            return kept.jobs.get(job.id).state in _ENDED
        try:
            future.result(timeout=seconds)
        except TimeoutError:
            return False
        return True

    def recover(self, directory: Directory) -> int:
        """Record as failed what an earlier process left unfinished; returns how many.

        A job that still runs elsewhere holds its lock; one that only waits elsewhere corrects its record when it runs.

        Args:
            directory: of the server.
        """
        found = 0
        for workspace in directory.list():
            kept = directory.open(workspace)
            for job in kept.jobs.list(_RECENT):
                if job.state not in _ENDED and job.id not in self._futures:
                    found += self._abandon(kept, job)
        return found

    def _abandon(self, kept: Kept, job: Job) -> bool:
        try:
            with kept.alone(f"{job.kind} {job.subject}"):
                said = replace(job, state="failed", error="the server stopped before it ended", hint="ask for it again")
                kept.jobs.update(replace(said, finished=iso(self._clock.now())))
        except Busy:
            return False
        return True

    def close(self) -> None:
        """Finish what is going on, begin nothing new."""
        self._pool.shutdown(wait=True, cancel_futures=True)
