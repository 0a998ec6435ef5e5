"""Small repositories and servers for the end-to-end tests."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from tests.e2e.cli import APP, FLOW
from tests.scanners.conftest import Repo


def made(path: Path) -> Repo:
    """An empty git repository.

    Args:
        path: made when missing.
    """
    path.mkdir(parents=True, exist_ok=True)
    repo = Repo(path)
    repo.git("init", "-q", "-b", "main")
    return repo


@pytest.fixture
def repo(tmp_path: Path) -> Repo:
    """A repository with one good service and one good flow."""
    found = made(tmp_path / "good")
    found.commit({"app.py": APP, "flows/good.yaml": FLOW})
    return found


class _Good(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        """What the good service answers."""
        body = json.dumps({"a": 1}).encode()
        self.send_response(200 if self.path == "/good" else 404)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:
        """Nothing."""


@pytest.fixture
def app_url() -> Iterator[str]:
    """Address of the good service, running."""
    with ThreadingHTTPServer(("127.0.0.1", 0), _Good) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()
        thread.join()
