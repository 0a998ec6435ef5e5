"""S3 from a wheel: moto's server."""

from __future__ import annotations

import sys
from pathlib import Path

from tests.servers.process import Command, Server, free_port, start


def start_s3(folder: Path) -> tuple[Server, str]:
    """moto's server; gives its URL.

    Args:
        folder: empty, kept by the caller.

    Raises:
        Unavailable: it does not start.
    """
    port = free_port()
    argv = [sys.executable, "-m", "moto.server", "-H", "127.0.0.1", "-p", str(port)]
    url = f"http://127.0.0.1:{port}"
    return start(Command(argv, folder), port, lambda: None, 30), url


def start_minio(folder: Path, program: str) -> tuple[Server, str]:
    """MinIO, which checks signatures as moto does not; gives its URL. Its user is `miniouser`, `miniosecret1`.

    Args:
        folder: empty, kept by the caller.
        program: built with `go install github.com/minio/minio@latest` (two minutes, so not in every run).

    Raises:
        Unavailable: it does not start.
    """
    port, console = free_port(), free_port()
    argv = [program, "server", "--address", f"127.0.0.1:{port}", "--console-address", f"127.0.0.1:{console}", "data"]
    env = {"MINIO_ROOT_USER": "miniouser", "MINIO_ROOT_PASSWORD": "miniosecret1"}
    return start(Command(argv, folder, env=env), port, lambda: None, 30), f"http://127.0.0.1:{port}"
