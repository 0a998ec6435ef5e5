"""A system of one small service, written into a folder, for tests of the engines."""

from __future__ import annotations

from pathlib import Path

from testmesh.environments.settings import EnvironmentSettings, from_toml

SERVER = """
import http.server, os, sys

class Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        print("asked for", self.path, flush=True)
        self.send_response(200)
        self.end_headers()
        self.wfile.write(os.environ.get("GREETING", "hello").encode())

    def log_message(self, *arguments):
        pass

print("starting", flush=True)
http.server.ThreadingHTTPServer(("127.0.0.1", int(os.environ["PORT"])), Handler).serve_forever()
"""


def tree(folder: Path, program: str = SERVER) -> Path:
    """A folder with `app/server.py`."""
    (folder / "app").mkdir(parents=True)
    (folder / "app" / "server.py").write_text(program)
    return folder


def settings(**service: object) -> EnvironmentSettings:
    """An environment with one service `toy`; keywords add to or replace its keys."""
    keys: dict[str, object] = {"cwd": "app", "run": "${PYTHON} server.py", "ready": "${TOY_URL}/health", **service}
    table = {
        "engine": "processes",
        "variables": {"TOY_URL": "http://127.0.0.1:${toy.port}"},
        "services": {"toy": keys},
    }
    return from_toml("local", table)
