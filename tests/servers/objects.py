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
