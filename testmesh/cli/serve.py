"""`testmesh serve`: the service on one port, with its own PostgreSQL when none is named."""

from __future__ import annotations

import argparse
import os
import sys
from pathlib import Path

from testmesh.cli import Command
from testmesh.kernel.errors import EXIT_OK, MissingExtra


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
    with serving(wanted) as started:
        for name, token in started.admin_tokens.items():
            print(f"admin token of workspace '{name}' (shown once): {token}", flush=True)
        print(f"TestMesh on http://{options.host}:{options.port} ({started.database})", file=sys.stderr, flush=True)
        app = create_app(started.services)
        uvicorn.run(app, host=options.host, port=options.port, log_level="warning", server_header=False)
    return EXIT_OK


COMMAND = Command("run the service: API, pages, workspaces", _arguments, _run, "Service")
