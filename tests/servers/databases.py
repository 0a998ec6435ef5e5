"""MariaDB and a PostgreSQL with TLS, both from Debian's packages, with certificates of an authority of their own."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
from dataclasses import dataclass
from pathlib import Path

from tests.servers.process import Command, Server, Unavailable, free_port, start
from tests.servers.small import NOBODY

_POSTGRES = sorted(Path("/usr/lib/postgresql").glob("*/bin/postgres"))


@dataclass(frozen=True)
class Database:
    """A database server that also speaks TLS.

    Args:
        url: of its administrator, without TLS.
        ca: PEM file of the authority that signed its certificate (for 127.0.0.1 and localhost).
        process: pid of the server.
    """

    url: str
    ca: Path
    process: int


def _certificate(folder: Path, user: int | None) -> tuple[Path, Path, Path]:
    """Authority, certificate and key of 127.0.0.1 and localhost."""
    import trustme

    authority = trustme.CA()
    issued = authority.issue_cert("127.0.0.1", "localhost")
    ca, cert, key = folder / "ca.pem", folder / "cert.pem", folder / "key.pem"
    authority.cert_pem.write_to_path(str(ca))
    cert.write_bytes(b"".join(part.bytes() for part in issued.cert_chain_pems))
    key.touch(0o600)
    issued.private_key_pem.write_to_path(str(key))
    if user is not None:
        os.chown(key, user, user)
    return ca, cert, key


def start_mariadb(folder: Path) -> tuple[Server, Database]:
    """MariaDB on TCP, with TLS for who asks for it.

    Args:
        folder: empty, kept by the caller.

    Raises:
        Unavailable: `mariadb-server` is not installed or does not start.
    """
    program, install = shutil.which("mariadbd"), shutil.which("mariadb-install-db")
    if program is None or install is None:
        raise Unavailable("'mariadbd' is not installed (apt: mariadb-server)")
    data, port = folder / "data", free_port()
    user = ["--user=root"] if os.geteuid() == 0 else []
    made = subprocess.run(
        [install, "--no-defaults", *user, f"--datadir={data}", "--auth-root-authentication-method=normal",
         "--skip-test-db"],
        capture_output=True, check=False,
    )  # fmt: skip
    if made.returncode != 0:
        raise Unavailable(f"mariadb-install-db: {made.stderr.decode(errors='replace')[-300:]}")
    ca, cert, key = _certificate(folder, None)
    argv = [program, "--no-defaults", *user, f"--datadir={data}", "--bind-address=127.0.0.1", f"--port={port}",
            f"--socket={folder}/s", f"--pid-file={folder}/pid", "--skip-log-bin", "--innodb-flush-log-at-trx-commit=0",
            f"--ssl-ca={ca}", f"--ssl-cert={cert}", f"--ssl-key={key}"]  # fmt: skip
    server = start(Command(argv, folder), port, lambda: _greets(port), 30)
    return server, Database(f"mysql://root@127.0.0.1:{port}/mysql", ca, server.process.pid)


def _greets(port: int) -> None:
    import pymysql

    pymysql.connect(host="127.0.0.1", port=port, user="root", connect_timeout=2).close()


def start_postgres_tls(folder: Path) -> tuple[Server, Database]:
    """Debian's PostgreSQL with TLS on TCP; the wheel's is built without.

    Args:
        folder: empty and world-readable, kept by the caller.

    Raises:
        Unavailable: it is not installed or does not start.
    """
    if not _POSTGRES:
        raise Unavailable("no /usr/lib/postgresql/*/bin/postgres (apt: postgresql)")
    programs = _POSTGRES[-1].parent
    user = NOBODY if os.geteuid() == 0 else None
    data, port = folder / "data", free_port()
    data.mkdir(mode=0o700)
    if user is not None:
        os.chown(data, user, user)
    password = folder / "password"
    password.write_text("s3cret-of-postgres")
    subprocess.run(
        [programs / "initdb", "-D", data, "-U", "postgres", "-E", "UTF8", "--locale=C", "--no-sync",
         "--auth=scram-sha-256", f"--pwfile={password}"],
        check=True, capture_output=True, user=user, group=user, cwd=folder,
        extra_groups=[] if user is not None else None,
    )  # fmt: skip
    ca, cert, key = _certificate(folder, user)
    argv = [str(programs / "postgres"), "-D", str(data), "-h", "127.0.0.1", "-p", str(port), "-k", str(data),
            "-c", "fsync=off", "-c", "shared_buffers=16MB", "-c", "ssl=on", "-c", f"ssl_cert_file={cert}",
            "-c", f"ssl_key_file={key}"]  # fmt: skip
    url = f"postgresql://postgres:s3cret-of-postgres@127.0.0.1:{port}/postgres"
    server = start(Command(argv, folder, stop=signal.SIGINT, user=user), port, lambda: _connects(url), 30)
    return server, Database(url, ca, server.process.pid)


def _connects(url: str) -> None:
    import psycopg

    psycopg.connect(url, connect_timeout=2, sslmode="require").close()
