"""`testmesh serve`: the service on one port, with its own PostgreSQL when none is named."""

from __future__ import annotations

import argparse
import errno
import os
import socket
import sys
from contextlib import suppress
from pathlib import Path

from testmesh.cli import Command
from testmesh.kernel.errors import EXIT_OK, MissingExtra, UserError


def _arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--host", default="127.0.0.1", help="address to listen on (default 127.0.0.1)")
    parser.add_argument("--port", type=int, default=3000, help="port (default 3000)")
    parser.add_argument("--data", type=Path, default=Path(".testmesh/service"), help="folder for its own data")
    parser.add_argument("--allow-path", action="append", default=[], metavar="FOLDER",
                        help="repositories below this folder may be registered; may be repeated")  # fmt: skip
    parser.add_argument("--workspace", action="append", default=[], metavar="NAME",
                        help="workspace made when missing (default: default); may be repeated")  # fmt: skip


def _run(options: argparse.Namespace) -> int:
    try:
        import uvicorn
    except ImportError as error:
        raise MissingExtra("uvicorn", "server") from error
    from api.app import create_app
    from api.logs import configure
    from testmesh.compose.serving import ServeOptions, serving

    wanted = ServeOptions(options.data.resolve(), tuple(options.allow_path), tuple(options.workspace or ['default']),
                          os.environ.get("TESTMESH_DATABASE_URL", ""))  # fmt: skip
    configure()
    with listening(options.host, options.port) as door, serving(wanted) as started:
        for name, token in started.admin_tokens.items():
            print(f"admin token of workspace '{name}' (shown once): {token}", flush=True)
        port = door.getsockname()[1]
        print(f"TestMesh on http://{options.host}:{port} ({started.database})", file=sys.stderr, flush=True)
        app = create_app(started.services)
        with suppress(KeyboardInterrupt):
            # Somebody who follows a run never ends a connection by himself.
            config = uvicorn.Config(app, log_level="warning", server_header=False, timeout_graceful_shutdown=5)
            uvicorn.Server(config).run([door])
    return EXIT_OK


def listening(host: str, port: int) -> socket.socket:
    """The socket to serve on, bound before anything is started, so that a taken port costs nothing.

    Args:
        host: address or name of this machine.
        port: 0 lets the system choose.

    Raises:
        UserError: nothing can listen there.
    """
    hint = "name another with --port, or stop what listens there"
    if not 0 <= port <= 65535:
        raise UserError(f"{port} is no port", hint="--port takes 0 to 65535")
    try:
        return socket.create_server((host, port), family=_family(host), backlog=2048)
    except (OSError, UnicodeError) as error:
        if getattr(error, "errno", 0) not in (errno.EADDRINUSE, errno.EACCES):
            hint = "name an address of this machine with --host"
        reason = _reason(error)
        raise UserError(f"cannot listen on {host}:{port}: {reason}", hint=hint) from error


def _reason(error: Exception) -> str:
    number = getattr(error, "errno", None) or 0
    text = os.strerror(number).lower() if number > 0 else getattr(error, "strerror", None) or str(error)
    return text.partition(" (while")[0]


def _family(host: str) -> socket.AddressFamily:
    return socket.AF_INET6 if ":" in host else socket.AF_INET


COMMAND = Command("run the service: API, pages, workspaces", _arguments, _run, "Service")
