"""The lines of services we did not start: from files that grow and rotate, from commands, from containers."""

from __future__ import annotations

import json
import os
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from testmesh.environments.environment import LogLine
from testmesh.environments.launching import harmless_environment
from testmesh.environments.settings import EnvironmentSettings, LogSettings
from testmesh.environments.templates import Names
from testmesh.guard import process
from testmesh.guard.process import MIB, Command
from testmesh.kernel.clock import iso
from testmesh.kernel.errors import UserError

_MOST_BYTES = 16 * MIB
_COMMAND_SECONDS = 20.0
_LONGEST_LINE = 8192
_STAMP = re.compile(r"\W{0,2}(\d{4}-\d\d-\d\d[T ]\d\d:\d\d:\d\d)(?:[.,](\d{1,9}))?\s?(Z|[+-]\d\d:?\d\d)")
_TIME_KEYS = ("time", "timestamp", "ts", "@timestamp", "Timestamp")
_MILLISECONDS_SINCE = 100_000_000_000.0


class Unread(Exception):
    """Lines that cannot be had, with the reason."""


@dataclass(slots=True)
class _Tail:
    """A file from where it ended when we came.

    Args:
        path: of the file.
        inode: of the file that had this name then; 0 = there was none.
        offset: its length then.
    """

    path: Path
    inode: int = 0
    offset: int = 0

    def start(self) -> None:
        """Notes where it ends now."""
        try:
            found = self.path.stat()
        except OSError:
            self.inode, self.offset = 0, 0
        else:
            self.inode, self.offset = found.st_ino, found.st_size

    def read(self) -> str:
        """What was written since, also when the file was rotated meanwhile."""
        try:
            now = self.path.stat()
        except FileNotFoundError:
            if self.inode:
                raise Unread(f"{self.path} is gone") from None
            raise Unread(f"there is no file {self.path}") from None
        except OSError as error:
            raise Unread(f"{self.path} cannot be read: {error.strerror}") from error
        if now.st_ino == self.inode and now.st_size >= self.offset:
            return _text(self.path, self.offset)
        before = "".join(_text(path, self.offset) for path in self._rotated()) if now.st_ino != self.inode else ""
        return before + _text(self.path, 0)

    def _rotated(self) -> Iterator[Path]:
        """The same file under its new name (`app.log.1`): only that very file, never another's."""
        for candidate in sorted(self.path.parent.glob(f"{self.path.name}*")):
            if candidate != self.path and self.inode and candidate.stat().st_ino == self.inode:
                yield candidate


def _text(path: Path, offset: int) -> str:
    try:
        with path.open("rb") as file:
            size = os.fstat(file.fileno()).st_size
            file.seek(max(offset, size - _MOST_BYTES))
            return file.read(_MOST_BYTES).decode("utf-8", "replace")
    except OSError as error:
        raise Unread(f"{path} cannot be read: {error.strerror}") from error


class Following:
    """The logs of an environment's services, as its settings name them.

    Args:
        settings: of the environment.
        names: for `${...}`.
        tree: relative files lie below it, commands run in it.
    """

    def __init__(self, settings: EnvironmentSettings, names: Names, tree: Path) -> None:
        self._settings, self._names, self._tree = settings, names, tree
        self._tails: dict[str, _Tail] = {}

    def start(self) -> None:
        """Notes where the files end now: what was written before is not ours."""
        for service in self._settings.services:
            if service.logs is not None and service.logs.file:
                tail = _Tail(self._tree / Path(self._names.fill(service.logs.file)).expanduser())
                tail.start()
                self._tails[service.name] = tail

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
                text = self._text(service.name, service.logs, since)
            except (Unread, UserError) as reason:
                unread[service.name] = str(reason)
                continue
            first = iso(since)
            stamped = of_lines(text.splitlines(), first)
            lines += [LogLine(service.name, at, line) for at, line in stamped if at >= first]
        return lines, unread

    def _text(self, service: str, settings: LogSettings, since: datetime) -> str:
        if settings.file:
            return self._tails[service].read()
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
        yield at, line[:_LONGEST_LINE]


def moment_of(line: str) -> str:
    """The time a line says, empty when none.

    Args:
        line: plain with a leading time, or JSON with a field of a usual name.
    """
    match = _STAMP.match(line)
    if match is not None:
        return _iso(match[1].replace(" ", "T") + f".{(match[2] or '0')[:6]:0<6}" + match[3])
    if not line.startswith("{") or len(line) > 65536:
        return ""
    try:
        found = json.loads(line)
    except (ValueError, RecursionError):
        return ""
    for key in _TIME_KEYS:
        value = found.get(key) if isinstance(found, dict) else None
        if isinstance(value, int | float) and not isinstance(value, bool) and value > 0:
            return _epoch(value / 1000 if value > _MILLISECONDS_SINCE else value)
        if isinstance(value, str) and (inner := _STAMP.match(value)) is not None:
            return _iso(inner[1].replace(" ", "T") + f".{(inner[2] or '0')[:6]:0<6}" + inner[3])
    return ""


def _iso(text: str) -> str:
    try:
        return iso(datetime.fromisoformat(text))
    except (ValueError, OverflowError):
        return ""


def _epoch(seconds: float) -> str:
    try:
        return iso(datetime.fromtimestamp(seconds, UTC))
    except (ValueError, OverflowError, OSError):
        return ""
