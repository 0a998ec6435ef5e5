"""The one door to other programs: argument lists, own sessions, time and output limits, and nothing left behind."""

from __future__ import annotations

import atexit
import contextlib
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO

from testmesh.guard.capture import Capture
from testmesh.kernel.clock import SystemClock, iso
from testmesh.kernel.errors import UserError

MIB = 1024 * 1024
_LONGEST_LINE = 65536
_LOOK_SECONDS = 0.05
_RUNNING: set[int] = set()


@dataclass(frozen=True, slots=True)
class Command:
    """A program to run, never through a shell.

    Args:
        argv: program and arguments, at least one.
        cwd: folder to run in; the present one when None.
        env: the whole environment; inherited when None.
        stdin: bytes given on standard input.
        timeout: seconds until the whole process group is ended (:func:`run` only).
        output_cap: bytes kept of each of stdout and stderr, or of the log; the rest is read and dropped.
        uid: numeric user and group to run as (needs root), or None.
        stop_signal: what asks it to end (:func:`start` only).
    """

    argv: tuple[str, ...]
    cwd: Path | None = None
    env: Mapping[str, str] | None = None
    stdin: bytes = b""
    timeout: float = 60.0
    output_cap: int = 8 * MIB
    uid: int | None = None
    stop_signal: int = signal.SIGTERM


@dataclass(frozen=True, slots=True)
class Finished:
    """What a program left behind.

    Args:
        argv: what ran.
        code: exit code; negative = the signal that ended it.
        stdout: at most `output_cap` bytes.
        stderr: at most `output_cap` bytes.
        truncated: some output was dropped.
        timed_out: it was ended because its time was over.
        seconds: how long it ran.
    """

    argv: tuple[str, ...]
    code: int
    stdout: bytes
    stderr: bytes
    truncated: bool
    timed_out: bool
    seconds: float

    @property
    def ok(self) -> bool:
        """It ended by itself with code 0."""
        return self.code == 0 and not self.timed_out

    def text(self) -> str:
        """Standard output as text; undecodable bytes replaced."""
        return self.stdout.decode("utf-8", "replace")

    def complaint(self) -> str:
        """One line that says how it failed: the last line it printed, else its exit code."""
        printed = (self.stderr or self.stdout).decode("utf-8", "replace").strip().splitlines()
        if self.timed_out:
            return f"still running after {self.seconds:.0f} s, ended"
        return printed[-1] if printed else f"exit code {self.code}"


def run(command: Command, given_up: threading.Event | None = None) -> Finished:
    """Run a program to its end, or end it and its children when its time is over.

    Args:
        command: what to run.
        given_up: once it is set nobody waits any more, and the program and its children are ended.

    Raises:
        UserError: the program does not exist or may not be executed.
    """
    began = time.monotonic()
    process = _popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    _RUNNING.add(process.pid)
    capture = Capture(process, command.stdin, command.output_cap)
    try:
        if given_up is None:
            in_time = capture.read_until(began + command.timeout)
        else:
            in_time = _read_unless(given_up, capture, process, began + command.timeout)
        if in_time:
            in_time = _exited(process, began + command.timeout)
    finally:
        end_group(process.pid, process.poll, grace=0.5)
        _RUNNING.discard(process.pid)
        capture.close()
    code = process.wait()
    return Finished(
        argv=command.argv,
        code=code,
        stdout=bytes(capture.kept["stdout"]),
        stderr=bytes(capture.kept["stderr"]),
        truncated=capture.truncated,
        timed_out=not in_time,
        seconds=time.monotonic() - began,
    )


def start(command: Command, log: Path) -> Running:
    """Start a long-running program in its own session; every line it prints is stamped into `log`.

    Args:
        command: what to run; `timeout` and `stdin` do not apply.
        log: file to append to; a line is RFC 3339 time, tab, text.

    Raises:
        UserError: the program does not exist or may not be executed.
    """
    log.touch()
    process = _popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    if process.stdin is not None:
        process.stdin.close()
    return Running(command, process, log)


class Running:
    """A started program, its log and its end.

    Args:
        command: what runs.
        process: the started process, leader of its own session.
        log: file that receives its stamped lines.
    """

    def __init__(self, command: Command, process: subprocess.Popen[bytes], log: Path) -> None:
        self.command = command
        self.log = log
        self._process = process
        arguments = (process.stdout, log, command.output_cap)
        self._pump = threading.Thread(target=_pump, args=arguments, daemon=True)
        self._pump.start()

    @property
    def pid(self) -> int:
        """Process id, which is its process group id too."""
        return self._process.pid

    def code(self) -> int | None:
        """Exit code, negative = signal; None while it runs."""
        return self._process.poll()

    def drained(self, timeout: float) -> bool:
        """Wait until all it printed is in the log, which needs its end; False when that takes longer.

        Args:
            timeout: seconds.
        """
        self._pump.join(timeout if self._process.poll() is not None else 0.0)
        return not self._pump.is_alive()

    def stop(self, grace: float = 3.0) -> int:
        """End the whole process group: its stop signal, after `grace` seconds SIGKILL; returns the exit code.

        Args:
            grace: seconds.
        """
        end_group(self.pid, self._process.poll, grace=grace, first=self.command.stop_signal)
        return self._process.wait()


@dataclass(slots=True)
class Reaper:
    """A small process that outlives us and ends what we started, even when we are killed.

    Args:
        mark: value of the environment variable ``TESTMESH_INSTANCE`` that our programs carry.
    """

    mark: str
    _process: subprocess.Popen[bytes] | None = field(default=None, init=False)

    def watch(self, pid: int) -> None:
        """From now on end that process group when we vanish.

        Args:
            pid: process group id.
        """
        self._say(f"add {pid}")

    def forget(self, pid: int) -> None:
        """That process group has ended.

        Args:
            pid: process group id.
        """
        self._say(f"drop {pid}")

    def own(self, folder: Path) -> None:
        """From now on remove that folder when we vanish.

        Args:
            folder: absolute, without line breaks.
        """
        self._say(f"folder {folder}")

    def disown(self, folder: Path) -> None:
        """That folder is removed, or is to stay.

        Args:
            folder: as given to :meth:`own`.
        """
        self._say(f"kept {folder}")

    def close(self) -> None:
        """Let it end whatever is still watched, and wait for it."""
        if self._process is None:
            return
        if self._process.stdin is not None:
            with contextlib.suppress(BrokenPipeError):
                self._process.stdin.close()
        self._process.wait()
        self._process = None

    def _say(self, line: str) -> None:
        if self._process is None:
            script = str(Path(__file__).with_name("reaper.py"))
            argv = (sys.executable, "-I", "-S", script, self.mark)
            self._process = _popen(Command(argv, cwd=Path("/")), stdout=subprocess.DEVNULL, stderr=None)
        pipe = self._process.stdin
        if pipe is None:
            raise UserError("the process that ends our programs has no input")
        pipe.write(f"{line}\n".encode())
        pipe.flush()


def end_group(pid: int, poll: Callable[[], int | None], *, grace: float, first: int = signal.SIGTERM) -> None:
    """End a process group: `first`, then SIGKILL for what is left after `grace` seconds.

    Args:
        pid: process group id, which is its leader's pid.
        poll: reaps the leader and returns its exit code, None while it runs.
        grace: seconds between the signals.
        first: signal that asks.
    """
    deadline = time.monotonic() + grace
    if not _signal_group(pid, first):
        return
    pause = threading.Event()
    while time.monotonic() < deadline:
        poll()
        if not _signal_group(pid, 0):
            return
        pause.wait(0.005)
    _signal_group(pid, signal.SIGKILL)


def _end_running() -> None:
    """Our own end may come in the middle of :func:`run`, in a thread that then ends unasked."""
    for pid in tuple(_RUNNING):
        _signal_group(pid, signal.SIGKILL)


def end_marked(mark: str) -> tuple[int, ...]:
    """End processes that carry ``TESTMESH_INSTANCE=<mark>``, also those that left their group; their ids.

    Args:
        mark: the instance.
    """
    from testmesh.guard import reaper

    strays = reaper.marked(mark)
    for pid in strays:
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)
    return strays


def _popen(command: Command, *, stdout: int, stderr: int | None) -> subprocess.Popen[bytes]:
    try:
        return subprocess.Popen(
            list(command.argv),
            cwd=command.cwd,
            env=None if command.env is None else dict(command.env),
            stdin=subprocess.PIPE,
            stdout=stdout,
            stderr=stderr,
            start_new_session=True,
            user=command.uid,
            group=command.uid,
            extra_groups=None if command.uid is None else [],
        )
    except FileNotFoundError as e:
        missing = str(command.cwd) if str(e.filename) == str(command.cwd) else command.argv[0]
        raise UserError(f"cannot run '{command.argv[0]}': {missing} does not exist") from e
    except OSError as e:
        raise UserError(f"cannot run '{command.argv[0]}': {e.strerror}") from e


def _read_unless(
    given_up: threading.Event, capture: Capture, process: subprocess.Popen[bytes], deadline: float
) -> bool:
    """Drain until the outputs end, or its leader has ended: what it left in the background may hold them open."""
    while not capture.read_until(min(deadline, time.monotonic() + _LOOK_SECONDS)):
        if given_up.is_set() or time.monotonic() >= deadline:
            return False
        if process.poll() is not None:
            capture.read_until(time.monotonic() + _LOOK_SECONDS)
            break
    return True


def _exited(process: subprocess.Popen[bytes], deadline: float) -> bool:
    try:
        process.wait(max(0.0, deadline - time.monotonic()))
    except subprocess.TimeoutExpired:
        return False
    return True


def _signal_group(pid: int, number: int) -> bool:
    """False when no process of that group is left."""
    try:
        os.killpg(pid, number)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True


def _pump(pipe: IO[bytes] | None, log: Path, cap: int) -> None:
    """Stamp every line into the log; past the cap say so once and drop the rest."""
    if pipe is None:
        return
    clock = SystemClock()
    written = 0
    with log.open("ab", buffering=0) as out, pipe:
        for line in iter(lambda: pipe.readline(_LONGEST_LINE), b""):
            if written > cap:
                continue
            stamped = f"{iso(clock.now())}\t".encode() + line.rstrip(b"\r\n") + b"\n"
            written += len(stamped)
            out.write(stamped if written <= cap else f"{iso(clock.now())}\t(log limit reached)\n".encode())


atexit.register(_end_running)
