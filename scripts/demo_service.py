"""The last scene of scripts/demo: the same questions over HTTP, for two workspaces that cannot see each other."""

from __future__ import annotations

import json
import os
import re
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from pathlib import Path
from typing import Any


def free_port() -> int:
    """A TCP port nobody listens on right now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def ask(url: str, token: str, body: Any = None) -> tuple[int, Any]:
    """Status and JSON of one request.

    Args:
        url: where.
        token: of a workspace.
        body: sent as JSON with POST, GET without.
    """
    data = None if body is None else json.dumps(body).encode()
    headers = {"Authorization": f"Bearer {token}", "Content-Type": "application/json"}
    try:
        with urllib.request.urlopen(urllib.request.Request(url, data, headers), timeout=60) as answer:
            return answer.status, json.loads(answer.read())
    except urllib.error.HTTPError as error:
        with error:
            return error.code, json.loads(error.read())


def await_ready(url: str, server: subprocess.Popen[bytes], log: Path) -> None:
    """Return when the service answers.

    Args:
        url: of the service.
        server: its process.
        log: what it printed.
    """
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline and server.poll() is None:
        try:
            urllib.request.urlopen(f"{url}/health", timeout=1).close()
            return
        except OSError:
            time.sleep(0.1)
    raise SystemExit(f"the service did not start:\n{log.read_text()}")


def story(url: str, work: Path, tokens: dict[str, str]) -> None:
    """Register, scan and ask in one workspace; look from the other.

    Args:
        url: of the service.
        work: the demo's folder.
        tokens: workspace to token.
    """
    api = f"{url}/api/v1"
    red, blue = tokens["red"], tokens["blue"]
    ask(f"{api}/repositories", red, {"name": "shop", "source": str(work / "shop"), "branch": "main"})
    _, job = ask(f"{api}/repositories/shop/scan?wait=60", red, {})
    result = job["result"]
    print(f"red:  scanned shop: {result['nodes']} nodes, {result['edges']} edges in {result['seconds']} s")
    _, impact = ask(f"{api}/impact?repository=shop&base=main&head=bug/b1-renamed-amount", red)
    must = [f["file"] for f in impact["flows"] if f["selection"] == "must"]
    print(f"red:  impact of the bug: {len(must)} flows must run, {len(impact['affected'])} things affected")
    _, hits = ask(f"{api}/search?q=cancel+an+order&limit=3", red)
    print("red:  search 'cancel an order': " + ", ".join(h["label"] for h in hits["items"]))
    status, problem = ask(f"{api}/impact?repository=shop&base=main&head=main", blue)
    print(f"blue: the same question: {status} {problem['title']}: {problem['detail']}")
    _, nodes = ask(f"{api}/graph/nodes?kind=Endpoint", blue)
    print(f"blue: endpoints it can see: {len(nodes['items'])}")
    if status != 404 or nodes["items"]:
        raise SystemExit("one workspace sees another")


def main(work: Path) -> None:
    """Start the service, tell the story, stop it.

    Args:
        work: the demo's folder, with the sample in `shop`.
    """
    port = free_port()
    log = work / "serve.log"
    command = ["testmesh", "serve", "--port", str(port), "--data", str(work / "service"), "--allow-path", str(work),
               "--workspace", "red", "--workspace", "blue"]  # fmt: skip
    print("$ " + " ".join(command), flush=True)
    with log.open("wb") as out:
        server = subprocess.Popen(command, stdout=out, stderr=subprocess.STDOUT, env=dict(os.environ))
    try:
        await_ready(f"http://127.0.0.1:{port}", server, log)
        found = re.findall(r"workspace '(\w+)' \(shown once\): (\S+)", log.read_text())
        story(f"http://127.0.0.1:{port}", work, dict(found))
    finally:
        server.terminate()
        server.wait(30)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
