"""`wait_for` asks a real gRPC server for its health, in clear text and over TLS."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from tests.conformance.actions import passes
from tests.flows.support import run_text, step, unused_port
from tests.flows.web_steps import config, steps_of
from tests.servers.web import Certificates

grpc = pytest.importorskip("grpc")
SERVING = b"\x08\x01"


@contextmanager
def healthy(answers: dict[bytes, bytes], certificates: Certificates | None = None) -> Iterator[int]:
    """A grpcio server whose health service answers by the request's bytes; others are NOT_FOUND."""
    from concurrent.futures import ThreadPoolExecutor

    def check(request: bytes, context: Any) -> bytes:
        if request not in answers:
            context.abort(grpc.StatusCode.NOT_FOUND, "unknown")
        return answers[request]

    handler = grpc.method_handlers_generic_handler(
        "grpc.health.v1.Health", {"Check": grpc.unary_unary_rpc_method_handler(check)}
    )
    server = grpc.server(ThreadPoolExecutor(2), handlers=[handler])
    if certificates is None:
        port = server.add_insecure_port("127.0.0.1:0")
    else:
        pair = (certificates.key.read_bytes(), certificates.cert.read_bytes())
        port = server.add_secure_port("127.0.0.1:0", grpc.ssl_server_credentials([pair]))
    server.start()
    try:
        yield port
    finally:
        server.stop(0).wait()


def _waits(folder: Path, probe: dict[str, object]) -> Any:
    return run_text(folder, steps_of(config("up", "wait_for", {"grpc": probe, "timeout": "500ms"})))


def test_a_server_that_serves(tmp_path: Path) -> None:
    with healthy({b"": SERVING, b"\x0a\x06shop.A": SERVING}) as port:
        passes(_waits(tmp_path, {"address": f"127.0.0.1:{port}"}))
        passes(_waits(tmp_path, {"address": f"127.0.0.1:{port}", "service": "shop.A"}))
    certificates = Certificates(tmp_path)
    with healthy({b"": SERVING}, certificates) as port:
        passes(_waits(tmp_path, {"address": f"127.0.0.1:{port}", "tls": {"ca": "ca.pem"}}))
        assert (
            "certificate not trusted"
            in step(_waits(tmp_path, {"address": f"127.0.0.1:{port}", "tls": True}), "up").message
        )


def test_a_server_that_is_not_ready_yet_is_waited_for(tmp_path: Path) -> None:
    answers = {b"": b"\x08\x02"}
    with healthy(answers) as port:
        timer = threading.Timer(0.15, lambda: answers.update({b"": SERVING}))
        timer.start()
        run = _waits(tmp_path, {"address": f"127.0.0.1:{port}"})
        timer.join()
    passes(run)
    assert len(step(run, "up").exchanges[0].candidates) > 3


@pytest.mark.parametrize(
    ("answers", "says"),
    [
        ({b"": b"\x08\x02"}, "is NOT_SERVING"),
        ({b"": b""}, "is UNKNOWN"),
        ({}, "is NOT_FOUND: it does not know this service"),
    ],
)
def test_a_server_that_does_not_serve_is_said(tmp_path: Path, answers: dict[bytes, bytes], says: str) -> None:
    with healthy(answers) as port:
        found = step(_waits(tmp_path, {"address": f"127.0.0.1:{port}"}), "up")
    assert found.verdict == "failed"
    assert says in found.message


def test_nobody_there_and_two_probes_at_once(tmp_path: Path) -> None:
    port = unused_port()
    assert (
        f"127.0.0.1:{port}: connection refused"
        in step(_waits(tmp_path, {"address": f"127.0.0.1:{port}"}), "up").message
    )
    both = {"grpc": {"address": "x:1"}, "tcp": {"port": 1}}
    assert "wait_for needs one of" in str(run_text(tmp_path, steps_of(config("a", "wait_for", both))).flows[0].problems)
