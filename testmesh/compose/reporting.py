"""What reports want beside a run: its spans, and the last runs in which its flows passed."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from flows.reports.beside import Beside, Earlier, Key, Past, add_past, last_green
from graph.runs import Run, RunStore, RunSummary
from testmesh.kernel.errors import NotFoundError, UserError

if TYPE_CHECKING:
    from flows.runner.store import FileRunStore
    from graph.spans import Span

HISTORY = 30
PAST = 10
PAGE = 50


def beside_of(root: Path, run: Run, spans: Sequence[Span] | None = None, *, green: bool = False) -> Beside:
    """Spans kept with a run and the last green executions before it.

    Args:
        root: repository's top folder.
        run: the reported run.
        spans: when they are at hand.
        green: look for earlier runs, which takes time when recordings are large.
    """
    from flows.runner.store import FileRunStore

    if spans is None:
        from testmesh.telemetry.kept import spans_of

        spans = spans_of(root, run.id)
    earlier, past = before(FileRunStore(root / ".testmesh" / "runs"), run) if green else ({}, {})
    return Beside(spans, earlier, str(root.resolve()), past)


def before(runs: FileRunStore, run: Run) -> tuple[dict[Key, Earlier], dict[Key, list[Past]]]:
    """The last execution before a run in which each of its flows passed, and how the last ones ended.

    Args:
        runs: where to look, newest first; no recording is read that nobody needs.
        run: the reported run.
    """
    green: dict[Key, Earlier] = {}
    past: dict[Key, list[Past]] = {}
    at, complete = run.id, False
    for number in range(HISTORY):
        summary = next(iter(runs.list(1, before=at)), None)
        if summary is None or (complete and number >= PAST):
            break
        at, earlier = summary.id, runs.opened(summary.id)
        complete = complete or last_green(run, earlier, green)
        if number < PAST:
            add_past(run, earlier, past)
    return green, past


def green_run_before(runs: RunStore, run: Run) -> Run:
    """The last run before another in which everything passed that has a flow in common with it.

    Args:
        runs: where to look.
        run: the later run.

    Raises:
        NotFoundError: there is none among the last ones.
    """
    files = {flow.file for flow in run.flows}
    for summary in runs.list(HISTORY, before=run.id):
        if summary.verdict == "passed":
            earlier = runs.load(summary.id)
            if files & {flow.file for flow in earlier.flows}:
                return earlier
    raise NotFoundError(f"none of the last {HISTORY} runs before {run.id} passed with these flows",
                        hint="name the run to compare with: testmesh runs lists them")  # fmt: skip


class Wanted(NamedTuple):
    """Which runs are listed.

    Args:
        flow: file, its end, or the flow's name; empty = any.
        verdict: of the run, or of that flow; empty = any.
        since: RFC 3339, empty = any time.
        environment: empty = any.
        revision: its beginning; empty = any.
    """

    flow: str = ""
    verdict: str = ""
    since: str = ""
    environment: str = ""
    revision: str = ""


def listed(runs: RunStore, wanted: Wanted, limit: int) -> Iterator[RunSummary]:
    """Runs that fit, newest first.

    Args:
        runs: where they are kept.
        wanted: the filters.
        limit: at most so many.
    """
    before = ""
    given = 0
    while given < limit:
        page = runs.list(PAGE, before=before)
        if not page:
            return
        before = page[-1].id
        for summary in page:
            if wanted.since and summary.started < wanted.since:
                return
            if given < limit and _fits(runs, summary, wanted):
                given += 1
                yield summary


def _fits(runs: RunStore, summary: RunSummary, wanted: Wanted) -> bool:
    if wanted.environment and summary.environment != wanted.environment:
        return False
    if wanted.revision and not summary.revision.startswith(wanted.revision):
        return False
    if not wanted.flow:
        return not wanted.verdict or summary.verdict == wanted.verdict
    mine = [
        flow
        for flow in runs.load(summary.id).flows
        if wanted.flow in (flow.file, flow.name) or flow.file.endswith("/" + wanted.flow)
    ]
    return any(not wanted.verdict or flow.verdict == wanted.verdict for flow in mine)


def moment(text: str, now: datetime) -> str:
    """A time as runs have it.

    Args:
        text: a duration before now (``90m``, ``2h``, ``3d``), a date, or a time; UTC when it names no zone.
        now: the time.

    Raises:
        UserError: it is none of these.
    """
    units = {"m": 60, "h": 3_600, "d": 86_400}
    if text[-1:] in units and text[:-1].isascii() and text[:-1].isdigit() and len(text) < 8:
        at = now - timedelta(seconds=int(text[:-1]) * units[text[-1]])
    else:
        try:
            at = datetime.fromisoformat(text)
        except ValueError:
            raise UserError(f"'{text}' is no time", hint="write 90m, 2h, 3d, 2026-11-26 or 2026-11-26T08:00") from None
        at = at.replace(tzinfo=UTC) if at.tzinfo is None else at
    return at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%f")[:-3] + "Z"
