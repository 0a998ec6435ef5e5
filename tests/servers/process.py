"""Starting and stopping one server process so that a test can be sure which server answered."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path


class Unavailable(Exception):
    """The server cannot be had on this machine; the text says why."""


@dataclass(frozen=True)
class Command:
    """How to start a server.

    Args:
        argv: program and arguments.
        folder: its working folder, where the log goes.
        env: additions to the environment.
        stop: signal that ends it cleanly.
        user: uid and gid to run under, None for our own.
    """

    argv: Sequence[str]
    folder: Path
    env: Mapping[str, str] | None = None
    stop: int = signal.SIGTERM
    user: int | None = None


@dataclass
class Server:
    """A running server."""

    process: subprocess.Popen[bytes]
    command: Command

    def stop(self) -> None:
        """End it by process id: its own signal, 20 s, then SIGKILL."""
        if self.process.poll() is None:
            self.process.send_signal(self.command.stop)
            try:
                self.process.wait(20)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait(10)


def free_port() -> int:
    """A TCP port nobody listens on right now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def port_open(port: int) -> bool:
    """Whether something listens on loopback.

    Args:
        port: TCP port.
    """
    with socket.socket() as probe:
        probe.settimeout(0.5)
        return probe.connect_ex(("127.0.0.1", port)) == 0


def start(command: Command, port: int, answers: Callable[[], None], seconds: float = 60) -> Server:
    """Start a server and wait until it answers.

    Args:
        command: what to run.
        port: TCP port it will listen on; must be closed now.
        answers: raises while the server is not ready.
        seconds: how long it may take.

    Raises:
        Unavailable: it died or never answered; the log's tail is in the text.
    """
    if port_open(port):
        raise Unavailable(f"port {port} is already in use")
    log = command.folder / "server.log"
    with log.open("wb") as out:
        process = subprocess.Popen(
            list(command.argv),
            cwd=command.folder,
            env={**os.environ, **(command.env or {})},
            stdout=out,
            stderr=subprocess.STDOUT,
            start_new_session=True,
            user=command.user,
            group=command.user,
            extra_groups=[] if command.user is not None else None,
        )
    server = Server(process, command)
    deadline = time.monotonic() + seconds
    while True:
        if process.poll() is not None:
            raise Unavailable(f"{command.argv[0]} ended with {process.returncode}: {_tail(log)}")
        if port_open(port) and _quiet(answers) and process.poll() is None:
            return server
        if time.monotonic() > deadline:
            server.stop()
            raise Unavailable(f"{command.argv[0]} did not answer in {seconds:.0f} s: {_tail(log)}")
        time.sleep(0.02)


def _quiet(answers: Callable[[], None]) -> bool:
    try:
        answers()
    except Exception:  # any client error means: not ready yet; the deadline reports it
        return False
    return True


def _tail(log: Path) -> str:
    return log.read_text(errors="replace")[-800:]
