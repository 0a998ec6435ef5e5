"""The recording proxy passes everything on unchanged, and what passed becomes a flow that passes again."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from urllib.error import HTTPError

import pytest

from evals.importer_shop import Shop, shop
from flows.importers import Source
from flows.importers.har import read
from flows.importers.listening import recording
from testmesh.kernel.errors import UserError
from tests.importers.support import ran, texts


@pytest.fixture(scope="module")
def server() -> Iterator[Shop]:
    with shop() as found:
        yield found


def send(method: str, url: str, body: object = None, **headers: str) -> tuple[int, dict[str, str], bytes]:
    data = None if body is None else json.dumps(body).encode()
    given = {"Content-Type": "application/json"} if data is not None else {}
    request = urllib.request.Request(url, data, {**given, **headers}, method=method)
    try:
        with urllib.request.urlopen(request, timeout=10) as answer:
            return answer.status, dict(answer.headers), answer.read()
    except HTTPError as answer:
        with answer:
            return answer.code, dict(answer.headers), answer.read()


def test_what_passes_is_unchanged_and_becomes_a_flow(server: Shop, tmp_path: Path) -> None:
    with recording(0, server.url) as proxy:
        base = f"http://127.0.0.1:{proxy.server_address[1]}"
        status, headers, body = send("POST", f"{base}/orders", {"sku": "SKU-2", "quantity": 1})
        assert (status, headers["Content-Type"]) == (201, "application/json")
        order = json.loads(body)
        assert json.loads(send("GET", f"{base}/orders/{order['id']}")[2]) == order
        assert send("DELETE", f"{base}/orders/{order['id']}")[0] == 204
        assert send("GET", f"{base}/orders/{order['id']}")[0] == 404
        assert send("GET", f"{base}/text")[2] == b"hello world\n"
        har = json.dumps(proxy.har())
    text = texts(read(Source("proxy", har, options={"all": "yes"})), "proxy")[0]
    assert text.count("${post_orders.order_id}") == 3
    assert ran(tmp_path, text, {"BASE_URL": server.url})["verdict"] == "passed"


def test_a_server_that_is_down_is_a_bad_gateway_and_not_recorded() -> None:
    with recording(0, "http://127.0.0.1:9") as proxy:
        status, _, body = send("GET", f"http://127.0.0.1:{proxy.server_address[1]}/x")
        assert (status, proxy.entries) == (502, [])
        assert b"127.0.0.1:9" in body


@pytest.mark.parametrize("target", ["", "localhost:1", "ftp://x", "http://"])
def test_what_is_no_server_is_said(target: str) -> None:
    with pytest.raises(UserError), recording(0, target):
        pass


def test_the_command_records_until_it_is_told_to_end(server: Shop, tmp_path: Path) -> None:
    command = [
        sys.executable,
        "-m",
        "testmesh",
        "record",
        "proxy",
        "--port",
        "0",
        "-o",
        str(tmp_path / "a.yaml"),
        server.url,
    ]
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True, env=dict(os.environ)) as process:
        assert process.stderr is not None
        address = process.stderr.readline().split()[1]
        assert send("GET", f"{address}/health")[0] == 200
        process.send_signal(signal.SIGINT)
        assert process.wait(timeout=30) == 0
        assert "wrote" in process.stderr.read()
    assert ran(tmp_path, (tmp_path / "a.yaml").read_text(), {"BASE_URL": server.url})["verdict"] == "passed"
