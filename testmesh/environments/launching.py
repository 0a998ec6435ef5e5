"""Starts and ends the programs of one environment, so that none of them can outlive it."""

from __future__ import annotations

import os
import shutil
import socket
import threading
import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import TypeVar

from testmesh.guard import process
from testmesh.guard.process import Command, Reaper, Running
from testmesh.kernel.errors import UnavailableError, UserError

MARK = "TESTMESH_INSTANCE"
LOOPBACK = "127.0.0.1"
_POLL_SECONDS = 0.01
_TAIL_LINES = 8
_DRAIN_SECONDS = 1.0
_LOG_CAP = 64 * process.MIB
_HARMLESS = [
    "PATH",
    "HOME",
    "USER",
    "LOGNAME",
    "LANG",
    "LANGUAGE",
    "TZ",
    "TMPDIR",
    "SHELL",
    "TERM",
    "VIRTUAL_ENV",
    "JAVA_HOME",
    "GOPATH",
    "GOCACHE",
    "GOMODCACHE",
    "NODE_EXTRA_CA_CERTS",
    "SSL_CERT_FILE",
    "SSL_CERT_DIR",
    "REQUESTS_CA_BUNDLE",
    "HTTP_PROXY",
    "HTTPS_PROXY",
    "NO_PROXY",
    "http_proxy",
    "https_proxy",
    "no_proxy",
    "SYSTEMROOT",
]
_HARMLESS_PREFIXES = ("LC_", "XDG_", "npm_config_", "NPM_CONFIG_", "OTEL_")

T = TypeVar("T")


class Launcher:
    """The programs of one environment: started with its mark, logged to its folder, ended together.

    Args:
        mark: unique to this environment instance.
        folder: existing folder; each program logs to `<name>.log` in it.
    """

    def __init__(self, mark: str, folder: Path) -> None:
        self.mark = mark
        self.folder = folder
        self._reaper = Reaper(mark)
        self._running: dict[str, Running] = {}
        self._ended: list[Running] = []
        self._folders: list[Path] = []
        self._lock = threading.Lock()
        self._closing = threading.Event()

    def start(self, name: str, command: Command) -> Running:
        """Start a program under a name.

        Args:
            name: file-name safe and unique here.
            command: what to run; the mark is added to its environment.
        """
        env = {**(os.environ if command.env is None else command.env), MARK: self.mark}
        marked = replace(command, env=env, output_cap=_LOG_CAP)
        with self._lock:
            if self._closing.is_set():
                raise UnavailableError(name, "not started, because its environment is being stopped")
            running = process.start(marked, self.folder / f"{name}.log")
            self._reaper.watch(running.pid)
            self._running[name] = running
        return running

    def own(self, folder: Path) -> None:
        """Remove a folder when everything has ended, whatever happens to us.

        Args:
            folder: absolute.
        """
        with self._lock:
            self._reaper.own(folder)
            self._folders.append(folder)

    def stop(self, names: Iterable[str]) -> None:
        """End some programs side by side.

        Args:
            names: as given to :meth:`start`; others are ignored.
        """
        with self._lock:
            ended = [self._running.pop(name) for name in names if name in self._running]
        ending = [threading.Thread(target=self._stop, args=(running,)) for running in ended]
        for thread in ending:
            thread.start()
        for thread in ending:
            thread.join()
        self._ended += ended

    def stop_all(self) -> tuple[int, ...]:
        """End everything; process ids that had slipped out of their group and were ended too."""
        self._closing.set()
        self.stop(list(self._running))
        strays = process.end_marked(self.mark)
        for folder in self._folders:
            shutil.rmtree(folder, ignore_errors=True)
            self._reaper.disown(folder)
        self._folders.clear()
        self._reaper.close()
        for running in self._ended:
            running.drained(_DRAIN_SECONDS)
        self._ended.clear()
        return strays

    def _stop(self, running: Running) -> None:
        running.stop()
        with self._lock:
            self._reaper.forget(running.pid)

    def wait(self, name: str, ready: Callable[[], bool], timeout: float, why: Callable[[], str] = str) -> None:
        """Return once a started program is ready and still lives.

        Args:
            name: as given to :meth:`start`.
            ready: asks it, quickly.
            timeout: seconds.
            why: says what is missing when time is up.

        Raises:
            UnavailableError: it ended, or did not become ready in time.
        """
        running = self._running[name]
        deadline = time.monotonic() + timeout
        while True:
            answered = not self._closing.is_set() and ready()
            code = running.code()
            if code is not None:
                raise UnavailableError(name, f"ended with {_exit(code)} before it was ready", hint=self._tail(running))
            if answered:
                return
            if self._closing.is_set():
                raise UnavailableError(name, "was not ready when its environment was stopped")
            if time.monotonic() > deadline:
                reason = ": ".join(filter(None, (f"not ready after {timeout:.0f} s", why())))
                raise UnavailableError(name, reason, hint=self._tail(running))
            self._closing.wait(_POLL_SECONDS)

    def ended(self) -> dict[str, str]:
        """Programs that were started here and ended by themselves, with how and their last words."""
        with self._lock:
            codes = {name: running.code() for name, running in self._running.items()}
            ended = {name: self._running[name] for name, code in codes.items() if code is not None}
        return {
            name: f"ended with {_exit(running.code() or 0)}{_last_words(running)}" for name, running in ended.items()
        }

    def _tail(self, running: Running) -> str:
        running.drained(0.5)
        lines = running.log.read_text("utf-8", "replace").splitlines() if running.log.exists() else []
        shown = [line.partition("\t")[2] for line in lines[-_TAIL_LINES:]]
        return "\n  ".join([f"its log is {running.log}", *shown])


def _last_words(running: Running) -> str:
    running.drained(0.5)
    lines = running.log.read_text("utf-8", "replace").splitlines() if running.log.exists() else []
    return f"; its last line: {lines[-1].partition(chr(9))[2]}" if lines else ""


def _exit(code: int) -> str:
    return f"signal {-code}" if code < 0 else f"exit code {code}"


def free_port() -> int:
    """A loopback TCP port that nothing uses now."""
    with socket.socket() as s:
        s.bind((LOOPBACK, 0))
        port: int = s.getsockname()[1]
        return port


def listening(port: int, host: str = LOOPBACK) -> bool:
    """Something accepts connections there.

    Args:
        port: TCP port.
        host: name or address.
    """
    try:
        socket.create_connection((host, port), timeout=1.0).close()
    except OSError:
        return False
    return True


def require_free(port: int, name: str) -> None:
    """Refuse to start beside a stranger that would answer in the service's place.

    Args:
        port: loopback TCP port.
        name: who wants it.

    Raises:
        UserError: something listens there already.
    """
    if listening(port):
        raise UserError(
            f"port {port}, which {name} needs, is in use by another program",
            hint="stop that program, or leave 'port' out to get a free one",
        )


def harmless_environment(inherit: tuple[str, ...] = ()) -> dict[str, str]:
    """The part of our environment that a service may see: no keys or tokens unless named.

    Args:
        inherit: further names to pass on.
    """
    wanted = {*_HARMLESS, *inherit}
    return {n: v for n, v in os.environ.items() if n in wanted or n.startswith(_HARMLESS_PREFIXES)}


def together(tasks: Mapping[str, Callable[[], T]]) -> dict[str, T]:
    """Run slow starts side by side; the first failure, in the order given, is raised after all have ended.

    Args:
        tasks: by name.
    """
    results: dict[str, T] = {}
    failures: dict[str, BaseException] = {}

    def one(name: str, task: Callable[[], T]) -> None:
        try:
            results[name] = task()
        except BaseException as e:
            failures[name] = e

    threads = [threading.Thread(target=one, args=item) for item in tasks.items()]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for name in tasks:
        if name in failures:
            raise failures[name]
    return {name: results[name] for name in tasks}
