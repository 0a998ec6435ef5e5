"""Work that outlives a request: recorded first, then done, so that its end can be asked for later."""

from __future__ import annotations

import logging
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, replace
from typing import Any, Protocol

from graph.codec import to_json
from testmesh.kernel.clock import Clock, SystemClock, iso
from testmesh.kernel.errors import UnavailableError, UserError
from testmesh.workspaces.tenants import Busy, Directory, Job, Kept

_RECENT = 500
_LOG = logging.getLogger("testmesh.jobs")


@dataclass(frozen=True, slots=True)
class Work:
    """A job and what does it.

    Args:
        kind: e.g. scan.
        subject: what it is done to.
        do: does it and returns a record or JSON-shaped data.
    """

    kind: str
    subject: str
    do: Callable[[], Any]


class JobRunner(Protocol):
    """Runs jobs."""

    def submit(self, kept: Kept, work: Work) -> Job:
        """Record it as waiting and do it soon; the same (kind, subject) of a workspace never twice at a time."""
        ...

    def wait(self, job: Job, seconds: float) -> bool:
        """Whether it ended within that time, when it runs here."""
        ...

    def recover(self, directory: Directory) -> int:
        """Record as failed what an earlier process left unfinished; returns how many."""
        ...

    def close(self) -> None:
        """Finish what is going on, begin nothing new."""
        ...


class InProcessJobs:
    """Threads of this process; what was waiting when it is killed stays recorded as not finished.

    Args:
        workers: jobs at a time.
        clock: for the records.
    """

    def __init__(self, workers: int = 2, clock: Clock | None = None) -> None:
        self._pool = ThreadPoolExecutor(workers, thread_name_prefix="job")
        self._clock = clock or SystemClock()
        self._futures: dict[str, Future[None]] = {}

    def submit(self, kept: Kept, work: Work) -> Job:
        """Record it as waiting and do it soon.

        Args:
            kept: whose.
            work: what.
        """
        job = kept.jobs.add(work.kind, work.subject)
        future = self._pool.submit(self._run, kept, job, work)
        self._futures[job.id] = future
        future.add_done_callback(lambda _: self._futures.pop(job.id, None))
        return job

    def wait(self, job: Job, seconds: float) -> bool:
        """Whether it ended within that time, when it runs here.

        Args:
            job: as submitted.
            seconds: at most.
        """
        future = self._futures.get(job.id)
        if future is None:
            return True
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
                if job.state in ("waiting", "running") and job.id not in self._futures:
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

    def _run(self, kept: Kept, job: Job, work: Work) -> None:
        kept.jobs.update(replace(job, state="running"))
        try:
            with kept.alone(f"{work.kind} {work.subject}"):
                result = to_json(work.do())
            ended = replace(job, state="done", result=result)
        except (UserError, UnavailableError) as error:
            ended = replace(job, state="failed", error=error.message, hint=error.hint or "")
        except Exception:
            _LOG.exception("job %s failed", job.id)
            ended = replace(job, state="failed", error="this is a bug of TestMesh", hint="see the server's log")
        kept.jobs.update(replace(ended, finished=iso(self._clock.now())))
