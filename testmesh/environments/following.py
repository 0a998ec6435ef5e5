"""The lines of services we did not start: from files that grow and rotate, from commands, from containers."""

from __future__ import annotations

import json
import re
import threading
from collections.abc import Iterable, Iterator, Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path

from testmesh.environments.environment import LogLine
from testmesh.environments.launching import harmless_environment
from testmesh.environments.settings import EnvironmentSettings, LogSettings
from testmesh.environments.tailing import LOOK_SECONDS, Arrived, Tail, Unread
from testmesh.environments.templates import Names
from testmesh.guard import process
from testmesh.guard.process import MIB, Command
from testmesh.kernel.clock import SystemClock, iso
from testmesh.kernel.errors import UserError

_MOST_BYTES = 16 * MIB
_COMMAND_SECONDS = 20.0
_LONGEST_LINE = 8192
_STAMP = re.compile(
    r"\W{0,2}(?:[A-Z]{4,8}\W{1,3})?(\d{4}[-/]\d\d[-/]\d\d)[T ](\d\d:\d\d:\d\d)(?:[.,](\d{1,9}))?"
    r"(?:\s?(Z|[+-]\d\d:?\d\d))?"
)
_ACCESS = re.compile(r"\S+ \S+ \S+ \[(\d\d/[A-Z][a-z]{2}/\d{4}:\d\d:\d\d:\d\d [+-]\d{4})\]")
_TIME_KEYS = ("time", "timestamp", "ts", "@timestamp", "Timestamp", "@t", "datetime", "asctime")
_CLOCKS = timedelta(seconds=2)
_ZONE_STEP = timedelta(minutes=15)
_MILLISECONDS_SINCE = 100_000_000_000.0


class Following:
    """The logs of an environment's services, as its settings name them.

    Args:
        settings: of the environment.
        names: for `${...}`.
        tree: relative files lie below it, commands run in it.
    """

    def __init__(self, settings: EnvironmentSettings, names: Names, tree: Path) -> None:
        self._settings, self._names, self._tree = settings, names, tree
        self._tails: dict[str, Tail] = {}
        self._ended = threading.Event()

    def start(self) -> None:
        """Notes where the files end now, and from then on when lines come: most logs say no zone, many no time."""
        for service in self._settings.services:
            if service.logs is not None and service.logs.file:
                file = self._tree / Path(self._names.fill(service.logs.file)).expanduser()
                self._tails[service.name] = Tail(file, SystemClock().now)
        if self._tails:
            threading.Thread(target=self._look, daemon=True, name="logs").start()

    def _look(self) -> None:
        while not self._ended.wait(LOOK_SECONDS):
            for tail in self._tails.values():
                tail.look()

    def close(self) -> None:
        """Looks no more; what came can still be read."""
        self._ended.set()

    def read(self, since: datetime) -> tuple[list[LogLine], dict[str, str]]:
        """The lines since then, and by service why there are none.

        Args:
            since: timezone-aware.
        """
        lines: list[LogLine] = []
        unread: dict[str, str] = {}
        for service in self._settings.services:
            if service.logs is None:
                continue
            try:
                stamped = list(self._stamped(service.name, service.logs, since))
            except (Unread, UserError) as reason:
                unread[service.name] = str(reason)
                continue
            first = iso(since)
            lines += [LogLine(service.name, at, line) for at, line in stamped if at >= first]
        return lines, unread

    def _stamped(self, service: str, settings: LogSettings, since: datetime) -> Iterator[tuple[str, str]]:
        if settings.file:
            return of_arrived(self._tails[service].read(), since)
        return of_lines(split_lines(self._printed(service, settings, since)), iso(since))

    def _printed(self, service: str, settings: LogSettings, since: datetime) -> str:
        more = {"since": iso(since), "since_unix": str(int(since.timestamp())), "service": service}
        argv = ("docker", "logs", "--timestamps", "--since", "${since}", "--", settings.container)
        filled = tuple(self._names.fill(word, more) for word in settings.command or argv)
        return printed(filled, self._tree, {**harmless_environment(self._settings.inherit), **self._names.variables()})


def printed(argv: tuple[str, ...], folder: Path, env: Mapping[str, str]) -> str:
    """What a command prints, errors of containers included.

    Args:
        argv: the command.
        folder: to run in.
        env: of the command.

    Raises:
        Unread: it failed.
        UserError: there is no such program.
    """
    done = process.run(Command(argv, cwd=folder, env=env, timeout=_COMMAND_SECONDS, output_cap=_MOST_BYTES))
    if not done.ok:
        raise Unread(f"'{' '.join(argv[:3])}' failed: {done.complaint()}")
    return done.text() + done.stderr.decode("utf-8", "replace")


def of_arrived(lines: Iterable[Arrived], since: datetime) -> Iterator[tuple[str, str]]:
    """Each line with its time, RFC 3339 UTC with milliseconds: what it says, where that can be, else when it came.

    A time without a zone is taken for that of the zone in which the line was written when it came; clocks that go
    wrong are not believed. A line without a time that came with the one before has its time: a stack trace.

    Args:
        lines: of a file that was watched.
        since: moment from which on.
    """
    before, last = since, since
    for line in lines:
        found = _stated(line.text)
        at = _zoned(found, line.at) if found is not None else before if line.at == last else line.at
        if not since <= at <= line.at + _CLOCKS:
            at = max(since, line.at)
        before, last = at, line.at
        yield iso(at), line.text[:_LONGEST_LINE]


def _zoned(stated: datetime, came: datetime) -> datetime:
    """Zones differ by quarters of an hour; a line comes when it was written or soon after."""
    if stated.tzinfo is not None:
        return stated
    stated = stated.replace(tzinfo=UTC)
    return stated - round((stated - came) / _ZONE_STEP) * _ZONE_STEP


def split_lines(text: str) -> list[str]:
    """Only line feeds end a line: a form feed or Unicode's line separator may stand in a message.

    Args:
        text: as printed.
    """
    return [line.removesuffix("\r") for line in text.split("\n")]


def of_lines(lines: Iterable[str], otherwise: str) -> Iterator[tuple[str, str]]:
    """Each line with its time, RFC 3339 UTC with milliseconds.

    A line that says none, or one without a zone, has the time of the line before: a stack trace belongs to its error.

    Args:
        lines: as printed.
        otherwise: of lines before the first that says its time.
    """
    at = otherwise
    for line in lines:
        at = moment_of(line) or at
        if line:
            yield at, line[:_LONGEST_LINE]


def moment_of(line: str) -> str:
    """The time a line says, with its zone; empty when none.

    Args:
        line: plain with a time near its beginning, or JSON with a field of a usual name.
    """
    found = _stated(line)
    return iso(found) if found is not None and found.tzinfo is not None else ""


def _stated(line: str) -> datetime | None:
    found = _written(line)
    if found is not None or not line.startswith("{") or len(line) > 65536:
        return found
    try:
        said = json.loads(line)
    except (ValueError, RecursionError):
        return None
    for key in _TIME_KEYS:
        value = said.get(key) if isinstance(said, dict) else None
        if isinstance(value, int | float) and not isinstance(value, bool) and value > 0:
            return _epoch(value / 1000 if value > _MILLISECONDS_SINCE else value)
        if isinstance(value, str) and (inner := _written(value)) is not None:
            return inner
    return None


def _written(text: str) -> datetime | None:
    match = _STAMP.match(text)
    try:
        if match is not None:
            day, fraction, zone = match[1].replace("/", "-"), f"{(match[3] or '0')[:6]:0<6}", match[4] or ""
            return datetime.fromisoformat(f"{day}T{match[2]}.{fraction}{zone}")
        access = _ACCESS.match(text)
        return datetime.strptime(access[1], "%d/%b/%Y:%H:%M:%S %z") if access is not None else None
    except (ValueError, OverflowError):
        return None


def _epoch(seconds: float) -> datetime | None:
    try:
        return datetime.fromtimestamp(seconds, UTC)
    except (ValueError, OverflowError, OSError):
        return None
